import assert from "node:assert/strict";
import { setTimeout as sleep } from "node:timers/promises";
import { EdgeUnderTest } from "./edgeUnderTest";
import { FastStandInShards, Flood } from "./flood";

const ROOMS = 100_000;
const CLIENTS = 500;
const AT_ONCE = 2000;

describe("Rooms that are first joined on several nodes at once", function () {
  this.timeout(600_000);
  let shards: FastStandInShards;
  let edge: EdgeUnderTest;
  let floods: Flood[];

  before(async () => {
    shards = await FastStandInShards.start(4);
    edge = await EdgeUnderTest.create(3);
    await edge.start({ servers: shards.servers.slice(0, 3) });
    floods = await Promise.all(edge.nodes.map((node) => Flood.open(node, CLIENTS)));
  });
  after(async () => {
    for (const flood of floods) flood.close();
    await edge.stop();
    await shards.stop();
  });

  /** Joins rooms on all nodes at the same moment. */
  async function join(rooms: readonly string[]): Promise<Map<string, string[]>> {
    const paths = rooms.map((room) => `/${room}`);
    const byNode = await Promise.all(floods.map((flood) => flood.ask(paths)));
    return new Map(rooms.map((room, index) => [room, byNode.map((homes) => homes[index] ?? "")]));
  }
  const splitOf = (homes: ReadonlyMap<string, readonly string[]>): [string, readonly string[]][] =>
    [...homes].filter(([, seen]) => new Set(seen).size > 1 || !/^s\d$/.test(seen[0] ?? ""));
  const named = (prefix: string, count: number): string[] =>
    Array.from({ length: count }, (_, index) => `${prefix}${index}`);

  it(`splits none of ${ROOMS} rooms`, async () => {
    const used = new Map<string, number>();
    for (let first = 0; first < ROOMS; first += AT_ONCE) {
      const homes = await join(named(`many-${first}-`, AT_ONCE));
      assert.deepEqual(splitOf(homes).slice(0, 5), []);
      for (const [, [home = ""]] of homes) used.set(home, (used.get(home) ?? 0) + 1);
    }
    assert.deepEqual([...used.keys()].sort(), ["s1", "s2", "s3"]);
  });

  /** Joins new rooms on all nodes, over and over, while something happens. */
  async function whileJoining(prefix: string, what: () => Promise<void>): Promise<Map<string, string[]>> {
    const all = new Map<string, string[]>();
    const done = new AbortController();
    const happening = what().finally(() => done.abort());
    for (let round = 0; !done.signal.aborted; round += 1)
      for (const [room, homes] of await join(named(`${prefix}${round}-`, 200))) all.set(room, homes);
    await happening;
    return all;
  }

  it("splits none while one node knows a new shard 5 s before the others", async () => {
    const old = await join(named("old-", 1000));
    // HAProxy 2.6 forgets its tables when it is reloaded sooner.
    await sleep(7000);
    const joined = await whileJoining("early-", async () => {
      edge.nodes[0]?.configure({ servers: shards.servers });
      await edge.nodes[0]?.reload();
      await sleep(5000);
      for (const node of edge.nodes.slice(1)) {
        node.configure({ servers: shards.servers });
        await node.reload();
      }
      await edge.settled();
      await sleep(1000);
    });
    assert.deepEqual(splitOf(joined).slice(0, 5), []);
    const last = [...joined.values()].slice(-200);
    assert(
      last.some(([home]) => home === "s4"),
      "the new shard took no room, so the test shows nothing",
    );
    assert.deepEqual(await join([...old.keys()]), old, "a room moved");
    console.log(`      ${joined.size} rooms`);
  });

  it("splits none while a shard is drained and taken back", async () => {
    const joined = await whileJoining("drain-", async () => {
      for (const state of ["drain", "ready", "drain", "ready"] as const) {
        edge.configure({ servers: shards.servers, states: { s2: state } });
        await sleep(300);
        await edge.settled();
      }
    });
    assert.deepEqual(splitOf(joined).slice(0, 5), []);
    console.log(`      ${joined.size} rooms`);
  });
});
