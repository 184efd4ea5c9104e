import assert from "node:assert/strict";
import { once } from "node:events";
import { connect } from "node:tls";
import { EdgeUnderTest, until, type EdgeNodeUnderTest } from "../haproxy/edgeUnderTest";
import { StandInShard } from "../haproxy/standInShard";
import { Pebble } from "./pebble";

const NAME = "meet.school.net";

describe("An edge whose certificate comes by ACME", function () {
  this.timeout(600_000);
  const pebble = new Pebble();
  const shard = new StandInShard("s1");
  let edge: EdgeUnderTest;

  before(async () => {
    await pebble.start();
    const web = { address: "127.0.0.1", port: await shard.listen() };
    edge = await EdgeUnderTest.create(2);
    // The authority asks at the second node, which does not obtain.
    (edge.nodes[1] as EdgeNodeUnderTest).ports.http = pebble.httpPort;
    await edge.start(
      {
        servers: [{ name: "s1", number: 1, release: "r1", web }],
        acme: true,
      },
      {
        acme: {
          directoryUrl: pebble.directoryUrl,
          email: "it@school.net",
          names: [NAME],
          caCertificate: pebble.ownCertificate,
        },
      },
    );
  });
  after(async () => {
    await edge.stop();
    shard.close();
    await pebble.stop();
  });

  /** Who signed what a node shows, verified against the authority's root; why not, if it does not hold. */
  async function shown(node: EdgeNodeUnderTest, ca: string): Promise<string> {
    const socket = connect({ host: "127.0.0.1", port: node.ports.https, servername: NAME, ca });
    try {
      await once(socket, "secureConnect");
      return "verified";
    } catch (error) {
      return (error as NodeJS.ErrnoException).code ?? String(error);
    } finally {
      socket.destroy();
    }
  }

  it("has it on every node, answered by whichever the authority asks, without a reload", async () => {
    const root = await pebble.root();
    const pids = await Promise.all(edge.nodes.map((node) => node.workerPid()));
    for (const node of edge.nodes)
      await until(`${node.name} shows it`, 40, async () => (await shown(node, root)) === "verified");
    assert.deepEqual(await Promise.all(edge.nodes.map((node) => node.workerPid())), pids);
  });

  it("shows it from the first moment of the next process", async () => {
    const root = await pebble.root();
    const [node] = edge.nodes;
    assert(node);
    await node.reload();
    assert.equal(await shown(node, root), "verified");
  });

  it("goes on sending everything else to HTTPS", async () => {
    const [node] = edge.nodes;
    const answer = await fetch(`http://127.0.0.1:${node?.ports.http ?? 0}/room`, { redirect: "manual" });
    assert.equal(answer.status, 301);
    const unknown = await fetch(
      `http://127.0.0.1:${node?.ports.http ?? 0}/.well-known/acme-challenge/nobody-asked`,
      { redirect: "manual" },
    );
    assert.equal(unknown.status, 404);
  });
});
