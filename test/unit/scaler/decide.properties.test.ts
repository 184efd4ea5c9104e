import assert from "node:assert/strict";
import fc from "fast-check";
import { decide } from "../../../scaler/core/decide";
import type { Bridge, Fleet, Focus, Jibri, Life } from "../../../scaler/core/fleet";
import { noHistory } from "../../../scaler/core/history";
import {
  bridge,
  bridgePolicy,
  fleetOf,
  host,
  jibri,
  jibriPolicy,
  JIBRIS,
  NOW_SECONDS,
  POOL,
  silent,
} from "./fleets";

/** What must hold whatever the fleet looks like. */

const life = fc.constantFrom<Life>(
  "launching",
  "running",
  "running",
  "running",
  "stopping",
  "exited",
  "failed",
  "unreachable",
);
const common = {
  host: fc.constantFrom("a", "b", "c"),
  current: fc.boolean(),
  launchedAtSeconds: fc.integer({ min: 0, max: NOW_SECONDS }),
  life,
};
const count = fc.oneof(fc.constant(0), fc.integer({ min: 0, max: 200 }));
const load = fc.record({
  participants: count,
  conferences: fc.integer({ min: 0, max: 3 }),
  stress: fc.double({ min: 0.001, max: 1.2, noNaN: true }),
  ready: fc.boolean(),
  draining: fc.boolean(),
  retiring: fc.boolean(),
});
const bridges = fc
  .array(
    fc.record({
      ...common,
      told: fc.option(load),
      sick: fc.boolean(),
      pool: fc.constantFrom(POOL, POOL, "s9-bridges"),
    }),
    { maxLength: 12 },
  )
  .map((all) =>
    all.map(({ told, ...more }, index): Bridge =>
      bridge(`b${index}`, told ?? {}, { ...more, ...(told ? {} : silent) }),
    ),
  );
const jibris = fc
  .array(
    fc.record({
      ...common,
      busy: fc.option(fc.constantFrom("idle" as const, "busy" as const, "expired" as const)),
      healthy: fc.boolean(),
      fenced: fc.boolean(),
      unsaved: fc.option(fc.integer({ min: 0, max: 2 })),
    }),
    { maxLength: 12 },
  )
  .map((all) =>
    all.map(({ busy, healthy, unsaved, ...more }, index): Jibri =>
      jibri(`j${index}`, "idle", {
        ...more,
        status:
          busy === null ? { kind: "unknown", why: "no answer" } : { kind: "fresh", value: { busy, healthy } },
        unsaved: unsaved === null ? { kind: "unknown", why: "no answer" } : { kind: "fresh", value: unsaved },
      }),
    ),
  );
const focuses = fc
  .array(fc.option(fc.subarray(Array.from({ length: 12 }, (_, index) => `j${index}`))), { maxLength: 3 })
  .map((all) =>
    all.map((seen, index): Focus => ({
      shard: `s${index}`,
      jibris: seen === null ? { kind: "unknown", why: "no answer" } : { kind: "fresh", value: seen },
    })),
  );
const room = fc.integer({ min: 0, max: 6 });
const hosts = fc.tuple(
  ...["a", "b", "c"].map((name) =>
    fc.record({ drained: fc.boolean(), reachable: fc.boolean(), bridges: room, jibris: room }).map((given) =>
      host(name, {
        drained: given.drained,
        reachable: given.reachable,
        room: { [POOL]: given.bridges, [JIBRIS]: given.jibris },
      }),
    ),
  ),
);
const cases = fc.record({
  fleet: fc.record({ hosts, bridges, jibris, focuses }).map((parts): Fleet => fleetOf(parts)),
  min: fc.integer({ min: 1, max: 4 }),
  more: fc.integer({ min: 0, max: 8 }),
  free: fc.integer({ min: 0, max: 4 }),
  moreJibris: fc.integer({ min: 0, max: 4 }),
});

type Case = typeof cases extends fc.Arbitrary<infer T> ? T : never;

function decided({ fleet, min, more, free, moreJibris }: Case) {
  const policy = {
    bridgePools: [bridgePolicy({ min, max: min + more })],
    jibriPool: jibriPolicy({ free, max: free + moreJibris }),
  };
  // The same was seen a while ago: what is missed has been missed for long enough.
  const { sight } = decide(fleet, noHistory, policy, NOW_SECONDS - 100).history;
  const { actions } = decide(fleet, { ...noHistory, sight }, policy, NOW_SECONDS);
  const find = <Of extends { name: string }>(all: readonly Of[], name: string): Of | undefined =>
    all.find((one) => one.name === name);
  return {
    policy,
    actions,
    on: (kind: string) =>
      actions.flatMap((action) =>
        action.kind !== "launch" && action.kind === kind
          ? [{ bridge: find(fleet.bridges, action.instance), jibri: find(fleet.jibris, action.instance) }]
          : [],
      ),
    launches: (pool: string) => actions.filter((action) => action.kind === "launch" && action.pool === pool),
  };
}

const always = (property: (given: Case) => void): void =>
  fc.assert(fc.property(cases, property), { numRuns: 2000 });
const ended = ({ life: how }: Bridge | Jibri): boolean => how === "exited" || how === "failed";
const isEmpty = ({ load: told }: Bridge): boolean =>
  told.kind === "fresh" && told.value.participants === 0 && told.value.conferences === 0;

describe("a decision, whatever the fleet looks like", () => {
  it("removes only what has ended, and bridges that take nothing new and are seen empty", () =>
    always((given) => {
      for (const { bridge: gone, jibri: goneJibri } of decided(given).on("remove")) {
        if (goneJibri) assert(ended(goneJibri));
        if (gone && !ended(gone))
          assert(
            gone.life === "running" &&
              isEmpty(gone) &&
              gone.load.kind === "fresh" &&
              gone.load.value.retiring,
          );
      }
    }));
  it("retires only bridges that are seen empty, after a drain unless they cannot be used", () =>
    always((given) => {
      for (const { bridge: one } of decided(given).on("retire"))
        assert(
          one &&
            isEmpty(one) &&
            one.load.kind === "fresh" &&
            (one.load.value.draining || one.sick || !one.load.value.ready),
        );
    }));
  it("fences only Jibris that say that they do not record and have nothing unsaved", () =>
    always((given) => {
      for (const { jibri: one } of decided(given).on("fence"))
        assert(
          one?.life === "running" &&
            one.status.kind === "fresh" &&
            one.status.value.busy !== "busy" &&
            one.unsaved.kind === "fresh" &&
            one.unsaved.value === 0,
        );
    }));
  it("never drains the last bridges of a shard", () =>
    always((given) => {
      const drained = decided(given)
        .on("drain")
        .flatMap(({ bridge: one }) => (one?.pool === POOL ? [one.name] : []));
      if (drained.length === 0) return;
      const left = given.fleet.bridges.filter(
        ({ life: how, load: told, name, pool, sick }) =>
          pool === POOL &&
          how === "running" &&
          !sick &&
          told.kind === "fresh" &&
          told.value.ready &&
          !told.value.draining &&
          !told.value.retiring &&
          !drained.includes(name),
      );
      assert(left.length >= 1, `drained ${drained.join(", ")}`);
    }));
  it("launches no more than max allows, and only where there is room", () =>
    always((given) => {
      const { policy, launches } = decided(given);
      for (const [pool, max, members] of [
        [POOL, policy.bridgePools[0]?.policy.max ?? 0, given.fleet.bridges],
        [JIBRIS, policy.jibriPool.policy.max, given.fleet.jibris],
      ] as const) {
        const started = launches(pool);
        const alive = members.filter((one) => one.pool === pool && !ended(one)).length;
        assert(started.length === 0 || alive + started.length <= max);
        for (const place of given.fleet.hosts) {
          const there = started.filter((action) => action.host === place.name).length;
          assert(there === 0 || (place.reachable && !place.drained && there <= (place.room[pool] ?? 0)));
        }
      }
    }));
  it("does one thing to an instance at a time, and nothing to one whose host does not answer", () =>
    always((given) => {
      const names = decided(given).actions.flatMap((action) =>
        action.kind === "launch" ? [] : [action.instance],
      );
      assert.equal(new Set(names).size, names.length);
      for (const one of [...given.fleet.bridges, ...given.fleet.jibris])
        assert(one.life !== "unreachable" || !names.includes(one.name));
    }));
});
