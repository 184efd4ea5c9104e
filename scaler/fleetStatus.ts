import { z } from "zod";
import { shardsPageSchema } from "./keeper/shards";

/** The table's only key. */
export const TABLE_KEY = "id";
/** The key's value of the item that has the status: its attribute `status` is JSON. */
export const STATUS_ITEM = "status";

const count = z.int().min(0);

/**
 * What the scaler last saw of the fleet, as it writes it down for who must not cut a call: the guards of an update or
 * a destroy. Unknown is not zero: a number is all of it only where nothing is `silent`.
 */
export const fleetStatusSchema = z.strictObject({
  /** When, by the clock of the scaler's machine. */
  knownAt: z.iso.datetime(),
  /** The scaler that wrote it. */
  replica: z.string(),
  pools: z.array(
    z.strictObject({
      pool: z.string(),
      role: z.enum(["bridge", "jibri"]),
      /** Whether its group was seen. */
      fresh: z.boolean(),
      /** Machines, those on their way in and out among them. */
      instances: count,
      /** Machines that run and do not say how they are. */
      silent: count,
      /** On bridges that say so. */
      participants: count,
      conferences: count,
      /** Jibris that record or stream. */
      recordings: count,
      /** Recordings that are finished and not in the store yet. */
      unsaved: count,
    }),
  ),
  /** What each shard's conference focus says. */
  shards: z.array(
    z.union([
      z.strictObject({ shard: z.string(), participants: count, conferences: count }),
      z.strictObject({ shard: z.string(), error: z.string() }),
    ]),
  ),
  /** What each node of the edge says of the shards, and when it said so by the same clock. None: by an older scaler. */
  edges: z
    .array(
      z.union([
        z.strictObject({ edge: z.string(), knownAt: z.iso.datetime(), page: shardsPageSchema }),
        z.strictObject({ edge: z.string(), error: z.string() }),
      ]),
    )
    .default([]),
});
export type FleetStatus = z.output<typeof fleetStatusSchema>;
