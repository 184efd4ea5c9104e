import { setTimeout as sleep } from "node:timers/promises";
import type { JicofoStats } from "../jitsi/jicofo";
import { splitRooms, type RoomsByShard, type Split } from "./rooms";
import { RoomsClient } from "./roomsClient";
import type { RoomMetrics } from "./roomMetrics";

type Addresses = Readonly<Record<string, { readonly address: string; readonly port: number }>>;

export interface RoomWatchArgs {
  /** Shards that may hold rooms; none while another node looks. */
  readonly shards: () => Addresses;
  readonly metrics: RoomMetrics;
  readonly intervalSeconds: number;
  /** Is told of rooms that are split, each time that a look finds them. */
  readonly alarm: (splits: readonly Split[]) => void;
}

/** Compares the shards' rooms now and then: no room may be on two. Runs until told to stop. */
export async function watchRooms(args: RoomWatchArgs, signal: AbortSignal): Promise<void> {
  const { alarm, intervalSeconds, metrics } = args;
  let before: RoomsByShard = new Map();
  while (!signal.aborted) {
    const shards = Object.entries(args.shards());
    const found = await Promise.all(shards.map(([shard, at]) => lookAt(shard, at)));
    const now: RoomsByShard = new Map(found.flatMap(({ rooms, shard }) => (rooms ? [[shard, rooms]] : [])));
    const stats = new Map<string, JicofoStats>(
      found.flatMap(({ shard, stats }) => (stats ? [[shard, stats] as const] : [])),
    );
    metrics.show({ shards: shards.map(([shard]) => shard), before, now, stats });
    const splits = splitRooms(before, now);
    if (splits.length > 0) alarm(splits);
    before = now;
    await sleep(intervalSeconds * 1000, undefined, { signal }).catch(() => undefined);
  }
}

/** What a shard does not say is undefined. */
async function lookAt(shard: string, { address, port }: Addresses[string]) {
  const client = new RoomsClient({ shard, url: `http://${address}:${port}` });
  const [rooms, stats] = await Promise.allSettled([client.rooms(), client.stats()]);
  return {
    shard,
    rooms: rooms.status === "fulfilled" ? rooms.value : undefined,
    stats: stats.status === "fulfilled" ? stats.value : undefined,
  };
}
