import assert from "node:assert/strict";
import fc from "fast-check";
import { corrections, type Look } from "../../../scaler/keeper/haproxy";
import {
  decideArrangement,
  holdBetween,
  noHold,
  reaches,
  sameArrangement,
  shardStates,
  type Arrangement,
  type Voter,
} from "../../../scaler/keeper/topology";

const names = ["s1", "s2", "s3", "s4"];
const states = fc.dictionary(fc.constantFrom(...names), fc.constantFrom(...shardStates), { minKeys: 1 });
const wanted = fc.record({
  states,
  tenants: fc.dictionary(fc.constantFrom("a", "b"), fc.constantFrom("r1", "r2")),
  shares: fc.dictionary(fc.constantFrom("0", "1"), fc.constantFrom("r2")),
});
const voter: fc.Arbitrary<Voter> = fc.record({
  shards: fc.subarray(names, { minLength: 1 }),
  reach: fc.dictionary(fc.constantFrom(...names), fc.constantFrom(...reaches)),
});
const voters = fc.array(voter, { minLength: 1, maxLength: 3 });
const arrangement: fc.Arbitrary<Arrangement> = fc.record({
  shards: fc.dictionary(
    fc.constantFrom(...names),
    fc.record({ state: fc.constantFrom(...shardStates), up: fc.boolean() }),
  ),
  tenants: fc.dictionary(fc.constantFrom("a", "b"), fc.constantFrom("r1", "r2")),
  shares: fc.dictionary(fc.constantFrom("0", "1"), fc.constantFrom("r2")),
});

describe("what the keepers decide", () => {
  it("gives no new room to a shard that some node does not know, or that is not ready by the settings", () => {
    fc.assert(
      fc.property(wanted, voters, fc.option(arrangement, { nil: undefined }), (want, all, current) => {
        const { shards } = decideArrangement(want, all, current);
        for (const [name, { state }] of Object.entries(shards))
          if (state === "ready")
            assert(want.states[name] === "ready" && all.every((one) => one.shards.includes(name)));
      }),
    );
  });

  it("takes a shard out only if no node reaches it and all say so, and never all of them", () => {
    fc.assert(
      fc.property(wanted, voters, arrangement, (want, all, current) => {
        const { shards } = decideArrangement(want, all, current);
        for (const [name, { up }] of Object.entries(shards))
          if (!up && current.shards[name]?.up !== false)
            assert(all.every(({ reach }) => reach[name] === "down"));
        const left = Object.values(shards).filter(({ state, up }) => up && state !== "maint");
        if (left.length === 0)
          for (const [name, { up }] of Object.entries(shards))
            assert.equal(up, current.shards[name]?.up ?? true);
      }),
    );
  });

  it("holds whatever two arrangements answer differently, and nothing where they are the same", () => {
    fc.assert(
      fc.property(arrangement, arrangement, (one, other) => {
        const hold = holdBetween(one, other);
        const takes = ({ shards }: Arrangement): string[] =>
          names.filter((name) => shards[name]?.state === "ready" && shards[name].up);
        if (takes(one).join() !== takes(other).join()) assert(hold.placing);
        for (const name of names) {
          const holds = ({ shards }: Arrangement): boolean =>
            shards[name] !== undefined && shards[name].up && shards[name].state !== "maint";
          assert.equal(hold.shards.includes(name), holds(one) !== holds(other));
        }
        if (sameArrangement(one, other)) assert.deepEqual(hold, noHold);
      }),
    );
  });
});

describe("what is said to HAProxy", () => {
  const gate = (name: string, isRunning: boolean, id = 1): Look["servers"][number] => ({
    backend: "gate",
    name,
    id,
    address: "127.0.0.1",
    port: 9,
    isRunning,
    admin: isRunning ? "ready" : "maint",
  });
  const process: Look = {
    pid: 1,
    uptimeSeconds: 60,
    hasLearned: true,
    shards: {},
    isFresh: true,
    servers: [
      gate("always", true),
      gate("fresh", true),
      gate("learning", true),
      gate("placing", false),
      gate("lease", false),
      gate("shard-101", false),
      { ...gate("s1", true, 101), backend: "rooms" },
      { ...gate("s1", true, 101), backend: "assets" },
      { ...gate("s9", true, 109), backend: "rooms" },
    ],
  };
  const topology = {
    epoch: 1,
    shards: { s1: { state: "ready" as const, up: false } },
    tenants: {},
    shares: {},
  };

  it("closes gates, then changes shards, then opens, the fresh one last; a shard that it does not name is drained", () => {
    assert.deepEqual(corrections(process, topology, { placing: true, shards: ["s1"] }), [
      "set server gate/placing state ready",
      "set server gate/shard-101 state ready",
      "set server rooms/s1 health down",
      "set server assets/s1 health down",
      "set server rooms/s9 state drain",
      "set server gate/learning state maint",
      "set server gate/fresh state maint",
    ]);
  });

  it("places nothing while it lacks a shard that others place on, and sends what is there elsewhere", () => {
    const seen = { ...process, servers: [...process.servers, gate("foreign", false)] };
    const closed = (state: "ready" | "drain" | "maint"): string[] =>
      corrections(
        seen,
        { ...topology, shards: { ...topology.shards, s5: { state, up: true } } },
        noHold,
      ).flatMap((line) => /gate\/(\S+) state ready/.exec(line)?.[1] ?? []);
    assert.deepEqual(closed("maint"), []);
    assert.deepEqual(closed("drain"), ["foreign"]);
    assert.deepEqual(closed("ready"), ["placing", "foreign"]);
  });

  it("keeps the gate of one that is still learning", () => {
    const lines = corrections({ ...process, hasLearned: false }, topology, noHold);
    assert(!lines.some((line) => line.includes("learning")) && lines.at(-1)?.includes("fresh"));
  });
});
