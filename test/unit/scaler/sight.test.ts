import assert from "node:assert/strict";
import { decide, type Decision } from "../../../scaler/core/decide";
import type { Focus, Jibri } from "../../../scaler/core/fleet";
import { noHistory, type History } from "../../../scaler/core/history";
import { fleetOf, host, jibri, JIBRIS, jibriPolicy, NOW_SECONDS } from "./fleets";

const sees = (shard: string, ...value: string[]): Focus => ({ shard, jibris: { kind: "fresh", value } });
const silent = (shard: string): Focus => ({
  shard,
  jibris: { kind: "unknown", why: "no answer within 3 s" },
});

const decided = (
  members: Jibri[],
  focuses: Focus[],
  policy: object = {},
  history: History = noHistory,
  now = NOW_SECONDS,
): Decision =>
  decide(
    fleetOf({ jibris: members, focuses }),
    history,
    { bridgePools: [], jibriPool: jibriPolicy(policy) },
    now,
  );
const told = ({ actions }: Decision): string[] =>
  actions.map((action) => (action.kind === "launch" ? "launch" : `${action.kind} ${action.instance}`));
const outlookOf = ({ outlook }: Decision) => {
  const [pool] = outlook;
  assert(pool);
  return pool;
};
/** Decides every ten seconds for a while; the last decision. */
function after(
  seconds: number,
  members: Jibri[],
  focuses: Focus[],
  policy: object = {},
  history: History = noHistory,
  from = NOW_SECONDS,
): Decision {
  let decision = decided(members, focuses, policy, history, from);
  for (let now = from + 10; now <= from + seconds; now += 10)
    decision = decided(members, focuses, policy, decision.history, now);
  return decision;
}

describe("Jibris, as the shards' conference focuses see them", () => {
  const [x, y] = [jibri("x"), jibri("y")];

  it("are free for each shard that sees them, not in sum", () => {
    const { freeFor, states } = outlookOf(decided([x, y], [sees("s1", "x", "y"), sees("s2", "y", "x")]));
    assert.deepEqual(freeFor, { s1: 2, s2: 2 });
    assert.equal(states["free"], 2);
  });

  it("count as starting until each has seen them, and for no longer than a minute", () => {
    const focuses = [sees("s1", "x"), sees("s2")];
    const soon = after(50, [x], focuses);
    assert.deepEqual(told(soon), []);
    assert.deepEqual([outlookOf(soon).pending, outlookOf(soon).states["free"]], [1, 0]);
    const late = after(60, [x], focuses);
    assert.deepEqual(told(late), ["launch"]);
    const { freeFor, reason, serving, states } = outlookOf(late);
    assert.deepEqual([serving, states["free"], states["unseen"]], [0, 0, 1]);
    assert.deepEqual(freeFor, { s1: 1, s2: 0 });
    assert.match(reason, /the Jicofo of s2 does not see 1 of 1 idle Jibris \(x\)/);
    assert.match(late.actions[0]?.reason ?? "", /the Jicofo of s2 has not seen it for 60 s/);
  });

  it("one that is missed serves on until its successor is seen, and goes only while it is idle and all is safe", () => {
    const { history } = after(60, [x], [sees("s1", "x"), sees("s2")]);
    const next = jibri("n", "idle", { launchedAtSeconds: NOW_SECONDS + 62 });
    const now = NOW_SECONDS + 90;
    assert.deepEqual(told(decided([x, next], [sees("s1", "x", "n"), sees("s2")], {}, history, now)), []);
    const focuses = [sees("s1", "x", "n"), sees("s2", "n")];
    const seen = decided([x, next], focuses, {}, history, now);
    assert.deepEqual(told(seen), ["fence x"]);
    assert.match(seen.actions[0]?.reason ?? "", /the Jicofo of s2 has not seen it for 90 s/);
    for (const state of [
      jibri("x", "busy"),
      jibri("x", "idle", { unsaved: { kind: "fresh", value: 1 } }),
      jibri("x", "idle", { unsaved: { kind: "unknown", why: "no answer" } }),
    ])
      assert(
        !told(decided([state, next], focuses, { scaleInDelaySeconds: 600 }, history, now)).includes(
          "fence x",
        ),
      );
  });

  it("at max one makes room, if it is idle", () => {
    assert.deepEqual(told(after(60, [x], [sees("s1", "x"), sees("s2")], { max: 1 })), ["fence x"]);
  });

  it("are not missed by one that does not answer: unknown is not unseen", () => {
    const decision = after(300, [x], [sees("s1", "x"), silent("s2")]);
    assert.deepEqual(told(decision), []);
    const { freeFor, reason, states } = outlookOf(decision);
    assert.deepEqual([freeFor, states["free"]], [{ s1: 1, s2: null }, 1]);
    assert.match(reason, /which Jibris the Jicofo of s2 sees is unknown: no answer within 3 s/);
  });

  it("a focus that was silent in between has its minute anew", () => {
    const before = after(50, [x], [sees("s1", "x"), sees("s2")]);
    const silence = decided([x], [sees("s1", "x"), silent("s2")], {}, before.history, NOW_SECONDS + 55);
    const again = after(50, [x], [sees("s1", "x"), sees("s2")], {}, silence.history, NOW_SECONDS + 60);
    assert.deepEqual(told(again), []);
  });

  it("of another configuration need not know every shard: they are free, and go for what they are made of", () => {
    const old = jibri("x", "idle", { current: false });
    const decision = after(120, [old], [sees("s1", "x"), sees("s3")]);
    assert.deepEqual(told(decision), ["launch"]);
    assert.equal(outlookOf(decision).states["free"], 1);
    assert.doesNotMatch(decision.actions[0]?.reason ?? "", /Jicofo/);
  });

  for (const [free, max] of [
    [1, 4],
    [3, 6],
    [3, 3],
    [1, 1],
  ] as const)
    it(`a focus that sees none, with ${free} free of ${max}: two are replaced, one after another, then it is told that it is at fault`, () => {
      let members: Jibri[] = Array.from({ length: free }, (_, index) => jibri(`j${index}`));
      let history = noHistory;
      let last: Decision | undefined;
      const [launched, fenced] = [new Set<string>(), new Set<string>()];
      for (let now = NOW_SECONDS; now < NOW_SECONDS + 3000; now += 5) {
        const s1 = sees("s1", ...members.filter((one) => !one.fenced).map(({ name }) => name));
        last = decided(members, [s1, sees("s2")], { free, max }, history, now);
        history = last.history;
        const waiting = members.filter((one) => !one.fenced && one.life === "running").length;
        for (const action of last.actions) {
          if (action.kind === "launch") {
            const name = `n${launched.size}`;
            launched.add(name);
            members = [...members, jibri(name, "idle", { launchedAtSeconds: now })];
          } else if (action.kind === "fence") {
            assert(free < max || waiting >= free, "fewer are left than are to be free");
            fenced.add(action.instance);
            members = members.map((one) =>
              one.name === action.instance ? { ...one, fenced: true, life: "running" } : one,
            );
          } else if (action.kind === "remove")
            members = members.filter(({ name }) => name !== action.instance);
        }
        // What was told to go has ended by the next but one look.
        members = members.map((one) =>
          one.fenced && fenced.has(one.name) ? { ...one, life: "exited" } : one,
        );
      }
      assert.deepEqual([launched.size, fenced.size], [2, 2]);
      assert(last);
      assert.deepEqual(told(last), []);
      assert.match(
        outlookOf(last).reason,
        /s2 does not see .* nor those that replaced others: look at its Prosody/,
      );
      // A recording takes one: the shard that is at fault keeps no other from having the next.
      const [first, ...rest] = members;
      assert(first);
      const taken = [
        { ...first, status: { kind: "fresh", value: { busy: "busy", healthy: true } } } as Jibri,
        ...rest,
      ];
      const names = members.map(({ name }) => name);
      const next = decided(
        taken,
        [sees("s1", ...names), sees("s2")],
        { free, max: max + 1 },
        history,
        NOW_SECONDS + 3000,
      );
      assert.deepEqual(told(next), ["launch"]);
    });

  it("a host that is drained, a pool without shards to ask: as before", () => {
    const fleet = fleetOf({ hosts: [host("a", { drained: true }), host("b")], jibris: [x] });
    const { actions } = decide(fleet, noHistory, { bridgePools: [], jibriPool: jibriPolicy() }, NOW_SECONDS);
    assert.deepEqual(
      actions.map(({ kind, pool }) => [kind, pool]),
      [["launch", JIBRIS]],
    );
  });
});
