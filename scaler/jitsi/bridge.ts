import { z } from "zod";

/** What JVB's `GET /colibri/stats` says (port 8080). Fields that are missing are an error, never 0. */
const statsSchema = z.object({
  /** Those known through relays among them. Up to five seconds old. */
  participants: z.int().min(0),
  octo_endpoints: z.int().min(0),
  /** Live. */
  local_endpoints: z.int().min(0),
  conferences: z.int().min(0),
  stress_level: z.number().min(0),
  drain: z.boolean(),
  graceful_shutdown: z.boolean(),
  shutting_down: z.boolean(),
  mucs_joined: z.int().min(0),
  /** UTC, without saying so. */
  current_timestamp: z.string().min(1),
});

export interface BridgeStats {
  /** People whose media it carries. */
  readonly participants: number;
  readonly conferences: number;
  /** The host's processors ÷ 0.9. Exactly 0 before the first sample: no evidence of idleness. */
  readonly stress: number;
  readonly draining: boolean;
  readonly retiring: boolean;
  /** Whether the conference focus can see it. */
  readonly inBrewery: boolean;
  /** The bridge's own clock: the same twice means that the statistics stand still. */
  readonly timestamp: string;
}

/** Reads the answer's body. Throws on anything but the whole of it. */
export function parseBridgeStats(body: string): BridgeStats {
  const stats = statsSchema.parse(JSON.parse(body));
  return {
    participants: Math.max(stats.participants - stats.octo_endpoints, stats.local_endpoints),
    conferences: stats.conferences,
    stress: stats.stress_level,
    draining: stats.drain,
    retiring: stats.graceful_shutdown || stats.shutting_down,
    inBrewery: stats.mucs_joined > 0,
    timestamp: stats.current_timestamp,
  };
}
