import type { ShardState } from "@jitsi-fleet/scaler";
import { existsSync, readFileSync } from "node:fs";
import { isDeepStrictEqual } from "node:util";
import { parse } from "yaml";
import { z } from "zod";
import type { Pulumi } from "./pulumi";
import { readGiven, type Stack } from "./stack";

/** `shards` as a stack has it, before its defaults. */
const shardsSchema = z.array(z.record(z.string(), z.unknown()));
export type GivenShards = z.output<typeof shardsSchema>;

export const givenShards = (given: Readonly<Record<string, unknown>>): GivenShards =>
  shardsSchema.parse(given["shards"]);

/** Where a shard is in `shards`. Throws where it is not, with what there is. */
export function indexOfShard(shards: GivenShards, name: string): number {
  const names = shards.map((shard) => String(shard["name"]));
  const index = names.indexOf(name);
  if (index < 0) throw new Error(`There is no shard ${name}; there are: ${names.join(", ")}`);
  return index;
}

/** `shards` with another state of one. */
export const withState = (shards: GivenShards, index: number, state: ShardState): GivenShards =>
  shards.map((shard, at) => (at === index ? { ...shard, state } : shard));

/** A setting that was changed, and can be changed back. */
export interface SettingChange {
  undo(): Promise<void>;
}

/** Does something; where it fails, the setting is put back. Throws the failure, and that of putting it back. */
export async function orUndo<Result>(
  undo: () => Promise<void>,
  work: () => Promise<Result>,
): Promise<Result> {
  try {
    return await work();
  } catch (error) {
    await undo().catch((failure: unknown) => {
      throw new Error(
        `${String(error)}\nNor could the setting be put back, look at shards: ${String(failure)}`,
        {
          cause: error,
        },
      );
    });
    throw error;
  }
}

/**
 * Writes the stack's `shards` in one step; all else in its settings stays as it is. Throws where that fails, or where they
 * are not as they were; all is as it was then.
 */
export async function writeShards(
  pulumi: Pulumi,
  { given, name }: Pick<Stack, "given" | "name">,
  after: GivenShards,
): Promise<SettingChange> {
  const [before, isOwn] = [givenShards(given), hasOwnShards(name)];
  const write = (shards: GivenShards): Promise<string> =>
    pulumi.read(["config", "set-all", "--json", JSON.stringify({ shards: asSetting(shards) })]);
  const undo = async (): Promise<void> => {
    await (isOwn ? write(before) : pulumi.read(["config", "rm"], "shards"));
  };
  const read = async (): Promise<unknown> => (await readGiven(pulumi))["shards"];
  if (!isDeepStrictEqual(await read(), before))
    throw new Error("Something else has changed shards meanwhile: look at them, and ask again");
  return orUndo(undo, async () => {
    await write(after);
    if (!isDeepStrictEqual(await read(), after))
      throw new Error("pulumi config did not take shards as they are to be");
    return { undo };
  });
}

/** As `pulumi config --json` has a list: that it is one is told by its second form. */
const asSetting = (shards: GivenShards) => ({
  value: JSON.stringify(shards),
  objectValue: shards,
  secret: false,
});

/** Whether the stack has shards of its own, not the default ones of Pulumi.yaml, which Pulumi hands over alike. */
function hasOwnShards(stack: string): boolean {
  const file = `Pulumi.${stack}.yaml`;
  if (!existsSync(file)) return false;
  const { config } = stackFileSchema.parse(parse(readFileSync(file, "utf8")) ?? {});
  return Object.keys(config).some((key) => key.endsWith(":shards"));
}

const stackFileSchema = z.object({
  config: z
    .record(z.string(), z.unknown())
    .nullish()
    .transform((config) => config ?? {}),
});
