import { DynamoDBClient, GetItemCommand, ResourceNotFoundException } from "@aws-sdk/client-dynamodb";
import { fleetStatusSchema, STATUS_ITEM, TABLE_KEY, type FleetStatus } from "@jitsi-fleet/scaler";
import type { AwsFleetSettings } from "../settings";
import { clientSettings } from "./clients";
import { awsName } from "./names";

/** What a look at the fleet is good for: the scaler writes every few seconds. */
const FRESH_SECONDS = 60;
const READ_LIMIT_SECONDS = 30;

/** `never up`: where it would be written was never made, which comes before any scaler. */
export type KnownFleet = FleetStatus | { readonly unknown: string } | "never up";

/** What the scaler last wrote down of the fleet, or why that is not known now. Never throws. */
export async function readFleetStatus(stack: string, settings: AwsFleetSettings): Promise<KnownFleet> {
  const dynamo = new DynamoDBClient(clientSettings(settings));
  const table = awsName(stack, "fleet");
  const abortSignal = AbortSignal.timeout(READ_LIMIT_SECONDS * 1000);
  try {
    const { Item } = await dynamo.send(
      new GetItemCommand({
        TableName: table,
        Key: { [TABLE_KEY]: { S: STATUS_ITEM } },
        ConsistentRead: true,
      }),
      { abortSignal },
    );
    const text = Item?.["status"]?.S;
    if (text === undefined) return unmeasured(`no scaler has written its status into ${table}`);
    const status = fleetStatusSchema.parse(JSON.parse(text));
    return isFresh(status, new Date())
      ? status
      : unmeasured(`its scalers have been silent since ${status.knownAt}`);
  } catch (error) {
    if (error instanceof ResourceNotFoundException) return "never up";
    if (abortSignal.aborted) return unmeasured(`${table} gave no answer within ${READ_LIMIT_SECONDS} s`);
    return unmeasured(error instanceof Error ? error.message : String(error));
  } finally {
    dynamo.destroy();
  }
}

/** Whether what was known then still counts. */
export const isFresh = ({ knownAt }: { readonly knownAt: string }, now: Date): boolean =>
  (now.getTime() - Date.parse(knownAt)) / 1000 <= FRESH_SECONDS;

const unmeasured = (why: string) => ({ unknown: `the fleet cannot be measured: ${why}` });
