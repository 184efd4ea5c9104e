import type { Bridge, BridgeLoad, Fleet, Host, Jibri } from "../../../scaler/core/fleet";
import { bridgePoolSchema, jibriPoolSchema } from "../../../scaler/pools";

/** Parts of fleets, each as good as can be but for what a test says. */

export const POOL = "s1-bridges";
export const JIBRIS = "jibris";
/** All that is made here has long started by then. */
export const NOW_SECONDS = 10_000;

export const bridgePolicy = (policy: object = {}) => ({
  name: POOL,
  policy: bridgePoolSchema.parse({ scaleInDelaySeconds: 0, ...policy }),
});
export const jibriPolicy = (policy: object = {}) => ({
  name: JIBRIS,
  policy: jibriPoolSchema.parse({ scaleInDelaySeconds: 0, ...policy }),
});

export const host = (name: string, more: Partial<Host> = {}): Host => ({
  name,
  drained: false,
  reachable: true,
  told: true,
  room: { [POOL]: 20, [JIBRIS]: 20 },
  ...more,
});

const load = (more: Partial<BridgeLoad>): BridgeLoad => ({
  participants: 0,
  conferences: (more.participants ?? 0) > 0 ? 1 : 0,
  stress: 0.02,
  ready: true,
  draining: false,
  retiring: false,
  ...more,
});

export const bridge = (name: string, told: Partial<BridgeLoad> = {}, more: Partial<Bridge> = {}): Bridge => ({
  name,
  pool: POOL,
  host: "a",
  machine: more.host ?? "a",
  current: true,
  launchedAtSeconds: 0,
  life: "running",
  load: { kind: "fresh", value: load(told) },
  sick: false,
  ...more,
});

export const silent = { load: { kind: "unknown", why: "it does not answer" } } as const;

export const jibri = (
  name: string,
  busy: "idle" | "busy" | "expired" = "idle",
  more: Partial<Jibri> = {},
): Jibri => ({
  name,
  pool: JIBRIS,
  host: "a",
  machine: more.host ?? "a",
  current: true,
  launchedAtSeconds: 0,
  life: "running",
  status: { kind: "fresh", value: { busy, healthy: true } },
  unsaved: { kind: "fresh", value: 0 },
  cramped: false,
  kept: false,
  fenced: false,
  ...more,
});

export const fleetOf = (parts: Partial<Fleet>): Fleet => ({
  hosts: [host("a"), host("b")],
  bridges: [],
  jibris: [],
  focuses: [],
  edges: [],
  ...parts,
});
