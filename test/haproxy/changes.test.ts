import assert from "node:assert/strict";
import { setTimeout as sleep } from "node:timers/promises";
import type { Server } from "../../components/jitsi/haproxy";
import { EdgeUnderTest, until, type EdgeNodeUnderTest } from "./edgeUnderTest";
import { LiveRooms } from "./liveRooms";
import { serversOf, StandInShard } from "./standInShard";
import { RoomTraffic } from "./traffic";

/** More than this may pass in this process between a websocket's end and its being told of it. */
const NOTICE_MILLISECONDS = 100;
/** HAProxy 2.6 forgets its tables when it is reloaded sooner after its start. */
const SETTLED_MILLISECONDS = 7000;

describe("Changes of an edge with people in its rooms", function () {
  this.timeout(600_000);
  const shards = ["s1", "s2", "s3"].map((name) => new StandInShard(name));
  const [s1] = shards as [StandInShard];
  let servers: Server[] = [];
  let edge: EdgeUnderTest;
  let first: EdgeNodeUnderTest;
  let live: LiveRooms;
  const rooms = Array.from({ length: 60 }, (_, index) => `live${index}`);
  let homes = new Map<string, string>();

  const whereAll = async (): Promise<Map<string, string>> => {
    const found = await Promise.all(rooms.map(async (room) => [room, await first.home(room)] as const));
    return new Map(found);
  };

  before(async () => {
    servers = await serversOf(shards);
    edge = await EdgeUnderTest.create(2);
    await edge.start({ servers: servers.slice(0, 2) });
    first = edge.nodes[0] as EdgeNodeUnderTest;
    live = await LiveRooms.gather(rooms, edge.nodes);
    homes = await whereAll();
    assert.equal(new Set(homes.values()).size, 2, "all rooms are on one shard, so the tests show nothing");
  });
  after(async () => {
    await live.end();
    await edge.stop();
    for (const shard of shards) shard.close();
  });

  /** Lets users ask while something changes: nothing may fail, and no room move. */
  async function underLoad(what: () => Promise<void>): Promise<void> {
    const traffic = new RoomTraffic(edge.nodes, homes);
    await what();
    await sleep(500);
    await traffic.stop();
    assert.deepEqual(
      traffic.failures.slice(0, 5),
      [],
      `${traffic.failures.length} of ${traffic.requests} failed`,
    );
    assert.deepEqual(traffic.moved, []);
    assert(traffic.requests > 200, `only ${traffic.requests} requests`);
    console.log(`      ${traffic.requests} requests`);
  }

  async function reloadAll(wanted: Parameters<EdgeUnderTest["configure"]>[0]): Promise<void> {
    for (const node of edge.nodes) {
      node.configure(wanted);
      node.check();
      await node.reload();
    }
    await edge.settled();
  }

  it("adds a shard: no request fails, no room moves, no session ends", async () => {
    await sleep(SETTLED_MILLISECONDS);
    const from = performance.now();
    await underLoad(() => reloadAll({ servers }));
    assert.deepEqual(live.endedSince(from), []);
    const fresh = await Promise.all(Array.from({ length: 40 }, (_, index) => first.home(`fresh${index}`)));
    assert(fresh.includes("s3"), "no new room on the new shard");
  });

  it("drains a shard and takes it back, likewise, and without a reload", async () => {
    const from = performance.now();
    const pid = await first.workerPid();
    await underLoad(async () => {
      edge.configure({ servers, states: { s1: "drain" } });
      await edge.settled();
      const fresh = await Promise.all(Array.from({ length: 40 }, (_, index) => first.home(`later${index}`)));
      assert(!fresh.includes("s1"), "a new room went to the drained shard");
      edge.configure({ servers });
      await edge.settled();
    });
    assert.equal(await first.workerPid(), pid);
    assert.deepEqual(live.endedSince(from), []);
  });

  it("a restarted process goes by the drained state that it finds", async () => {
    edge.configure({ servers, states: { s3: "drain" } });
    await edge.settled();
    await underLoad(() => reloadAll({ servers, states: { s3: "drain" } }));
    const fresh = await Promise.all(Array.from({ length: 40 }, (_, index) => first.home(`afresh${index}`)));
    assert(!fresh.includes("s3"), "a new room went to the drained shard");
  });

  it("removes a drained shard that is empty, likewise", async () => {
    await sleep(SETTLED_MILLISECONDS);
    const from = performance.now();
    await underLoad(() => reloadAll({ servers: servers.slice(0, 2) }));
    assert.deepEqual(live.endedSince(from), []);
    assert.deepEqual(await whereAll(), homes);
  });

  it("changes nothing while a shard's health fails for one node alone", async () => {
    const from = performance.now();
    await underLoad(async () => {
      s1.isHealthy = (node) => node !== "edge-1";
      await sleep(2500);
      s1.isHealthy = (node) => node !== "edge-2";
      await sleep(2500);
      s1.isHealthy = () => true;
      await sleep(1500);
    });
    assert.deepEqual(live.endedSince(from), []);
  });

  it("replaces a node: no request fails, and who was on it is back on the same shard within 5 s", async () => {
    await sleep(SETTLED_MILLISECONDS);
    const [, second] = edge.nodes;
    assert(second);
    for (const node of [second, first]) {
      const from = performance.now();
      await underLoad(async () => {
        await node.stopKeeper();
        // As Docker stops the image: its stop signal first, the end after the grace.
        const stopped = node.stopHaproxy("SIGUSR1");
        await sleep(1500);
        node.endSessions();
        await stopped;
        await sleep(1000);
        node.startHaproxy();
        node.startKeeper();
        await edge.settled();
      });
      const ended = live.endedSince(from);
      assert(ended.length > 0, "nobody was on it, so the test shows nothing");
      await until("everybody is back", 5, () => [...live.now()].length === rooms.length);
      assert.equal(live.longestSplitMilliseconds(), 0);
      for (const { room, shard, to } of ended) {
        const next = live.sessions.find((session) => session.room === room && session.from >= to);
        assert.equal(next?.shard, shard, `${room} moved`);
        assert(next.from - to < 5000, `${room} was away for ${next.from - to} ms`);
      }
    }
    assert.deepEqual(await whereAll(), homes);
  });

  it("a shard that flaps for 10 s takes its own rooms elsewhere, together, and splits none", async () => {
    // Its sessions are in processes that were reloaded, which no command of the present one reaches.
    await sleep(SETTLED_MILLISECONDS);
    await reloadAll({ servers: servers.slice(0, 2) });
    const from = performance.now();
    const end = from + 10_000;
    const isIll = (): boolean => (performance.now() - from) % 3000 < 1700;
    s1.isHealthy = () => performance.now() > end || !isIll();
    await sleep(10_000);
    await edge.settled();
    await sleep(1500);
    const split = live.longestSplitMilliseconds();
    console.log(`      longest split ${split.toFixed(1)} ms; ${live.endedSince(from).length} sessions ended`);
    assert(split < NOTICE_MILLISECONDS, `a room was on two shards for ${split} ms`);
    const ended = live.endedSince(from);
    assert(ended.length > 0, "no session ended, so the test shows nothing");
    assert(
      ended.every(({ shard }) => shard === "s1"),
      "another shard's rooms were touched",
    );
    for (const [room, at] of live.now()) assert.equal(at.size, 1, `${room} is on ${[...at].join()}`);
  });

  it("a shard that dies loses its own rooms alone: they come back on another, the same at every node", async () => {
    homes = await whereAll();
    const from = performance.now();
    const died = shards[1] as StandInShard;
    died.close();
    await until(
      "its rooms are back",
      15,
      () => [...live.now()].length === rooms.length && [...live.now().values()].every((at) => !at.has("s2")),
    );
    await sleep(500);
    const ended = live.endedSince(from);
    assert(ended.length > 0 && ended.every(({ shard }) => shard === "s2"));
    assert(live.longestSplitMilliseconds() < NOTICE_MILLISECONDS);
    for (const node of edge.nodes)
      for (const room of rooms) assert.equal(await node.home(room), [...(live.now().get(room) ?? [])].join());
  });
});
