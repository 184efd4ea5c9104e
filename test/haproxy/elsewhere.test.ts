import assert from "node:assert/strict";
import { command } from "../../scaler/keeper/haproxy";
import { EdgeUnderTest, until } from "./edgeUnderTest";
import { serversOf, StandInShard } from "./standInShard";

describe("A room on a shard that no node knows any more", function () {
  this.timeout(60_000);
  const shards = ["s1", "s2"].map((name) => new StandInShard(name));
  let edge: EdgeUnderTest;

  before(async () => {
    edge = await EdgeUnderTest.create(2);
    await edge.start({ servers: await serversOf(shards) });
    await until("the nodes find one another", 15, async () => {
      const told = await Promise.all(
        edge.nodes.map(({ socket }) => command(socket, "show servers state elsewhere")),
      );
      return told.every((text) => / edge-\d 127\.0\.0\.1 2 /.test(text));
    });
    for (const node of edge.nodes) await node.stopKeeper();
  });
  after(async () => {
    await edge.stop();
    for (const shard of shards) shard.close();
  });

  it("is placed anew after a while, and does not go from node to node until then", async () => {
    const [first] = edge.nodes;
    assert(first);
    for (const { socket } of edge.nodes) {
      // As its keeper has it while others know more shards than it does.
      await command(socket, "set server gate/foreign state ready");
      await command(socket, "set table rooms key /gone data.server_id 109");
    }
    const taken = async (): Promise<number> => {
      const told = await Promise.all(edge.nodes.map(({ socket }) => command(socket, "show info")));
      return told.reduce((sum, text) => sum + Number(/^CumReq: (\d+)/m.exec(text)?.[1]), 0);
    };
    const before = await taken();
    const home = await first.home("gone");
    assert.match(home, /^s[12]$/);
    // The health checks between the nodes are among them.
    const requests = (await taken()) - before;
    assert(requests < 100, `${requests} requests became of one`);
    for (const node of edge.nodes) assert.equal(await node.home("gone"), home);
  });
});
