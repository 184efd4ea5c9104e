import assert from "node:assert/strict";
import fc from "fast-check";
import { decide } from "../../../../scaler/core/decide";
import type { Bridge, Fleet, Jibri } from "../../../../scaler/core/fleet";
import { noHistory, type History } from "../../../../scaler/core/history";
import { withLeast } from "../../../../scaler/core/policy";
import {
  commanded,
  desiredNow,
  haveTold,
  isProvenEmpty,
  maximumFor,
  membersOf,
  phaseOf,
  placeOf,
  raised,
  type GroupPlace,
  type Machine,
  type Member,
  type Notice,
} from "../../../../scaler/fleets/aws/groupState";
import { bridgePolicy, fleetOf, jibriPolicy, NOW_SECONDS, silent } from "../fleets";
import { bridge, BRIDGES, group, INTERRUPTED, jibri, JIBRI_GROUP, machine, member } from "./members";

const none = new Map<string, Notice>();
const place = (members: readonly Member[], more: object = {}): GroupPlace =>
  placeOf(
    BRIDGES,
    members,
    {
      desired: members.filter(({ phase }) => phase === "serving" || phase === "coming").length,
      fresh: true,
      most: 10,
      told: true,
      ...more,
    },
    NOW_SECONDS,
  );
const seen = (one: Member): Bridge => {
  const [first] = place([one]).bridges;
  assert(first);
  return first;
};
const recorder = (more: Partial<Member>, told: Partial<Jibri>, busy: "idle" | "busy" = "idle"): Jibri => {
  const one = member({ name: "jibris-a", told: jibri("jibris-a", busy, { host: "i-a", ...told }), ...more });
  const facts = { desired: 1, fresh: true, most: 4, told: true };
  const [first] = placeOf(JIBRI_GROUP, [one], facts, NOW_SECONDS).jibris;
  assert(first);
  return first;
};

describe("a group of machines as a place", () => {
  it("has its instances by their names, each with what its own agent says", () => {
    const told = fleetOf({
      bridges: [
        // Another machine's agent at an address that was this one's.
        bridge("s1-bridges-0b", { participants: 9 }, { host: "i-0a" }),
        bridge("s1-bridges-0a", { participants: 3 }, { host: "i-0a" }),
      ],
    });
    const described = group({ "i-0a": "InService", "i-0b": "InService", "i-0c": "Warmed:Stopped" });
    const machines = new Map(["i-0a", "i-0b"].map((id) => [id, machine()]));
    const members = membersOf(BRIDGES, described, machines, none, told, NOW_SECONDS);
    assert.deepEqual(
      members.map(({ name, told: said }) => [name, said?.name]),
      [
        ["s1-bridges-0a", "s1-bridges-0a"],
        ["s1-bridges-0b", undefined],
      ],
    );
    const [a, b] = place(members).bridges;
    assert(a?.load.kind === "fresh" && a.load.value.participants === 3);
    assert.deepEqual([a.host, a.machine], [BRIDGES.group, "i-0a"]);
    assert.deepEqual([b?.life, b?.load.kind], ["running", "unknown"]);
  });

  it("says of an instance whose agent is silent that it runs, however long it has been silent", () => {
    const { life, load } = seen(
      member({ told: bridge("s1-bridges-a", {}, { host: "i-a", life: "unreachable", ...silent }) }),
    );
    assert.deepEqual([life, load.kind], ["running", "unknown"]);
  });

  it("has one whose agent has not said a word yet as launching, as long as a machine may take to boot", () => {
    const life = (ageSeconds: number) =>
      seen(member({ told: undefined, launchedAtSeconds: NOW_SECONDS - ageSeconds })).life;
    assert.deepEqual([life(600), life(1300)], ["launching", "running"]);
  });

  it("has what is to come, with a machine and without one, as launching", () => {
    const { bridges, host } = place(
      [
        member({ phase: "coming", told: undefined }),
        member({ id: "i-b", name: "s1-bridges-b", told: bridge("b", {}, { host: "i-b" }) }),
      ],
      { desired: 4 },
    );
    assert.deepEqual(
      bridges.map(({ life }) => life),
      ["launching", "running", "launching", "launching"],
    );
    assert.equal(new Set(bridges.map(({ machine: on }) => on)).size, 4);
    assert.deepEqual(host.room, { "s1-bridges": 6 });
  });

  it("has no room while it was not described, nor above the most, nor when a group has more than that", () => {
    assert(!place([member()], { fresh: false }).host.reachable);
    assert.deepEqual(place([member()], { most: 1 }).host.room, { "s1-bridges": 0 });
    assert.deepEqual(place([member()], { desired: 3, most: 2 }).host.room, { "s1-bridges": 0 });
  });

  it("takes an instance of another revision for outdated, whatever the launch templates, and what is not known yet for none", () => {
    const described = group({ "i-a": "InService" }, { template: "lt-1:4", revision: "new" });
    const current = (known: Machine | undefined): boolean | undefined =>
      membersOf(
        BRIDGES,
        described,
        new Map(known === undefined ? [] : [["i-a", known]]),
        new Map(),
        { bridges: [], jibris: [] },
        NOW_SECONDS,
      )[0]?.current;
    assert.equal(current(machine({ revision: "new" })), true);
    assert.equal(current(machine({ revision: "old" })), false);
    assert.equal(current(undefined), true);
    // Launched before there were any.
    assert.equal(current(machine()), false);
  });

  it("takes an instance of another launch template for outdated, and none where the version is a moving one", () => {
    const described = group({ "i-a": "InService" }, { template: "lt-1:4" });
    const told = fleetOf({ bridges: [bridge("s1-bridges-a", {}, { host: "i-a" })] });
    const current = (template: string | undefined): boolean | undefined =>
      place(membersOf(BRIDGES, { ...described, template }, new Map(), none, told, NOW_SECONDS)).bridges[0]
        ?.current;
    assert.deepEqual([current("lt-1:4"), current("lt-1:3"), current(undefined)], [false, true, true]);
  });

  it("has one that others end as draining and outdated while people are on it, and as stopping then", () => {
    for (const more of [{ phase: "waits" }, { phase: "retained" }, { notice: INTERRUPTED }] as const) {
      const busy = seen(member({ ...more, told: bridge("s1-bridges-a", { participants: 2 }) }));
      assert.deepEqual([busy.life, busy.current], ["running", false]);
      assert(busy.load.kind === "fresh" && busy.load.value.draining && busy.load.value.participants === 2);
      assert.equal(seen(member(more)).life, "stopping");
      assert.equal(seen(member({ ...more, told: undefined })).life, "stopping");
    }
  });

  it("has what is on standby, unknown or past its hook as stopping: nothing is done to it", () => {
    for (const lifecycle of ["Standby", "Detaching", "Terminating:Proceed", "A word of next year"])
      assert.equal(seen(member({ phase: phaseOf(lifecycle) })).life, "stopping", lifecycle);
  });

  it("has a Jibri as over only once its recordings are in the store: they go with the machine", () => {
    const unknown = { kind: "unknown", why: "no answer" } as const;
    for (const life of ["exited", "failed"] as const) {
      assert.equal(recorder({}, { life }).life, life);
      assert.equal(recorder({}, { life, unsaved: { kind: "fresh", value: 1 } }).life, "stopping");
      assert.equal(recorder({}, { life, unsaved: unknown }).life, "stopping");
    }
    const ending = recorder({ phase: "waits" }, {}, "busy");
    assert.deepEqual([ending.life, ending.fenced, ending.current], ["running", true, false]);
  });
});

describe("what others take away is made up for ahead of its end", () => {
  const decided = (members: Member[], desired: number) => {
    const { bridges, host } = place(members, { desired });
    const policy = { bridgePools: [bridgePolicy({ min: 2, spare: 0 })] };
    return decide(fleetOf({ hosts: [host], bridges }), noHistory, policy, NOW_SECONDS).actions;
  };
  const two = (notice?: Notice): Member[] =>
    ["a", "b"].map((id) =>
      member({
        id: `i-${id}`,
        name: `s1-bridges-${id}`,
        told: bridge(`s1-bridges-${id}`, { participants: 20 }, { host: `i-${id}` }),
        notice: id === "a" ? notice : undefined,
      }),
    );
  it("nothing where nothing is announced", () => assert.deepEqual(decided(two(), 2), []));
  it("one more for one that is taken away, and nothing is decided on that one itself", () => {
    assert.deepEqual(
      decided(two(INTERRUPTED), 2).map(({ kind }) => kind),
      ["launch"],
    );
    assert.deepEqual(decided(two(INTERRUPTED), 3), []);
  });
});

describe("who was there before this scaler", () => {
  it("must say how it is before a group launches, and holds up no other group", () => {
    const late = placeOf(
      JIBRI_GROUP,
      [
        member({ id: "i-b", name: "jibris-b", told: undefined }),
        member({ name: "jibris-a", told: jibri("jibris-a", "busy", { host: "i-a" }) }),
      ],
      { desired: 2, fresh: true, most: 4, told: false },
      NOW_SECONDS,
    );
    const { host } = place([]);
    const policy = { bridgePools: [bridgePolicy()], jibriPool: jibriPolicy({ free: 2 }) };
    const launched = (hosts: Fleet["hosts"]): string[] =>
      decide(fleetOf({ hosts, jibris: late.jibris }), noHistory, policy, NOW_SECONDS).actions.map(
        ({ pool }) => pool,
      );
    assert.deepEqual(launched([host, late.host]), ["s1-bridges", "s1-bridges"]);
    assert.deepEqual(launched([host, { ...late.host, told: true }]), [
      "s1-bridges",
      "s1-bridges",
      "jibris",
      "jibris",
    ]);
  });
});

describe("a group has told", () => {
  it("once all that serve have, or had their time", () => {
    const late = [member(), member({ told: undefined })];
    assert(!haveTold(late, NOW_SECONDS - 59, NOW_SECONDS));
    assert(haveTold(late, NOW_SECONDS - 60, NOW_SECONDS));
    assert(haveTold([member(), member({ phase: "coming", told: undefined })], NOW_SECONDS, NOW_SECONDS));
  });
});

describe("what a group insists on", () => {
  it("keeps bridges and Jibris that nobody needs", () => {
    const bridges = ["a", "b", "c"].map((name) => bridge(name));
    const jibris = ["x", "y", "z"].map((name) => jibri(name));
    const policy = { bridgePools: [bridgePolicy({ min: 1, spare: 0 })], jibriPool: jibriPolicy({ free: 1 }) };
    const going = (least: Record<string, number>): string[] => {
      const history: History = decide(
        fleetOf({ bridges, jibris }),
        noHistory,
        policy,
        NOW_SECONDS - 1,
      ).history;
      return decide(fleetOf({ bridges, jibris }), history, withLeast(policy, least), NOW_SECONDS).actions.map(
        ({ kind }) => kind,
      );
    };
    assert.deepEqual(going({}), ["drain", "drain", "fence", "fence"]);
    assert.deepEqual(going({ "s1-bridges": 2, jibris: 2 }), ["drain", "fence"]);
    assert.deepEqual(going({ "s1-bridges": 3, jibris: 3 }), []);
  });
});

describe("the desired capacity", () => {
  const count = fc.integer({ min: 0, max: 12 });
  it("is only ever raised, and never above the most", () =>
    fc.assert(
      fc.property(
        count,
        count,
        count,
        fc.integer({ min: 1, max: 6 }),
        count,
        (desired, min, expected, more, most) => {
          const target = raised(group({}, { desired, min }), expected, more, most);
          if (target !== undefined) assert(target > desired && target > expected && target <= most);
        },
      ),
      { numRuns: 3000 },
    ));
  it("is not raised twice for one need: neither by who repeats it nor by who comes late", () => {
    assert.equal(raised(group({}, { desired: 3 }), 3, 2, 10), 5);
    assert.equal(raised(group({}, { desired: 5 }), 3, 2, 10), undefined);
    assert.equal(raised(group({}, { desired: 4 }), 3, 2, 10), undefined);
  });
  it("is raised to the same where the description lags behind", () => {
    const command = commanded(undefined, 3, 5, NOW_SECONDS - 3);
    const expected = desiredNow(3, command, NOW_SECONDS);
    assert.equal(expected, 5);
    assert.equal(raised(group({}, { desired: 3 }), expected, 1, 10), 6);
    assert.equal(desiredNow(3, command, NOW_SECONDS + 60), 3);
  });
  it("is what others made of it where it never was what is described", () => {
    const up = commanded(undefined, 3, 5, NOW_SECONDS);
    assert.equal(desiredNow(7, up, NOW_SECONDS + 1), 7);
    const down = commanded(up, 5, 4, NOW_SECONDS + 1);
    assert.deepEqual(
      [3, 4, 5, 2].map((described) => desiredNow(described, down, NOW_SECONDS + 2)),
      [4, 4, 4, 2],
    );
    const again = commanded(down, 4, 5, NOW_SECONDS + 2);
    assert.deepEqual(
      [3, 4, 5].map((described) => desiredNow(described, again, NOW_SECONDS + 3)),
      [5, 5, 5],
    );
  });
  it("has a maximum that makes way, and is lowered only when that ends nobody", () => {
    const three = { "i-a": "InService", "i-b": "InService", "i-c": "Terminating:Wait" };
    assert.equal(maximumFor(group({}, { max: 4 }), 6, 10), 10);
    assert.equal(maximumFor(group({}, { max: 10 }), 6, 10), undefined);
    assert.equal(maximumFor(group(three, { max: 10 }), 0, 2), undefined);
    assert.equal(maximumFor(group(three, { max: 10 }), 0, 3), 3);
    assert.equal(maximumFor(group(three, { max: 10, desired: 5 }), 0, 3), undefined);
  });
});

describe("a proof that nothing is on it", () => {
  it("is its own word of just now alone", () => {
    const retiring = bridge("a", { retiring: true });
    assert(isProvenEmpty(retiring));
    assert(isProvenEmpty(bridge("a", {}, { life: "exited" })));
    for (const told of [
      undefined,
      bridge("a"),
      bridge("a", { retiring: true, participants: 1 }),
      bridge("a", { retiring: true, conferences: 1 }),
      { ...retiring, ...silent },
      { ...retiring, life: "unreachable" as const },
      { ...retiring, life: "launching" as const },
      jibri("j"),
      jibri("j", "idle", { fenced: true }),
      jibri("j", "idle", { life: "exited", unsaved: { kind: "fresh", value: 1 } }),
      jibri("j", "idle", { life: "exited", unsaved: { kind: "unknown", why: "" } }),
    ])
      assert(!isProvenEmpty(told), JSON.stringify(told));
    assert(isProvenEmpty(jibri("j", "idle", { life: "exited" })));
  });
});
