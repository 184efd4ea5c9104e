import { decideBridges, decideOrphans } from "./bridges";
import type { Action, Fleet, PoolOutlook } from "./fleet";
import { remember, type History } from "./history";
import { decideJibris, noJibris } from "./jibris";
import type { FleetPolicy } from "./policy";

export interface Decision {
  readonly actions: readonly Action[];
  readonly outlook: readonly PoolOutlook[];
  /** What the next decision is to be given. */
  readonly history: History;
}

/**
 * Decides what to do with a fleet as it was observed. Pure: the service, the lab and the simulator run this. Doing
 * an action twice, or an action of a decision that is late, harms nobody: a launch names the state that it was
 * decided on, and nothing is removed that was not first told to take nothing new and seen empty after that.
 */
export function decide(fleet: Fleet, before: History, policy: FleetPolicy, nowSeconds: number): Decision {
  const history = remember(before, fleet, nowSeconds);
  const jibriPools = [...new Set(fleet.jibris.map(({ pool }) => pool))]
    .filter((name) => name !== policy.jibriPool?.name)
    .map((name) => ({ name, policy: noJibris }));
  const pools = [
    ...policy.bridgePools.map((pool) => decideBridges(pool, fleet, history, nowSeconds)),
    ...(policy.jibriPool ? [policy.jibriPool] : [])
      .concat(jibriPools)
      .map((pool) => decideJibris(pool, fleet, history, nowSeconds)),
  ];
  const orphans = [...new Set(fleet.bridges.map(({ pool }) => pool))]
    .filter((name) => !policy.bridgePools.some((pool) => pool.name === name))
    .map((pool) => decideOrphans(pool, fleet, history, nowSeconds));
  return {
    actions: [...pools, ...orphans].flatMap(({ actions }) => actions),
    outlook: [...pools, ...orphans].flatMap(({ outlook }) => outlook ?? []),
    history: {
      ...history,
      samples: Object.fromEntries(pools.map(({ outlook, samples }) => [outlook.pool, samples])),
    },
  };
}
