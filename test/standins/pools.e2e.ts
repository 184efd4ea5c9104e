import assert from "node:assert/strict";
import { createHash, randomBytes } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { connect, createServer, type Server, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import Docker from "dockerode";

import { runInContainer } from "../../scaler/engine/exec";
import { labels } from "../../scaler/labels";
import { Pools, type PoolInstance, type PoolRole } from "../e2e/pools";
import { Watch } from "../e2e/watch";
import { ensureImages, imageName } from "./build";
import { eventually } from "./processes";

const socketPath = process.env["E2E_DOCKER_SOCKET"] ?? "";

/** A socket that leads to another one, and can be lost. */
class Way {
  private server: Server | undefined;
  private readonly ends = new Set<Socket>();

  constructor(
    readonly socket: string,
    private readonly target: string,
  ) {}

  async open(): Promise<void> {
    const server = createServer((from) => {
      const to = connect(this.target);
      for (const [end, other] of [
        [from, to],
        [to, from],
      ] as const) {
        this.ends.add(end);
        end.on("error", () => other.destroy());
        end.on("close", () => {
          this.ends.delete(end);
          other.destroy();
        });
      }
      from.pipe(to).pipe(from);
    });
    await new Promise<void>((resolve) => void server.listen(this.socket, resolve));
    this.server = server;
  }

  async close(): Promise<void> {
    const closed = new Promise((resolve) => this.server?.close(resolve));
    for (const end of this.ends) end.destroy();
    await closed;
  }
}

describe("a fleet's pools, as tests see them", function () {
  this.timeout(600_000);

  const stack = `pools-${randomBytes(4).toString("hex")}`;
  const engine = new Docker({ socketPath });
  const directory = mkdtempSync(join(tmpdir(), `${stack}-`));
  const way = new Way(join(directory, "docker.sock"), socketPath);
  const host = { name: "a", docker: new Docker({ socketPath: way.socket }) };
  const lost = { name: "b", docker: new Docker({ socketPath: join(directory, "nothing.sock") }) };
  const pools = new Pools([host, lost], stack);
  const made: Docker.Container[] = [];
  let watch: Watch;

  async function launch(
    role: PoolRole,
    name: string,
    other: Record<string, string | undefined> = {},
  ): Promise<Docker.Container> {
    const tagged = {
      [labels.stack]: stack,
      [labels.role]: role,
      [labels.node]: name,
      [labels.pool]: `${role}s`,
      ...other,
    };
    const container = await engine.createContainer({
      Image: imageName(role === "bridge" ? "jvb" : "jibri", "r1"),
      Labels: Object.fromEntries(
        Object.entries(tagged).flatMap(([key, value]) => (value ? [[key, value]] : [])),
      ),
      Env: [
        "XMPP_SERVER=127.0.0.1:1",
        "JVB_AUTH_PASSWORD=secret",
        "COLIBRI_REST_ENABLED=1",
        "JIBRI_XMPP_PASSWORD=secret",
        "JIBRI_RECORDER_PASSWORD=secret",
        "DISPLAY=:0",
      ],
      Volumes: { "/storage": {} },
      HostConfig: {
        ReadonlyRootfs: true,
        CapDrop: ["ALL"],
        ShmSize: 2 * 1024 ** 3,
        Tmpfs: { "/run": "size=16M,mode=1750,exec,uid=1000,gid=1000" },
      },
    });
    made.push(container);
    await container.start();
    return container;
  }

  /** The instance, once its program answers. */
  async function answering(name: string): Promise<PoolInstance> {
    const instance = (await pools.instances()).find((candidate) => candidate.name === name);
    assert.ok(instance);
    await eventually<object>(10, () =>
      instance.role === "bridge" ? pools.bridge(instance) : pools.jibri(instance),
    );
    return instance;
  }

  before(async function () {
    this.timeout(600_000);
    await ensureImages([socketPath]);
    await way.open();
    watch = await Watch.start([host, lost], stack);
  });

  after(async () => {
    for (const container of made) await container.remove({ force: true, v: true }).catch(() => undefined);
    await watch.stop();
    await way.close();
    rmSync(directory, { recursive: true });
  });

  it("lists what agents launched for the stack, by role, on the hosts that are there", async () => {
    await launch("bridge", "bridges-1");
    await launch("jibri", "jibris-1");
    await launch("bridge", "other", { [labels.stack]: "another" });
    await launch("bridge", "node", { [labels.pool]: undefined });
    const seen = (await pools.instances()).map(({ host: on, name, pool, role, state }) =>
      [on, name, pool, role, state].join(" "),
    );
    assert.deepEqual(seen.sort(), ["a bridges-1 bridges bridge running", "a jibris-1 jibris jibri running"]);
    assert.deepEqual(
      (await pools.instances("jibri")).map(({ name }) => name),
      ["jibris-1"],
    );
  });

  it("sets what a bridge carries, and lets it lie, hang and refuse", async () => {
    const bridge = await answering("bridges-1");
    await pools.setBridge(bridge, { participants: 3, conferences: 1, stress: 0.4 });
    await eventually(5, async () => {
      const { local_endpoints, conferences, stress_level } = await pools.statistics(bridge);
      assert.deepEqual([local_endpoints, conferences, stress_level], [3, 1, 0.4]);
    });
    await pools.setBridge(bridge, { statisticsZero: true });
    const { participants, stress_level } = await pools.statistics(bridge);
    assert.deepEqual([participants, stress_level], [0, 0]);
    await pools.setBridge(bridge, { statisticsZero: false, statisticsRefused: true });
    await assert.rejects(pools.statistics(bridge), /500$/);
    assert.equal((await pools.bridge(bridge)).participants, 3);
    await assert.rejects(pools.setBridge(bridge, { participant: 3 }), /unknown key participant/);
    await pools.setBridge(bridge, { statisticsRefused: false });
  });

  it("records and streams", async () => {
    const jibri = await answering("jibris-1");
    await pools.setJibri(jibri, { bytesPerWrite: 1000 });
    await pools.startRecording(jibri, { session: "one", room: "maths" });
    const { activity, session, busyStatus, recordingDirectory } = await pools.jibri(jibri);
    assert.deepEqual([activity, session, busyStatus], ["recording", "one", "BUSY"]);
    assert.equal(recordingDirectory, "/storage/recordings/one");
    await assert.rejects(pools.startStream(jibri, { session: "two", room: "maths" }), /busy/);
    const files = ["sh", "-c", `cat ${recordingDirectory}/maths_*.mp4 | sha256sum | cut -c -64`];
    await eventually(5, async () => {
      const { output } = await runInContainer(jibri.container, ["sh", "-c", `ls ${recordingDirectory}`]);
      assert.match(output, /^maths_.*\.mp4/);
    });
    await pools.stopRecording(jibri);
    const size = Number(
      (await runInContainer(jibri.container, ["sh", "-c", `cat ${recordingDirectory}/maths_* | wc -c`]))
        .output,
    );
    const written = Buffer.concat(Array.from({ length: size / 1000 }, () => Buffer.alloc(1000, "one ")));
    const { output } = await runInContainer(jibri.container, files);
    assert.equal(output.trim(), createHash("sha256").update(written).digest("hex"));

    await pools.startStream(jibri, { session: "two", room: "maths" });
    const streaming = await pools.jibri(jibri);
    assert.deepEqual([streaming.activity, streaming.busyStatus], ["streaming", "BUSY"]);
    await pools.stopRecording(jibri);
    assert.equal((await pools.jibri(jibri)).busyStatus, "IDLE");
    assert.equal((await runInContainer(jibri.container, ["ls", "/storage/recordings"])).output.trim(), "one");
  });

  it("watches what begins, what is told to end, what ends and what that cuts", async () => {
    const busy = await answering("bridges-1");
    await launch("bridge", "bridges-2");
    await launch("jibri", "jibris-2");
    const [idle, recording] = [await answering("bridges-2"), await answering("jibris-2")];
    await pools.startRecording(recording, { session: "three", room: "art" });
    assert.equal(watch.count("create"), 4);
    assert.deepEqual(await watch.cuts(), []);

    await idle.container.stop({ t: 5 });
    await busy.container.stop({ t: 5 });
    // At once, as an agent does it: the log goes with the container.
    await recording.container.stop({ t: 5 });
    await recording.container.remove({ v: true });

    const cuts = await watch.cuts();
    assert.deepEqual(
      cuts.map(({ host: on, name, line }) => [on, name, line]),
      [
        ["a", "bridges-1", "CUT 3 participants"],
        ["a", "jibris-2", "CUT recording three"],
      ],
    );
    assert.deepEqual(
      watch.signals().map(({ name, signal }) => `${name} ${signal}`),
      ["bridges-2 SIGTERM", "bridges-1 SIGTERM", "jibris-2 SIGTERM"],
    );
    const fate = watch
      .timeline()
      .flatMap((event) => ("name" in event && event.name === "jibris-2" ? event.action : []));
    assert.deepEqual(fate, ["create", "start", "kill", "die", "destroy"]);
  });

  it("goes on after a host was lost", async () => {
    await launch("bridge", "bridges-3");
    const bridge = await answering("bridges-3");
    await pools.setBridge(bridge, { participants: 1 });
    await way.close();
    await eventually(5, () => assert.equal(watch.count("lost"), 1));
    assert.deepEqual(await pools.instances(), []);
    await engine.getContainer(bridge.container.id).stop({ t: 5 });
    await launch("bridge", "bridges-4");
    await way.open();
    await eventually(5, () => assert.equal(watch.count("back"), 1));
    const four = await answering("bridges-4");
    await pools.setBridge(four, { participants: 2 });
    await four.container.kill({ signal: "SIGINT" });
    await four.container.wait();
    const cuts = await watch.cuts();
    assert.deepEqual(
      cuts.slice(2).map(({ line }) => line),
      ["CUT 1 participants", "CUT 2 participants"],
    );
    assert.equal(watch.count("create"), 6);
    assert.equal(watch.signals().at(-1)?.signal, "SIGINT");
    assert.equal(watch.signals().length, 5);
  });

  it("waits for a log that is late, and tells no cuts where one was not read", async () => {
    const bridge = await launch("bridge", "bridges-5");
    const withLogs = (logs: (id: string) => Promise<NodeJS.ReadableStream>): Docker =>
      Object.assign(new Docker({ socketPath }), { getContainer: (id: string) => ({ logs: () => logs(id) }) });
    const all = { follow: true, stdout: true, stderr: true, timestamps: true } as const;
    const { promise: asked, resolve: ask } = Promise.withResolvers<undefined>();
    const late = withLogs(async (id) => {
      await asked;
      return engine.getContainer(id).logs(all);
    });
    const gone = withLogs(() =>
      Promise.reject(Object.assign(new Error("no such container"), { statusCode: 404 })),
    );
    const lateWatch = await Watch.start([{ name: "late", docker: late }], stack);
    const goneWatch = await Watch.start([{ name: "gone", docker: gone }], stack);
    try {
      await pools.setBridge(await answering("bridges-5"), { participants: 5 });
      await bridge.stop({ t: 5 });
      const cuts = lateWatch.cuts();
      await sleep(1000);
      ask(undefined);
      const [{ name, line } = { name: "", line: "" }] = (await cuts).slice(-1);
      assert.deepEqual([name, line], ["bridges-5", "CUT 5 participants"]);
      await assert.rejects(goneWatch.cuts(), /were not read:.*bridges-5 \(Error: no such container\)/);
    } finally {
      await lateWatch.stop();
      await goneWatch.stop();
    }
  });
});
