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
import { awsName, ownTags } from "./names";

/** What a look at the fleet is good for: the scaler writes every few seconds. */
const FRESH_SECONDS = 60;
const READ_LIMIT_SECONDS = 30;

/** `never up`: where it would be written is not there, and no scaler either, which comes after it. */
export type KnownFleet = FleetStatus | { readonly unknown: string } | "never up";

/** Where the scaler writes down what it sees. */
export interface StatusPlace {
  /** In the tags of its machines. */
  readonly stack: string;
  readonly table: string;
  readonly region: string;
  readonly endpoint?: string | undefined;
  /** Whether the state has the table: then it is missed where it cannot be found. */
  readonly isInState: boolean;
}

/** Where the settings have it. */
export const placeBySettings = (stack: string, { aws }: AwsFleetSettings): StatusPlace => ({
  stack,
  table: awsName(stack, "fleet"),
  region: aws.region,
  endpoint: aws.endpoint,
  isInState: false,
});

/** Where the state has it; undefined: nowhere. */
export const placeByState = (
  { region, stack = "", table }: AwsBefore,
  { aws }: AwsFleetSettings,
): StatusPlace | undefined =>
  table === undefined
    ? undefined
    : { stack, table, region: region ?? aws.region, endpoint: aws.endpoint, isInState: true };

/** What the scaler last wrote down of the fleet, or why that is not known now. Never throws. */
export async function readFleetStatus(place: StatusPlace): Promise<KnownFleet> {
  const { endpoint, region, table } = place;
  // Only where it is called, as EC2 below: a preview need not wait for either to load.
  const { DynamoDBClient, GetItemCommand, ResourceNotFoundException } =
    await import("@aws-sdk/client-dynamodb");
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
    if (error instanceof ResourceNotFoundException) return await withoutTable(place);
    if (abortSignal.aborted) return unmeasured(`${table} gave no answer within ${READ_LIMIT_SECONDS} s`);
    return unmeasured(error instanceof Error ? error.message : String(error));
  } finally {
    dynamo.destroy();
  }
}

/** What is known where the table is not there: that there never was a fleet, or that somebody deleted it under one. */
async function withoutTable(place: StatusPlace): Promise<KnownFleet> {
  const { isInState, region, table } = place;
  const scalers = await scalersOf(place).catch((error: unknown) =>
    error instanceof Error ? error.message : String(error),
  );
  if (typeof scalers === "string")
    return unmeasured(`${table} is not there, and whether a scaler is: ${scalers}`);
  if (scalers === 0)
    return isInState
      ? unmeasured(
          `the state has the table ${table} in ${region}, and there is none. Are these the credentials of the fleet's account?`,
        )
      : "never up";
  return unmeasured(
    `${table} is gone, though ${scalers === 1 ? "a scaler is" : `${scalers} scalers are`} there: pulumi up --refresh makes it anew`,
  );
}

/** How many machines of scalers there are. */
async function scalersOf({ endpoint, region, stack }: StatusPlace): Promise<number> {
  const { DescribeInstancesCommand, EC2Client } = await import("@aws-sdk/client-ec2");
  const client = new EC2Client(clientSettings({ aws: { region, endpoint } }));
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
