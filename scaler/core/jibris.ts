import type { JibriPoolPolicy } from "../pools";
import type { PoolDecision } from "./bridges";
import type { Action, Fleet, Jibri } from "./fleet";
import { launchBackOffSeconds, sampled, throughout, whyPutOff, type History } from "./history";
import type { FleetPolicy } from "./policy";
import { isLost, launches, takesPlace, whyUntold } from "./launches";
import { freeFor, replacedNext, seenAs, sightTroubles } from "./sight";
import { troublesOf, withTroubles } from "./troubles";

/** A Jibri that is not ready after so long is not about to be: 20 minutes were seen on a bare machine image. */
const BOOT_LIMIT_SECONDS = 1500;
/** For so long a Jibri that says nothing counts as what it last was. */
const SILENCE_GRACE_SECONDS = 60;

const states = [
  /** Takes the next recording. */
  "free",
  /** Free by its own word, but the conference focus of some shard does not see it: recordings there cannot have it. */
  "unseen",
  /** Free, but with a recording that is not safe yet: neither counted as free nor removed. */
  "uploading",
  "busy",
  "pending",
  /** Ends by itself, or cannot record: neither free nor a reason to wait. */
  "leaving",
  /** Told to record no more than one, and has; or its recording is brought once it has ended. */
  "spent",
  /** Idle, and its host's volume has no room for another recording. */
  "cramped",
  "unknown",
  "ended",
] as const;
type State = (typeof states)[number];

function ownState(jibri: Jibri, history: History, nowSeconds: number): State {
  if (!takesPlace(jibri)) return "ended";
  if (jibri.life === "stopping") return "leaving";
  if (jibri.life === "launching") return "pending";
  const { life, status, unsaved } = jibri;
  const last = history.lastStatus[jibri.name];
  if (status.kind === "unknown" || life === "unreachable") {
    if (!last) return nowSeconds - jibri.launchedAtSeconds < BOOT_LIMIT_SECONDS ? "pending" : "unknown";
    if (last.busy === "busy") return "busy";
    return nowSeconds - last.atSeconds < SILENCE_GRACE_SECONDS && !jibri.fenced ? "free" : "unknown";
  }
  if (status.value.busy === "busy") return "busy";
  if (jibri.fenced) return "leaving";
  if (unsaved.kind === "fresh" && unsaved.value > 0) return "uploading";
  if (status.value.busy === "expired" || !status.value.healthy || jibri.kept) return "spent";
  return jibri.cramped ? "cramped" : "free";
}

/** Whether it is to be replaced for what it is made of, or where it is. */
const isObsolete = ({ current, host }: Jibri, { hosts }: Fleet): boolean =>
  !current || hosts.some(({ drained, name }) => name === host && drained);

/** One of another configuration may not know all shards, and goes anyway. */
function stateOf(jibri: Jibri, fleet: Fleet, history: History, nowSeconds: number): State {
  const state = ownState(jibri, history, nowSeconds);
  if (state !== "free" || jibri.status.kind === "unknown" || isObsolete(jibri, fleet)) return state;
  return ({ seen: "free", awaited: "pending", missed: "unseen" } as const)[
    seenAs(jibri, fleet, history.sight, nowSeconds)
  ];
}

/** Whether its own word of just now, and the spool's, say that nothing would be lost with it. */
const isProvenIdle = ({ life, status, unsaved }: Jibri): boolean =>
  life === "running" &&
  status.kind === "fresh" &&
  status.value.busy !== "busy" &&
  unsaved.kind === "fresh" &&
  unsaved.value === 0;

/** Decides on the Jibris: busy and `free` more, each replaced only while it is idle. */
export function decideJibris(
  { name: pool, policy, least = 0 }: NonNullable<FleetPolicy["jibriPool"]>,
  fleet: Fleet,
  history: History,
  nowSeconds: number,
): PoolDecision {
  const members = fleet.jibris.filter((jibri) => jibri.pool === pool);
  const inState = (state: State): Jibri[] =>
    members.filter((jibri) => stateOf(jibri, fleet, history, nowSeconds) === state);
  const [free, pending, busy] = [inState("free"), inState("pending"), inState("busy")];
  const [unseen, uploading] = [inState("unseen"), inState("uploading")];
  const missed = replacedNext(unseen, history.sight, nowSeconds);
  // More of those that a focus does not see would not help it: one is replaced at a time, the others are made do with.
  const fresh = [...free.filter((jibri) => !isObsolete(jibri, fleet)), ...unseen].filter(
    (jibri) => jibri !== missed?.jibri,
  );
  const outdated = [...free.filter((jibri) => isObsolete(jibri, fleet)), ...(missed ? [missed.jibri] : [])];
  const [spent, cramped] = [inState("spent"), inState("cramped")];
  const alive = members.filter((jibri) => takesPlace(jibri) && !isLost(jibri, history, nowSeconds));
  const desired = Math.min(policy.max, busy.length + uploading.length + policy.free);
  const why = `${busy.length} busy, ${uploading.length} uploading, ${free.length} free of ${policy.free} to be free`;
  const idle = [...free, ...unseen, ...pending.filter(({ status }) => status.kind === "fresh")];
  const troubles = [...troublesOf(members), ...sightTroubles(idle, fleet, history.sight, nowSeconds)];

  const unknown = new Set(inState("unknown"));
  const isSilent = alive.length > 0 && alive.every((jibri) => unknown.has(jibri));
  const whyBlind =
    whyUntold(pool, fleet, history, nowSeconds) ??
    (isSilent ? "no Jibri says how it is: nothing is changed" : undefined);
  const isBlind = whyBlind !== undefined;
  const putOffSeconds = launchBackOffSeconds(history, pool, nowSeconds);
  const samples = sampled(
    history.samples[pool] ?? [],
    fresh.length - policy.free,
    policy.scaleInDelaySeconds,
    nowSeconds,
  );

  const actions: Action[] = inState("ended").map((jibri) => ({
    kind: "remove",
    pool,
    host: jibri.host,
    instance: jibri.name,
    reason: `it ${jibri.life === "failed" ? "could not be launched" : "ended"}${jibri.detail === undefined ? "" : `: ${jibri.detail}`}`,
  }));
  const fence = (jibri: Jibri, reason: string): void => {
    if (!jibri.fenced) actions.push({ kind: "fence", pool, host: jibri.host, instance: jibri.name, reason });
  };

  const missing = isBlind ? 0 : Math.max(0, policy.free - fresh.length - pending.length);
  const placed =
    putOffSeconds > 0
      ? []
      : launches(
          pool,
          Math.min(missing, Math.max(0, policy.max - alive.length)),
          fleet,
          missing > outdated.length
            ? why
            : `to take over from a Jibri that is to be replaced${missed ? `: ${missed.why}` : ""}`,
        );
  actions.push(...placed);
  if (missing > placed.length)
    for (const { cramped: full, name } of fleet.hosts)
      if (full !== undefined) troubles.push(`${name}: ${full}`);

  const replaced = outdated.filter(isProvenIdle);
  const replace = (jibri: Jibri, how: string): void =>
    fence(jibri, jibri === missed?.jibri ? `${missed.why}; ${how}` : how);
  if (fresh.length >= policy.free)
    for (const jibri of replaced) replace(jibri, "another of today's configuration is free in its place");
  // Without room for one ahead the first makes room, and the next once its successor is there.
  else if (missing > 0 && placed.length === 0 && putOffSeconds === 0 && pending.length === 0)
    for (const jibri of replaced.slice(0, 1))
      replace(jibri, "it makes room for one of today's configuration");
  for (const jibri of spent.filter(isProvenIdle))
    fence(jibri, jibri.trouble ?? "it takes no recording any more");
  for (const jibri of cramped.filter(isProvenIdle)) fence(jibri, jibri.trouble ?? "its host has no room");

  const tooMany = alive.length - inState("leaving").length - policy.max;
  const surplus = throughout(samples, policy.scaleInDelaySeconds, nowSeconds);
  // Below what the place insists on another would come for each that goes.
  const spare = alive.length - inState("leaving").length - least;
  const going = Math.max(tooMany, Math.min(surplus, fresh.length - policy.free, spare));
  for (const jibri of fresh
    .filter(isProvenIdle)
    .sort(
      (a, b) =>
        Number(unseen.includes(b)) - Number(unseen.includes(a)) || a.launchedAtSeconds - b.launchedAtSeconds,
    )
    .slice(0, Math.max(0, going)))
    fence(
      jibri,
      tooMany > 0
        ? `${alive.length} are more than jibris.max (${policy.max})`
        : `${why}; so for ${policy.scaleInDelaySeconds} s`,
    );

  return {
    actions,
    samples,
    outlook: {
      pool,
      role: "jibri",
      desired: isBlind ? undefined : desired,
      serving: free.length + busy.length + uploading.length,
      pending: pending.length,
      states: Object.fromEntries(states.map((state) => [state, inState(state).length])),
      freeFor: freeFor(idle, fleet.focuses),
      reason: withTroubles(
        whyBlind ?? (putOffSeconds > 0 ? `${why}; ${whyPutOff(history, pool, putOffSeconds)}` : why),
        troubles,
      ),
      troubles,
    },
  };
}

/** A pool that nobody wants any more. */
export const noJibris: JibriPoolPolicy = { free: 0, max: 0, scaleInDelaySeconds: 0 };
