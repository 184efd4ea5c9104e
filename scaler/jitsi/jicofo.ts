import { z } from "zod";

/** What Jicofo's `GET /stats` says of its shard (docker: port 8888). Fields that are missing are an error, never 0. */
const statsSchema = z.object({
  conferences: z.int().min(0),
  participants: z.int().min(0),
  jibri: z.object({ recording_active: z.int().min(0), live_streaming_active: z.int().min(0) }),
});

/** What Jicofo's `GET /debug` says of whom it sees. */
const debugSchema = z.object({
  bridge_selector: z.object({ bridge: z.record(z.string(), z.unknown()).default({}) }),
  /** By nickname, with the brewery's own facts beside them; null where recordings are off. */
  jibri_detector: z.record(z.string(), z.unknown()).nullable(),
});
const available = z.object({ reports_available: z.literal(true) });

/**
 * The names of the Jibris that Jicofo can give its next recording to. Throws on anything but the whole of the answer, and
 * where Jicofo can tell nothing of Jibris: it looks for none, or sees not even a bridge, as when it has lost its Prosody.
 */
export function parseAvailableJibris(body: string): string[] {
  const { bridge_selector: bridges, jibri_detector: jibris } = debugSchema.parse(JSON.parse(body));
  if (jibris === null) throw new Error("it looks for none: recordings are off");
  if (Object.keys(bridges.bridge).length === 0)
    throw new Error("it sees no bridge either: is its Prosody up?");
  return Object.entries(jibris).flatMap(([name, told]) => (available.safeParse(told).success ? [name] : []));
}

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
