import assert from "node:assert/strict";
import fc from "fast-check";
import {
  isHeld,
  leaseTurn,
  leaseWritten,
  noLease,
  type LeaseItem,
  type LeaseView,
} from "../../../../scaler/fleets/aws/lease";

const LEASE_SECONDS = 10;

/** Scalers that take turns on one table. Each knows the true time only by its own clock, which began anywhere. */
class Scalers {
  item: LeaseItem | undefined;
  nowSeconds = 0;
  private beats = 0;
  private readonly views = new Map<string, LeaseView>();

  private clock(name: string): number {
    return this.nowSeconds + name.charCodeAt(0) * 1000;
  }

  leads(name: string): boolean {
    return isHeld(this.views.get(name) ?? noLease, this.clock(name));
  }

  /** A turn; reading and writing may each take a while, and the write may be answered late or not at all. */
  turn(name: string, takes: { read?: number; write?: number; answer?: boolean } = {}): void {
    const { item } = this;
    this.nowSeconds += takes.read ?? 0;
    const { view, write } = leaseTurn(
      item,
      name,
      this.views.get(name) ?? noLease,
      LEASE_SECONDS,
      this.clock(name),
    );
    this.views.set(name, view);
    if (!write) return;
    const began = this.clock(name);
    this.nowSeconds += takes.write ?? 0;
    const isWritten = this.item?.beat === item?.beat;
    const beat = `beat ${(this.beats += 1)}`;
    if (isWritten) this.item = { holder: name, beat };
    if (takes.answer === false) return;
    this.views.set(
      name,
      isWritten ? leaseWritten(beat, began, LEASE_SECONDS) : { ...view, heldUntilSeconds: undefined },
    );
  }

  restart(name: string): void {
    this.views.delete(name);
  }
}

describe("the lease", () => {
  it("is the first one's, and stays with it while it renews it", () => {
    const scalers = new Scalers();
    for (let turn = 0; turn < 20; turn += 1) {
      scalers.turn("a");
      scalers.turn("b");
      assert.deepEqual([scalers.leads("a"), scalers.leads("b")], [true, false]);
      scalers.nowSeconds += 2;
    }
  });
  it("goes to another once it has not been renewed for all of its time, not before", () => {
    const scalers = new Scalers();
    scalers.turn("a");
    scalers.turn("b");
    scalers.nowSeconds += LEASE_SECONDS - 0.1;
    scalers.turn("b");
    assert.deepEqual([scalers.leads("a"), scalers.leads("b")], [false, false]);
    scalers.nowSeconds += 0.1;
    scalers.turn("b");
    assert(scalers.leads("b"));
    scalers.turn("a");
    assert(!scalers.leads("a"));
  });
  it("is not taken up again by who was killed and comes back at once", () => {
    const scalers = new Scalers();
    scalers.turn("a");
    scalers.restart("a");
    scalers.turn("a");
    assert(!scalers.leads("a"));
  });
  it("is nobody's any more who sees it with another", () => {
    const scalers = new Scalers();
    scalers.turn("a");
    scalers.item = { holder: "b", beat: "b's" };
    scalers.turn("a");
    assert(!scalers.leads("a"));
  });
  it("that was given back is taken at once", () => {
    const scalers = new Scalers();
    scalers.turn("a");
    scalers.item = { holder: "", beat: "given back" };
    scalers.turn("b");
    assert(scalers.leads("b"));
  });
  it("is never two scalers' at once, however they stall, die, and lose answers", () => {
    const pause = fc.double({ min: 0, max: 15, noNaN: true });
    const step = fc.record({
      name: fc.constantFrom("a", "b", "c"),
      rest: fc.double({ min: 0, max: 6, noNaN: true }),
      read: pause,
      write: pause,
      answer: fc.boolean(),
      dies: fc.integer({ min: 0, max: 9 }).map((one) => one === 0),
      stalls: fc.boolean(),
    });
    let changes = 0;
    fc.assert(
      fc.property(fc.array(step, { minLength: 5, maxLength: 40 }), (steps) => {
        const scalers = new Scalers();
        let last = "";
        for (const { answer, dies, name, read, rest, stalls, write } of steps) {
          if (dies) scalers.restart(name);
          scalers.turn(name, stalls ? { read, write, answer } : {});
          const leading = ["a", "b", "c"].filter((one) => scalers.leads(one));
          assert(leading.length <= 1, leading.join(" and "));
          if (leading[0] !== undefined && leading[0] !== last) changes += 1;
          last = leading[0] ?? last;
          scalers.nowSeconds += rest;
        }
      }),
      { numRuns: 2000 },
    );
    assert(changes > 1000, "hardly ever did one lead");
  });
});
