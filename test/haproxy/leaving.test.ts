import assert from "node:assert/strict";
import { setTimeout as sleep } from "node:timers/promises";
import { EdgeUnderTest, TOKEN, until, type EdgeNodeUnderTest } from "./edgeUnderTest";
import { LiveRooms } from "./liveRooms";
import { serversOf, StandInShard } from "./standInShard";
import { RoomTraffic } from "./traffic";

/** So long a state must last, for it to be one: the keeper looks ten times meanwhile. */
const LASTING_MILLISECONDS = 1000;

describe("A node of the edge that leaves", function () {
  this.timeout(600_000);
  const shards = ["s1", "s2"].map((name) => new StandInShard(name));
  const rooms = Array.from({ length: 20 }, (_, index) => `live${index}`);
  let edge: EdgeUnderTest;
  let node: EdgeNodeUnderTest;
  let live: LiveRooms;

  before(async () => {
    edge = await EdgeUnderTest.create(1);
    await edge.start({ servers: await serversOf(shards) });
    node = edge.nodes[0] as EdgeNodeUnderTest;
    live = await LiveRooms.gather(rooms, edge.nodes);
  });
  after(async () => {
    await live.end();
    await edge.stop();
    for (const shard of shards) shard.close();
  });

  const leave = (token = TOKEN): Promise<Response> =>
    fetch(`http://127.0.0.1:${node.ports.keeper}/v1/leave`, {
      method: "POST",
      headers: { authorization: `Bearer ${token}` },
    });
  /** What who sends users there is told. */
  async function told(): Promise<string> {
    const answer = await fetch(`http://127.0.0.1:${node.ports.metrics}/live`);
    return `${answer.status} ${await answer.text()}`;
  }
  async function stays(state: string): Promise<void> {
    const limit = Date.now() + LASTING_MILLISECONDS;
    while (Date.now() < limit) {
      assert.equal(await told(), state);
      await sleep(50);
    }
  }

  it("is told to by who has the token", async () => {
    assert.equal((await leave("wrong")).status, 401);
    await stays("200 alive");
  });

  it("says so, and serves on: pages, rooms that are there and new ones, live websockets", async () => {
    const homes = new Map(
      await Promise.all(rooms.map(async (room) => [room, await node.home(room)] as const)),
    );
    const from = performance.now();
    const traffic = new RoomTraffic(edge.nodes, homes);
    assert.equal((await leave()).status, 204);
    await stays("503 leaving");
    const fresh = await Promise.all(Array.from({ length: 30 }, (_, index) => node.home(`fresh${index}`)));
    assert.equal(new Set(fresh).size, 2);
    await traffic.stop();
    assert.deepEqual([traffic.failures.slice(0, 5), traffic.moved], [[], []]);
    assert(traffic.requests > 100, `only ${traffic.requests} requests`);
    assert.deepEqual(live.endedSince(from), []);
    assert.deepEqual(live.refusals, []);
  });

  it("leaves still after a reload", async () => {
    for (const which of ["the new process", "the one after it, too"]) {
      await node.reload();
      // For a moment either process may answer.
      await until(`${which} says so and stays with it`, 10, async () => {
        await stays("503 leaving");
        return true;
      });
    }
  });

  it("is alive once its container is another, though the keeper is the same", async () => {
    await node.stopHaproxy("SIGTERM");
    const none = await leave();
    assert.equal(none.status, 500);
    assert.match(await none.text(), /no HAProxy at/);
    node.startHaproxy();
    await edge.settled();
    await stays("200 alive");
  });
});
