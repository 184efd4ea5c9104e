import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer, type RequestListener, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { text } from "node:stream/consumers";
import { verbs, type HostState } from "../../scaler/hostApi";
import { labels } from "../../scaler/labels";
import { Bed, BRIDGES, FIRST_PORT, JIBRIS, STACK, template } from "./bed";

const socketPath = process.env["ENGINE_DOCKER_SOCKET"] ?? "";
const A = `${BRIDGES}-a`;
const B = `${BRIDGES}-b`;

describe("the agent of a Docker host", () => {
  let bed: Bed;
  before(async function () {
    if (socketPath === "") return this.skip();
    await Bed.prepare(socketPath);
  });
  after(() => (socketPath === "" ? undefined : Bed.dismantle(socketPath)));
  beforeEach(async () => {
    bed = await Bed.create(socketPath);
  });
  const servers: Server[] = [];
  afterEach(async () => {
    for (const server of servers.splice(0)) await close(server);
    await bed.dispose();
  });

  /** A server beside the host, until the test ends; says its address. */
  async function serve(listener: RequestListener): Promise<{ server: Server; at: string }> {
    const server = createServer(listener).listen(0, "127.0.0.1");
    servers.push(server);
    await once(server, "listening");
    return { server, at: `127.0.0.1:${(server.address() as AddressInfo).port}` };
  }

  async function close(server: Server): Promise<void> {
    if (!server.listening) return;
    server.closeAllConnections();
    server.close();
    await once(server, "close");
  }

  const room = ({ pools }: HostState, name: string): number | undefined =>
    pools.find((pool) => pool.name === name)?.room;

  describe("what it launches", () => {
    it("runs as its template says, is seen, and leaves nothing behind", async () => {
      await bed.start();
      assert.equal(room(await bed.agent.client.state(), BRIDGES), 3);
      const instance = await bed.launchUntilRunning(A);
      const media = { address: "203.0.113.7", port: FIRST_PORT };
      assert.deepEqual(
        { ...instance, launchedAt: "", health: "" },
        {
          ...{ name: A, pool: BRIDGES, role: "bridge", revision: "r1", launchedAt: "", state: "running" },
          ...{ health: "", media, fenced: false },
          status: { status: 200, body: "8080 /colibri/stats, told: " },
          healthCheck: { status: 200, body: "8080 /about/health, told: " },
        },
      );
      await bed.until("healthy", ({ instances }) => instances[0]?.health === "healthy");
      const owner = `component="jvb",pool="${BRIDGES}",instance="${A}"`;
      assert.equal(
        await bed.agent.page("/metrics"),
        `jitsi_fleet_instance_up{${owner}} 1\nport{${owner}} 8080\n`,
      );
      assert.equal(room(await bed.agent.client.state(), BRIDGES), 2);

      const [container] = await bed.containers();
      assert(container);
      assert.deepEqual(container.Names, [`/jitsi-${STACK}-${A}`]);
      assert.deepEqual(container.Labels, {
        "agent-test": A,
        ...bed.ownLabels(A),
        [labels.place]: "a",
        [labels.revision]: "r1",
        [labels.launchedAt]: instance.launchedAt,
        [labels.mediaPort]: String(FIRST_PORT),
      });
      const { Config, HostConfig } = await bed.docker.getContainer(container.Id).inspect();
      assert.ok(Config.Env.includes(`NAME=${A}`));
      const port = `${FIRST_PORT}`;
      assert.equal(
        (HostConfig.PortBindings as Record<string, { HostPort: string }[]>)[`${port}/udp`]?.[0]?.HostPort,
        port,
      );
      const files = ["/fleet/deep", "/fleet/deep/er", "/fleet/deep/er/a.conf", "/fleet/init"];
      assert.deepEqual((await bed.inside(A, "stat", "-c", "%u:%g %a %n", ...files)).split("\n"), [
        "1000:1001 550 /fleet/deep",
        "1000:1001 550 /fleet/deep/er",
        "1000:1001 440 /fleet/deep/er/a.conf",
        "1000:1001 550 /fleet/init",
      ]);
      assert.match(
        await bed.inside(A, "cat", "/fleet/deep/er/a.conf"),
        new RegExp(`^name=${A} port=${port} `),
      );

      assert.equal((await bed.newVolumes()).length, 1);
      await bed.agent.client.remove(A);
      await bed.untilGone(A);
      assert.deepEqual([await bed.containers(), await bed.newVolumes()], [[], []]);
      assert.equal(room(await bed.agent.client.state(), BRIDGES), 3);
    });

    it("is launched once, for the instances that were there, within slots and ports", async () => {
      await bed.start();
      const { client } = bed.agent;
      const { version } = await client.state();
      const names = ["a", "b", "c", "d", "e"].map((id) => `${BRIDGES}-${id}`);
      const outcomes = await Promise.allSettled(
        names.map((name) => client.launch(name, { pool: BRIDGES, version })),
      );
      assert.equal(outcomes.filter(({ status }) => status === "fulfilled").length, 1);
      for (const outcome of outcomes)
        if (outcome.status === "rejected") assert.match(String(outcome.reason), / 409 /);
      const [first] = (await client.state()).instances;
      // There already, whatever the version; and not two of it.
      await client.launch(first?.name ?? "", { pool: BRIDGES, version });

      const others = names.filter((name) => name !== first?.name);
      await bed.launch(others[0] ?? "");
      await bed.launch(others[1] ?? "");
      await assert.rejects(bed.launch(others[2] ?? ""), / 507 /);
      await assert.rejects(bed.launch("another-a"), / 404 /);
      await assert.rejects(bed.launch("another-a", "another"), / 404 /);
      const state = await bed.until("all run", ({ instances }) =>
        instances.every((one) => one.state === "running"),
      );
      assert.equal(room(state, BRIDGES), 0);
      assert.equal(room(state, JIBRIS), 1);
      const ports = state.instances.map(({ media }) => media?.port).sort();
      assert.deepEqual(ports, [FIRST_PORT, FIRST_PORT + 1, FIRST_PORT + 2]);

      // A port that was just given back is not the next one taken.
      await client.remove(others[1] ?? "");
      await bed.untilGone(others[1] ?? "");
      await bed.launch(others[2] ?? "");
      assert.equal((await bed.instance(others[2] ?? ""))?.media?.port, FIRST_PORT + 3);
    });

    it("takes the slot of one that ended, but not its port", async () => {
      const mediaPorts = { first: FIRST_PORT, last: FIRST_PORT + 1 };
      const slots = { bridge: 1, jibri: 0 };
      await bed.start({ mediaPorts, slots, templates: [template("bridge", "at-once")] });
      const roomNow = async (): Promise<number | undefined> => room(await bed.agent.client.state(), BRIDGES);
      for (const [name, left] of [
        [A, 1],
        [B, 0],
      ] as const) {
        await bed.launch(name);
        assert.equal((await bed.untilIn("exited", name)).detail, "ended with exit code 7");
        assert.equal(await roomNow(), left);
      }
      await assert.rejects(bed.launch(`${BRIDGES}-c`), / 507 /);
      await bed.agent.client.remove(A);
      await bed.untilGone(A);
      assert.equal(await roomNow(), 1);
    });

    it("is told as failed where it cannot be, until it is removed", async () => {
      // Has the image, but nothing of it: Docker notices amid an answer that began well.
      const { at } = await serve(({ url = "" }, response) => {
        const digest = `sha256:${"0".repeat(64)}`;
        const type = "application/vnd.docker.distribution.manifest.v2+json";
        const config = { mediaType: "application/vnd.docker.container.image.v1+json", size: 1, digest };
        if (url === "/v2/") response.end("{}");
        else if (url.includes("/manifests/"))
          response
            .writeHead(200, { "Content-Type": type })
            .end(JSON.stringify({ schemaVersion: 2, mediaType: type, config, layers: [] }));
        else response.writeHead(404).end();
      });
      const hollow = `${at}/hollow:1`;
      const bridge = template("bridge");
      for (const [Image, why] of [
        ["127.0.0.1:1/absent:1", /Docker did not pull 127\.0\.0\.1:1\/absent:1: .*connect/],
        // Docker 20.10's words, and 29's.
        [hollow, /Docker did not pull .*\/hollow:1: .*(unknown|from remote: not found)/],
      ] as const) {
        await bed.start({ templates: [{ ...bridge, container: { ...bridge.container, Image } }] });
        await bed.launch(A);
        const failed = await bed.untilIn("failed", A);
        assert.match(failed.detail ?? "", why);
        const { version } = await bed.agent.client.state();
        await bed.agent.client.launch(A, { pool: BRIDGES, version });
        assert.equal((await bed.instance(A))?.state, "failed");
        assert.equal(await bed.agent.ask("DELETE", `/v1/instances/${A}`), 202);
        await bed.untilGone(A);
        assert.equal(await bed.agent.ask("DELETE", `/v1/instances/${A}`), 404);
        await bed.agent.end("SIGTERM");
      }
    });

    it("is neither lost nor failed for who looks while it comes to its end", async () => {
      await bed.start();
      for (const [step, name] of [
        ["/containers/create", A],
        ["/start", B],
      ] as const) {
        const [atStep, stepOn] = [Promise.withResolvers<undefined>(), Promise.withResolvers<boolean>()];
        const [listed, tellList] = [Promise.withResolvers<undefined>(), Promise.withResolvers<boolean>()];
        let looks = false;
        bed.socket.interrupt = async (when, asked) => {
          if (when === "before" && asked.includes(step)) {
            atStep.resolve(undefined);
            return stepOn.promise;
          }
          if (when === "before" || !looks || !asked.includes("/containers/json")) return true;
          listed.resolve(undefined);
          return tellList.promise;
        };
        await bed.launch(name);
        await atStep.promise;
        looks = true;
        const seen = bed.instance(name);
        await listed.promise;
        stepOn.resolve(true);
        while (!new RegExp(`"${name}".*"launched"`).test(bed.agent.output)) await sleep(20);
        tellList.resolve(true);
        assert.equal((await seen)?.state, "launching");
      }
    });

    it("leaves nothing half-made where its last step fails", async () => {
      await bed.start();
      const other = await bed.docker.createContainer({
        Image: "jitsi-fleet-agent-test:1",
        Cmd: ["/instance", "gently"],
        Labels: { "agent-test": "" },
        ExposedPorts: { "1/udp": {} },
        HostConfig: { PortBindings: { "1/udp": [{ HostPort: String(FIRST_PORT) }] } },
      });
      await other.start();
      await bed.launch(A);
      assert.match((await bed.untilIn("failed", A)).detail ?? "", /Docker did not start .*port is already/);
      assert.equal((await bed.containers()).length, 1);
      assert.deepEqual(await bed.newVolumes(), []);
      // The next one tries another port.
      await bed.launchUntilRunning(B);
    });
  });

  describe("what it tells and asks", () => {
    it("is said to the role that understands it", async () => {
      await bed.start();
      const { client } = bed.agent;
      const jibri = `${JIBRIS}-a`;
      await bed.launchUntilRunning(A);
      await bed.launchUntilRunning(jibri, JIBRIS);
      await client.tell(A, "drain");
      await client.tell(A, "retire");
      await assert.rejects(client.tell(A, "undrain"), / 502 .*did not obey undrain: it answered with 500/);
      await assert.rejects(client.tell(A, "fence"), / 404/);
      assert.equal((await bed.instance(jibri))?.fenced, false);
      await client.tell(jibri, "fence");
      for (const verb of ["drain", "undrain", "retire"] as const)
        await assert.rejects(client.tell(jibri, verb), / 404/);
      const [bridge, other] = [await bed.instance(A), await bed.instance(jibri)];
      const said = [
        "8080 POST /colibri/drain/enable ",
        '8080 POST /colibri/shutdown {"graceful-shutdown":"true"}',
        "8080 POST /colibri/drain/disable ",
      ];
      assert.deepEqual(bridge?.status, {
        status: 200,
        body: `8080 /colibri/stats, told: ${said.map((line) => `${line};`).join("")}`,
      });
      assert.equal(other?.fenced, true);
      assert.equal(other.healthCheck, undefined);
      assert.deepEqual(other.status, {
        status: 200,
        body: "2222 /jibri/api/v1.0/health, told: 3333 POST /jibri/api/internal/v1.0/gracefulShutdown ;",
      });
    });

    it("holds nothing up where it hangs", async () => {
      const hanging = template("bridge");
      const Env = [...(hanging.container["Env"] as string[]), "HANG=1"];
      await bed.start({ templates: [{ ...hanging, container: { ...hanging.container, Env } }] });
      const names = ["a", "b", "c"].map((id) => `${BRIDGES}-${id}`);
      for (const name of names) await bed.launch(name);
      await bed.until("all run", ({ instances }) => instances.every((one) => one.state === "running"));
      const began = Date.now();
      const { instances } = await bed.agent.client.state();
      // One after another its two questions to each would take 18 s.
      assert.ok(Date.now() - began < 18_000, `took ${Date.now() - began} ms`);
      for (const { healthCheck, status } of instances) {
        assert.deepEqual(status, { error: "no answer within 3 s" });
        assert.deepEqual(healthCheck, { error: "no answer within 3 s" });
      }
      await assert.rejects(bed.agent.client.tell(A, "drain"), / 502 .*no answer within 3 s/);
    });

    it("is what its container's health check printed, where that fails", async () => {
      const failing = template("bridge");
      const Test = ["CMD", "/bin/sh", "-c", "echo no way; exit 1"];
      const Healthcheck = { Test, Interval: 1e9, Timeout: 5e9, Retries: 1 };
      await bed.start({ templates: [{ ...failing, container: { ...failing.container, Healthcheck } }] });
      assert.equal((await bed.launchUntilRunning(A)).detail, undefined);
      await bed.until("unhealthy", ({ instances }) => instances[0]?.health === "unhealthy");
      assert.equal((await bed.agent.client.state()).instances[0]?.detail, "no way");
    });

    it("is what the uploader says, or why that is not known", async () => {
      const asked: string[] = [];
      let spool: unknown = { items: [], uploaded: 3, uploadedBytes: 4, partial: 0 };
      const { at, server } = await serve((request, response) => {
        asked.push(decodeURIComponent(request.url ?? ""));
        response.end(JSON.stringify(spool));
      });
      await bed.start({ uploader: `http://${at}` });
      assert.deepEqual((await bed.agent.client.state()).spool, spool);
      await bed.launchUntilRunning(`${JIBRIS}-a`, JIBRIS);
      await bed.launchUntilRunning(A);
      asked.length = 0;
      spool = { items: [] };
      assert.deepEqual((await bed.agent.client.state()).spool, {
        error: "the uploader's answer is no spool",
      });
      assert.deepEqual(asked, [`/v1/spool?live=${JIBRIS}-a`]);
      await close(server);
      assert.match(
        JSON.stringify((await bed.agent.client.state()).spool),
        /"error":"the uploader: .*REFUSED/,
      );
    });
  });

  describe("what it removes", () => {
    /** The signals that a container was sent, by Docker's own account, and how many seconds lay between them. */
    async function signalsOf(name: string, since: number): Promise<[string | undefined, number][]> {
      const stream = await bed.docker.getEvents({
        since: since / 1000,
        until: Date.now() / 1000,
        filters: { container: [`jitsi-${STACK}-${name}`], event: ["kill"] },
      });
      const events = (await text(stream))
        .trim()
        .split("\n")
        .map(
          (line) => JSON.parse(line) as { timeNano: number; Actor: { Attributes: Record<string, string> } },
        );
      return events.map(({ Actor, timeNano }) => [
        Actor.Attributes["signal"],
        Math.round((timeNano - (events[0]?.timeNano ?? 0)) / 1e9),
      ]);
    }

    it("ends by itself, and is killed only after its grace", async () => {
      const since = Date.now();
      const stubborn = { ...template("bridge", "stubborn"), stopGraceSeconds: 2 };
      await bed.start({ templates: [stubborn, template("jibri")] });
      const jibri = `${JIBRIS}-a`;
      await bed.launchUntilRunning(A);
      await bed.launchUntilRunning(jibri, JIBRIS);
      for (const name of [A, A, jibri, jibri]) await bed.agent.client.remove(name);
      assert.equal((await bed.instance(A))?.state, "stopping");
      await bed.untilGone(jibri);
      await bed.untilGone(A);
      assert.deepEqual(await signalsOf(jibri, since), [["15", 0]]);
      assert.deepEqual(await signalsOf(A, since), [
        ["15", 0],
        ["9", 2],
      ]);
    });

    it("is a launch under way too, of which nothing stays", async () => {
      await bed.start();
      let release = (): void => undefined;
      const held = new Promise<boolean>((resolve) => (release = () => resolve(true)));
      const creating = new Promise<void>((resolve) => {
        bed.socket.interrupt = async (when, change) => {
          if (when === "before" || !change.includes("/containers/create")) return true;
          resolve();
          return held;
        };
      });
      await bed.launch(A);
      await creating;
      assert.equal((await bed.instance(A))?.state, "launching");
      await bed.agent.client.remove(A);
      assert.equal((await bed.instance(A))?.state, "stopping");
      release();
      await bed.untilGone(A);
      assert.deepEqual([await bed.containers(), await bed.newVolumes()], [[], []]);
      assert.ok(!bed.socket.changes.some((change) => change.includes("/start")));
    });

    it("is of a pool that the settings know no more, too", async () => {
      await bed.start();
      await bed.launchUntilRunning(A);
      await bed.agent.end("SIGTERM");
      await bed.start({ templates: [] });
      const state = await bed.agent.client.state();
      assert.deepEqual(state.pools, []);
      assert.equal(state.instances[0]?.media?.port, FIRST_PORT);
      await bed.agent.client.tell(A, "drain");
      await bed.agent.client.remove(A);
      await bed.untilGone(A);
    });

    it("may be asked for again where it failed", async () => {
      await bed.start();
      await bed.launchUntilRunning(A);
      let isBroken = true;
      bed.socket.interrupt = (when, change) =>
        Promise.resolve(!(isBroken && when === "before" && change.startsWith("DELETE ")));
      await bed.agent.client.remove(A);
      await bed.untilIn("exited", A);
      assert.match(bed.agent.output, /removal failed/);
      isBroken = false;
      await bed.agent.client.remove(A);
      await bed.untilGone(A);
    });
  });

  it("touches nothing that is not of its pools, whatever its name and its labels", async () => {
    const own = bed.ownLabels(A);
    const poolless = Object.fromEntries(Object.entries(own).filter(([label]) => label !== labels.pool));
    const foreigners = [
      await bed.foreign("agent-test-other-stack", { ...own, [labels.stack]: "another" }),
      await bed.foreign("agent-test-no-pool", poolless),
      await bed.foreign("agent-test-no-instance", { ...own, [labels.role]: "shard" }),
      await bed.foreign(`jitsi-${STACK}-${A}`, {}),
    ];
    await bed.start();
    assert.deepEqual((await bed.agent.client.state()).instances, []);
    for (const verb of verbs)
      assert.equal(await bed.agent.ask("POST", `/v1/instances/${A}/${verb}`), 404, verb);
    assert.equal(await bed.agent.ask("DELETE", `/v1/instances/${A}`), 404);

    // The name is another's: the launch fails, and what is removed then is the launch.
    await bed.launch(A);
    assert.match((await bed.untilIn("failed", A)).detail ?? "", /already in use/);
    for (const verb of ["drain", "undrain", "retire"])
      assert.equal(await bed.agent.ask("POST", `/v1/instances/${A}/${verb}`), 502, verb);
    assert.equal(await bed.agent.ask("DELETE", `/v1/instances/${A}`), 202);
    await bed.untilGone(A);

    const left = await bed.containers();
    assert.deepEqual(left.map(({ Id }) => Id).sort(), foreigners.sort());
    assert.ok(left.every(({ State }) => State === "running"));
    assert.deepEqual(
      bed.socket.changes.map((change) => change.split("?")[0]),
      ["POST /containers/create"],
    );
  });

  describe("killed at any moment", () => {
    const moments: { at: string; before: string | undefined; after: string | undefined }[] = [
      { at: "POST /containers/create", before: undefined, after: "failed" },
      { at: "/archive", before: "failed", after: "failed" },
      { at: "/start", before: "failed", after: "running" },
      { at: "/stop", before: "running", after: "exited" },
      { at: "DELETE /containers/", before: "exited", after: undefined },
    ];
    for (const when of ["before", "after"] as const)
      for (const { at, [when]: expected } of moments)
        it(`${when} ${at} it leaves ${expected ?? "nothing"}, and nothing twice`, async () => {
          await bed.start();
          const killed = new Promise<void>((resolve) => {
            bed.socket.interrupt = async (moment, change) => {
              if (moment !== when || !change.includes(at)) return true;
              await bed.agent.end("SIGKILL");
              resolve();
              return false;
            };
          });
          await bed.launch(A);
          if (at === "/stop" || at.startsWith("DELETE")) {
            await bed.untilIn("running", A);
            await bed.agent.client.remove(A);
          }
          await killed;
          bed.socket.interrupt = () => Promise.resolve(true);
          await bed.start();

          const instance = await bed.instance(A);
          assert.equal(instance?.state, expected);
          if (expected === "failed") assert.equal(instance?.detail, "its launch did not come to its end");
          if (expected !== undefined) assert.equal(instance?.media?.port, FIRST_PORT);
          // Whoever asks for it again gets what is there, or one anew: one at all events.
          await bed.launch(A);
          await bed.launch(B);
          await bed.untilIn("running", B);
          if (expected === undefined) await bed.untilIn("running", A);
          assert.equal((await bed.containers()).length, 2);
          assert.notEqual((await bed.instance(A))?.media?.port, (await bed.instance(B))?.media?.port);
          for (const name of [A, B]) await bed.agent.client.remove(name);
          for (const name of [A, B]) await bed.untilGone(name);
          assert.deepEqual([await bed.containers(), await bed.newVolumes()], [[], []]);
        });
  });

  describe("its program", () => {
    it("ends a launch that is under way before it ends", async () => {
      await bed.start();
      bed.socket.interrupt = async (when, change) => {
        if (when === "before" && change.includes("/start")) await sleep(1000);
        return true;
      };
      await bed.launch(A);
      assert.equal(await bed.agent.end("SIGTERM"), 0);
      assert.equal((await bed.containers())[0]?.State, "running");
      const lines = bed.agent.output.trim().split("\n");
      assert.deepEqual(
        lines.map((line) => (JSON.parse(line) as { msg: string }).msg),
        ["started", "launching", "launched", "ended"],
      );
    });

    it("tells its state, and what it does not know", async () => {
      await bed.start();
      const told = await bed.agent.run("state");
      assert.equal(told.code, 0, told.stderr);
      assert.equal((JSON.parse(told.stdout) as HostState).host, "a");
      const unknown = await bed.agent.run("stop");
      assert.equal(unknown.code, 2);
      assert.match(unknown.stderr, /^.+\n$/);
    });

    it("says in one line that the agent, or its Docker, does not answer", async () => {
      await bed.start();
      await bed.agent.end("SIGTERM");
      const { code, stderr, stdout } = await bed.agent.run("state");
      assert.deepEqual([code, stdout], [1, ""]);
      assert.match(stderr, /^host a: .*ECONNREFUSED.*\n$/);
    });

    it("its heart beats while Docker answers, and no longer", async () => {
      await bed.start();
      while (bed.agent.heartbeatMilliseconds() === 0) await sleep(50);
      await bed.socket.close();
      await sleep(1000);
      const last = bed.agent.heartbeatMilliseconds();
      await sleep(7000);
      assert.equal(bed.agent.heartbeatMilliseconds(), last);
    });
  });
});
