import type { Fleet, JibriStatus } from "./fleet";
import { noSight, rememberSight, type Sight } from "./sight";

/** A number as it was at a time. */
interface Sample {
  readonly atSeconds: number;
  readonly count: number;
}

/**
 * What the core remembers from one decision to the next. A cache: losing it makes a decision later, never wrong.
 */
export interface History {
  /** What each pool could have done without, newest last: at most as far back as its delay. */
  readonly samples: Readonly<Record<string, readonly Sample[]>>;
  /** Since when a host has not answered. */
  readonly lostSince: Readonly<Record<string, number>>;
  /** What each Jibri last said of itself. */
  readonly lastStatus: Readonly<Record<string, { readonly atSeconds: number; readonly busy: JibriStatus }>>;
  /** How many each bridge last said it carries. */
  readonly lastParticipants: Readonly<Record<string, number>>;
  /** Those that were seen to be on their way out, as they were told: their end is no failure. */
  readonly leaving: readonly string[];
  /** When launches failed, by instance. */
  readonly failures: Readonly<
    Record<string, { readonly pool: string; readonly atSeconds: number; readonly detail: string | undefined }>
  >;
  readonly sight: Sight;
}

export const noHistory: History = {
  samples: {},
  lostSince: {},
  lastStatus: {},
  lastParticipants: {},
  leaving: [],
  failures: {},
  sight: noSight,
};

/** For so long failed launches count against the next one. */
const FAILURE_MEMORY_SECONDS = 900;

/** The history with what this look at the fleet adds, but for the pools' samples. */
export function remember(history: History, fleet: Fleet, nowSeconds: number): History {
  const instances = [...fleet.bridges, ...fleet.jibris];
  const lostSince = Object.fromEntries(
    fleet.hosts
      .filter((host) => !host.reachable)
      .map(({ name }) => [name, history.lostSince[name] ?? nowSeconds]),
  );
  const said = fleet.jibris.flatMap(({ name, status }) => {
    if (status.kind === "fresh") return [[name, { atSeconds: nowSeconds, busy: status.value.busy }] as const];
    const before = history.lastStatus[name];
    return before ? [[name, before] as const] : [];
  });
  const carried = fleet.bridges.flatMap(({ name, load }) => {
    const participants = load.kind === "fresh" ? load.value.participants : history.lastParticipants[name];
    return participants === undefined ? [] : [[name, participants] as const];
  });
  const isLeaving = new Set([
    ...history.leaving,
    ...fleet.bridges
      .filter(({ load }) => load.kind === "fresh" && load.value.retiring)
      .map(({ name }) => name),
    ...fleet.jibris.filter(({ fenced }) => fenced).map(({ name }) => name),
  ]);
  const failed = instances
    .filter(({ life, name }) => life === "failed" || (life === "exited" && !isLeaving.has(name)))
    .map(
      ({ detail, name, pool }) =>
        [name, history.failures[name] ?? { pool, atSeconds: nowSeconds, detail }] as const,
    );
  const remembered = Object.entries(history.failures).filter(
    ([, { atSeconds }]) => nowSeconds - atSeconds < FAILURE_MEMORY_SECONDS,
  );
  return {
    samples: history.samples,
    lostSince,
    lastStatus: Object.fromEntries(said),
    lastParticipants: Object.fromEntries(carried),
    leaving: instances.map(({ name }) => name).filter((name) => isLeaving.has(name)),
    failures: Object.fromEntries([...remembered, ...failed]),
    sight: rememberSight(history.sight, fleet, nowSeconds),
  };
}

/** The pool's samples with one more: as many as reach `delaySeconds` back, and the one that covers its beginning. */
export function sampled(
  samples: readonly Sample[],
  count: number,
  delaySeconds: number,
  nowSeconds: number,
): readonly Sample[] {
  const all = [...samples, { atSeconds: nowSeconds, count }];
  const firstInside = all.findIndex(({ atSeconds }) => nowSeconds - atSeconds < delaySeconds);
  return firstInside < 0 ? all.slice(-1) : all.slice(Math.max(0, firstInside - 1));
}

/**
 * The lowest count of the whole delay: what the pool could have done without all the time. 0 until the samples
 * reach back that far.
 */
export function throughout(samples: readonly Sample[], delaySeconds: number, nowSeconds: number): number {
  const first = samples[0];
  if (!first || nowSeconds - first.atSeconds < delaySeconds) return 0;
  return Math.min(...samples.map(({ count }) => count));
}

/** Why a pool's last launch failed, and when the next one is. */
export function whyPutOff(history: History, pool: string, putOffSeconds: number): string {
  const [last] = Object.values(history.failures)
    .filter((failure) => failure.pool === pool)
    .sort((a, b) => b.atSeconds - a.atSeconds);
  const detail = last?.detail === undefined ? "" : ` (${last.detail})`;
  return `launches failed${detail}, the next in ${Math.ceil(putOffSeconds)} s`;
}

/**
 * For how long a pool's next launch is put off: not at all after one failure, then ever longer, up to five minutes
 * from the last.
 */
export function launchBackOffSeconds(history: History, pool: string, nowSeconds: number): number {
  const failures = Object.values(history.failures).filter((failure) => failure.pool === pool);
  if (failures.length < 2) return 0;
  const last = Math.max(...failures.map(({ atSeconds }) => atSeconds));
  return Math.max(0, last + Math.min(300, 5 * 2 ** failures.length) - nowSeconds);
}
