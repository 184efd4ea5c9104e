import type { ShardState } from "@jitsi-fleet/scaler";
import { isDeepStrictEqual } from "node:util";
import { z } from "zod";
import type { Pulumi } from "./pulumi";
import { readGiven } from "./stack";

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
 * Sets `shards[index].state` of the stack. Where it has no shards of its own, the default ones are written out. Throws
 * where that fails; all is as it was then.
 */
export async function setState(
  pulumi: Pulumi,
  before: GivenShards,
  index: number,
  state: ShardState,
): Promise<SettingChange> {
  const after = withState(before, index, state);
  const path = (at: number, key: string): string => `shards[${at}].${key}`;
  const set = (at: number, key: string, value: string): Promise<string> =>
    pulumi.read(["config", "set", "--path", "--plaintext"], path(at, key), value);
  const isSo = async (): Promise<boolean> => isDeepStrictEqual((await readGiven(pulumi))["shards"], after);

  const was = before[index]?.["state"];
  const undo = async (): Promise<void> => {
    if (typeof was === "string") await set(index, "state", was);
    else await pulumi.read(["config", "rm", "--path"], path(index, "state"));
  };
  const undoAll = async (): Promise<void> => {
    await pulumi.read(["config", "rm"], "shards");
  };
  const isOwn = await orUndo(undo, async () => {
    await set(index, "state", state);
    return isSo();
  });
  if (isOwn) return { undo };
  return orUndo(undoAll, async () => {
    for (const [at, shard] of after.entries())
      for (const [key, value] of Object.entries(shard)) await set(at, key, String(value));
    if (!(await isSo())) throw new Error("The default shards could not be written out: set shards first");
    return { undo: undoAll };
  });
}
