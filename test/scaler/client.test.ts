import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createServer, type RequestListener, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import pino from "pino";
import { serveHostApi, type HostApiServer } from "../../scaler/agent/server";
import { AgentClient } from "../../scaler/fleets/agentClient";
import { CERTIFICATE_NAME } from "../../scaler/configuration";
import { FakeHost } from "./fakeHost";

const TOKEN = "the agents' token, secret";

describe("how an agent is asked", () => {
  let host: FakeHost;
  const log = pino({ level: "silent" });
  const closing: (() => Promise<unknown>)[] = [];
  beforeEach(() => (host = new FakeHost()));
  afterEach(() => Promise.all(closing.splice(0).map((close) => close())));

  async function serve(tls?: { certificate: string; privateKey: string }): Promise<HostApiServer> {
    const listen = { address: "127.0.0.1", port: 0, token: TOKEN, tls };
    const server = await serveHostApi({ listen, backend: host, log });
    closing.push(() => server.close());
    return server;
  }
  /** A client of something that answers as it likes. */
  async function clientOf(listener: RequestListener): Promise<AgentClient> {
    const server: Server = createServer(listener).listen(0, "127.0.0.1");
    await once(server, "listening");
    closing.push(async () => {
      server.closeAllConnections();
      server.close();
      await once(server, "close");
    });
    const { port } = server.address() as AddressInfo;
    return new AgentClient({ host: "a", url: `http://127.0.0.1:${port}`, token: TOKEN });
  }

  it("sees, launches, tells and removes", async () => {
    const { port } = await serve();
    const client = new AgentClient({ host: "a", url: `http://127.0.0.1:${port}`, token: TOKEN });
    const { version } = await client.state();
    await client.launch("s1-bridges-x", { pool: "s1-bridges", version });
    await assert.rejects(client.launch("s1-bridges-y", { pool: "s1-bridges", version }), /host a: .*409/);
    const next = await client.state();
    assert.deepEqual(
      next.instances.map(({ name }) => name),
      ["s1-bridges-x"],
    );
    for (const verb of ["drain", "retire"] as const) await client.tell("s1-bridges-x", verb);
    await assert.rejects(client.tell("s1-bridges-y", "drain"), /host a: .*404/);
    await client.remove("s1-bridges-x");
    await client.remove("s1-bridges-x");
    assert.equal(host.instances.size, 0);
  });

  it("no answer that is not a whole state is taken for one", async () => {
    const whole = await host.state();
    const answers: [number, string][] = [
      [200, ""],
      [200, "{}"],
      [200, JSON.stringify({ ...whole, instances: undefined })],
      [200, JSON.stringify({ ...whole, instances: [{}] })],
      [200, JSON.stringify(whole).slice(0, -1)],
      [503, JSON.stringify(whole)],
      [204, ""],
    ];
    for (const [status, body] of answers) {
      const client = await clientOf((_, response) => response.writeHead(status).end(body));
      await assert.rejects(client.state(), body);
    }
  });

  it("the agent of another host is none", async () => {
    const state = JSON.stringify({ ...(await host.state()), host: "b" });
    const client = await clientOf((_, response) => response.end(state));
    await assert.rejects(client.state(), /host a: its address leads to the agent of b/);
  });

  it("an answer that breaks off is none, and its error has no token", async () => {
    const client = await clientOf((request, response) => {
      response.writeHead(200, { "Content-Length": 1000 }).write("{");
      setImmediate(() => request.socket.destroy());
    });
    await assert.rejects(client.state(), (error: Error) => {
      assert.match(error.message, /^host a: /);
      return !error.message.includes(TOKEN);
    });
  });

  it("launches are asked for once, whatever comes of it", async () => {
    let count = 0;
    const client = await clientOf((request) => {
      count += 1;
      request.socket.destroy();
    });
    await assert.rejects(client.launch("s1-bridges-x", { pool: "s1-bridges", version: "1" }));
    assert.equal(count, 1);
  });

  it("one that never answers is given up", async () => {
    const client = await clientOf(() => undefined);
    await assert.rejects(client.tell("s1-bridges-x", "drain"), /host a: no answer within 5 s/);
  });

  it("over TLS it is trusted by its very certificate alone", async () => {
    const folder = mkdtempSync(join(tmpdir(), "jitsi-fleet-client-"));
    try {
      const [own, another] = ["own", "another"].map((name) => selfSigned(folder, name));
      assert(own && another);
      const url = `https://127.0.0.1:${(await serve(own)).port}`;
      const client = (certificate?: string): AgentClient =>
        new AgentClient({ host: "a", url, token: TOKEN, certificate });
      assert.equal((await client(own.certificate).state()).host, "a");
      for (const certificate of [another.certificate, undefined])
        await assert.rejects(client(certificate).state(), /host a: .*certificate/);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});

function selfSigned(folder: string, name: string): { certificate: string; privateKey: string } {
  const [key, pem] = [join(folder, `${name}.key`), join(folder, `${name}.pem`)];
  const kind = ["-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"];
  const names = ["-subj", `/CN=${CERTIFICATE_NAME}`, "-addext", `subjectAltName=DNS:${CERTIFICATE_NAME}`];
  execFileSync("openssl", ["req", ...kind, ...names, "-keyout", key, "-out", pem], { stdio: "ignore" });
  return { certificate: readFileSync(pem, "utf8"), privateKey: readFileSync(key, "utf8") };
}
