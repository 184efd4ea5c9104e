import { z } from "zod";

/**
 * What the scaler is told about its pools. The program imports these schemas for its settings, so that what it
 * writes is what the service reads.
 */

/**
 * A pool of bridges: one a shard. With the defaults 500 users of a shard get 10 bridges, 100 get 3, a night's 2:
 * users / (capacity × fillPercent), rounded up, plus spare.
 */
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
    fillPercent: z
      .int()
      .min(10)
      .max(100)
      .default(70)
      .describe("How full bridges are meant to be, by participants and by stress, in percent."),
    spare: z
      .int()
      .min(0)
      .max(50)
      .default(1)
      .describe("Bridges beyond what the load needs: one may fail, or the load grow while another starts."),
    scaleInDelaySeconds: z
      .int()
      .min(0)
      .max(86400)
      .default(600)
      .describe("How long the load must have been lower before a bridge is drained."),
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
    scaleInDelaySeconds: z
      .int()
      .min(0)
      .max(86400)
      .default(300)
      .describe("How long more than `free` must have been free before one is stopped."),
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
