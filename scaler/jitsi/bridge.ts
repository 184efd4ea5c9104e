import { z } from "zod";

/** What JVB's `GET /colibri/stats` says (port 8080). Fields that are missing are an error, never 0. */
const statsSchema = z.object({
  participants: z.int().min(0),
  /** Live, where `participants` is up to five seconds old. */
  local_endpoints: z.int().min(0),
  conferences: z.int().min(0),
});

export interface BridgeStats {
  readonly participants: number;
  readonly conferences: number;
}

/** Reads the answer's body. Throws on anything but the whole of it. */
export function parseBridgeStats(body: string): BridgeStats {
  const { participants, local_endpoints, conferences } = statsSchema.parse(JSON.parse(body));
  return { participants: Math.max(participants, local_endpoints), conferences };
}
