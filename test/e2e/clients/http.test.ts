import * as assert from "node:assert/strict";
import { once } from "node:events";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo, Socket } from "node:net";
import { WebSocketServer } from "ws";
import { httpBatch, httpGet } from "./http";
import { missingPrograms, startEdge, type LocalServer } from "./localServers";

describe("HTTP client", () => {
  let server: Server;
  let connections: Socket[];
  let answer: (request: IncomingMessage, response: ServerResponse) => void;
  let origin: string;

  beforeEach(async () => {
    connections = [];
    server = createServer((request, response) => answer(request, response));
    server.on("connection", (socket) => connections.push(socket));
    await once(server.listen(0, "127.0.0.1"), "listening");
    origin = `http://meet.example.org:${(server.address() as AddressInfo).port}`;
  });

  afterEach(async () => {
    server.closeAllConnections();
    server.close();
    await once(server, "close");
  });

  const address = "127.0.0.1";

  it("connects to the given address and sends the URL's host", async () => {
    answer = (request, response) => {
      response.setHeader("x-jitsi-shard", "s1");
      response.setHeader("set-cookie", ["a=1", "b=2"]);
      response.end(`${request.method ?? ""} ${request.headers.host ?? ""}${request.url ?? ""}`);
    };
    const url = `${origin}/room?x=1`;
    const plain = await httpGet({ url, address });
    assert.equal(plain.status, 200);
    assert.equal(plain.headers["x-jitsi-shard"], "s1");
    assert.equal(plain.headers["set-cookie"], "a=1, b=2");
    assert.equal(plain.bodyPrefix, `GET ${origin.slice("http://".length)}/room?x=1`);
    const named = await httpGet({ url, address, hostHeader: "other.example.org", method: "DELETE" });
    assert.equal(named.bodyPrefix, "DELETE other.example.org/room?x=1");
  });

  it("sends a body and hands back no more of the answer's than asked for", async () => {
    answer = (request, response) => void request.pipe(response);
    const body = "0123456789".repeat(1000);
    const request = { url: `${origin}/`, address, method: "POST", body };
    const { bodyPrefix, bodyBytes } = await httpGet({ ...request, bodyPrefixBytes: 12 });
    assert.equal(bodyPrefix, "012345678901");
    assert.equal(bodyBytes, 10_000);
  });

  it("rejects when the answer breaks off or does not come in time", async () => {
    answer = (_request, response) => {
      response.writeHead(200, { "content-length": "100" }).write("half");
      setTimeout(() => response.destroy(), 20);
    };
    await assert.rejects(httpGet({ url: origin, address }), /aborted|ECONNRESET/);
    answer = (_request, response) => void response.writeHead(200).write("half");
    await assert.rejects(httpGet({ url: origin, address, timeoutSeconds: 0.2 }), /no answer .* within 0.2 s/);
  });

  it("reports a websocket's handshake", async () => {
    const websockets = new WebSocketServer({ server, handleProtocols: () => "xmpp" });
    websockets.on("headers", (headers) => headers.push("x-jitsi-shard: s1"));
    const requests = [
      { url: `${origin}/xmpp-websocket?room=x`, address, websocketProtocol: "xmpp" },
      { url: `${origin}/plain`, address },
    ];
    answer = (_request, response) => response.writeHead(426).end();
    const pickHeaders = ["x-jitsi-shard", "sec-websocket-protocol"];
    const { answers } = await httpBatch({ requests, concurrency: 2, pickHeaders });
    assert.deepEqual(
      answers.map(({ status, picked }) => [status, ...picked]),
      [
        [101, "s1", "xmpp"],
        [426, null, null],
      ],
    );
    websockets.close();
  });

  it("goes on to the next address where one refuses, and tells the reason when all do", async () => {
    answer = (_request, response) => response.end("here");
    const { bodyPrefix } = await httpGet({ url: origin, address: ["127.0.0.2", address] });
    assert.equal(bodyPrefix, "here");
    const nowhere = { url: origin, address: ["127.0.0.2", "127.0.0.3"] };
    await assert.rejects(httpGet(nowhere), /ECONNREFUSED 127.0.0.2.*ECONNREFUSED 127.0.0.3/);
    const { answers } = await httpBatch({ requests: [nowhere], concurrency: 1 });
    assert.match(answers[0]?.error ?? "", /ECONNREFUSED/);
  });

  it("comes from the address it is told to", async () => {
    answer = (request, response) => response.end(request.socket.remoteAddress);
    const { bodyPrefix } = await httpGet({ url: origin, address, localAddress: "127.0.0.2" });
    assert.equal(bodyPrefix, "127.0.0.2");
  });

  it("asks thousands of times over few connections, in order", async function () {
    this.timeout(600_000);
    answer = (request, response) => {
      response.setHeader("X-Jitsi-Shard", `s${Number(request.url?.slice(1)) % 2}`);
      response.statusCode = request.url === "/7" ? 503 : 200;
      response.end("ok");
    };
    const requests = Array.from({ length: 3000 }, (_, index) => ({ url: `${origin}/${index}`, address }));
    const { answers } = await httpBatch({
      requests,
      concurrency: 20,
      pickHeaders: ["X-Jitsi-Shard", "x-none"],
    });
    assert.deepEqual(answers[6]?.picked, ["s0", null]);
    assert.deepEqual([answers[6].status, answers[7]?.status], [200, 503]);
    assert.ok(answers.every(({ picked }, index) => picked[0] === `s${index % 2}`));
    assert.ok(connections.length <= 20, `${connections.length} connections`);
  });

  it("reports a failed request in its place and goes on", async () => {
    const paths: string[] = [];
    answer = (request, response) => {
      paths.push(request.url ?? "");
      if (request.url === "/1") response.destroy();
      else response.end();
    };
    const requests = ["/0", "/1", "/2"].map((path) => ({ url: origin + path, address }));
    const { answers, resent } = await httpBatch({ requests, concurrency: 3 });
    assert.deepEqual(
      answers.map(({ status }) => status),
      [200, 0, 200],
    );
    assert.match(answers[1]?.error ?? "", /socket hang up|ECONNRESET/);
    assert.equal(resent, 0);
    assert.deepEqual(paths.sort(), ["/0", "/1", "/2"], "each was asked for once");
  });

  it("sends a request once more when the server has closed the idle connection", async () => {
    let requests = 0;
    answer = (_request, response) => {
      requests += 1;
      // The second request arrives on the first one's connection, as if the server had just given it up.
      if (requests === 2) response.destroy();
      else response.end();
    };
    const two = ["/a", "/b"].map((path) => ({ url: origin + path, address }));
    const { answers, resent } = await httpBatch({ requests: two, concurrency: 1 });
    assert.deepEqual(
      answers.map(({ status }) => status),
      [200, 200],
    );
    assert.equal(resent, 1);
  });

  describe("over TLS (real HAProxy)", () => {
    let edge: LocalServer | undefined;

    before(function () {
      const missing = missingPrograms("haproxy", "openssl");
      if (missing.length === 0) return;
      console.log(`      skipped: ${missing.join(", ")} not installed`);
      this.skip();
    });

    beforeEach(async () => {
      edge = await startEdge((server.address() as AddressInfo).port, "s1");
    });

    afterEach(async () => edge?.stop());

    it("accepts a self-signed certificate only when told to", async () => {
      answer = (request, response) => response.end(request.headers.host);
      const url = `https://meet.example.org:${edge?.port ?? 0}/`;
      await assert.rejects(httpGet({ url, address }), /self-signed certificate/);
      const { status, headers, bodyPrefix } = await httpGet({ url, address, insecureTls: true });
      assert.deepEqual([status, headers["x-jitsi-shard"]], [200, "s1"]);
      assert.equal(bodyPrefix, new URL(url).host);
    });
  });
});
