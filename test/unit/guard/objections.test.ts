import type { ShardState } from "@jitsi-fleet/scaler";
import assert from "node:assert/strict";
import fc from "fast-check";
import {
  objectionsTo,
  objectionToEnd,
  type After,
  type Before,
  type Measure,
  type Unknown,
} from "../../../components/guard/objections";
import { dockerWords } from "../../../components/docker/guard";

const places = ["a", "b", "c"] as const;
const names = ["s1", "s2", "s3", "s4"] as const;
const states = ["ready", "drain", "maint"] as const;

/** What the fleet is really like, and what its settings were. */
interface World {
  readonly shards: Readonly<
    Record<
      string,
      { place: string; revision: string; state: ShardState; conferences: number; silent: boolean }
    >
  >;
  readonly hosts: Readonly<Record<string, { participants: number; silent: boolean }>>;
}

const shardArbitrary = fc.record({
  place: fc.constantFrom(...places),
  revision: fc.constantFrom("1", "2"),
  state: fc.constantFrom(...states),
  conferences: fc.constantFrom(0, 0, 0, 3),
  silent: fc.constantFrom(false, false, false, true),
});
const worldArbitrary: fc.Arbitrary<World> = fc.record({
  shards: fc.dictionary(fc.constantFrom(...names), shardArbitrary, { minKeys: 1 }),
  hosts: fc.dictionary(
    fc.constantFrom(...places),
    fc.record({
      participants: fc.constantFrom(0, 0, 5),
      silent: fc.constantFrom(false, false, false, true),
    }),
    { minKeys: 1 },
  ),
});

const beforeOf = ({ hosts, shards }: World): Before => ({
  shards: new Map(
    Object.entries(shards).map(([name, { place, revision }]) => [
      name,
      { place, revisions: { all: revision } },
    ]),
  ),
  instances: Object.keys(hosts),
});
const afterOf = ({ hosts, shards }: World): After => ({
  shards: new Map(
    Object.entries(shards).map(([name, { place, revision, state }]) => [
      name,
      { place, state, revisions: { all: revision } },
    ]),
  ),
  instances: Object.keys(hosts),
});

const silence: Unknown = { unknown: "no answer" };
const measureOf = ({ hosts, shards }: World): Measure => ({
  inForce: (shard) => Promise.resolve(shards[shard]?.state ?? "none"),
  holds: ({ name, role }) => {
    const count = role === "shard" ? shards[name]?.conferences : hosts[name]?.participants;
    const isSilent = role === "shard" ? shards[name]?.silent : hosts[name]?.silent;
    return Promise.resolve(isSilent === true ? silence : count === 0 ? undefined : `${count ?? 0} of them`);
  },
});

/** An update as Pulumi would carry it out: whom it cuts. */
function cutBy(before: World, after: World): string[] {
  const shards = Object.entries(before.shards).flatMap(([name, was]) => {
    const is = after.shards[name];
    const isStopped = !is || is.place !== was.place || is.revision !== was.revision;
    const isCutOff = isStopped || (is.state === "maint" && was.state !== "maint");
    const mayHold = was.conferences > 0 || was.silent;
    // Into a shard that takes new rooms somebody comes at any moment.
    const mayFill = was.state === "ready" || (isStopped && is?.state === "ready");
    return isCutOff && (mayHold || mayFill) ? [name] : [];
  });
  const hosts = Object.entries(before.hosts).flatMap(([name, { participants, silent }]) =>
    name in after.hosts || (participants === 0 && !silent) ? [] : [name],
  );
  return [...shards, ...hosts].sort();
}

describe("what speaks against an update", () => {
  const against = (before: World, after: World, scope: "all" | "states" = "all") =>
    objectionsTo(beforeOf(before), afterOf(after), measureOf(before), dockerWords, scope);

  it("is all that it would cut, and nothing else, whatever the settings were and become", async () => {
    const runs = process.env["FLEET_TEST_SIZE"] === "full" ? 5000 : 500;
    let refused = 0;
    await fc.assert(
      fc.asyncProperty(worldArbitrary, worldArbitrary, async (before, after) => {
        const objections = await against(before, after);
        const about = objections.map((objection) => objection.about.split(" ")[1] ?? "").sort();
        assert.deepEqual(about, cutBy(before, after));
        if (about.length > 0) refused += 1;
        for (const { reason, remedy } of objections)
          assert(reason.includes("would cut calls: ") && remedy !== "");
      }),
      { numRuns: runs },
    );
    assert(refused > runs / 10 && refused < runs, `${refused} of ${runs} refused`);
  });

  it("is nothing where the settings stay, whatever is on", async () => {
    await fc.assert(
      fc.asyncProperty(worldArbitrary, async (world) => {
        const objections = await against(world, world);
        assert.deepEqual(objections, []);
      }),
    );
  });

  it("is what sets a shard to maint, where shards' states alone are brought", async () => {
    const shard = { place: "a", revision: "1", state: "ready" as const, conferences: 1, silent: false };
    const before: World = {
      shards: { s1: shard, s2: shard },
      hosts: { a: { participants: 1, silent: false } },
    };
    const after: World = { shards: { s1: { ...shard, revision: "2", state: "maint" } }, hosts: {} };
    const [only, ...more] = await against(before, after, "states");
    assert.equal(only?.reason, "Setting shard s1 to maint would cut calls: shard s1 is in state ready");
    assert.deepEqual(more, []);
  });

  it("leaves a shard alone whose host is out of reach, but does not take it out", async () => {
    const shard = { place: "a", revision: "1", state: "drain" as const, conferences: 0, silent: false };
    const before: World = { shards: { s1: shard }, hosts: {} };
    const lost: Measure = {
      inForce: () => Promise.resolve("drain"),
      holds: () => Promise.resolve({ unknown: "its host a does not answer", isOutOfReach: true }),
    };
    const ask = (after: World) => objectionsTo(beforeOf(before), afterOf(after), lost, dockerWords, "all");
    const [changed] = await ask({ shards: { s1: { ...shard, revision: "2" } }, hosts: {} });
    assert.equal(changed?.weight, "left");
    assert.match(
      changed.reason,
      /^s1 stays as it is: shard s1 cannot be measured: its host a does not answer/,
    );
    const [removed] = await ask({ shards: {}, hosts: {} });
    assert.equal(removed?.weight, undefined);
    assert.match(removed?.reason ?? "", /^Removing shard s1 would cut calls: shard s1 cannot be measured/);
  });

  it("is, against taking all down, all that is on", async () => {
    const shard = { place: "a", revision: "1", state: "ready" as const, silent: false };
    const world: World = {
      shards: { s1: { ...shard, conferences: 2 }, s2: { ...shard, conferences: 0 } },
      hosts: { a: { participants: 3, silent: false }, b: { participants: 0, silent: true } },
    };
    const end = (of: World) => objectionToEnd("dev", beforeOf(of), measureOf(of), dockerWords);
    assert.equal(
      (await end(world))?.reason,
      "Destroying dev would cut calls: shard s1 holds 2 of them; host a holds 3 of them; host b cannot be measured: no answer",
    );
    assert.equal(await end({ shards: { s2: world.shards["s2"] ?? assert.fail() }, hosts: {} }), undefined);
  });
});
