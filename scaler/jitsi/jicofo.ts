import { z } from "zod";

/** What Jicofo's `GET /stats` says of its shard (docker: port 8888). Fields that are missing are an error, never 0. */
const statsSchema = z.object({
  conferences: z.int().min(0),
  participants: z.int().min(0),
  jibri: z.object({ recording_active: z.int().min(0), live_streaming_active: z.int().min(0) }),
});

export interface JicofoStats {
  readonly conferences: number;
  readonly participants: number;
  readonly recordings: number;
  readonly streams: number;
}

/** Reads the answer's body. Throws on anything but the whole of it. */
export function parseJicofoStats(body: string): JicofoStats {
  const { conferences, participants, jibri } = statsSchema.parse(JSON.parse(body));
  return {
    conferences,
    participants,
    recordings: jibri.recording_active,
    streams: jibri.live_streaming_active,
  };
}
