import { setTimeout as sleep } from "node:timers/promises";
import { inForceText, type ShardStatus } from "./status";

const LOOK_SECONDS = 5;
/** A line at least so often. */
const SAY_SECONDS = 30;
/** Looks in a row that must find it empty, each knowing something newer: a conference may just be moving in. */
const LOOKS = 2;

/** What is still on a shard, or not known of it, in words; undefined: nothing, and it takes no new room anywhere. */
export function whatKeeps(shard: ShardStatus): string | undefined {
  const states = Object.values(shard.inForce);
  const isClosed = states.length > 0 && states.every((state) => state === "drain" || state === "maint");
  const reasons = [...(isClosed ? [] : [`its state in force is ${inForceText(shard)}`]), ...whatIsOn(shard)];
  return reasons.length === 0 ? undefined : reasons.join(", ");
}

/** What is on a shard, or that it is not known, in words. */
export function whatIsOn(shard: ShardStatus): string[] {
  const { conferences, participants, recordings, streams } = shard;
  if (conferences === null || recordings === null || streams === null)
    return [`what it holds is unknown: ${shard.why ?? "not all is told"}`];
  return [
    ...counted(conferences, "conference", participants),
    ...counted(recordings, "recording"),
    ...counted(streams, "stream"),
  ];
}

const counted = (count: number, one: string, people: number | null = null): string[] =>
  count === 0
    ? []
    : [`${count} ${one}${count === 1 ? "" : "s"}${people === null ? "" : ` (participants: ${people})`}`];

/** The wait for a shard to be empty: takes looks at it, and says when there is something to say. */
export class Wait {
  private emptyLooks = 0;
  private knownAt: string | null | undefined;
  private said: { readonly line: string; readonly atSeconds: number } | undefined;

  constructor(private readonly name: string) {}

  /** Whether it has been found empty in enough looks in a row. */
  get isOver(): boolean {
    return this.emptyLooks >= LOOKS;
  }

  /** Takes a look. Returns the line that is to be said now, if any. */
  look(shard: ShardStatus | undefined, atSeconds: number): string | undefined {
    const keeps = shard ? whatKeeps(shard) : "nobody tells of it";
    const isNews = shard?.knownAt !== this.knownAt;
    this.knownAt = shard?.knownAt;
    if (keeps !== undefined) this.emptyLooks = 0;
    else if (isNews) this.emptyLooks += 1;
    if (this.isOver) return `${this.name} is empty: it is safe to change or remove it`;
    const line = keeps === undefined ? `${this.name}: nothing at this look` : `${this.name}: ${keeps}`;
    if (this.said?.line === line && atSeconds - this.said.atSeconds < SAY_SECONDS) return undefined;
    this.said = { line, atSeconds };
    return line;
  }
}

/** Waits until a shard is empty. Throws where it is not within the limit, with what is left; ends early at the signal. */
export async function untilEmpty(
  name: string,
  look: () => Promise<ShardStatus | undefined>,
  { minutes, say, signal }: { minutes: number; say: (line: string) => void; signal: AbortSignal },
): Promise<void> {
  const wait = new Wait(name);
  const limit = performance.now() + minutes * 60_000;
  for (;;) {
    const shard = await look();
    if (signal.aborted) return;
    const line = wait.look(shard, performance.now() / 1000);
    if (line !== undefined) say(line);
    if (wait.isOver) return;
    if (performance.now() > limit) {
      const left = (shard && whatKeeps(shard)) ?? "it was seen empty once only";
      throw new Error(`${name} is not empty after ${minutes} minutes: ${left}. It stays in drain`);
    }
    await sleep(LOOK_SECONDS * 1000, undefined, { signal }).catch(() => undefined);
  }
}
