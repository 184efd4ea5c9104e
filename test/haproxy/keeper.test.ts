import assert from "node:assert/strict";
import { setTimeout as sleep } from "node:timers/promises";
import type { Server } from "../../components/jitsi/haproxy";
import { command } from "../../scaler/keeper/haproxy";
import { lookToken } from "../../scaler/tokenCheck";
import { EdgeUnderTest, TOKEN, until, type EdgeNodeUnderTest } from "./edgeUnderTest";
import { serversOf, StandInShard } from "./standInShard";

/** So that a node is given up sooner. */
const QUICK = { times: { tickSeconds: 0.1, settleSeconds: 0.5, leaseSeconds: 1.5, lostSeconds: 3 } };

describe("The keepers of an edge", function () {
  this.timeout(600_000);
  const shards = ["s1", "s2"].map((name) => new StandInShard(name));
  const late = new StandInShard("s3");
  let servers: Server[] = [];
  let edge: EdgeUnderTest;
  let nodes: readonly [EdgeNodeUnderTest, EdgeNodeUnderTest, EdgeNodeUnderTest];

  before(async () => {
    servers = await serversOf(shards);
    edge = await EdgeUnderTest.create(3);
    nodes = edge.nodes as unknown as typeof nodes;
    await edge.start({ servers }, QUICK);
  });
  after(async () => {
    await edge.stop();
    for (const shard of [...shards, late]) shard.close();
  });

  const post = (node: EdgeNodeUnderTest, body: object, token = TOKEN): Promise<Response> =>
    fetch(`http://127.0.0.1:${node.ports.keeper}/v1/instructions`, {
      method: "POST",
      headers: { authorization: `Bearer ${token}` },
      body: JSON.stringify(body),
    });
  const gates = async (node: EdgeNodeUnderTest): Promise<string[]> => {
    const printed = await command(node.socket, "show servers state gate");
    const closed = [...printed.matchAll(/^\d+ gate \d+ (\S+) \S+ 2 /gm)].map(([, name]) => name ?? "");
    // A process that has just started is still learning who is where.
    return closed.filter((name) => name !== "learning");
  };
  const fresh = async (node: EdgeNodeUnderTest, prefix: string): Promise<Set<string>> =>
    new Set(await Promise.all(Array.from({ length: 30 }, (_, index) => node.home(`${prefix}${index}`))));

  it("say nothing to who has no token", async () => {
    for (const [path, method] of [
      ["/v1/view?asker=edge-1", "GET"],
      ["/v1/settled", "GET"],
      ["/v1/arrangement", "GET"],
      ["/v1/shards", "GET"],
      ["/v1/instructions", "POST"],
      ["/v1/leave", "POST"],
    ] as const)
      for (const authorization of ["", "Bearer ", "Bearer wrong"]) {
        const answer = await fetch(`http://127.0.0.1:${nodes[0].ports.keeper}${path}`, {
          method,
          headers: { authorization },
        });
        assert.deepEqual([answer.status, await answer.text()], [401, ""]);
      }
  });

  it("let who may look see the shards and the metrics, and nothing else", async () => {
    const ask = async (method: string, path: string): Promise<number> => {
      const headers = { authorization: `Bearer ${lookToken(TOKEN)}` };
      return (await fetch(`http://127.0.0.1:${nodes[0].ports.keeper}${path}`, { method, headers })).status;
    };
    for (const path of ["/v1/shards", "/metrics"]) assert.equal(await ask("GET", path), 200, path);
    for (const path of ["/v1/arrangement", "/v1/certificate", "/v1/view?asker=edge-1"])
      assert.equal(await ask("GET", path), 401, path);
    for (const path of ["/v1/shards", "/v1/instructions", "/v1/challenges", "/v1/leave"])
      assert.equal(await ask("POST", path), 401, path);
  });

  it("obey nobody but who leads, and nothing that is out of date or no instruction", async () => {
    const hold = { kind: "hold", step: Date.now() + 1e6, hold: { placing: true, shards: [] } };
    assert.equal((await post(nodes[0], { ...hold, leader: "edge-2" })).status, 409);
    assert.equal((await post(nodes[1], { ...hold, leader: "edge-9" })).status, 409);
    assert.equal((await post(nodes[1], { ...hold, leader: "edge-1", step: 1 })).status, 409);
    assert.equal((await post(nodes[1], { kind: "destroy" })).status, 400);
    for (const node of nodes) assert.deepEqual(await gates(node), ["always"]);
  });

  it("tell Prometheus, on the node that leads, of rooms that are on two shards; of none where a shard does not say", async () => {
    const splits = async (node: EdgeNodeUnderTest): Promise<string | undefined> => {
      const page = await fetch(`http://127.0.0.1:${node.ports.keeper}/metrics`, {
        headers: { authorization: `Bearer ${TOKEN}` },
      });
      return /^jitsi_fleet_split_rooms (\d+)$/m.exec(await page.text())?.[1];
    };
    const [one, other] = shards as [StandInShard, StandInShard];
    one.rooms = ["maths", "chess"];
    other.rooms = ["physics"];
    await until("there is none", 5, async () => (await splits(nodes[0])) === "0");
    assert.equal(await splits(nodes[1]), undefined);
    other.rooms = ["physics", "maths"];
    await until("one is found", 5, async () => (await splits(nodes[0])) === "1");
    other.rooms = undefined;
    await until("it is not known", 5, async () => (await splits(nodes[0])) === undefined);
    other.rooms = [];
    await until("there is none", 5, async () => (await splits(nodes[0])) === "0");
  });

  it("tell of each shard its state and what it holds, or why that is unknown, and wait for none", async () => {
    const [first, second] = shards;
    assert(first && second);
    const stats = {
      conferences: 2,
      participants: 7,
      jibri: { recording_active: 1, live_streaming_active: 3 },
      more: [],
    };
    const page = async (): Promise<unknown> => {
      const answer = await fetch(`http://127.0.0.1:${nodes[2].ports.keeper}/v1/shards`, {
        headers: { authorization: `Bearer ${TOKEN}` },
      });
      assert.equal(answer.status, 200);
      return answer.json();
    };
    const known = { conferences: 2, participants: 7, recordings: 1, streams: 3 };
    first.stats = JSON.stringify(stats);
    second.stats = undefined;
    assert.deepEqual(await page(), {
      s1: { state: "ready", up: true, holds: known },
      s2: { state: "ready", up: true, holds: { error: "shard s2: /_stats: no answer within 3 s" } },
    });
    second.stats = JSON.stringify({ ...stats, jibri: {} });
    edge.configure({ servers, states: { s1: "drain" } });
    await edge.settled();
    const { s1, s2 } = (await page()) as Record<"s1" | "s2", { holds: object }>;
    assert.deepEqual(s1, { state: "drain", up: true, holds: known });
    assert.match(JSON.stringify(s2.holds), /^{"error":"shard s2: .*recording_active/);
    edge.configure({ servers });
    await edge.settled();
  });

  it("let a node whose keeper is gone place no room, before the others go on without it", async () => {
    await sleep(13_000);
    const [leader, second] = nodes;
    await leader.stopKeeper();
    await until("its HAProxy closes a gate by itself", 6, async () =>
      (await gates(leader)).includes("lease"),
    );
    edge.configure({ servers, states: { s1: "drain" } });
    await until("the others have a new leader and the drain", 10, async () => {
      const open = await second.isSettled();
      return open && !(await fresh(second, `probe${Date.now()}-`)).has("s1");
    });
    const known = await leader.home("probe-known").catch(() => "");
    assert(known === "s2", "what the others would not place on s1 was placed there");
    leader.startKeeper(QUICK);
    await edge.settled();
    for (const node of nodes) {
      assert.deepEqual(await gates(node), ["always"]);
      assert.deepEqual([...(await fresh(node, `back-${node.name}-`))], ["s2"]);
    }
  });

  it("bring a node back to what is in force that was away while it changed", async () => {
    const [leader, , third] = nodes;
    await third.stopKeeper();
    await third.stopHaproxy("SIGTERM");
    edge.configure({ servers, states: { s2: "drain" } });
    await until(
      "the others go on",
      10,
      async () => (await leader.isSettled()) && (await fresh(leader, `on${Date.now()}-`)).size === 1,
    );
    third.startHaproxy();
    third.startKeeper(QUICK);
    await edge.settled();
    assert.deepEqual([...(await fresh(third, "returned-"))], ["s1"]);
  });

  it("send a room to who knows its shard, from a node that was away when that came", async () => {
    const [first, second, third] = nodes;
    await third.stopKeeper();
    await third.stopHaproxy("SIGTERM");
    const web = { address: "127.0.0.1", port: await late.listen() };
    const more = [...servers, { name: "s3", number: 3, release: "r1", web }];
    await sleep(5000);
    for (const node of [first, second]) {
      node.configure({ servers: more });
      await node.reload();
    }
    const rooms = Array.from({ length: 40 }, (_, index) => `since-${index}`);
    const homes = (node: EdgeNodeUnderTest): Promise<string[]> =>
      Promise.all(rooms.map((room) => node.home(room)));
    await until("the new shard takes rooms", 15, async () =>
      (await fresh(first, `s3-${Date.now()}-`)).has("s3"),
    );
    const before = await homes(first);
    assert(before.includes("s3"), "no room is there, so the test shows nothing");
    third.startHaproxy();
    third.startKeeper(QUICK);
    await until(
      "it is back",
      20,
      async () => (await third.isSettled()) && (await third.home("since-0")) !== "",
    );
    assert.deepEqual(await homes(third), before);
    assert.deepEqual(await homes(second), before);
    const placed = await Promise.all(nodes.map((node) => fresh(node, "placed-")));
    for (const shards of placed) assert(!shards.has("s3"), "placed where not all nodes find it");
    await sleep(5000);
    for (const node of nodes) {
      node.configure({ servers });
      if (node !== third) await node.reload();
    }
    await edge.settled();
  });

  it("leave the last shard in, however ill all are", async () => {
    edge.configure({ servers });
    await edge.settled();
    for (const shard of shards) shard.isHealthy = () => false;
    await sleep(2500);
    assert.equal((await fresh(nodes[0], "ill-")).size, 2);
    for (const shard of shards) shard.isHealthy = () => true;
  });

  it("are not needed: a node that starts without one goes by its settings, after a while", async () => {
    const [first] = nodes;
    for (const node of nodes) await node.stopKeeper();
    await first.stopHaproxy("SIGTERM");
    first.configure({ servers, states: { s1: "maint" } });
    first.startHaproxy();
    await until("it answers", 30, async () => (await first.home("alone")) !== "");
    assert.deepEqual([...(await fresh(first, "alone-"))], ["s2"]);
  });
});
