import assert from "node:assert/strict";
import { command } from "../../scaler/keeper/haproxy";
import { EdgeUnderTest, until } from "./edgeUnderTest";
import { serversOf, StandInShard } from "./standInShard";

describe("An edge of two nodes", function () {
  this.timeout(600_000);
  const shards = ["s1", "s2"].map((name) => new StandInShard(name));
  let edge: EdgeUnderTest;

  before(async () => {
    edge = await EdgeUnderTest.create(2);
    await edge.start({ servers: await serversOf(shards) });
  });
  after(async () => {
    await edge.stop();
    for (const shard of shards) shard.close();
  });

  it("is not settled on a node whose HAProxy is gone, and is on the other", async () => {
    const [first, second] = edge.nodes;
    assert(first && second);
    assert.match(await first.settledPage(), /^200/);
    await first.stopHaproxy("SIGTERM");
    await until("its keeper says so", 5, async () =>
      (await first.settledPage()).startsWith("503 HAProxy does not answer here"),
    );
    assert.match(await second.settledPage(), /^200/);
    first.startHaproxy();
    await edge.settled();
  });

  it("is not settled on a node whose HAProxy is new before that knows the others' rooms: they could be let go", async () => {
    const [first, second] = edge.nodes;
    assert(first && second);
    const rooms = Array.from({ length: 20 }, (_, index) => `learned-${index}`);
    const homes = new Map<string, string>();
    for (const room of rooms) homes.set(room, await second.home(room));
    await first.stopHaproxy("SIGTERM");
    await until("its keeper says so", 5, async () => (await first.settledPage()).startsWith("503"));
    // It takes connections meanwhile, and teaches nobody.
    const teacher = Number(/^Pid: (\d+)/m.exec(await command(second.socket, "show info"))?.[1]);
    process.kill(teacher, "SIGSTOP");
    first.startHaproxy();
    await until("it waits for the other's rooms", 10, async () =>
      (await first.settledPage()).startsWith("503 HAProxy here has not learned"),
    );
    process.kill(teacher, "SIGCONT");
    await until("it is settled", 30, async () => (await first.settledPage()).startsWith("200"));
    // As an update that replaces one node after another has it.
    await second.stopHaproxy("SIGKILL");
    for (const room of rooms) assert.equal(await first.home(room), homes.get(room), room);
    second.startHaproxy();
    await edge.settled();
  });

  it("places a room anew whose shard none knows any more, and does not hand it round until then", async () => {
    const [first] = edge.nodes;
    assert(first);
    await until("the nodes find one another", 15, async () => {
      const told = await Promise.all(
        edge.nodes.map(({ socket }) => command(socket, "show servers state elsewhere")),
      );
      return told.every((text) => / edge-\d 127\.0\.0\.1 2 /.test(text));
    });
    for (const node of edge.nodes) await node.stopKeeper();
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
