import { fleetStatusSchema, STATUS_ITEM, TABLE_KEY, type FleetStatus } from "@jitsi-fleet/scaler";
import type { AwsFleetSettings } from "../settings";
import { clientSettings } from "./clients";
import { awsName, ownTags } from "./names";

/** What a look at the fleet is good for: the scaler writes every few seconds. */
const FRESH_SECONDS = 60;
const READ_LIMIT_SECONDS = 30;

/** `never up`: where it would be written is not there, and no scaler either, which comes after it. */
export type KnownFleet = FleetStatus | { readonly unknown: string } | "never up";

/** What the scaler last wrote down of the fleet, or why that is not known now. Never throws. */
export async function readFleetStatus(stack: string, settings: AwsFleetSettings): Promise<KnownFleet> {
  // Only where it is called, as EC2 below: a preview need not wait for either to load.
  const { DynamoDBClient, GetItemCommand, ResourceNotFoundException } =
    await import("@aws-sdk/client-dynamodb");
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
    if (error instanceof ResourceNotFoundException) return await withoutTable(stack, settings, table);
    if (abortSignal.aborted) return unmeasured(`${table} gave no answer within ${READ_LIMIT_SECONDS} s`);
    return unmeasured(error instanceof Error ? error.message : String(error));
  } finally {
    dynamo.destroy();
  }
}

/** What is known where the table is not there: that there never was a fleet, or that somebody deleted it under one. */
async function withoutTable(stack: string, settings: AwsFleetSettings, table: string): Promise<KnownFleet> {
  const scalers = await scalersOf(stack, settings).catch((error: unknown) =>
    error instanceof Error ? error.message : String(error),
  );
  if (typeof scalers === "string")
    return unmeasured(`${table} is not there, and whether a scaler is: ${scalers}`);
  if (scalers === 0) return "never up";
  return unmeasured(
    `${table} is gone, though ${scalers === 1 ? "a scaler is" : `${scalers} scalers are`} there: pulumi up --refresh makes it anew`,
  );
}

/** How many machines of scalers there are. */
async function scalersOf(stack: string, settings: AwsFleetSettings): Promise<number> {
  const { DescribeInstancesCommand, EC2Client } = await import("@aws-sdk/client-ec2");
  const client = new EC2Client(clientSettings(settings));
  const tags = { ...ownTags(stack), Role: "scaler" };
  try {
    const { Reservations = [] } = await client.send(
      new DescribeInstancesCommand({
        Filters: [
          ...Object.entries(tags).map(([key, value]) => ({ Name: `tag:${key}`, Values: [value] })),
          { Name: "instance-state-name", Values: ["pending", "running", "stopping", "stopped"] },
        ],
      }),
      { abortSignal: AbortSignal.timeout(READ_LIMIT_SECONDS * 1000) },
    );
    return Reservations.flatMap(({ Instances = [] }) => Instances).length;
  } finally {
    client.destroy();
  }
}

/** Whether what was known then still counts. */
export const isFresh = ({ knownAt }: { readonly knownAt: string }, now: Date): boolean =>
  (now.getTime() - Date.parse(knownAt)) / 1000 <= FRESH_SECONDS;

const unmeasured = (why: string) => ({ unknown: `the fleet cannot be measured: ${why}` });
