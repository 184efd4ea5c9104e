import { z } from "zod";
import type { Before, Standing } from "../guard/objections";
import type { State } from "../guard/state";
import { REVISION } from "./revision";

/** A fleet on AWS as the state has it. */
export interface AwsBefore extends Before {
  /** Undefined: nothing is in any yet. */
  readonly region: string | undefined;
  /** The stack's name in tags; undefined: nothing has one yet. */
  readonly stack: string | undefined;
  /** Where the scaler writes down what it sees; undefined: that was never made, which comes before any scaler. */
  readonly table: string | undefined;
}

const providerSchema = z.object({ region: z.string() });
const tagged = z.object({ tags: z.record(z.string(), z.string()) });
const allTagged = z.object({ tagsAll: z.record(z.string(), z.string()) });
const pointerSchema = z.object({ metadata: z.object({ [REVISION]: z.string() }) });
const groupSchema = z.object({ tags: z.array(z.object({ key: z.string(), value: z.string() })) });
const tableSchema = z.object({ name: z.string() });

/** What the state says is there. */
export function awsBefore(state: State): AwsBefore {
  const [provider] = state
    .ofType("pulumi:providers:aws")
    .flatMap(({ name, outputs }) => (name === "aws" ? (providerSchema.safeParse(outputs).data ?? []) : []));
  const groups = state.ofType("aws:autoscaling/group:Group").map(({ name, outputs }) => {
    const tags = groupSchema.safeParse(outputs).data?.tags ?? [];
    const tag = (key: string): string | undefined => tags.find((one) => one.key === key)?.value;
    return { pool: tag("Pool") ?? name, stack: tag("Stack") };
  });
  const [table] = state
    .ofType("aws:dynamodb/table:Table")
    .flatMap(({ outputs }) => tableSchema.safeParse(outputs).data ?? []);
  return {
    region: provider?.region,
    stack: groups.find(({ stack }) => stack !== undefined)?.stack ?? stackInTags(state),
    table: table?.name,
    shards: shardsIn(state),
    instances: groups.map(({ pool }) => pool),
  };
}

/** Of what the provider tags itself. */
function stackInTags(state: State): string | undefined {
  for (const { outputs } of state.ofType("aws:ec2/instance:Instance")) {
    const stack = allTagged.safeParse(outputs).data?.tagsAll["Stack"];
    if (stack !== undefined) return stack;
  }
  return undefined;
}

/** As what a pointer may be in a state: today's type, and an older one's. */
const POINTERS = ["aws:s3/bucketObjectv2:BucketObjectv2", "aws:s3/bucketObject:BucketObject"];

/** A shard is there from its machine's or its pointer's first day, whatever else of it is not. */
function shardsIn(state: State): Map<string, Standing> {
  const shards = new Map<string, Standing>();
  const part = (type: string) =>
    state.ofType(type).flatMap(({ name, outputs }) => {
      const isShard = tagged.safeParse(outputs).data?.tags["Role"] === "shard";
      return isShard ? [{ name, outputs }] : [];
    });
  for (const { name } of part("aws:ec2/instance:Instance")) shards.set(name, { place: "", revisions: {} });
  for (const { name, outputs } of POINTERS.flatMap(part)) {
    const shard = /^(.+)-pointer$/.exec(name)?.[1];
    const revision = pointerSchema.safeParse(outputs).data?.metadata[REVISION] ?? "";
    if (shard !== undefined) shards.set(shard, { place: "", revisions: { machine: revision } });
  }
  return shards;
}
