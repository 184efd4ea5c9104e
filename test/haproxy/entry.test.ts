import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { once } from "node:events";
import http from "node:http";
import { connect } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { connect as connectTls } from "node:tls";
import { EdgeUnderTest, type EdgeNodeUnderTest, type WantedOfEdge } from "./edgeUnderTest";
import { StandInShard, type Seen } from "./standInShard";

/**
 * How a Network Load Balancer asks whether a target lives, where it tells users' addresses by PROXY protocol: with a
 * header of the command LOCAL, and in that no address but a checksum and padding.
 */
const CHECK_OF_AWS = [
  Buffer.from("0d0a0d0a000d0a515549540a" + "20110054" + "030004bce5951f" + "04004a", "hex").toString(
    "latin1",
  ),
  "\0".repeat(74),
  "GET /live HTTP/1.1\r\nHost: 10.42.16.9:23005\r\nConnection: close\r\n\r\n",
].join("");

describe("The way into the edge", function () {
  this.timeout(600_000);
  const shard = new StandInShard("s1");
  let edge: EdgeUnderTest;
  let node: EdgeNodeUnderTest;
  let wanted: WantedOfEdge;

  before(async () => {
    const web = { address: "127.0.0.1", port: await shard.listen() };
    wanted = { servers: [{ name: "s1", number: 1, release: "r1", web }] };
    edge = await EdgeUnderTest.create(1);
    await edge.start({
      ...wanted,
      limits: { connectionsPerAddress: 20, requestsPerAddressAndSecond: 30, requestSeconds: 1 },
    });
    node = edge.nodes[0] as EdgeNodeUnderTest;
  });
  after(async () => {
    await edge.stop();
    shard.close();
  });

  const plain = (port: number, path: string, host = "meet.test"): Promise<http.IncomingMessage> =>
    new Promise((resolve, reject) => {
      http
        .get({ host: "127.0.0.1", port, path, headers: { host }, agent: false }, resolve)
        .on("error", reject);
    });
  const bodyOf = async (response: http.IncomingMessage): Promise<string> => {
    let body = "";
    for await (const chunk of response) body += String(chunk);
    return body;
  };
  /** What comes back on a connection of its own until it is closed, within 5 s. */
  async function raw(port: number, sent: string): Promise<string> {
    const socket = connect(port, "127.0.0.1").setEncoding("latin1");
    let received = "";
    socket.on("data", (data: string) => (received += data));
    socket.on("error", () => undefined);
    await once(socket, "connect");
    socket.write(sent, "latin1");
    await Promise.race([once(socket, "close"), sleep(5000)]);
    socket.destroy();
    return received;
  }

  it("sends HTTP to HTTPS, and says to stay there", async () => {
    const redirect = await plain(node.ports.http, "/Room?lang=de", "meet.test:80");
    assert.deepEqual(
      [redirect.statusCode, redirect.headers.location],
      [301, "https://meet.test/Room?lang=de"],
    );
    const { headers } = await node.get("/room");
    assert.equal(headers["strict-transport-security"], "max-age=31536000");
  });

  it("speaks TLS 1.2 and 1.3 with forward secrecy and authenticated encryption, and nothing older", async () => {
    const attempt = async (options: object): Promise<string | null> => {
      const socket = connectTls({
        host: "127.0.0.1",
        port: node.ports.https,
        rejectUnauthorized: false,
        ...options,
      });
      try {
        await once(socket, "secureConnect");
        return `${socket.getProtocol() ?? ""} ${socket.getCipher().name}`;
      } catch {
        return null;
      } finally {
        socket.destroy();
      }
    };
    assert.match(String(await attempt({ minVersion: "TLSv1.3" })), /^TLSv1\.3 TLS_/);
    assert.match(String(await attempt({ maxVersion: "TLSv1.2" })), /^TLSv1\.2 ECDHE-.*(GCM|CHACHA20)/);
    // Nothing that is refused is offered by this Node's own defaults.
    const old = { minVersion: "TLSv1", maxVersion: "TLSv1.1", ciphers: "ALL:@SECLEVEL=0" };
    assert.equal(await attempt(old), null);
    for (const ciphers of ["AES128-GCM-SHA256", "ECDHE-ECDSA-AES128-SHA", "ECDHE-ECDSA-AES128-SHA256"])
      assert.equal(
        await attempt({ maxVersion: "TLSv1.2", ciphers: `${ciphers}:@SECLEVEL=0` }),
        null,
        ciphers,
      );
  });

  it("tells the shard who the user is, whatever the user says", async () => {
    const { body } = await node.get("/room", { "x-forwarded-for": "203.0.113.9" });
    assert.equal((JSON.parse(body) as Seen).forwardedFor, "127.0.0.1");
  });

  it("closes what connects too often from one address, and no other's", async () => {
    await sleep(500);
    const sockets = Array.from({ length: 40 }, () => connect(node.ports.https, "127.0.0.1"));
    for (const socket of sockets) socket.resume().on("error", () => undefined);
    await sleep(700);
    const open = sockets.filter((socket) => !socket.destroyed && !socket.readableEnded).length;
    const byPort = await raw(
      node.ports.handover,
      "PROXY TCP4 198.51.100.7 192.0.2.2 1024 443\r\nGET /room HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
    );
    for (const socket of sockets) socket.destroy();
    assert(open >= 5 && open <= 20, `${open} of 40 are open`);
    assert.match(byPort, /^HTTP\/1\.1 200/);
  });

  it("answers with 429 who asks too often, and another address as ever", async () => {
    const request = "GET /room HTTP/1.1\r\nHost: x\r\n\r\n";
    const last = "GET /room HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
    const from = (address: string, count: number): Promise<string> =>
      raw(node.ports.handover, `PROXY TCP4 ${address} 192.0.2.2 1024 443\r\n${request.repeat(count)}${last}`);
    const flood = await from("198.51.100.8", 400);
    const statuses = [...flood.matchAll(/^HTTP\/1\.1 (\d+)/gm)].map(([, status]) => status);
    assert(statuses.includes("200") && statuses.includes("429"));
    assert(!statuses.some((status) => status?.startsWith("5")));
    assert.match(await from("198.51.100.9", 1), /^HTTP\/1\.1 200/);
  });

  it("does not wait for who sends a request slower than it should", async () => {
    const started = performance.now();
    const answer = await raw(
      node.ports.handover,
      "PROXY TCP4 198.51.100.10 192.0.2.2 1024 443\r\nGET /room HTTP/1.1\r\nHost:",
    );
    assert.match(answer, /^HTTP\/1\.1 408/);
    assert(performance.now() - started < 4500, "it waited as long as this test does");
  });

  it("lives whatever becomes of the shards, and tells Prometheus of tables, peers and redispatches; to nobody else", async () => {
    assert.equal(await bodyOf(await plain(node.ports.metrics, "/live")), "alive");
    const metrics = await bodyOf(await plain(node.ports.metrics, "/metrics"));
    for (const metric of [
      /haproxy_sticktable_used\{name="rooms"/,
      /haproxy_sticktable_size\{name="rooms"/,
      /haproxy_backend_redispatch_warnings_total\{proxy="rooms"/,
      /haproxy_server_status\{proxy="rooms",server="s1"/,
    ])
      assert.match(metrics, metric);
    assert.equal((await plain(node.ports.metrics, "/room")).statusCode, 404);
    for (const path of ["/metrics", "/live"]) {
      const { body } = await node.get(path);
      assert.equal((JSON.parse(body) as Seen).shard, "s1", "it is a room's name like any other");
    }
  });

  it("takes the user's address from a load balancer that it is told of, and from nobody else", async () => {
    const get = "GET /room HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
    const proxied = `PROXY TCP4 203.0.113.77 192.0.2.2 1024 443\r\n`;
    const tls = async (): Promise<string> => {
      const socket = connect(node.ports.https, "127.0.0.1");
      socket.on("error", () => undefined);
      await once(socket, "connect");
      socket.write(proxied);
      const secure = connectTls({ socket, rejectUnauthorized: false });
      try {
        await once(secure, "secureConnect");
      } catch {
        return "closed";
      }
      let received = "";
      secure.on("data", (data: Buffer) => (received += data.toString()));
      secure.write(get);
      await once(secure, "close");
      return received;
    };
    assert.equal(await tls(), "closed");
    await sleep(6000);
    assert.match(await raw(node.ports.metrics, CHECK_OF_AWS), /^HTTP\/1\.1 400/);
    const told = ["127.0.0.0/8"];
    node.configure({ ...wanted, proxyProtocolFrom: told, proxiedChecksFrom: told });
    node.check();
    await node.reload();
    await edge.settled();
    assert.match(await tls(), /"forwardedFor":"203\.0\.113\.77"/);
    assert.match(await raw(node.ports.metrics, CHECK_OF_AWS), /^HTTP\/1\.1 200[^]*alive$/);
  });

  it("is valid as it is for a fleet of two releases behind a load balancer, and without limits", () => {
    const [server] = wanted.servers;
    assert(server);
    node.configure({
      servers: [server, { ...server, name: "s2", number: 2, release: "r2" }],
      placedReleases: ["r2"],
      limits: { connectionsPerAddress: 0, requestsPerAddressAndSecond: 0 },
      proxyProtocolFrom: ["10.0.0.0/8", "192.0.2.1"],
    });
    node.check();
    // A later HAProxy, where there is one.
    const other = process.env["FLEET_TEST_HAPROXY"];
    if (other !== undefined) {
      console.log(`      ${execFileSync(other, ["-v"], { encoding: "utf8" }).split("\n")[0] ?? ""}`);
      node.check(other);
    }
  });
});
