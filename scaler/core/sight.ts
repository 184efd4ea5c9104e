import type { Fleet, Focus, Jibri } from "./fleet";

/** For so long a Jibri may be idle before each conference focus that answers must have seen it. */
const PATIENCE_SECONDS = 60;
/** So many Jibris are replaced because a focus does not see them; where it sees none that came after, the fault is its own. */
const TRIES = 2;
/** Then it is tried again. */
const TRIES_MEMORY_SECONDS = 3600;

/** Which Jibris the shards' conference focuses miss, as far as they answered without a break. */
export interface Sight {
  /** By Jibri and shard: since when. */
  readonly missedSince: Readonly<Record<string, Readonly<Record<string, number>>>>;
  /** By shard: those that were replaced on its account, and since when it had missed them. */
  readonly tried: Readonly<
    Record<string, readonly { readonly jibri: string; readonly missedSince: number }[]>
  >;
}

export const noSight: Sight = { missedSince: {}, tried: {} };

/** Whether it says that it takes a recording now. One of another configuration may not know all shards. */
const isIdle = ({ current, life, status }: Jibri): boolean =>
  current &&
  life === "running" &&
  status.kind === "fresh" &&
  status.value.busy === "idle" &&
  status.value.healthy;

const misses = ({ jibris }: Focus, { name }: Jibri): boolean =>
  jibris.kind === "fresh" && !jibris.value.includes(name);

export function rememberSight(before: Sight, fleet: Fleet, nowSeconds: number): Sight {
  const { focuses, jibris } = fleet;
  const missedSince = Object.fromEntries(
    jibris.flatMap((jibri) => {
      const last = before.missedSince[jibri.name];
      // Why one was told to go is known as long as it is there.
      if (jibri.fenced) return last ? [[jibri.name, last] as const] : [];
      if (!isIdle(jibri)) return [];
      const missing = focuses.filter((focus) => misses(focus, jibri));
      const since = missing.map(({ shard }) => [shard, last?.[shard] ?? nowSeconds] as const);
      return since.length === 0 ? [] : [[jibri.name, Object.fromEntries(since)] as const];
    }),
  );
  const tried = focuses.map((focus) => {
    const { shard } = focus;
    const known = before.tried[shard] ?? [];
    const added = jibris.flatMap(({ fenced, name }) => {
      const since = missedSince[name]?.[shard];
      const isNew = !known.some(({ jibri }) => jibri === name);
      return fenced && isNew && since !== undefined && nowSeconds - since >= PATIENCE_SECONDS
        ? [{ jibri: name, missedSince: since }]
        : [];
    });
    const all = [...known, ...added].filter((one) => nowSeconds - one.missedSince < TRIES_MEMORY_SECONDS);
    const sees = jibris.filter(
      ({ name }) => focus.jibris.kind === "fresh" && focus.jibris.value.includes(name),
    );
    const hasSeenLater = all.every((one) =>
      sees.some(({ launchedAtSeconds }) => launchedAtSeconds > one.missedSince),
    );
    return [shard, hasSeenLater ? [] : all] as const;
  });
  return { missedSince, tried: Object.fromEntries(tried) };
}

/** Whether those that were replaced on its account were replaced in vain. */
const isBlind = (shard: string, { tried }: Sight): boolean => (tried[shard]?.length ?? 0) >= TRIES;

/** What the conference focuses make of a Jibri that is idle by its own word. */
export type Seen =
  | "seen"
  /** Not by all, but it has not been idle for long. */
  | "awaited"
  /** Not by all. */
  | "missed";

export function seenAs(jibri: Jibri, { focuses }: Fleet, sight: Sight, nowSeconds: number): Seen {
  const missing = focuses.filter((focus) => misses(focus, jibri));
  if (missing.length === 0) return "seen";
  const since = sight.missedSince[jibri.name];
  const isAwaited = missing.some(
    ({ shard }) => !isBlind(shard, sight) && nowSeconds - (since?.[shard] ?? nowSeconds) < PATIENCE_SECONDS,
  );
  return isAwaited ? "awaited" : "missed";
}

/** Since when it has been missed by a focus on whose account it may be replaced, and which that is. */
function missedBy(
  { name }: Jibri,
  sight: Sight,
): { readonly shard: string; readonly since: number } | undefined {
  const [longest] = Object.entries(sight.missedSince[name] ?? {})
    .filter(([shard]) => !isBlind(shard, sight))
    .sort(([, a], [, b]) => a - b);
  return longest && { shard: longest[0], since: longest[1] };
}

/**
 * The one of those that are missed that is to be replaced next, and why; none where that was tried in vain. One at a time:
 * what is wrong may be wrong with the shard.
 */
export function replacedNext(
  missed: readonly Jibri[],
  sight: Sight,
  nowSeconds: number,
): { readonly jibri: Jibri; readonly why: string } | undefined {
  const [next] = missed
    .flatMap((jibri) => {
      const by = missedBy(jibri, sight);
      return by ? [{ jibri, by }] : [];
    })
    .sort((a, b) => a.by.since - b.by.since);
  if (!next) return undefined;
  const { shard, since } = next.by;
  const seconds = Math.round(nowSeconds - since);
  return { jibri: next.jibri, why: `the Jicofo of ${shard} has not seen it for ${seconds} s` };
}

/** Whether each shard's recordings can have it; null: its focus does not say. */
export const seenBy = (jibri: Jibri, focuses: Fleet["focuses"]): Record<string, boolean | null> =>
  Object.fromEntries(
    focuses.map((focus) => [focus.shard, focus.jibris.kind === "fresh" ? !misses(focus, jibri) : null]),
  );

/** How many of the idle ones each shard's recordings can have; null: its focus does not say. */
export const freeFor = (idle: readonly Jibri[], focuses: Fleet["focuses"]): Record<string, number | null> =>
  Object.fromEntries(
    focuses.map((focus) => [
      focus.shard,
      focus.jibris.kind === "fresh" ? idle.filter((jibri) => !misses(focus, jibri)).length : null,
    ]),
  );

/** What is wrong between Jibris and conference focuses, in words. */
export function sightTroubles(
  idle: readonly Jibri[],
  { focuses }: Fleet,
  sight: Sight,
  nowSeconds: number,
): string[] {
  return focuses.flatMap(({ jibris, shard }) => {
    if (jibris.kind === "unknown")
      return [`which Jibris the Jicofo of ${shard} sees is unknown: ${jibris.why}`];
    const missed = idle.filter(({ name }) => {
      const since = sight.missedSince[name]?.[shard];
      return since !== undefined && (isBlind(shard, sight) || nowSeconds - since >= PATIENCE_SECONDS);
    });
    if (missed.length === 0) return [];
    const which = `the Jicofo of ${shard} does not see ${missed.length} of ${idle.length} idle Jibris`;
    return [
      isBlind(shard, sight)
        ? `${which}, nor those that replaced others: look at its Prosody and Jicofo`
        : `${which} (${missed.map(({ name }) => name).join(", ")})`,
    ];
  });
}
