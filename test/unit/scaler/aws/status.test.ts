import assert from "node:assert/strict";
import { fleetStatusSchema } from "../../../../scaler/fleetStatus";
import { metricsOf, statusOf } from "../../../../scaler/fleets/aws/status";
import { silent } from "../fleets";
import { bridge, BRIDGES, jibri, JIBRI_GROUP, member } from "./members";

const AT = new Date("2026-11-27T16:00:00.000Z");
const pools = [
  {
    of: BRIDGES,
    fresh: true,
    members: [
      member({ told: bridge("a", { participants: 3 }) }),
      // On its way out, and still carrying.
      member({ phase: "waits", told: bridge("b", { participants: 2 }) }),
      member({ phase: "coming", told: undefined }),
      member({ told: undefined }),
      member({ told: bridge("c", {}, { life: "unreachable", ...silent }) }),
      member({ told: bridge("d", {}, { ...silent }) }),
      member({ told: bridge("e", {}, { life: "launching", ...silent }) }),
      member({ phase: "waits", gone: true, told: bridge("f", {}, { life: "unreachable", ...silent }) }),
    ],
  },
  {
    of: JIBRI_GROUP,
    fresh: false,
    members: [
      member({ told: jibri("x", "busy") }),
      member({ told: jibri("y", "idle", { unsaved: { kind: "fresh", value: 2 } }) }),
      member({ told: jibri("z", "idle", { unsaved: { kind: "unknown", why: "no answer" } }) }),
    ],
  },
] as const;

describe("what the scaler writes down of the fleet", () => {
  it("is what is on it and who does not say, those on their way out among them", () => {
    const shards = [{ shard: "s1", error: "no answer" }];
    const edges = [
      {
        edge: "edge-1",
        knownAt: AT.toISOString(),
        page: { s1: { state: "drain" as const, up: true, holds: { error: "no answer" } } },
      },
      { edge: "edge-2", error: "no answer within 4 s" },
    ];
    const status = statusOf(pools, { shards, edges }, "scaler-1", AT);
    assert.deepEqual(fleetStatusSchema.parse(JSON.parse(JSON.stringify(status))), {
      knownAt: AT.toISOString(),
      replica: "scaler-1",
      pools: [
        {
          ...{ pool: "s1-bridges", role: "bridge", fresh: true, instances: 8, silent: 3 },
          ...{ participants: 5, conferences: 2, recordings: 0, unsaved: 0 },
        },
        {
          ...{ pool: "jibris", role: "jibri", fresh: false, instances: 3, silent: 1 },
          ...{ participants: 0, conferences: 0, recordings: 1, unsaved: 2 },
        },
      ],
      shards,
      edges,
    });
    // An older scaler's, which a guard may meet.
    assert.deepEqual(fleetStatusSchema.parse({ ...status, edges: undefined }).edges, []);
  });
  it("is no metric of a pool that was not seen, and always that a scaler acts", () => {
    const told = metricsOf(pools, AT).map(({ Dimensions, MetricName, Value }) => [
      MetricName,
      Dimensions?.[0]?.Value,
      Value,
    ]);
    assert.deepEqual(told, [
      ["ScalerAlive", undefined, 1],
      ["Retained", undefined, 0],
      ["Instances", "s1-bridges", 8],
      ["Silent", "s1-bridges", 3],
      ["Load", "s1-bridges", 5],
    ]);
  });
});
