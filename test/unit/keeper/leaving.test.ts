import assert from "node:assert/strict";
import { Leave } from "../../../scaler/keeper/leaving";

describe("whether a node leaves", () => {
  const first = { pid: 8, uptimeSeconds: 100 };
  /** A node that leaves, whose HAProxy was reloaded so often since its container started. */
  function leaving(reloads: number, limitSeconds?: number): Leave {
    const leave = new Leave(() => Promise.resolve(reloads), limitSeconds);
    leave.begin(first);
    return leave;
  }

  it("is said by the process that was told, and by each that a reload brings", async () => {
    const leave = leaving(2);
    assert.equal(await leave.isSaidBy({ ...first, uptimeSeconds: 101 }), true);
    assert.equal(await leave.isSaidBy({ pid: 9, uptimeSeconds: 0 }), true);
    assert.equal(await leave.isSaidBy({ pid: 9, uptimeSeconds: 1 }), true);
  });

  it("is said by none of another container, even where it has the same number", async () => {
    for (const pid of [8, 9]) {
      const leave = leaving(0);
      assert.equal(await leave.isSaidBy({ pid, uptimeSeconds: 1 }), false);
      assert.equal(await leave.isSaidBy({ pid, uptimeSeconds: 200 }), false);
    }
  });

  it("is over where nobody replaced it, and was never so where nobody said it", async () => {
    assert.equal(await leaving(0, -1).isSaidBy(first), false);
    assert.equal(await new Leave(() => Promise.resolve(1)).isSaidBy(first), false);
  });
});
