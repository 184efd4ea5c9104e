import assert from "node:assert/strict";
import { ReachOfShards } from "../../../scaler/keeper/reach";

describe("how a node finds a shard", () => {
  const found = (checks: readonly (readonly [seconds: number, isWell: boolean])[]): string | undefined => {
    const reach = new ReachOfShards("edge-1", {
      intervalSeconds: 1,
      downAfterSeconds: 5,
      upAfterSeconds: 10,
    });
    for (const [seconds, isWell] of checks) reach.note("s1", isWell, seconds * 1000);
    return reach.all["s1"];
  };

  it("is up from the first success", () => {
    assert.equal(found([[0, true]]), "up");
    assert.equal(
      found([
        [0, false],
        [1, true],
      ]),
      "up",
    );
  });

  it("is down once it failed for long enough without a success", () => {
    const failing = [
      [0, true],
      [1, false],
      [3, false],
    ] as const;
    assert.equal(found([...failing, [5.9, false]]), "up");
    assert.equal(found([...failing, [6, false]]), "down");
    assert.equal(found([...failing, [5, true], [6, false]]), "up");
  });

  it("is down no more from the next success, and up once there was no failure for long enough", () => {
    const down = [
      [0, false],
      [5, false],
    ] as const;
    assert.equal(found(down), "down");
    assert.equal(found([...down, [6, true]]), "unknown");
    assert.equal(found([...down, [6, true], [15.9, true]]), "unknown");
    assert.equal(found([...down, [6, true], [16, true]]), "up");
    assert.equal(found([...down, [6, true], [7, false], [17, true]]), "unknown");
    assert.equal(found([...down, [6, true], [7, false], [12, false]]), "down");
  });
});
