import assert from "node:assert/strict";
import fc from "fast-check";
import type { Life } from "../../../../scaler/core/fleet";
import { isDoomed, isProvenEmpty, type Member, type Phase } from "../../../../scaler/fleets/aws/groupState";
import { stepsFor } from "../../../../scaler/fleets/aws/termination";
import { NOW_SECONDS, silent } from "../fleets";
import { bridge, INTERRUPTED, jibri, member } from "./members";

const hold = { timeoutSeconds: 300, toldAtSeconds: NOW_SECONDS - 10 };
const kinds = (one: Member, more: object = {}, now = NOW_SECONDS): string[] =>
  stepsFor(one, { ...hold, ...more }, now).map(({ kind }) => kind);
const waits = (told: Member["told"]): Member => member({ phase: "waits", told });

describe("what others end", () => {
  it("is nothing to do with those that serve", () => {
    assert.deepEqual(kinds(member()), []);
    assert.deepEqual(kinds(member({ phase: "aside" })), []);
    assert.deepEqual(kinds(member({ phase: "going" })), []);
  });

  it("goes a step a look: drained, retired once empty, let go once it takes nothing new", () => {
    assert.deepEqual(kinds(waits(bridge("a", { participants: 2 }))), ["drain"]);
    assert.deepEqual(kinds(waits(bridge("a", { participants: 2, draining: true }))), []);
    assert.deepEqual(kinds(waits(bridge("a", { draining: true }))), ["retire"]);
    assert.deepEqual(kinds(waits(bridge("a", { retiring: true, conferences: 1 }))), []);
    assert.deepEqual(kinds(waits(bridge("a", { retiring: true }))), ["complete"]);
    assert.deepEqual(kinds(waits(bridge("a", {}, { life: "exited" }))), ["complete"]);
  });

  it("is a Jibri that is fenced, and let go once it ended and its recordings are in the store", () => {
    assert.deepEqual(kinds(waits(jibri("j", "busy"))), ["fence"]);
    assert.deepEqual(kinds(waits(jibri("j", "busy", { fenced: true }))), []);
    const unsaved = { kind: "fresh", value: 1 } as const;
    assert.deepEqual(kinds(waits(jibri("j", "idle", { life: "exited", unsaved }))), []);
    assert.deepEqual(kinds(waits(jibri("j", "idle", { life: "exited" }))), ["complete"]);
  });

  it("is held by the hook while it is not known to be empty, in time and not each look", () => {
    const late = { toldAtSeconds: NOW_SECONDS - 100 };
    const busy = waits(bridge("a", { participants: 2, draining: true }));
    assert.deepEqual(kinds(busy), []);
    assert.deepEqual(kinds(busy, late), ["heartbeat"]);
    assert.deepEqual(kinds(waits(bridge("a", {}, { life: "unreachable", ...silent })), late), ["heartbeat"]);
    assert.deepEqual(kinds(waits(undefined), late), [], "nobody ever knew of a call on it");
  });

  it("is let go when its machine has ended, whatever was last known of it", () => {
    const told = bridge("a", { participants: 2 }, { life: "unreachable", ...silent });
    assert.deepEqual(kinds(member({ phase: "waits", gone: true, told })), ["complete"]);
    assert.deepEqual(kinds(member({ notice: INTERRUPTED, gone: true, told })), []);
  });

  it("is drained when AWS announces it, and evacuated when its end is near", () => {
    const told = bridge("a", { participants: 2 });
    const near = INTERRUPTED.kind === "interruption" ? INTERRUPTED.endsAtSeconds - 50 : 0;
    const noticed = member({ notice: INTERRUPTED, told });
    assert.deepEqual(kinds(noticed), ["drain"]);
    assert.deepEqual(kinds(noticed, {}, near), ["evacuate"]);
    assert.deepEqual(kinds({ ...noticed, told: { ...told, ...silent } }, {}, near), ["evacuate"]);
    assert.deepEqual(
      kinds({ ...noticed, told: bridge("a", { participants: 2, retiring: true }) }, {}, near),
      [],
    );
    assert.deepEqual(kinds({ ...noticed, told: bridge("a", { retiring: true }) }), ["remove"]);
    const recommended = member({ notice: { kind: "rebalance" }, told });
    assert.deepEqual(kinds(recommended, {}, NOW_SECONDS + 9999), ["drain"]);
  });

  it("is ended by the scaler once it is empty, where it was retained", () => {
    assert.deepEqual(kinds(member({ phase: "retained" })), ["retire"]);
    assert.deepEqual(kinds(member({ phase: "retained", told: bridge("a", { retiring: true }) })), ["remove"]);
  });
});

describe("whatever an instance looks like", () => {
  const life = fc.constantFrom<Life>(
    "launching",
    "running",
    "running",
    "stopping",
    "exited",
    "failed",
    "unreachable",
  );
  const people = fc.integer({ min: 0, max: 2 });
  const told = fc.oneof(
    fc
      .record({
        life,
        people,
        conferences: people,
        draining: fc.boolean(),
        retiring: fc.boolean(),
        known: fc.boolean(),
      })
      .map(({ known, life: how, people: participants, ...load }) =>
        bridge("a", { participants, ...load }, { life: how, ...(known ? {} : silent) }),
      ),
    fc
      .record({
        life,
        busy: fc.constantFrom("idle" as const, "busy" as const),
        fenced: fc.boolean(),
        left: fc.option(people),
      })
      .map(({ busy, fenced, left, life: how }) =>
        jibri("j", busy, {
          life: how,
          fenced,
          unsaved: left === null ? { kind: "unknown", why: "no answer" } : { kind: "fresh", value: left },
        }),
      ),
    fc.constant(undefined),
  );
  const members = fc
    .record({
      phase: fc.constantFrom<Phase>("coming", "serving", "waits", "retained", "going", "aside"),
      gone: fc.boolean(),
      notice: fc.constantFrom(undefined, INTERRUPTED, { kind: "rebalance" } as const),
      told,
    })
    .map(member);
  const always = (property: (one: Member) => void): void =>
    fc.assert(fc.property(members, property), { numRuns: 5000 });

  it("it is let go or ended only when its machine has ended or its own word of just now proves it empty", () =>
    always((one) => {
      for (const kind of kinds(one, { toldAtSeconds: 0 }))
        if (kind === "complete" || kind === "remove")
          assert(one.gone ? kind === "complete" && one.phase === "waits" : isProvenEmpty(one.told));
    }));
  it("nothing is done to one that others do not end, and only who is taken away is evacuated", () =>
    always((one) => {
      const steps = kinds(one, { toldAtSeconds: 0 });
      assert(isDoomed(one) || steps.length === 0);
      assert(!steps.includes("evacuate") || one.notice?.kind === "interruption");
    }));
  it("a hook is answered only where one waits", () =>
    always((one) => {
      const steps = kinds(one, { toldAtSeconds: 0 });
      assert(one.phase === "waits" || !steps.some((kind) => kind === "complete" || kind === "heartbeat"));
    }));
});
