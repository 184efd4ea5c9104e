import type { BridgePoolPolicy } from "../pools";
import { isCarrying, type Action, type Bridge, type BridgeLoad, type Fleet, type PoolOutlook } from "./fleet";
import { launchBackOffSeconds, sampled, throughout, whyPutOff, type History } from "./history";
import type { FleetPolicy } from "./policy";
import { isLost, launches, takesPlace, whyUntold } from "./launches";
import { troublesOf, withTroubles } from "./troubles";

/** A bridge that is not ready after so long is not about to be. Measured: 6 to 14 s, on cold machines minutes. */
const BOOT_LIMIT_SECONDS = 300;

export interface PoolDecision {
  readonly actions: readonly Action[];
  readonly outlook: PoolOutlook;
  readonly samples: History["samples"][string];
}

/** A bridge that told its load. */
interface Known {
  readonly bridge: Bridge;
  readonly load: BridgeLoad;
}

/** The pool's bridges by what they are good for. */
interface Sorted {
  /** Take new conferences. */
  readonly serving: readonly Known[];
  /** Will, once they have started. */
  readonly pending: readonly Bridge[];
  /** Run, but do not say how they are: taken to carry what they last did, and left alone. */
  readonly unknown: readonly Bridge[];
  readonly draining: readonly Known[];
  readonly retiring: readonly Known[];
  /** Run and tell, but the conference focus cannot use them. */
  readonly useless: readonly Known[];
  readonly ended: readonly Bridge[];
}

/** How many bridges are in each state. */
const countsOf = (sorted: Sorted): PoolOutlook["states"] =>
  Object.fromEntries(
    Object.entries(sorted).map(([state, { length }]: [string, readonly unknown[]]) => [state, length]),
  );

function sort(bridges: readonly Bridge[], history: History, nowSeconds: number): Sorted {
  const sorted = {
    serving: [] as Known[],
    pending: [] as Bridge[],
    unknown: [] as Bridge[],
    draining: [] as Known[],
    retiring: [] as Known[],
    useless: [] as Known[],
    ended: [] as Bridge[],
  };
  for (const bridge of bridges) {
    const isYoung = nowSeconds - bridge.launchedAtSeconds < BOOT_LIMIT_SECONDS;
    switch (bridge.life) {
      case "exited":
      case "failed":
        sorted.ended.push(bridge);
        break;
      case "launching":
        sorted.pending.push(bridge);
        break;
      case "stopping":
        break;
      case "unreachable":
        if (!isLost(bridge, history, nowSeconds)) sorted.unknown.push(bridge);
        break;
      case "running": {
        if (bridge.load.kind === "unknown") {
          // Sick while it starts is what starting looks like: another launch each look would be the answer. What told
          // its load before has started, and says nothing now.
          const hasTold = history.lastParticipants[bridge.name] !== undefined;
          if (isYoung && !hasTold) sorted.pending.push(bridge);
          else if (!bridge.sick) sorted.unknown.push(bridge);
          break;
        }
        const known: Known = { bridge, load: bridge.load.value };
        if (known.load.retiring) sorted.retiring.push(known);
        else if (known.load.draining) sorted.draining.push(known);
        else if (known.load.ready && !bridge.sick) sorted.serving.push(known);
        else if (isYoung) sorted.pending.push(bridge);
        else sorted.useless.push(known);
        break;
      }
    }
  }
  return sorted;
}

/**
 * How many bridges' worth the pool's load is. Participants count against a bridge's capacity. Stress is the
 * machine's processors, whoever uses them: bridges that share one share it, or each new one there would call for another.
 */
function loadOf(known: readonly Known[], fleet: Fleet, policy: BridgePoolPolicy): number {
  return known.reduce((sum, { bridge, load }) => {
    const neighbours = fleet.bridges.filter(
      ({ life, machine }) => machine === bridge.machine && life === "running",
    );
    return sum + Math.max(load.participants / policy.capacity, load.stress / neighbours.length);
  }, 0);
}

const isEmpty = ({ load }: Known): boolean => !isCarrying(load);
const byParticipants = (a: Known, b: Known): number =>
  a.load.participants - b.load.participants || a.load.conferences - b.load.conferences;
const people = (count: number): string => `${count} participant${count === 1 ? "" : "s"}`;

/** Decides on the bridges of one shard. */
export function decideBridges(
  { name: pool, policy, least = 0 }: FleetPolicy["bridgePools"][number],
  fleet: Fleet,
  history: History,
  nowSeconds: number,
): PoolDecision {
  const min = Math.max(policy.min, least);
  const max = Math.max(policy.max, least);
  const members = fleet.bridges.filter((bridge) => bridge.pool === pool);
  const sorted = sort(members, history, nowSeconds);
  const { draining, pending, serving, unknown } = sorted;
  const fill = policy.fillPercent / 100;
  const carrying = [...serving, ...draining, ...sorted.retiring, ...sorted.useless];
  const carriedUnseen = unknown.reduce((sum, { name }) => sum + (history.lastParticipants[name] ?? 0), 0);
  const load = loadOf(carrying, fleet, policy) + carriedUnseen / policy.capacity;
  const participants = carrying.reduce((sum, known) => sum + known.load.participants, 0);
  const needed = Math.ceil(load / fill - 1e-9) + policy.spare;
  const desired = Math.min(max, Math.max(min, needed));
  const have = serving.length + pending.length + unknown.length;
  const why = `${people(participants)}, load of ${load.toFixed(2)} bridges at ${policy.fillPercent} % and ${policy.spare} spare${least > policy.min ? `, at least ${least}` : ""}: ${desired} wanted`;

  const obsolete = serving.filter(({ bridge }) => isObsolete(bridge, fleet));
  const samples = sampled(
    history.samples[pool] ?? [],
    serving.length - desired,
    policy.scaleInDelaySeconds,
    nowSeconds,
  );

  // All that run and none that says how: nothing can be told, so nothing is done.
  const isSilent = carrying.length === 0 && unknown.length > 0;
  const whyBlind =
    whyUntold(pool, fleet, history, nowSeconds) ??
    (isSilent ? "no bridge says how it is: nothing is changed" : undefined);
  const isBlind = whyBlind !== undefined;
  // All that run and none that can be used: more of them would not be either, as when Prosody is down.
  const isCutOff = serving.length === 0 && sorted.useless.length > 0;
  const putOffSeconds = launchBackOffSeconds(history, pool, nowSeconds);

  const actions: Action[] = sorted.ended.map((bridge) => ({
    kind: "remove",
    pool,
    host: bridge.host,
    instance: bridge.name,
    reason: `it ${bridge.life === "failed" ? "could not be launched" : "ended"}${bridge.detail === undefined ? "" : `: ${bridge.detail}`}`,
  }));

  // What is missing: bridges on their way out first, they serve at once.
  const missing = isBlind ? 0 : desired - have;
  const back = draining
    .filter(({ bridge, load: { ready } }) => ready && !bridge.sick && !isObsolete(bridge, fleet))
    .sort((a, b) => byParticipants(b, a))
    .slice(0, Math.max(0, missing));
  for (const { bridge } of back)
    actions.push({ kind: "undrain", pool, host: bridge.host, instance: bridge.name, reason: why });
  const rolled = rollOver(obsolete, serving.length + back.length, desired, pending.length);
  const wanted = Math.max(0, missing - back.length) + rolled.launches;
  const counted = members.filter((bridge) => takesPlace(bridge) && !isLost(bridge, history, nowSeconds));
  const isStopped = isBlind || isCutOff || putOffSeconds > 0;
  const placed = launches(
    pool,
    isStopped ? 0 : Math.min(wanted, max - counted.length),
    fleet,
    missing > back.length ? why : "to take over from a bridge that is to be replaced",
  );
  actions.push(...placed);

  // What is too much, and what is to be replaced.
  const surplus = throughout(samples, policy.scaleInDelaySeconds, nowSeconds);
  // Where nothing can be launched ahead one makes room, if another serves on.
  const canMakeRoom = !isStopped && placed.length === 0 && serving.length > 1 && draining.length === 0;
  const madeRoom = rolled.launches > 0 && canMakeRoom ? 1 : 0;
  const leavingByAge = [...obsolete].sort(byParticipants).slice(0, rolled.drains + madeRoom);
  const leavingBySize = serving
    .filter((known) => !leavingByAge.includes(known))
    .sort(byParticipants)
    .slice(0, Math.max(0, Math.min(surplus, serving.length - desired) - leavingByAge.length));
  for (const { bridge, load: told } of leavingByAge)
    actions.push({
      kind: "drain",
      pool,
      host: bridge.host,
      instance: bridge.name,
      reason: `it is to be replaced (${bridge.current ? `${bridge.host} is drained` : "its release or configuration is another"}); ${people(told.participants)} still on it`,
    });
  for (const { bridge, load: told } of leavingBySize)
    actions.push({
      kind: "drain",
      pool,
      host: bridge.host,
      instance: bridge.name,
      reason: `${why}; so for ${policy.scaleInDelaySeconds} s; ${people(told.participants)} still on it`,
    });
  const isBack = new Set(back.map(({ bridge }) => bridge.name));
  actions.push(...partings(pool, sorted, isBack));

  const troubles = troublesOf(members);
  const outlook: PoolOutlook = {
    pool,
    role: "bridge",
    desired: isBlind ? undefined : desired,
    serving: serving.length,
    pending: pending.length,
    states: countsOf(sorted),
    reason: withTroubles(
      whyBlind ??
        (isCutOff
          ? "no bridge can be used: nothing is launched"
          : putOffSeconds > 0
            ? `${why}; ${whyPutOff(history, pool, putOffSeconds)}`
            : why),
      troubles,
    ),
    troubles,
  };
  return { actions, outlook, samples };
}

const BRIDGES = "-bridges";
/** The pool of a shard's bridges, by name. */
export const bridgePoolOf = (shard: string): string => `${shard}${BRIDGES}`;

/** What is to become of bridges whose pool is not configured any more. */
export interface OrphanDecision {
  readonly actions: readonly Action[];
  /** Where they are kept. */
  readonly outlook: PoolOutlook | undefined;
}

/**
 * Decides on bridges whose pool is not configured any more: each goes once it is empty. While an edge may still send their
 * shard rooms, they are kept as they are, whatever the settings say: unknown counts as ready.
 */
export function decideOrphans(
  pool: string,
  fleet: Fleet,
  history: History,
  nowSeconds: number,
): OrphanDecision {
  const members = fleet.bridges.filter((bridge) => bridge.pool === pool);
  const sorted = sort(members, history, nowSeconds);
  const removals = sorted.ended.map((bridge): Action => ({
    kind: "remove",
    pool,
    host: bridge.host,
    instance: bridge.name,
    reason: "it ended, and its shard is no longer in the settings",
  }));
  const why = whyKept(pool, fleet);
  if (why !== undefined)
    return {
      actions: removals,
      outlook: {
        pool,
        role: "bridge",
        desired: undefined,
        serving: sorted.serving.length,
        pending: sorted.pending.length,
        states: countsOf(sorted),
        reason: why,
        troubles: [why],
      },
    };
  const drains = sorted.serving.map(({ bridge }): Action => ({
    kind: "drain",
    pool,
    host: bridge.host,
    instance: bridge.name,
    reason: "its shard is no longer in the settings",
  }));
  return {
    actions: [...drains, ...removals, ...partings(pool, sorted, new Set())],
    outlook: undefined,
  };
}

/** Why bridges of a pool that is not configured any more are kept; undefined: no edge sends their shard rooms. */
function whyKept(pool: string, { edges }: Fleet): string | undefined {
  const shard = pool.endsWith(BRIDGES) ? pool.slice(0, -BRIDGES.length) : pool;
  for (const { edge, states } of edges) {
    const kept = "its shard is not in the settings, and it is kept as it is";
    if (states.kind === "unknown")
      return `${kept}: ${edge} does not say whether it sends ${shard} rooms (${states.why})`;
    if (states.value[shard] === "ready")
      return `${kept}: ${edge} still has ${shard} in ready. Drain it, and run pulumi up`;
  }
  return undefined;
}

function isObsolete(bridge: Bridge, fleet: Fleet): boolean {
  const host = fleet.hosts.find(({ name }) => name === bridge.host);
  return !bridge.current || host?.drained === true;
}

/** Replacing goes one by one: another is launched ahead, and then one is drained. */
function rollOver(
  obsolete: readonly Known[],
  serving: number,
  desired: number,
  pending: number,
): { launches: number; drains: number } {
  if (obsolete.length === 0) return { launches: 0, drains: 0 };
  if (serving > desired) return { launches: 0, drains: Math.min(obsolete.length, serving - desired) };
  return { launches: pending === 0 ? 1 : 0, drains: 0 };
}

/** The way out, a step a look: drained and empty → takes no new conference for good → still empty → removed. */
function partings(pool: string, sorted: Sorted, staying: ReadonlySet<string>): Action[] {
  const leaving = sorted.draining.filter(({ bridge }) => !staying.has(bridge.name));
  const step = (kind: "retire" | "remove", { bridge }: Known, reason: string): Action => ({
    kind,
    pool,
    host: bridge.host,
    instance: bridge.name,
    reason,
  });
  return [
    // While none serves, those that cannot be used are kept: they can be once Prosody is back.
    ...[...leaving, ...(sorted.serving.length > 0 ? sorted.useless : [])]
      .filter(isEmpty)
      .map((known) => step("retire", known, "it is empty: it takes no new conference from now on")),
    ...sorted.retiring
      .filter(isEmpty)
      .map((known) => step("remove", known, "it is empty and takes nothing new")),
  ];
}
