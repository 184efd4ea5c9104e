import { parseJicofoStats } from "./jitsi/jicofo";

export const counted = (count: number, one: string): string[] =>
  count === 0 ? [] : [`${count} ${one}${count === 1 ? "" : "s"}`];
export const listed = (parts: readonly string[]): string | undefined =>
  parts.length === 0 ? undefined : parts.join(", ");

/** What a shard carries by its Jicofo's statistics, in words; undefined if nothing. Throws if they do not tell. */
export function shardInUse(answer: string): string | undefined {
  const { conferences, recordings, streams } = parseJicofoStats(answer);
  return listed([
    ...counted(conferences, "conference"),
    ...counted(recordings, "recording"),
    ...counted(streams, "stream"),
  ]);
}
