import type { Bridge, BridgeLoad, Evidence, Host, Instances, Jibri } from "../core/fleet";
import type { Answer, HostState, Instance, Spool, SpoolVolume } from "../hostApi";
import { parseBridgeStats, type BridgeStats } from "../jitsi/bridge";
import { parseJibriHealth, type JibriHealth } from "../jitsi/jibri";
import { wordsOf } from "../words";

/** What a host said, or why it said nothing. */
export type HostReport = HostState | { readonly error: string };

/** A host that is configured, and what it was last asked. */
export interface AskedHost {
  readonly name: string;
  readonly drained: boolean;
  readonly report: HostReport;
}

/**
 * What is kept from one look to the next: hosts as last seen, since when each bridge's own clock stands, and when each
 * instance was launched, by this scaler's clock.
 */
export interface Seen {
  readonly states: Readonly<Record<string, { readonly state: HostState; readonly atSeconds: number }>>;
  readonly clocks: Readonly<Record<string, { readonly timestamp: string; readonly sinceSeconds: number }>>;
  readonly launches: Readonly<Record<string, number>>;
}

export const nothingSeen: Seen = { states: {}, clocks: {}, launches: {} };

/** A bridge refreshes its statistics every 5 s: a clock that stands for longer than this stands still. */
const FREEZE_LIMIT_SECONDS = 20;

/**
 * The fleet as it is known now. Pure: `nowSeconds` is the scaler's own clock, and other machines' clocks are only
 * ever compared with themselves.
 */
export function observe(
  asked: readonly AskedHost[],
  before: Seen,
  nowSeconds: number,
): { readonly fleet: Instances & { readonly hosts: readonly Host[] }; readonly seen: Seen } {
  const clocks: Record<string, Seen["clocks"][string]> = {};
  const states: Record<string, Seen["states"][string]> = {};
  const launches: Record<string, number> = {};
  const hosts: Host[] = [];
  const bridges: Bridge[] = [];
  const jibris: Jibri[] = [];
  for (const { name, drained, report } of asked) {
    const reachable = !("error" in report);
    const last = reachable ? { state: report, atSeconds: nowSeconds } : before.states[name];
    const pools = last?.state.pools ?? [];
    const volume = volumeOf(last?.state);
    const room = Object.fromEntries(
      pools.map((pool) => [pool.name, reachable && last ? roomIn(pool, volume, last.state) : 0]),
    );
    let begun = 0;
    const isFull = pools.some((pool) => pool.role === "jibri" && pool.room > 0 && room[pool.name] === 0);
    const cramped = reachable && volume && isFull ? { cramped: crampedBecause(volume) } : {};
    hosts.push({ name, drained, reachable, told: last !== undefined, room, ...cramped });
    if (!last) continue;
    states[name] = last;
    for (const instance of last.state.instances) {
      // The host's clock may be set right at any time: its first word stands, and one from its future says nothing.
      const ageSeconds = (Date.parse(last.state.time) - Date.parse(instance.launchedAt)) / 1000;
      const launched = before.launches[instance.name] ?? last.atSeconds - Math.max(0, ageSeconds);
      launches[instance.name] = launched;
      const facts = {
        name: instance.name,
        pool: instance.pool,
        host: name,
        machine: name,
        current: pools.some((pool) => pool.name === instance.pool && pool.revision === instance.revision),
        launchedAtSeconds: launched,
        life: reachable ? instance.state : ("unreachable" as const),
        ...(instance.detail === undefined ? {} : { detail: instance.detail }),
      };
      const why = reachable ? undefined : report.error;
      if (instance.role === "bridge") {
        const stats = why === undefined ? statsOf(instance) : unknown<BridgeStats>(why);
        const clock = clockOf(instance.name, stats, before, nowSeconds);
        if (clock) clocks[instance.name] = clock;
        const load = loadOf(instance, stats, clock, nowSeconds);
        const trouble = why ?? troubleOf(instance) ?? bridgeTrouble(instance, load, stats);
        bridges.push({ ...facts, ...told(trouble), load, sick: isSick(instance) });
      } else {
        const health = why === undefined ? healthOf(instance) : unknown<JibriHealth>(why);
        const isIdle = health.kind === "fresh" && health.value.busy === "IDLE";
        // As many are free as the volume has room for, beside what is recorded there.
        const cramped = isIdle && volume !== undefined && ++begun > volume.room - recordingOn(last.state);
        const kept = isIdle && keeps(instance.name, last.state.spool);
        const trouble =
          why ??
          troubleOf(instance) ??
          jibriTrouble(instance, health) ??
          (kept ? "its recording was not handed over to the uploader" : undefined) ??
          (cramped ? crampedBecause(volume) : undefined);
        jibris.push({
          ...facts,
          ...told(trouble),
          status: statusOf(health),
          unsaved: why === undefined ? unsavedOf(instance.name, last.state.spool) : unknown(why),
          cramped,
          kept,
          fenced: instance.fenced,
        });
      }
    }
  }
  return { fleet: { hosts, bridges, jibris }, seen: { states, clocks, launches } };
}

const unknown = <Value>(why: string): Evidence<Value> => ({ kind: "unknown", why });
const fresh = <Value>(value: Value): Evidence<Value> => ({ kind: "fresh", value });

/** An answer's body if it was 200 and is whole; what is missing in it is unknown, not 0. */
function read<Value>(answer: Answer | undefined, parse: (body: string) => Value): Evidence<Value> {
  if (!answer) return unknown("it was not asked: it does not run");
  if ("error" in answer) return unknown(answer.error);
  if (answer.status !== 200)
    return unknown(["it answered", answer.status, wordsOf(answer.body)].join(" ").trim());
  try {
    return fresh(parse(answer.body));
  } catch {
    return unknown("its answer is not whole");
  }
}

const statsOf = (instance: Instance): Evidence<BridgeStats> => read(instance.status, parseBridgeStats);

/** Since when the bridge's clock shows what it shows. */
function clockOf(
  name: string,
  stats: Evidence<BridgeStats>,
  before: Seen,
  nowSeconds: number,
): Seen["clocks"][string] | undefined {
  const last = before.clocks[name];
  if (stats.kind === "unknown") return last;
  const { timestamp } = stats.value;
  return last?.timestamp === timestamp ? last : { timestamp, sinceSeconds: nowSeconds };
}

function loadOf(
  instance: Instance,
  stats: Evidence<BridgeStats>,
  clock: Seen["clocks"][string] | undefined,
  nowSeconds: number,
): Evidence<BridgeLoad> {
  if (stats.kind === "unknown") return stats;
  const { conferences, draining, inBrewery, participants, retiring, stress } = stats.value;
  const standsSeconds = nowSeconds - (clock?.sinceSeconds ?? nowSeconds);
  if (standsSeconds > FREEZE_LIMIT_SECONDS)
    return unknown(`its statistics have stood still for more than ${FREEZE_LIMIT_SECONDS} s`);
  if (stress === 0) return unknown("it reports no stress at all, as before its first sample");
  const healthy =
    instance.healthCheck !== undefined &&
    "status" in instance.healthCheck &&
    instance.healthCheck.status === 200;
  return fresh({ participants, conferences, stress, ready: healthy && inBrewery, draining, retiring });
}

const isSick = ({ health, healthCheck }: Instance): boolean =>
  health === "unhealthy" ||
  (healthCheck !== undefined && "status" in healthCheck && healthCheck.status >= 500);

const healthOf = (instance: Instance): Evidence<JibriHealth> => read(instance.status, parseJibriHealth);

function statusOf(health: Evidence<JibriHealth>): Jibri["status"] {
  if (health.kind === "unknown") return health;
  const busy = ({ IDLE: "idle", BUSY: "busy", EXPIRED: "expired" } as const)[health.value.busy];
  return fresh({ busy, healthy: health.value.healthy });
}

const told = (trouble: string | undefined): { trouble?: string } =>
  trouble === undefined ? {} : { trouble: wordsOf(trouble) };

/** Whether it runs, and is past the time in which it need not answer. */
const ought = ({ health, state }: Instance): boolean => state === "running" && health !== "starting";

/** What is wrong with its launch, by its own health check, or by its container's. */
function troubleOf(instance: Instance): string | undefined {
  const { detail, health, healthCheck, state } = instance;
  if (state === "failed") return detail ?? "it could not be launched";
  if (state !== "running") return undefined;
  if (healthCheck && "status" in healthCheck && healthCheck.status !== 200)
    return wordsOf(healthCheck.body) || `its health check answered ${healthCheck.status}`;
  if (healthCheck && "error" in healthCheck && ought(instance))
    return `its health check: ${healthCheck.error}`;
  return health === "unhealthy"
    ? `its container's health check fails${detail === undefined ? "" : `: ${detail}`}`
    : undefined;
}

function bridgeTrouble(
  instance: Instance,
  load: Bridge["load"],
  stats: Evidence<BridgeStats>,
): string | undefined {
  if (!ought(instance)) return undefined;
  if (load.kind === "unknown") return load.why;
  const isMissing = stats.kind === "fresh" && !stats.value.inBrewery;
  return isMissing ? "it is not in its shard's brewery: is the shard's Prosody up?" : undefined;
}

function jibriTrouble(instance: Instance, health: Evidence<JibriHealth>): string | undefined {
  if (health.kind === "unknown") return ought(instance) ? health.why : undefined;
  if (health.value.healthy) return undefined;
  return health.value.details === "" ? "it says that it is not healthy" : health.value.details;
}

const volumeOf = (state: HostState | undefined): SpoolVolume | undefined =>
  state?.spool && !("error" in state.spool) ? state.spool.volume : undefined;

const jibrisOn = ({ instances }: HostState): Instance[] => instances.filter(({ role }) => role === "jibri");

const recordingOn = (state: HostState): number =>
  jibrisOn(state).filter((instance) => {
    const health = healthOf(instance);
    return health.kind === "fresh" && health.value.busy === "BUSY";
  }).length;

/** How many more of a pool the host takes: of Jibris no more than could all record at once. */
function roomIn(
  { role, room }: HostState["pools"][number],
  volume: SpoolVolume | undefined,
  state: HostState,
): number {
  if (role !== "jibri" || !volume) return room;
  const taking = jibrisOn(state).filter((instance) => !["exited", "failed"].includes(instance.state)).length;
  return Math.max(0, Math.min(room, volume.room - taking));
}

const gibibytes = (bytes: number): string => (bytes / 2 ** 30).toFixed(1);

function crampedBecause({ freeBytes, freeInodes, totalBytes, writable }: SpoolVolume): string {
  if (!writable) return "its host's volume of recordings is read-only";
  const inodes = freeInodes === null ? "" : `, ${freeInodes} inodes`;
  return `its host has no room for another recording: ${gibibytes(freeBytes)} of ${gibibytes(totalBytes)} GiB${inodes} free`;
}

/** A finalize script takes moments. */
const KEPT_SECONDS = 300;

const keeps = (instance: string, spool: HostState["spool"]): boolean =>
  spool !== undefined &&
  !("error" in spool) &&
  spool.items.some(
    (item) =>
      item.instance === instance && item.state === "recording" && (item.quietSeconds ?? 0) > KEPT_SECONDS,
  );

/** A stream leaves no file, and so nothing unsaved. */
function unsavedOf(instance: string, spool: HostState["spool"]): Evidence<number> {
  if (!spool) return fresh(0);
  if ("error" in spool) return unknown(spool.error);
  return fresh(unsaved(spool).filter((item) => item.instance === instance).length);
}

/** Recordings that are finished and not safe in the store yet. */
export const unsaved = ({ items }: Spool): Spool["items"] =>
  items.filter(({ state }) => state !== "recording");
