import assert from "node:assert/strict";
import fc from "fast-check";
import { peak, plan } from "../../lab/traffic";

const days = fc.record({
  seed: fc.nat(1e6),
  day: fc.nat(20),
  daySeconds: fc.double({ min: 60, max: 600, noNaN: true }),
});
const every = (check: (day: { seed: number; day: number; daySeconds: number }) => void): void =>
  fc.assert(fc.property(days, check), { numRuns: 100 });

describe("the lab's traffic", () => {
  it("is the same for the same seed, and another for another", () => {
    every(({ day, daySeconds, seed }) => {
      assert.deepEqual(plan(seed, day, daySeconds), plan(seed, day, daySeconds));
      assert.notDeepEqual(plan(seed, day, daySeconds), plan(seed + 1, day, daySeconds));
    });
  });

  it("has every user come and go within the day, and no name twice on any day", () => {
    every(({ day, daySeconds, seed }) => {
      const conferences = [...plan(seed, day, daySeconds), ...plan(seed, day + 1, daySeconds)];
      const users = conferences.flatMap((conference) => conference.users);
      assert.equal(new Set(users.map(({ user }) => user)).size, users.length);
      assert.equal(new Set(conferences.map(({ room }) => room)).size, conferences.length);
      for (const { joinsAtSeconds, leavesAtSeconds } of users)
        assert(0 <= joinsAtSeconds && joinsAtSeconds < leavesAtSeconds && leavesAtSeconds <= daySeconds);
    });
  });

  it("lets a recording begin while the one who asks for it is there", () => {
    every(({ day, daySeconds, seed }) => {
      const recorded = plan(seed, day, daySeconds).filter(
        ({ recordsAtSeconds }) => recordsAtSeconds !== undefined,
      );
      assert(recorded.length >= 5);
      for (const { recordsAtSeconds = 0, users } of recorded) {
        const [first] = users;
        assert(first && first.joinsAtSeconds <= recordsAtSeconds && recordsAtSeconds < first.leavesAtSeconds);
      }
    });
  });

  it("fills the fleet by day and leaves few at night", () => {
    every(({ day, daySeconds, seed }) => {
      const conferences = plan(seed, day, daySeconds);
      const most = peak(conferences);
      assert(60 <= most && most <= 110, `${most} users at once`);
      const isThere = conferences
        .flatMap(({ users }) => users)
        .filter(({ leavesAtSeconds }) => leavesAtSeconds > 0.75 * daySeconds);
      assert(isThere.length <= 10);
      assert(
        conferences.some(({ users }) => users.length > 20),
        "no conference outgrows a bridge of 20",
      );
    });
  });
});
