import { DynamoDBClient, GetItemCommand, ResourceNotFoundException } from "@aws-sdk/client-dynamodb";
import {
  ageSeconds,
  answerTimes,
  CLOCK_TOLERANCE_SECONDS,
  fleetStatusSchema,
  STATUS_ITEM,
  TABLE_KEY,
  type FleetStatus,
} from "@jitsi-fleet/scaler";
import type { AwsFleetSettings } from "../settings";
import type { AwsBefore } from "./before";
import { clientSettings } from "./clients";
import { awsName } from "./names";

/** What a look at the fleet is good for: the scaler writes every few seconds. */
const FRESH_SECONDS = 60;
const READ_LIMIT_SECONDS = 30;

/** `never up`: where it would be written was never made, which comes before any scaler. */
export type KnownFleet = FleetStatus | { readonly unknown: string } | "never up";

/** Where the scaler writes down what it sees. */
export interface StatusPlace {
  readonly table: string;
  readonly region: string;
  readonly endpoint?: string | undefined;
  /** Whether the state has the table: then it is missed where it cannot be found. */
  readonly isInState: boolean;
}

/** Where the settings have it. */
export const placeBySettings = (stack: string, { aws }: AwsFleetSettings): StatusPlace => ({
  table: awsName(stack, "fleet"),
  region: aws.region,
  endpoint: aws.endpoint,
  isInState: false,
});

/** Where the state has it; undefined: nowhere. */
export const placeByState = (
  { region, table }: AwsBefore,
  { aws }: AwsFleetSettings,
): StatusPlace | undefined =>
  table === undefined
    ? undefined
    : { table, region: region ?? aws.region, endpoint: aws.endpoint, isInState: true };

/** What the scaler last wrote down of the fleet, or why that is not known now. Never throws. */
export async function readFleetStatus({
  endpoint,
  isInState,
  region,
  table,
}: StatusPlace): Promise<KnownFleet> {
  const dynamo = new DynamoDBClient(clientSettings({ aws: { region, endpoint } }));
  const answeredAt = answerTimes(dynamo);
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
    if (text === undefined)
      return unmeasured(`no scaler has written its status into ${table}. ${LOOK_AT_IT}`);
    const status = fleetStatusSchema.parse(JSON.parse(text));
    const why = whyStale(status, answeredAt());
    return why === undefined ? status : unmeasured(why);
  } catch (error) {
    if (error instanceof ResourceNotFoundException)
      return isInState
        ? unmeasured(
            `the state has the table ${table} in ${region}, and there is none. Are these the credentials of the fleet's account?`,
          )
        : "never up";
    if (abortSignal.aborted) return unmeasured(`${table} gave no answer within ${READ_LIMIT_SECONDS} s`);
    return unmeasured(error instanceof Error ? error.message : String(error));
  } finally {
    dynamo.destroy();
  }
}

const LOOK_AT_IT =
  "See on their machines what they say (journalctl -u jitsi-fleet, docker logs); a machine that is lost comes back with pulumi up";

/** Why a status does not tell how the fleet is now; undefined: it does. `atMilliseconds`: now, by AWS's clock. */
export function whyStale(
  { knownAt }: { readonly knownAt: string },
  atMilliseconds: number | undefined,
): string | undefined {
  if (atMilliseconds === undefined) return "AWS does not say what its clock shows";
  const age = ageSeconds(knownAt, atMilliseconds);
  if (age < -CLOCK_TOLERANCE_SECONDS)
    return (
      `its scaler's clock is ${Math.round(-age)} s ahead of AWS's, so that nobody knows how old its status is. ` +
      "Set the clock of its machine right (chronyc tracking)"
    );
  return age <= FRESH_SECONDS ? undefined : `its scalers have been silent since ${knownAt}. ${LOOK_AT_IT}`;
}

/** Whether what was known then still counts at a moment of the same clock. */
export function isFresh({ knownAt }: { readonly knownAt: string }, atMilliseconds: number): boolean {
  return whyStale({ knownAt }, atMilliseconds) === undefined;
}

const unmeasured = (why: string) => ({ unknown: `the fleet cannot be measured: ${why}` });
