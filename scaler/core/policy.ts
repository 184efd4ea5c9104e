import type { BridgePoolPolicy, JibriPoolPolicy } from "../pools";

interface Pool<Policy> {
  readonly name: string;
  readonly policy: Policy;
  /** Instances that the place itself has at the least, whatever is needed: what goes below comes again. */
  readonly least?: number;
}

/** What the operator wants, pool by pool. Instances of a pool that is not named belong to one that was removed. */
export interface FleetPolicy {
  readonly bridgePools: readonly Pool<BridgePoolPolicy>[];
  readonly jibriPool?: Pool<JibriPoolPolicy> | undefined;
}

/** The same, with what the places themselves insist on. */
export function withLeast(policy: FleetPolicy, least: Readonly<Record<string, number>>): FleetPolicy {
  const one = <Policy>(pool: Pool<Policy>): Pool<Policy> => {
    const places = least[pool.name];
    return places === undefined ? pool : { ...pool, least: places };
  };
  return {
    bridgePools: policy.bridgePools.map(one),
    ...(policy.jibriPool ? { jibriPool: one(policy.jibriPool) } : {}),
  };
}
