import assert from "node:assert/strict";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { serveKeeper, type KeeperParts } from "../../scaler/keeper/api";
import type { ShardsPage } from "../../scaler/keeper/shards";
import { lookToken } from "../../scaler/tokenCheck";
import { AwsEmulator } from "../support/aws/emulator";
import { selfSigned } from "../support/selfSigned";
import { CERTIFICATE_NAME } from "../../scaler/configuration";
import { AwsBed, CLOCK_SCALE, newEmulator, until } from "./awsBed";
import type { ScalerProcess } from "./scalerProcess";

describe("the scaler, processes beside Auto Scaling groups", function () {
  this.timeout(600_000);
  let emulator: AwsEmulator;
  let bed: AwsBed;
  before(async () => {
    emulator = await newEmulator();
  });
  after(() => emulator.stop());
  afterEach(async () => {
    await bed.dispose();
    Object.assign(emulator.behaviour, { callsPerSecond: Infinity, duplicateRate: 0, answerStaleSeconds: 0 });
  });

  it("brings the pools to what is wanted, grows and shrinks, and cuts nobody", async () => {
    bed = await AwsBed.start(emulator);
    const scaler = await bed.scaler();
    await bed.settled(2, 1);
    bed.load(80);
    const [recorder] = bed.up("jibri");
    assert(recorder);
    recorder.instance.busy = true;
    await bed.settled(3, 2);
    bed.load(0);
    await bed.settled(2, 2);
    recorder.instance.busy = false;
    await bed.settled(2, 1);
    assert.deepEqual(bed.cut, []);
    assert.deepEqual(bed.most, { bridge: 3, jibri: 2 });
    for (const role of ["bridge", "jibri"] as const)
      assert.equal((await bed.group(role)).DesiredCapacity, bed.counted(role).length);
    await until("what is written down is up to date", async () =>
      (await bed.status()).pools.every(({ instances }, index) => instances === 2 - index),
    );
    const { pools } = await bed.status();
    assert.deepEqual(
      pools.map(({ fresh, instances, pool, silent }) => ({ pool, fresh, instances, silent })),
      [
        { pool: "s1-bridges", fresh: true, instances: 2, silent: 0 },
        { pool: "jibris", fresh: true, instances: 1, silent: 0 },
      ],
    );
    assert.deepEqual(await bed.metricNames(), ["Instances", "Load", "Retained", "ScalerAlive", "Silent"]);
    assert.equal(await scaler.end("SIGTERM"), 0);
  });

  it("writes down what each shard's conference focus holds and each edge says, who does not say, and waits for nobody", async () => {
    const [stats, debug] = ["jicofo_conf_stats", "jicofo_debug_with_jibri"].map(
      (name) => readFileSync(`test/fixtures/recorded/${name}.http`, "utf8").match(/^\{.*$/m)?.[0],
    );
    const shard = createServer(({ url }, response) => {
      const pages: Record<string, string | undefined> = { "/_stats": stats, "/_jibris": debug };
      const page = pages[url ?? ""];
      response.writeHead(page === undefined ? 404 : 200).end(page);
    });
    const silent = createServer(() => undefined);
    const page: ShardsPage = { s1: { state: "drain", up: true, holds: { error: "no answer within 3 s" } } };
    const says: Pick<KeeperParts, "shards"> = { shards: () => Promise.resolve(page) };
    const certificate = selfSigned(CERTIFICATE_NAME).toString();
    const listen = { address: "127.0.0.1", port: 0, token: "the-keepers-token-of-the-tests" };
    const keeper = await serveKeeper(
      { ...listen, tls: { certificate, privateKey: certificate } },
      says as KeeperParts,
    );
    after(() => {
      for (const one of [shard, silent, keeper]) one.close();
    });
    bed = await AwsBed.start(emulator);
    bed.shards = [
      { shard: "s1", url: `http://127.0.0.1:${await portOf(shard)}` },
      { shard: "s2", url: "http://127.0.0.1:1" },
    ];
    bed.edges = {
      keepers: [
        { edge: "edge-1", url: `https://127.0.0.1:${keeper.port}` },
        { edge: "edge-2", url: `http://127.0.0.1:${await portOf(silent)}` },
      ],
      token: lookToken(listen.token),
      certificate,
    };
    const scaler = await bed.scaler();
    const edges = async () => (await bed.status().catch(() => undefined))?.edges ?? [];
    const written = new Set<string>();
    await until("edge-1's words are written down again and again", async () => {
      for (const said of await edges()) if ("page" in said) written.add(said.knownAt);
      return written.size > 4;
    });
    const [first, second] = await edges();
    assert(first && "page" in first, JSON.stringify(first));
    assert.deepEqual([first.edge, first.page], ["edge-1", page]);
    // All that within the time that a silent one is given.
    assert.deepEqual(second, { edge: "edge-2", error: "it has not answered yet" });
    await bed.settled(2, 1);
    const [s1, s2] = (await bed.status()).shards;
    assert(s1 && "conferences" in s1 && s1.conferences === 1, JSON.stringify(s1));
    assert(s2 && "error" in s2 && /ECONNREFUSED/.test(s2.error), JSON.stringify(s2));
    // Another fleet's Jibri is what it sees.
    const pools = (await (await scaler.ask("/v1/pools")).json()) as { freeFor?: object; pending: number }[];
    assert.deepEqual([pools[1]?.freeFor, pools[1]?.pending], [{ s1: 0, s2: null }, 1]);
    await until("edge-2 is given up", async () =>
      (await edges()).some((said) => "error" in said && said.error === "keeper edge-2: no answer within 4 s"),
    );
  });

  it("does so with calls throttled, descriptions out of date and every message twice", async () => {
    Object.assign(emulator.behaviour, {
      callsPerSecond: 6,
      duplicateRate: 1,
      answerStaleSeconds: 2 * CLOCK_SCALE,
    });
    bed = await AwsBed.start(emulator);
    await bed.scaler();
    await bed.settled(2, 1);
    bed.load(80);
    await bed.settled(3, 1);
    bed.load(0);
    await bed.settled(2, 1);
    await sleep(4000);
    await bed.settled(2, 1);
    assert.deepEqual(bed.cut, []);
    assert.deepEqual(bed.most, { bridge: 3, jibri: 1 });
  });

  for (const moment of ["launch", "drain", "retire", "complete"] as const)
    it(`two of them, and who acts is killed in mid-${moment}: the other goes on, nothing is doubled, nothing cut`, async () => {
      bed = await AwsBed.start(emulator);
      const [first, second] = [await bed.scaler("scaler-1"), await bed.scaler("scaler-2")];
      await until("both answer", async () => (await answers(first)) && (await answers(second)));
      const leading = async (): Promise<ScalerProcess | undefined> => {
        for (const one of [first, second])
          if (one.isRunning && /^jitsi_fleet_scaler_leads 1$/m.test(await (await one.ask("/metrics")).text()))
            return one;
        return undefined;
      };
      const progress = { killed: false };
      const kill = async (): Promise<void> => {
        if (progress.killed) return;
        progress.killed = true;
        let leader: ScalerProcess | undefined;
        await until("who leads says so", async () => (leader = await leading()) !== undefined);
        await leader?.end("SIGKILL");
      };
      if (moment === "launch") {
        await until("a launch", () => bed.emulator.calls("SetDesiredCapacity") > 0);
        await kill();
      } else {
        await bed.settled(2, 1);
        if (moment !== "complete") bed.interrupt = (verb) => (verb === moment ? kill() : Promise.resolve());
        bed.load(80);
        await bed.settled(3, 1);
        bed.load(0);
        if (moment === "complete") {
          await until("one waits to end", () => bed.states("bridge").includes("Terminating:Wait"));
          await kill();
        }
      }
      await until("the kill", () => progress.killed);
      await bed.settled(2, 1);
      const left = [first, second].filter(({ isRunning }) => isRunning);
      assert.equal(left.length, 1);
      bed.load(80);
      await bed.settled(3, 1);
      bed.load(0);
      await bed.settled(2, 1);
      assert.deepEqual(bed.cut, []);
      assert.deepEqual(bed.most, { bridge: 3, jibri: 1 });
      for (const one of left) assert.equal(await one.end("SIGTERM"), 0);
    });

  it("who stands by answers, and acts at once when the other ends in order", async () => {
    bed = await AwsBed.start(emulator);
    const first = await bed.scaler("scaler-1");
    await bed.settled(2, 1);
    const second = await bed.scaler("scaler-2");
    await until("it answers", () => answers(second));
    await until("it sees the fleet", async () =>
      /^jitsi_fleet_pool_serving_instances\{pool="s1-bridges"\} 2$/m.test(
        await (await second.ask("/metrics")).text(),
      ),
    );
    bed.load(80);
    await bed.settled(3, 1);
    bed.load(0);
    await bed.settled(2, 1);
    assert.deepEqual(await (await second.ask("/v1/decisions")).json(), []);
    assert.equal(new Set(bed.tellings.map(({ id, verb }) => `${id} ${verb}`)).size, bed.tellings.length);
    await first.end("SIGTERM");
    bed.load(80);
    await bed.settled(3, 1);
    assert.deepEqual(bed.most, { bridge: 3, jibri: 1 });
  });

  it("a machine that somebody ends is drained, held as long as people are on it, and then let go", async () => {
    const slow = await AwsEmulator.start({ clockScale: 2 });
    after(() => slow.stop());
    bed = await AwsBed.start(slow, 30);
    const scaler = await bed.scaler();
    await bed.settled(2, 1);
    const [victim] = bed.up("bridge");
    assert(victim);
    victim.instance.participants = 10;
    await until("its load is known", async () => (await bed.status()).pools[0]?.participants === 10);
    await bed.end(victim.id);
    await until("it is drained", () => victim.instance.draining);
    // A heartbeat holds it 15 s here, and one comes each 10 s.
    await sleep(20_000);
    assert.deepEqual([...bed.states("bridge")].sort(), ["InService", "InService", "Terminating:Wait"]);
    assert.deepEqual((await bed.status()).pools[0]?.participants, 10);
    victim.instance.participants = 0;
    await bed.settled(2, 1);
    assert.deepEqual(bed.cut, []);
    assert.match(scaler.output, /"kind":"heartbeat"/);
  });

  it("a machine that was retained, for the drain took longer than the hook, is ended once it is empty", async () => {
    bed = await AwsBed.start(emulator, 30);
    await bed.scaler();
    await bed.settled(2, 1);
    const [victim] = bed.up("bridge");
    assert(victim);
    victim.instance.participants = 10;
    await until("its load is known", async () => (await bed.status()).pools[0]?.participants === 10);
    await bed.end(victim.id);
    await until("it is retained", () => bed.states("bridge").includes("Terminating:Retained"));
    await until("it is drained", () => victim.instance.draining);
    assert((await bed.group("bridge")).DesiredCapacity === 2);
    victim.instance.participants = 0;
    await bed.settled(2, 1);
    assert.equal((await bed.group("bridge")).DesiredCapacity, 2);
    assert.deepEqual(bed.cut, []);
  });

  it("a Spot machine that is taken away is drained, made up for ahead, and evacuated before its end", async () => {
    bed = await AwsBed.start(emulator);
    await bed.scaler();
    await bed.settled(2, 1);
    bed.load(20);
    const [victim] = bed.up("bridge");
    assert(victim);
    await bed.announce(victim.id, "rebalance");
    await until("it is drained", () => victim.instance.draining);
    await until("another is launched", () => bed.counted("bridge").length === 3);
    assert.equal(victim.instance.participants, 20);
    // Read late: less than a minute is left.
    await bed.announce(victim.id, "interruption", 70);
    await bed.settled(2, 1);
    assert.deepEqual(
      bed.tellings.filter(({ id }) => id === victim.id).map(({ verb }) => verb),
      ["drain", "evacuate"],
    );
    assert.deepEqual(bed.cut, []);
  });

  it("a notice outlives the scaler that read it, and others' are nothing to it", async () => {
    bed = await AwsBed.start(emulator);
    const first = await bed.scaler("scaler-1");
    await bed.settled(2, 1);
    bed.load(20);
    const [victim] = bed.up("bridge");
    assert(victim);
    for (const body of ["", "{}", "no message"]) await bed.send(body);
    await bed.announce("i-0123456789abcdef0", "interruption");
    await bed.announce(victim.id, "interruption", 52);
    await until("it is drained", () => victim.instance.draining);
    await first.end("SIGKILL");
    await bed.scaler("scaler-2");
    // The notice was deleted from the queue; a minute before the end everybody is moved all the same.
    await until("it is gone", () => !bed.machines.has(victim.id));
    await bed.settled(2, 1);
    assert.deepEqual(bed.cut, []);
  });

  it("waits for an agent that is silent: nothing is launched in its place, nothing done to it", async () => {
    bed = await AwsBed.start(emulator);
    const first = await bed.scaler("scaler-1");
    await bed.settled(2, 1);
    for (const machine of bed.machines.values()) await machine.stop();
    await until("they are missed", async () =>
      (await bed.status()).pools.every(({ instances, silent }) => silent === instances),
    );
    await sleep(2000);
    await first.end("SIGKILL");
    // One that has never heard of them launches nothing either.
    await bed.scaler("scaler-2");
    await sleep(6000);
    await bed.settled(2, 1);
    assert.deepEqual(bed.most, { bridge: 2, jibri: 1 });
    assert.deepEqual(bed.tellings, []);
  });

  it("a Jibri whose recordings are not in the store is not let go", async () => {
    bed = await AwsBed.start(emulator);
    await bed.scaler();
    await bed.settled(2, 1);
    const [recorder] = bed.up("jibri");
    assert(recorder);
    Object.assign(recorder.instance, { ended: true });
    recorder.unsaved = 1;
    await until("another is launched", () => bed.counted("jibri").length === 2);
    await sleep(2000);
    assert.equal(bed.counted("jibri").length, 2);
    recorder.unsaved = 0;
    await bed.settled(2, 1);
    assert.deepEqual(bed.cut, []);
  });

  it("a changed policy is in force at once: the group's maximum makes way, and is lowered once nobody is above it", async () => {
    bed = await AwsBed.start(emulator);
    const scaler = await bed.scaler();
    await bed.settled(2, 1);
    scaler.change(bed.policy({ min: 5, max: 6 }));
    await bed.settled(5, 1);
    assert.equal((await bed.group("bridge")).MaxSize, 6);
    scaler.change(bed.policy({ min: 1, max: 3 }));
    await bed.settled(1, 1);
    await until("the maximum", async () => (await bed.group("bridge")).MaxSize === 3);
    scaler.rewrite({});
    await until("it says that it is broken", () => /configuration is broken/.test(scaler.output));
    assert(scaler.isRunning);
    assert.deepEqual(bed.cut, []);
  });

  it("never goes below what the group itself has at the least, as by a schedule", async () => {
    bed = await AwsBed.start(emulator);
    await bed.scaler("scaler-1", { min: 1 });
    await bed.settled(1, 1);
    await bed.change("bridge", { MinSize: 3 });
    await bed.settled(3, 1);
    await sleep(3000);
    await bed.settled(3, 1);
    assert.deepEqual(bed.tellings, []);
    const [broken] = bed.up("bridge");
    assert(broken);
    broken.instance.ended = true;
    await until("another is in its place", () => !bed.machines.has(broken.id));
    await bed.settled(3, 1);
    await bed.change("bridge", { MinSize: 0 });
    await bed.settled(1, 1);
    assert.deepEqual(bed.cut, []);
  });

  it("a machine that breaks is its group's to replace, and its hook is answered at once", async () => {
    bed = await AwsBed.start(emulator);
    await bed.scaler();
    await bed.settled(2, 1);
    const [victim] = bed.up("bridge");
    assert(victim);
    await emulator.killMachine(victim.id);
    await bed.settled(2, 1);
    assert(!bed.counted("bridge").includes(victim.id));
    // Died while it took conferences: nothing that anybody could have drained.
    assert.deepEqual(bed.cut, [victim.name]);
    assert.equal((await bed.group("bridge")).DesiredCapacity, 2);
  });

  it("what AWS cannot launch now is waited for, and not asked for again", async () => {
    bed = await AwsBed.start(emulator);
    await bed.scaler();
    await bed.settled(2, 1);
    emulator.failLaunches(3);
    bed.load(80);
    await sleep(3000);
    assert.equal((await bed.group("bridge")).DesiredCapacity, 3);
    await bed.settled(3, 1);
    assert.deepEqual(bed.most, { bridge: 3, jibri: 1 });
  });

  it("machines that wait in a warm pool are no instances, and go when they are to", async () => {
    bed = await AwsBed.start(emulator);
    await bed.scaler();
    await bed.settled(2, 1);
    await bed.warm("bridge", 1);
    await until("one is warm", () => bed.states("bridge").includes("Warmed:Stopped"));
    await sleep(1000);
    assert.equal(bed.counted("bridge").length, 2);
    await bed.warm("bridge", 0);
    await bed.settled(2, 1);
    assert.deepEqual(bed.tellings, []);
  });

  it("machines of an older launch template are replaced one by one, each once it is empty", async () => {
    bed = await AwsBed.start(emulator);
    await bed.scaler();
    await bed.settled(2, 1);
    const old = new Set(bed.counted("bridge"));
    const [busy] = bed.up("bridge");
    assert(busy);
    busy.instance.participants = 5;
    await bed.newTemplate("bridge");
    await until(
      "the empty one is replaced",
      () => [...old].filter((id) => bed.machines.has(id)).length === 1,
    );
    await sleep(2000);
    assert(bed.machines.has(busy.id));
    busy.instance.participants = 0;
    await until("both are replaced", () => ![...old].some((id) => bed.machines.has(id)));
    await bed.settled(2, 1);
    assert.deepEqual(bed.cut, []);
    assert(bed.most.bridge <= 3, `${bed.most.bridge}`);
  });
});

const answers = (scaler: ScalerProcess): Promise<boolean> =>
  scaler.ask("/v1/health").then(
    ({ ok }) => ok,
    () => false,
  );

async function portOf(server: Server): Promise<number> {
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return (server.address() as AddressInfo).port;
}
