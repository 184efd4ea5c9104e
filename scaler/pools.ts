import { z } from "zod";

/**
 * What the scaler is told about its pools. The program imports these schemas for its settings, so that what it
 * writes is what the service reads.
 */

/** A pool of bridges: one a shard. */
export const bridgePoolSchema = z
  .strictObject({
    min: z
      .int()
      .min(1)
      .max(200)
      .default(2)
      .describe("Bridges a shard always has, even at night. Two, so that one may fail."),
    max: z
      .int()
      .min(1)
      .max(200)
      .default(10)
      .describe("Bridges a shard may have at most: the ceiling of the bill."),
    capacity: z
      .int()
      .min(2)
      .max(1000)
      .default(80)
      .describe("Participants that one bridge is counted to hold (about 100 fill four cores)."),
  })
  .superRefine((pool, context) => {
    if (pool.min > pool.max)
      context.addIssue({
        code: "custom",
        path: ["min"],
        message: `is ${pool.min}, above bridges.max (${pool.max}); lower min or raise max`,
      });
  });

/** The pool of Jibris that all shards share. */
export const jibriPoolSchema = z
  .strictObject({
    free: z.int().min(0).max(100).default(1).describe("Jibris that are always free for the next recording."),
    max: z.int().min(0).max(500).default(4).describe("Jibris there may be at most, free and busy together."),
  })
  .superRefine((pool, context) => {
    if (pool.free > pool.max)
      context.addIssue({
        code: "custom",
        path: ["free"],
        message: `is ${pool.free}, above jibris.max (${pool.max}); lower free or raise max`,
      });
  });

export type BridgePoolPolicy = z.output<typeof bridgePoolSchema>;
export type JibriPoolPolicy = z.output<typeof jibriPoolSchema>;
