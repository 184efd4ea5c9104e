import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { AGENT_TOKEN, FakeHost, type Call } from "./fakeHost";
import { ScalerProcess } from "./scalerProcess";

/** Waits until a condition holds; throws after 20 s. */
async function until(what: string, condition: () => boolean | Promise<boolean>): Promise<void> {
  const limit = Date.now() + 120_000;
  while (!(await condition())) {
    if (Date.now() > limit) throw new Error(`not within 120 s: ${what}`);
    await sleep(50);
  }
}

describe("the scaler, a process beside a host", () => {
  let host: FakeHost;
  let scaler: ScalerProcess;
  /** The shard as its Jicofo sees the Jibris. */
  let shard: Server;

  beforeEach(async () => {
    host = new FakeHost();
    const url = await host.start();
    shard = createServer((_, response) => {
      const jibris = host.running("jibri").filter(([, { busy, fenced }]) => !busy && !fenced);
      const detector = Object.fromEntries(jibris.map(([name]) => [name, { reports_available: true }]));
      response.end(JSON.stringify({ bridge_selector: { bridge: { x: {} } }, jibri_detector: detector }));
    }).listen(0, "127.0.0.1");
    await once(shard, "listening");
    scaler = new ScalerProcess({
      stack: "test",
      tickSeconds: 0.2,
      fleet: {
        kind: "docker",
        agents: [{ host: "a", url, drained: false }],
        agentToken: AGENT_TOKEN,
        shards: [
          { shard: "s1", url: `http://127.0.0.1:${(shard.address() as AddressInfo).port}` },
          { shard: "s2", url: "http://127.0.0.1:1" },
        ],
      },
      bridgePools: [
        { name: "s1-bridges", shard: "s1", policy: { min: 2, max: 4, spare: 0, scaleInDelaySeconds: 1 } },
      ],
      jibriPool: { name: "jibris", policy: { free: 1, max: 3, scaleInDelaySeconds: 1 } },
    });
    await scaler.start();
  });
  afterEach(async () => {
    await scaler.dispose();
    await host.stop();
    shard.closeAllConnections();
    shard.close();
  });

  const settled = (bridges: number, jibris: number): Promise<void> =>
    until(
      `${bridges} bridges and ${jibris} Jibris`,
      () => host.running("bridge").length === bridges && host.running("jibri").length === jibris,
    );
  const load = (participants: number): void => {
    for (const [, bridge] of host.running("bridge")) bridge.participants = participants;
  };
  const [crowd, recorder] = [() => load(80), () => host.running("jibri")[0]?.[1]] as const;

  it("brings the pools to what is wanted, grows and shrinks, and cuts nobody", async () => {
    await settled(2, 1);
    crowd();
    const recording = recorder();
    assert(recording);
    recording.busy = true;
    await settled(3, 2);
    load(0);
    await settled(2, 2);
    recording.busy = false;
    await settled(2, 1);
    assert.deepEqual(host.cut, []);
    const decisions = (await (await scaler.ask("/v1/decisions")).json()) as {
      action: { kind: string; reason: string };
    }[];
    assert.deepEqual([...new Set(decisions.map(({ action }) => action.kind))].sort(), [
      "drain",
      "fence",
      "launch",
      "remove",
      "retire",
    ]);
    assert(decisions.every(({ action }) => action.reason.length > 10));
  });

  it("says in two ticks, in a bridge's own words, why it is not ready, and once in its log; in the metrics, for which shard a Jibri is free", async () => {
    await settled(2, 1);
    const pools = async () =>
      (await (await scaler.ask("/v1/pools")).json()) as {
        pool: string;
        reason: string;
        freeFor?: Record<string, number | null>;
      }[];
    await until("s1 has a free Jibri", async () => (await pools())[1]?.freeFor?.["s1"] === 1);
    assert.deepEqual((await pools())[1]?.freeFor, { s1: 1, s2: null });
    assert.match((await pools())[1]?.reason ?? "", /the Jicofo of s2 sees is unknown: .*ECONNREFUSED/);
    assert.deepEqual(
      (await (await scaler.ask("/metrics")).text()).match(/^jitsi_fleet_shard_free_jibris\{.*$/gm),
      ['jitsi_fleet_shard_free_jibris{shard="s1"} 1'],
    );

    const [name, bridge] = host.running("bridge")[0] ?? [];
    assert(bridge && name !== undefined);
    const words = "No valid IP addresses available for harvesting.";
    const reasons: string[] = [];
    // As a look begins, what was decided on the one before is told.
    host.beforeLook = async () => void reasons.push((await pools())[0]?.reason ?? "");
    bridge.refusal = words;
    await until("some looks", () => reasons.length > 6);
    for (const reason of reasons.slice(2)) assert(reason.includes(words), reason);
    const instances = (await (await scaler.ask("/v1/instances")).json()) as {
      name: string;
      trouble?: string;
    }[];
    assert.equal(instances.find((one) => one.name === name)?.trouble, words);
    assert.equal(scaler.output.split(words).length - 1, 1, scaler.output);
  });

  it("answers nothing without its token, on any path, and what it knows with it", async () => {
    await settled(2, 1);
    const paths = [
      "/",
      "/metrics",
      "/v1/health",
      "/v1/pools",
      "/v1/instances",
      "/v1/hosts",
      "/v1/decisions",
      "/nothing",
    ];
    for (const path of paths)
      for (const token of [null, "wrong", ""]) {
        const response = await scaler.ask(path, token);
        assert.equal(response.status, 401, path);
        assert.equal(await response.text(), "");
      }
    const statuses = await Promise.all(paths.map(async (path) => (await scaler.ask(path)).status));
    assert.deepEqual(statuses, [404, 200, 200, 200, 200, 200, 200, 404]);
    await until("the metrics show both bridges", async () =>
      /^jitsi_fleet_pool_serving_instances\{pool="s1-bridges"\} 2$/m.test(
        await (await scaler.ask("/metrics")).text(),
      ),
    );
    assert(!scaler.output.includes(AGENT_TOKEN), "the log holds a token");
  });

  it("waits for a host that does not answer, and launches nothing meanwhile", async () => {
    await settled(2, 1);
    await host.stop();
    await until("the host is missed", () => /does not answer/.test(scaler.output));
    assert.equal(host.calls.filter(({ kind }) => kind === "launch").length, 3);
    assert(scaler.isRunning);
  });

  it("takes another configuration while it runs, and ends where that takes a new start", async () => {
    await settled(2, 1);
    const bridges = (min: number) => ({
      bridgePools: [{ name: "s1-bridges", shard: "s1", policy: { min, max: 4, spare: 0 } }],
    });
    scaler.change(bridges(3));
    await settled(3, 1);
    const [pool] = (await (await scaler.ask("/v1/pools")).json()) as { policy: { min: number } }[];
    assert.equal(pool?.policy.min, 3);
    scaler.rewrite({});
    await until("it says that it is broken", () => /configuration is broken/.test(scaler.output));
    assert(scaler.isRunning && !scaler.output.includes(AGENT_TOKEN));
    scaler.change({ stack: "another" });
    await until("it ends", () => !scaler.isRunning);
    assert.equal(await scaler.end("SIGTERM"), 0);
  });

  it("ends on SIGTERM with code 0", async () => {
    await settled(2, 1);
    assert.equal(await scaler.end("SIGTERM"), 0);
  });

  for (const kind of ["launch", "drain", "undrain", "retire", "remove", "fence"] as const)
    for (const when of ["before", "after"] as const)
      it(`killed just ${when} a ${kind} has its effect, and started again: nothing doubled, nothing cut`, async () => {
        const progress = { killed: false };
        const kill = async (moment: "before" | "after", call: Call): Promise<void> => {
          if (progress.killed || call.kind !== kind || moment !== when) return;
          progress.killed = true;
          await scaler.end("SIGKILL");
        };
        if (kind === "launch") host.interrupt = kill;
        await until(
          "up, or killed",
          () =>
            progress.killed || (host.running("bridge").length === 2 && host.running("jibri").length === 1),
        );
        host.interrupt = kill;
        if (!progress.killed) {
          crowd();
          const recording = recorder();
          if (recording) recording.busy = true;
          await settled(3, 2);
          load(kind === "undrain" ? 1 : 0);
          if (recording) recording.busy = false;
          if (kind === "undrain") {
            await until("one is drained", () => host.running("bridge").some(([, one]) => one.draining));
            crowd();
          }
        }
        await until(`killed ${when} ${kind}`, () => progress.killed);
        await scaler.start();
        load(0);
        await settled(2, 1);
        await sleep(1500);
        await settled(2, 1);
        assert.deepEqual(host.cut, []);
        const wanted = kind === "launch" ? 3 : 5;
        assert(host.most <= wanted, `${host.most} instances at a time, ${wanted} were ever wanted`);
      });
});
