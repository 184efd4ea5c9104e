import type { BridgePoolPolicy, JibriPoolPolicy } from "../pools";

/** What the operator wants, pool by pool. Instances of a pool that is not named belong to one that was removed. */
export interface FleetPolicy {
  readonly bridgePools: readonly { readonly name: string; readonly policy: BridgePoolPolicy }[];
  readonly jibriPool?: { readonly name: string; readonly policy: JibriPoolPolicy } | undefined;
}
