import assert from "node:assert/strict";
import { decide, type Decision } from "../../../scaler/core/decide";
import type { Bridge, Fleet, Jibri } from "../../../scaler/core/fleet";
import { noHistory, type History } from "../../../scaler/core/history";
import type { FleetPolicy } from "../../../scaler/core/policy";
import { bridge, bridgePolicy, fleetOf, host, jibri, jibriPolicy, NOW_SECONDS, silent } from "./fleets";

/** Actions in short: what, and on whom or where. */
const told = ({ actions }: Decision): string[] =>
  actions.map((action) =>
    action.kind === "launch" ? `launch on ${action.host}` : `${action.kind} ${action.instance}`,
  );

const bridges = (
  members: Bridge[],
  policy: object = {},
  history: History = noHistory,
  now = NOW_SECONDS,
): Decision => decide(fleetOf({ bridges: members }), history, { bridgePools: [bridgePolicy(policy)] }, now);
const jibris = (
  members: Jibri[],
  policy: object = {},
  history: History = noHistory,
  now = NOW_SECONDS,
): Decision =>
  decide(fleetOf({ jibris: members }), history, { bridgePools: [], jibriPool: jibriPolicy(policy) }, now);
const several = (count: number, each: (index: number) => Bridge): Bridge[] =>
  Array.from({ length: count }, (_, index) => each(index));

describe("bridges of a shard", () => {
  for (const [users, wanted] of [
    [500, 10],
    [100, 3],
    [0, 2],
  ] as const)
    it(`${users} users get ${wanted} bridges with the settings as they come`, () => {
      const { outlook } = bridges([bridge("x", { participants: users, stress: 0.1 })]);
      assert.equal(outlook[0]?.desired, wanted);
    });

  it("start with as many as there always are, spread over the hosts", () => {
    assert.deepEqual(told(bridges([])), ["launch on a", "launch on b"]);
  });
  it("never exceed max, whatever the load", () => {
    const members = several(3, (index) => bridge(`x${index}`, { participants: 400 }));
    assert.equal(told(bridges(members, { max: 4 })).length, 1);
  });
  it("that start count: no second launch for the same need", () => {
    const members = [bridge("x"), bridge("y", {}, { life: "launching" })];
    assert.deepEqual(told(bridges(members)), []);
  });
  it("that run but are not in their brewery yet count as starting", () => {
    const members = [bridge("x"), bridge("y", { ready: false }, { launchedAtSeconds: NOW_SECONDS - 20 })];
    assert.deepEqual(told(bridges(members)), []);
  });
  it("on one busy host do not call for ever more of them there", () => {
    const members = several(6, (index) => bridge(`x${index}`, { participants: 10, stress: 1.1 }));
    const { outlook } = bridges(members);
    assert.equal(outlook[0]?.desired, 3);
  });
  it("grow with stress where a bridge has its host to itself", () => {
    const members = [bridge("x", { stress: 1 }), bridge("y", { stress: 1 }, { host: "b" })];
    assert.equal(bridges(members).outlook[0]?.desired, 4);
  });

  it("too many: the emptiest is drained, no more than the surplus", () => {
    const members = [
      bridge("x", { participants: 9 }),
      bridge("y", { participants: 3 }),
      bridge("z", { participants: 5 }),
    ];
    assert.deepEqual(told(bridges(members)), ["drain y"]);
  });
  it("are drained only after the whole delay", () => {
    const members = several(3, (index) => bridge(`x${index}`));
    const policy = { scaleInDelaySeconds: 100 };
    let history = noHistory;
    for (let second = 0; second <= 95; second += 5) {
      const decision = bridges(members, policy, history, NOW_SECONDS + second);
      assert.deepEqual(told(decision), [], `after ${second} s`);
      ({ history } = decision);
    }
    assert.deepEqual(told(bridges(members, policy, history, NOW_SECONDS + 100)), ["drain x0"]);
  });
  it("one moment of load within the delay keeps them", () => {
    const members = several(3, (index) => bridge(`x${index}`));
    const policy = { scaleInDelaySeconds: 100 };
    let history = noHistory;
    for (let second = 0; second <= 150; second += 5) {
      const busy = second === 60 ? [bridge("x0", { participants: 100 }), ...members.slice(1)] : members;
      const decision = bridges(busy, policy, history, NOW_SECONDS + second);
      assert.deepEqual(told(decision), []);
      ({ history } = decision);
    }
  });
  it("leave step by step: drained and empty, then nothing new for good, then gone", () => {
    const others = [bridge("x"), bridge("y")];
    const steps = [
      [{ draining: true, participants: 1 }, []],
      [{ draining: true }, ["retire z"]],
      [{ draining: true, retiring: true, participants: 1 }, []],
      [{ draining: true, retiring: true }, ["remove z"]],
    ] as const;
    for (const [state, expected] of steps)
      assert.deepEqual(told(bridges([...others, bridge("z", state)])), expected);
  });
  it("on their way out are called back before another is launched", () => {
    const members = [bridge("x", { participants: 60 }), bridge("y", { participants: 60, draining: true })];
    assert.deepEqual(told(bridges(members)), ["undrain y", "launch on b", "launch on b"]);
  });
  it("that retire are not called back", () => {
    const members = [
      bridge("x", { participants: 60 }),
      bridge("y", { participants: 5, draining: true, retiring: true }),
    ];
    assert.deepEqual(told(bridges(members)), ["launch on b", "launch on b"]);
  });

  it("that say nothing are neither removed nor doubled", () => {
    const members = [bridge("x"), bridge("y"), bridge("z", {}, silent)];
    assert.deepEqual(told(bridges(members)), []);
    assert.deepEqual(
      told(bridges([bridge("x", { participants: 50 }), bridge("y", {}, silent)], { spare: 0 })),
      [],
    );
  });
  it("none of which says anything: nothing is done, nothing is claimed", () => {
    const decision = bridges(
      several(2, (index) => bridge(`x${index}`, {}, silent)),
      { min: 3 },
    );
    assert.deepEqual(told(decision), []);
    assert.equal(decision.outlook[0]?.desired, undefined);
  });
  it("that say nothing any more count with what they last carried", () => {
    const { history } = bridges([bridge("x", { participants: 100 }), bridge("y", { participants: 100 })]);
    const { outlook } = bridges([bridge("x", { participants: 100 }), bridge("y", {}, silent)], {}, history);
    assert.equal(outlook[0]?.desired, 5);
  });
  it("that were just launched and say nothing are starting; that told their load before are silent", () => {
    const young = { launchedAtSeconds: NOW_SECONDS - 20 };
    const first = bridges([bridge("x", { participants: 30 }, young)]);
    const { outlook } = bridges(
      [bridge("x", {}, { ...young, ...silent })],
      {},
      first.history,
      NOW_SECONDS + 5,
    );
    assert.deepEqual([outlook[0]?.desired, outlook[0]?.states["unknown"]], [undefined, 1]);
    const never = bridges([bridge("x", {}, { ...young, ...silent })]);
    assert.deepEqual([never.outlook[0]?.desired, never.outlook[0]?.states["pending"]], [2, 1]);
  });
  it("none of which is in its brewery (Prosody down): nothing launched, nothing removed", () => {
    assert.deepEqual(
      told(
        bridges(
          several(2, (index) => bridge(`x${index}`, { ready: false })),
          { min: 4 },
        ),
      ),
      [],
    );
  });
  it("that fail their health check while they start count as starting", () => {
    const young = { launchedAtSeconds: NOW_SECONDS - 5, sick: true };
    assert.deepEqual(told(bridges([bridge("x"), bridge("y", {}, { ...young, ...silent })])), []);
  });
  it("that are sick are replaced", () => {
    assert.deepEqual(told(bridges([bridge("x"), bridge("y", { participants: 3 }, { sick: true })])), [
      "launch on b",
    ]);
  });
  it("that ended are cleared away and replaced, ever more slowly if they fail again and again", () => {
    assert.deepEqual(told(bridges([bridge("x"), bridge("y", {}, { life: "exited" })])), [
      "remove y",
      "launch on b",
    ]);
    let history = noHistory;
    for (const name of ["y1", "y2", "y3"])
      ({ history } = bridges([bridge("x"), bridge(name, {}, { life: "failed" })], {}, history));
    assert.deepEqual(told(bridges([bridge("x")], {}, history, NOW_SECONDS + 30)), []);
    assert.deepEqual(told(bridges([bridge("x")], {}, history, NOW_SECONDS + 41)), ["launch on b"]);
  });

  it("that ended as they were told are no failures: what is wanted next is launched at once", () => {
    const leaving = several(4, (index) => bridge(`x${index}`, { retiring: true }));
    const { history } = bridges([...leaving, bridge("y"), bridge("z")]);
    const ended = leaving.map((one) => ({ ...one, life: "exited" as const, ...silent }));
    const decision = bridges([...ended, bridge("y", { participants: 200 })], {}, history, NOW_SECONDS + 5);
    assert(told(decision).includes("launch on b"), told(decision).join());
  });
  it("that are not ready say why in their own words: in the reason, together where they say the same", () => {
    const words = "No valid IP addresses available for harvesting.";
    const young = { launchedAtSeconds: NOW_SECONDS - 70, sick: true, trouble: words };
    const members = [bridge("x", { ready: false }, young), bridge("y", { ready: false }, young)];
    const [outlook] = bridges(members).outlook;
    assert.match(
      outlook?.reason ?? "",
      /2 wanted; 2 instances: No valid IP addresses available for harvesting\.$/,
    );
    assert.deepEqual(outlook?.troubles, [`2 instances: ${words}`]);
    const others = several(9, (index) => bridge(`x${index}`, {}, { trouble: `trouble ${index}` }));
    assert.equal(bridges(others).outlook[0]?.troubles.length, 4);
  });
  it("that cannot be launched say why in the reason of the wait", () => {
    const failed = ["x", "y", "z"].map((name) =>
      bridge(name, {}, { life: "failed", detail: "no such image" }),
    );
    assert.match(
      bridges(failed).outlook[0]?.reason ?? "",
      /launches failed \(no such image\), the next in \d+ s/,
    );
  });
  it("of another release are replaced one by one, a successor ahead", () => {
    const old = (name: string, participants: number) => bridge(name, { participants }, { current: false });
    const two = [old("x", 4), old("y", 2)];
    assert.deepEqual(told(bridges(two)), ["launch on b"]);
    assert.deepEqual(told(bridges([...two, bridge("z", {}, { life: "launching" })])), []);
    assert.deepEqual(told(bridges([...two, bridge("z")])), ["drain y"]);
  });
  it("of another release make room themselves where nothing can be launched ahead", () => {
    const old = (name: string) => bridge(name, {}, { current: false });
    assert.deepEqual(told(bridges([old("x"), old("y")], { max: 2 })), ["drain x"]);
  });
  it("on a drained host move away", () => {
    const fleet: Fleet = fleetOf({
      hosts: [host("a", { drained: true }), host("b")],
      bridges: [bridge("x"), bridge("y", {}, { host: "b" })],
    });
    const decision = decide(fleet, noHistory, { bridgePools: [bridgePolicy()] }, NOW_SECONDS);
    assert.deepEqual(told(decision), ["launch on b"]);
  });
  it("on a lost host are missed after a minute, not at once, and nothing of it is removed", () => {
    const fleet = fleetOf({
      hosts: [host("a"), host("b", { reachable: false })],
      bridges: [bridge("x"), bridge("y", {}, { host: "b", life: "unreachable", ...silent })],
    });
    const policy: FleetPolicy = { bridgePools: [bridgePolicy()] };
    const { history, actions } = decide(fleet, noHistory, policy, NOW_SECONDS);
    assert.deepEqual(actions, []);
    assert.deepEqual(told(decide(fleet, history, policy, NOW_SECONDS + 59)), []);
    assert.deepEqual(told(decide(fleet, history, policy, NOW_SECONDS + 61)), ["launch on a"]);
  });
  it("are not missed while a host has yet to tell what runs there, as when agent and scaler start at once", () => {
    const late = host("b", { reachable: false, told: false });
    const fleet = fleetOf({ hosts: [host("a"), late], bridges: [bridge("x")] });
    const policy: FleetPolicy = { bridgePools: [bridgePolicy()], jibriPool: jibriPolicy() };
    const { actions, history, outlook } = decide(fleet, noHistory, policy, NOW_SECONDS);
    assert.deepEqual(actions, []);
    assert.deepEqual(
      outlook.map(({ desired }) => desired),
      [undefined, undefined],
    );
    const lost = decide(fleet, history, policy, NOW_SECONDS + 61);
    assert.deepEqual(told(lost), ["launch on a", "launch on a"]);
    const back = decide({ ...fleet, hosts: [host("a"), host("b")] }, history, policy, NOW_SECONDS + 5);
    assert.deepEqual(told(back), ["launch on b", "launch on a"]);
  });
  it("on a lost host do not count against max: what they did, others do", () => {
    const lost = ["x", "y"].map((name) => bridge(name, {}, { host: "b", life: "unreachable", ...silent }));
    const fleet = fleetOf({
      hosts: [host("a"), host("b", { reachable: false })],
      bridges: [...lost, bridge("z")],
    });
    const policy = { bridgePools: [bridgePolicy({ max: 3 })] };
    const first = decide(fleet, noHistory, policy, NOW_SECONDS);
    assert.deepEqual(told(decide(fleet, first.history, policy, NOW_SECONDS + 61)), ["launch on a"]);
  });
  it("of a shard that is gone leave once they are empty", () => {
    const members = [
      bridge("x"),
      bridge("y", { draining: true, participants: 1 }),
      bridge("z", { draining: true }),
    ];
    const decision = decide(fleetOf({ bridges: members }), noHistory, { bridgePools: [] }, NOW_SECONDS);
    assert.deepEqual(told(decision), ["drain x", "retire z"]);
  });
});

describe("Jibris", () => {
  it("free are as many as wanted, from the first", () => {
    assert.deepEqual(told(jibris([], { free: 3 })), ["launch on a", "launch on b", "launch on a"]);
  });
  it("one taken: another starts", () => {
    const members = [jibri("x", "busy"), jibri("y"), jibri("z")];
    assert.deepEqual(told(jibris(members, { free: 3 })), ["launch on b"]);
  });
  it("one more free than wanted: one stops, by its own graceful shutdown", () => {
    assert.deepEqual(told(jibris([jibri("x"), jibri("y")])), ["fence x"]);
  });
  it("fenced are not fenced again, nor counted as free", () => {
    assert.deepEqual(told(jibris([jibri("x", "idle", { fenced: true }), jibri("y")])), []);
  });
  it("busy are never fenced, whatever max says", () => {
    assert.deepEqual(told(jibris([jibri("x", "busy"), jibri("y", "busy")], { max: 1 })), []);
    assert.deepEqual(told(jibris([jibri("x", "busy"), jibri("y")], { max: 1 })), ["fence y"]);
  });
  it("with a recording that is not safe yet are neither free nor removed", () => {
    const uploading = jibri("x", "idle", { unsaved: { kind: "fresh", value: 1 } });
    assert.deepEqual(told(jibris([uploading])), ["launch on b"]);
    assert.deepEqual(told(jibris([uploading, jibri("y")])), []);
  });
  it("whose host has no room for another recording are not free, and end; what is recorded goes on", () => {
    const trouble = "its host has no room for another recording";
    const cramped = jibri("x", "idle", { cramped: true, trouble });
    const decision = jibris([cramped, jibri("y", "busy", { cramped: true })]);
    const { actions, outlook } = decision;
    assert.deepEqual(told(decision), ["launch on b", "fence x"]);
    assert.equal(actions.find(({ kind }) => kind === "fence")?.reason, trouble);
    assert.equal(outlook[0]?.states["cramped"], 1);
  });
  it("that did not hand their recording over end", () => {
    assert.deepEqual(told(jibris([jibri("x", "idle", { kept: true }), jibri("y")])), ["fence x"]);
  });
  it("find no place: it is said which host is too full", () => {
    const full = host("a", { room: { jibris: 0 }, cramped: "its host has no room for another recording" });
    const policy = { bridgePools: [], jibriPool: jibriPolicy({ free: 1 }) };
    const { outlook } = decide(fleetOf({ hosts: [full], jibris: [] }), noHistory, policy, NOW_SECONDS);
    assert.match(outlook[0]?.reason ?? "", /; a: its host has no room for another recording$/);
  });
  it("whose spool is unknown count as free and are left alone", () => {
    const unsure = { unsaved: { kind: "unknown", why: "the uploader does not answer" } } as const;
    assert.deepEqual(told(jibris([jibri("x", "idle", unsure), jibri("y", "idle", unsure)])), []);
  });
  it("that stay silent for a moment count as what they were", () => {
    const mute = { status: { kind: "unknown", why: "no answer" } } as const;
    const { history } = jibris([jibri("x"), jibri("y", "busy")]);
    const members = [jibri("x", "idle", mute), jibri("y", "idle", mute)];
    assert.deepEqual(told(jibris(members, {}, history, NOW_SECONDS + 30)), []);
    assert.deepEqual(told(jibris(members, {}, history, NOW_SECONDS + 90)), ["launch on b"]);
  });
  it("all silent from the start: nothing is done", () => {
    const mute = { status: { kind: "unknown", why: "no answer" } } as const;
    assert.deepEqual(told(jibris([jibri("x", "idle", mute), jibri("y", "idle", mute)], { free: 3 })), []);
  });
  it("on a lost host are missed after a minute, and do not count against max", () => {
    const lost = ["x", "y"].map((name) =>
      jibri(name, "idle", { host: "b", life: "unreachable", status: { kind: "unknown", why: "lost" } }),
    );
    const fleet = fleetOf({ hosts: [host("a"), host("b", { reachable: false })], jibris: lost });
    const policy = { bridgePools: [], jibriPool: jibriPolicy({ free: 2, max: 2 }) };
    const first = decide(fleet, noHistory, policy, NOW_SECONDS);
    assert.deepEqual(told(first), []);
    const later = decide(fleet, first.history, policy, NOW_SECONDS + 61);
    assert.deepEqual(told(later), ["launch on a", "launch on a"]);
  });
  it("that were fenced and ended are no failures: the next is launched at once", () => {
    const fenced = ["x", "y", "z"].map((name) => jibri(name, "idle", { fenced: true }));
    const { history } = jibris([...fenced, jibri("a")]);
    const ended = fenced.map((one) => ({ ...one, life: "exited" as const, fenced: false }));
    const decision = jibris([...ended, jibri("a", "busy")], {}, history, NOW_SECONDS + 5);
    assert(told(decision).includes("launch on b"), told(decision).join());
  });
  it("that ended are cleared away and replaced", () => {
    assert.deepEqual(told(jibris([jibri("x", "idle", { life: "exited" })])), ["remove x", "launch on a"]);
  });
  it("of another configuration are replaced while idle, a successor ahead; busy ones go on", () => {
    const old = { current: false };
    const members = [jibri("x", "idle", old), jibri("y", "busy", old)];
    assert.deepEqual(told(jibris(members)), ["launch on b"]);
    assert.deepEqual(told(jibris([...members, jibri("z")])), ["fence x"]);
  });
  it("at max the outdated make room one at a time", () => {
    const old = { current: false };
    assert.deepEqual(told(jibris([jibri("x", "idle", old), jibri("y", "idle", old)], { free: 2, max: 2 })), [
      "fence x",
    ]);
  });
  it("at max the next of the outdated waits for the first one's successor", () => {
    const members = [jibri("x", "idle", { current: false }), jibri("y", "idle", { life: "launching" })];
    assert.deepEqual(told(jibris(members, { free: 2, max: 2 })), []);
  });
  it("that record no more than once are recycled when what they recorded is safe", () => {
    assert.deepEqual(told(jibris([jibri("x", "expired"), jibri("y")])), ["fence x"]);
  });
  it("of a pool that is gone leave while idle", () => {
    const decision = decide(
      fleetOf({ jibris: [jibri("x"), jibri("y", "busy")] }),
      noHistory,
      { bridgePools: [] },
      NOW_SECONDS,
    );
    assert.deepEqual(told(decision), ["fence x"]);
  });
});

describe("bridges whose shard is not in the settings any more", () => {
  const orphans = [
    bridge("x", {}, { pool: "s9-bridges" }),
    bridge("y", { draining: true }, { pool: "s9-bridges" }),
    bridge("z", { draining: true, retiring: true }, { pool: "s9-bridges" }),
    bridge("e", {}, { pool: "s9-bridges", life: "exited" }),
  ];
  const seen = (...states: Fleet["edges"][number]["states"][]): Decision =>
    decide(
      fleetOf({
        bridges: orphans,
        edges: states.map((known, index) => ({ edge: `edge-${index}`, states: known })),
      }),
      noHistory,
      { bridgePools: [] },
      NOW_SECONDS,
    );
  const has = (state: string) => ({ kind: "fresh", value: { s1: "ready", s9: state } }) as const;
  const went = { kind: "fresh", value: { s1: "ready" } } as const;

  it("go, each once it is empty, where no edge sends their shard rooms", () => {
    const wanted = ["drain x", "remove e", "retire y", "remove z"];
    assert.deepEqual(told(seen()), wanted);
    assert.deepEqual(told(seen(went, has("drain"))), wanted);
    assert.deepEqual(told(seen(has("maint"))), wanted);
  });
  it("are kept as they are while an edge has it in ready, or does not say, and the reason is told", () => {
    const unknown = { kind: "unknown", why: "no answer within 4 s" } as const;
    for (const [states, why] of [
      [[went, has("ready")], /edge-1 still has s9 in ready\. Drain it, and run pulumi up/],
      [[went, unknown], /edge-1 does not say whether it sends s9 rooms \(no answer within 4 s\)/],
    ] as const) {
      const decision = seen(...states);
      assert.deepEqual(told(decision), ["remove e"], "one that ended holds nobody");
      const [outlook] = decision.outlook;
      assert.equal(outlook?.pool, "s9-bridges");
      assert.match(outlook.reason, why);
      assert.deepEqual(outlook.troubles.length, 1);
    }
  });
});
