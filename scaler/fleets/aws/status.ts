import type { MetricDatum } from "@aws-sdk/client-cloudwatch";
import type { FleetStatus } from "../../fleetStatus";
import { isBridge, type Member, type PoolGroup } from "./groupState";

/** A pool as it was seen. */
export interface SeenPool {
  readonly of: PoolGroup;
  readonly fresh: boolean;
  readonly members: readonly Member[];
}

type PoolStatus = FleetStatus["pools"][number];

/** What the fleet holds, written for who must not cut a call. */
export function statusOf(
  pools: readonly SeenPool[],
  { edges, shards }: Pick<FleetStatus, "edges" | "shards">,
  replica: string,
  at: Date,
): FleetStatus {
  return { knownAt: at.toISOString(), replica, pools: pools.map(poolStatus), shards, edges };
}

function poolStatus({ fresh, members, of: { pool, role } }: SeenPool): PoolStatus {
  const sum = (count: (member: Member) => number): number =>
    members.reduce((total, member) => total + count(member), 0);
  const load = ({ told }: Member) =>
    told && isBridge(told) && told.load.kind === "fresh" ? told.load.value : undefined;
  return {
    pool,
    role,
    fresh,
    instances: members.length,
    silent: members.filter(isSilent).length,
    participants: sum((member) => load(member)?.participants ?? 0),
    conferences: sum((member) => load(member)?.conferences ?? 0),
    recordings: sum(({ told }) =>
      told && !isBridge(told) && told.status.kind === "fresh" && told.status.value.busy === "busy" ? 1 : 0,
    ),
    unsaved: sum(({ told }) =>
      told && !isBridge(told) && told.unsaved.kind === "fresh" ? told.unsaved.value : 0,
    ),
  };
}

/** Runs, and does not say whether anything is on it. What has not begun, or has ended, need not say. */
function isSilent({ gone, phase, told }: Member): boolean {
  if (gone || phase === "coming") return false;
  if (!told || told.life === "unreachable") return true;
  if (isBridge(told)) return told.life === "running" && told.load.kind === "unknown";
  if (told.unsaved.kind === "unknown") return true;
  return told.life === "running" && told.status.kind === "unknown";
}

/** The metrics of a minute. `ScalerAlive` is there as long as a scaler acts; what is unknown is absent. */
export function metricsOf(pools: readonly SeenPool[], at: Date): MetricDatum[] {
  const metric = (MetricName: string, Value: number, pool?: string): MetricDatum => ({
    MetricName,
    Value,
    Timestamp: at,
    Unit: "Count",
    ...(pool === undefined ? {} : { Dimensions: [{ Name: "Pool", Value: pool }] }),
  });
  const retained = pools.flatMap(({ members }) => members).filter(({ phase }) => phase === "retained");
  return [
    metric("ScalerAlive", 1),
    metric("Retained", retained.length),
    ...pools.flatMap((seen) => {
      const { instances, participants, recordings, role, silent } = poolStatus(seen);
      if (!seen.fresh) return [];
      return [
        metric("Instances", instances, seen.of.pool),
        metric("Silent", silent, seen.of.pool),
        metric("Load", role === "bridge" ? participants : recordings, seen.of.pool),
      ];
    }),
  ];
}
