import { unsaved } from "./fleets/observe";
import { hostStateSchema, type Instance } from "./hostApi";
import { parseBridgeStats } from "./jitsi/bridge";
import { parseJibriHealth } from "./jitsi/jibri";
import { parseJicofoStats } from "./jitsi/jicofo";

/** What would be cut or lost with a shard, a host or a pool. Absent: it has none of that. */
export interface Held {
  readonly conferences?: number;
  readonly participants?: number;
  readonly recordings?: number;
  readonly streams?: number;
  /** Jibris that record or stream. */
  readonly busyJibris?: number;
  /** Recordings that are finished and not in the store yet. */
  readonly unsaved?: number;
  /** Machines that run and do not say what is on them. */
  readonly silent?: number;
}

/** What is in use, in words; undefined: nothing. The one place that says what that is. */
export function inUse(held: Held): string | undefined {
  const parts = [
    ...counted(held.conferences, "conference"),
    ...counted(held.participants, "participant"),
    ...counted(held.recordings, "recording"),
    ...counted(held.streams, "stream"),
    ...counted(held.busyJibris, "recording or stream"),
    ...counted(held.unsaved, "recording").map((count) => `${count} not in the store yet`),
    ...counted(held.silent, "machine").map((count) => `${count} not saying how full`),
  ];
  return parts.length === 0 ? undefined : parts.join(", ");
}

const counted = (count = 0, one: string): string[] =>
  count === 0 ? [] : [`${count} ${one}${count === 1 ? "" : "s"}`];

/** What a shard carries by its Jicofo's statistics; undefined if nothing. Throws if they do not tell. */
export function shardInUse(answer: string): string | undefined {
  const { conferences, recordings, streams } = parseJicofoStats(answer);
  return inUse({ conferences, recordings, streams });
}

/**
 * What the bridges and Jibris of a host carry by its agent's answer, and the recordings there that are in no store yet;
 * undefined if nothing. Throws if one of them does not tell.
 */
export function hostInUse(answer: string): string | undefined {
  const { instances, spool } = hostStateSchema.parse(JSON.parse(answer));
  const running = instances.filter(({ state }) => state === "running" || state === "stopping");
  const participants = running
    .filter(({ role }) => role === "bridge")
    .reduce((sum, bridge) => sum + parseBridgeStats(answerOf(bridge)).participants, 0);
  const busyJibris = running.filter(
    (instance) => instance.role === "jibri" && parseJibriHealth(answerOf(instance)).busy === "BUSY",
  ).length;
  if (spool && "error" in spool) throw new Error(`its uploader does not answer: ${spool.error}`);
  return inUse({ participants, busyJibris, unsaved: spool ? unsaved(spool).length : 0 });
}

/** The answer of an instance that runs. Throws where it gave none. */
function answerOf({ name, status }: Instance): string {
  if (status && "body" in status && status.status === 200) return status.body;
  const why = status === undefined ? "was not asked" : "error" in status ? status.error : `${status.status}`;
  throw new Error(`${name} does not say whether it is in use: ${why}`);
}
