import { z } from "zod";
import { shortReason } from "../shortReason";
import type { EdgeNode } from "./edgeNode";
import { RoomsClient } from "./roomsClient";
import { shardStates } from "./topology";

/** All shards are asked at once. */
const LIMIT_SECONDS = 3;

const count = z.int().min(0);

/** What a shard holds, as its Jicofo counts it. */
const holdingsSchema = z.strictObject({
  conferences: count,
  participants: count,
  recordings: count,
  streams: count,
});
export type Holdings = z.output<typeof holdingsSchema>;

/** The shards as a node of the edge has them, by name. */
export const shardsPageSchema = z.record(
  z.string(),
  z.strictObject({
    /** In force on this node. */
    state: z.enum(shardStates),
    /** By the judgement of all nodes. */
    up: z.boolean(),
    /** Or why that is unknown. */
    holds: z.union([holdingsSchema, z.strictObject({ error: z.string() })]),
  }),
);
export type ShardsPage = z.output<typeof shardsPageSchema>;

/** The shards as they are in force, and what each holds just now; undefined while nothing is in force. */
export async function lookAtShards({
  seen,
  topology,
}: Pick<EdgeNode, "seen" | "topology">): Promise<ShardsPage | undefined> {
  if (!topology) return undefined;
  const asked = Object.entries(topology.shards).map(async ([name, { state, up }]) => {
    const at = seen?.shards[name];
    const holds = at ? await holdingsOf(name, at) : { error: "the HAProxy here does not know it" };
    return [name, { state, up, holds }] as const;
  });
  return Object.fromEntries(await Promise.all(asked));
}

function holdingsOf(
  shard: string,
  { address, port }: { readonly address: string; readonly port: number },
): Promise<ShardsPage[string]["holds"]> {
  return new RoomsClient({ shard, url: `http://${address}:${port}` }, LIMIT_SECONDS)
    .stats()
    .catch((error: unknown) => ({ error: shortReason(error) }));
}
