import { Gauge, type Registry } from "prom-client";
import type { JicofoStats } from "../jitsi/jicofo";
import { isComplete, splitRooms, type RoomsByShard } from "./rooms";

/** What two looks in a row found. */
export interface Looks {
  /** All that should have answered; none where another looks. */
  readonly shards: readonly string[];
  readonly before: RoomsByShard;
  readonly now: RoomsByShard;
  /** Of the shards whose Jicofo answered at the second look. */
  readonly stats: ReadonlyMap<string, JicofoStats>;
}

/** What Prometheus is told of rooms. What is unknown is absent, never 0. */
export class RoomMetrics {
  private readonly splits: Gauge;
  private readonly rooms: Gauge;
  private readonly conferences: Gauge;

  constructor(registry: Registry) {
    const gauge = (name: string, help: string, labelNames: string[] = []): Gauge =>
      new Gauge({ name: `jitsi_fleet_${name}`, help, labelNames, registers: [registry] });
    this.splits = gauge(
      "split_rooms",
      "Rooms that were on several shards at two looks in a row; absent while none is known and a shard does not answer.",
    );
    this.rooms = gauge("shard_rooms", "Rooms of the shard's Prosody that somebody is in.", ["shard"]);
    this.conferences = gauge("shard_conferences", "Conferences of the shard's Jicofo.", ["shard"]);
    // Without labels a gauge begins with 0.
    this.splits.remove();
  }

  show({ before, now, shards, stats }: Looks): void {
    this.splits.remove();
    this.rooms.reset();
    this.conferences.reset();
    const splits = splitRooms(before, now).length;
    if (splits > 0 || (shards.length > 0 && isComplete(shards, before, now))) this.splits.set(splits);
    for (const [shard, rooms] of now)
      this.rooms.set({ shard }, rooms.filter(({ occupants }) => occupants > 0).length);
    for (const [shard, { conferences }] of stats) this.conferences.set({ shard }, conferences);
  }
}
