import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import pino from "pino";
import { DockerHost } from "../../../scaler/agent/dockerHost";
import type { AgentConfiguration } from "../../../scaler/configuration";
import { labels } from "../../../scaler/labels";

const NAME = "s1-bridges-0123";

/** As much of a Docker engine as a launch takes. */
class FakeEngine {
  readonly containers: { Id: string; State: string; Labels: Record<string, string> }[] = [];
  readonly asked: string[] = [];
  /** So many containers cannot be made. */
  failures = 0;
  private readonly folder = mkdtempSync(join(tmpdir(), "engine-"));
  readonly socket = join(this.folder, "docker.sock");
  private readonly server: Server;

  constructor() {
    this.server = createServer((request, response) => this.answer(request, response));
  }

  async start(): Promise<void> {
    this.server.listen(this.socket);
    await once(this.server, "listening");
  }

  async stop(): Promise<void> {
    this.server.close();
    this.server.closeAllConnections();
    await once(this.server, "close");
    rmSync(this.folder, { recursive: true });
  }

  container(State: string, name = NAME): void {
    const Labels = {
      [labels.node]: name,
      [labels.pool]: "s1-bridges",
      [labels.role]: "bridge",
      [labels.revision]: "r0",
      [labels.mediaPort]: "10000",
    };
    this.containers.push({ Id: `${this.containers.length}`, State, Labels });
  }

  private answer(request: IncomingMessage, response: ServerResponse): void {
    const { pathname, searchParams } = new URL(request.url ?? "", "http://engine");
    const path = pathname.replace(/^\/v[\d.]+/, "").replace(/^\/containers\/\d+/, "/containers/{id}");
    request.resume();
    const reply = (status: number, body: unknown = {}): void => {
      const text = status === 204 ? undefined : JSON.stringify(body);
      response.writeHead(status, { "Content-Type": "application/json" }).end(text);
    };
    if (path === "/containers/json") {
      const { label } = JSON.parse(searchParams.get("filters") ?? "{}") as { label: string[] };
      const [, name] = label.find((one) => one.startsWith(`${labels.node}=`))?.split("=") ?? [];
      const found = this.containers.filter(({ Labels }) => !name || Labels[labels.node] === name);
      const rest = { Created: 0, HostConfig: { NetworkMode: "x" }, NetworkSettings: { Networks: {} } };
      reply(
        200,
        found.map((one) => ({ ...one, ...rest })),
      );
      return;
    }
    const asked = `${request.method} ${path}`;
    const [last] = this.containers.slice(-1);
    if (asked === "GET /containers/{id}/json") {
      reply(200, { State: { ExitCode: 255 } });
      return;
    }
    this.asked.push(asked);
    if (asked === "POST /containers/create") {
      if (this.failures > 0) {
        this.failures -= 1;
        reply(500, { message: "no space" });
        return;
      }
      this.container("created");
      reply(201, { Id: this.containers.at(-1)?.Id });
      return;
    }
    if (asked === "POST /containers/{id}/start" && last) last.State = "running";
    if (asked === "DELETE /containers/{id}") this.containers.pop();
    reply(asked.endsWith("/start") || asked.startsWith("DELETE") ? 204 : 200);
  }
}

const configuration = (engine: FakeEngine): AgentConfiguration => ({
  stack: "test",
  host: "0123",
  listen: { address: "127.0.0.1", port: 0, token: "0123456789abcdef" },
  dockerSocket: engine.socket,
  slots: { bridge: 1, jibri: 0 },
  publicAddress: "203.0.113.7",
  mediaPorts: { first: 10_000, last: 10_000 },
  templates: [
    {
      pool: "s1-bridges",
      role: "bridge",
      revision: "r1",
      stopGraceSeconds: 1,
      container: { Image: "jvb", User: "1:1" },
      files: [],
    },
  ],
  own: { pool: "s1-bridges", instance: NAME },
});

const LAUNCH = ["GET /images/jvb/json", "POST /containers/create", "POST /containers/{id}/start"];

describe("an agent whose machine is one instance's alone", () => {
  let engine: FakeEngine;
  beforeEach(async () => {
    engine = new FakeEngine();
    await engine.start();
  });
  afterEach(() => engine.stop());

  const own = { pool: "s1-bridges", instance: NAME };
  /** An agent that began just now, and has launched what it is to. */
  async function begun(): Promise<DockerHost> {
    const host = new DockerHost(configuration(engine), pino({ level: "silent" }));
    await host.launchOwn(own);
    await host.settle(10);
    return host;
  }

  it("launches it by itself, and nothing else: there is no room, and nobody removes it", async () => {
    const early = new DockerHost(configuration(engine), pino({ level: "silent" }));
    const { version: none } = await early.state();
    assert.equal(await early.launch("s1-bridges-b", { pool: "s1-bridges", version: none }), "no slot");
    const host = await begun();
    assert.deepEqual(engine.asked, LAUNCH);
    const { instances, pools, version } = await host.state();
    assert.deepEqual(
      instances.map(({ media, name, state }) => [name, state, media?.port]),
      [[NAME, "running", 10_000]],
    );
    assert.deepEqual(
      pools.map(({ room }) => room),
      [0],
    );
    assert.equal(await host.launch("s1-bridges-b", { pool: "s1-bridges", version }), "no slot");
    assert.equal(await host.remove(NAME), "absent");
    assert.equal(engine.containers[0]?.State, "running");
  });

  for (const state of ["running", "exited", "paused"])
    it(`leaves one alone that is ${state}, when it begins anew`, async () => {
      engine.container(state);
      const host = await begun();
      assert.deepEqual(engine.asked, []);
      // Of an older revision than its pool is now: whoever replaces it, sees it.
      const [seen] = (await host.state()).instances;
      assert.deepEqual([seen?.name, seen?.revision], [NAME, "r0"]);
    });

  it("makes one anew that was half-made when it ended", async () => {
    engine.container("created");
    await begun();
    assert.deepEqual(engine.asked, ["DELETE /containers/{id}", ...LAUNCH]);
    assert.deepEqual(
      engine.containers.map(({ State }) => State),
      ["running"],
    );
  });

  it("tries again where the launch fails, and is launching meanwhile", async () => {
    engine.failures = 1;
    const host = new DockerHost(configuration(engine), pino({ level: "silent" }));
    await host.launchOwn(own);
    while (engine.failures > 0) await sleep(10);
    assert.equal((await host.state()).instances[0]?.state, "launching");
    await host.settle(10);
    assert.equal((await host.state()).instances[0]?.state, "running");
  });
});
