import assert from "node:assert/strict";
import { setTimeout as sleep } from "node:timers/promises";
import { runInContainer } from "../../scaler/engine/exec";
import { FleetUnderTest, refused, STACK, succeeded, until } from "./fleetUnderTest";
import type { PoolInstance } from "./pools";
import { RecordingStore, type Finished } from "./recordingStore";
import { Watch } from "./watch";

/** Participants that a bridge of these tests is counted to hold: at 70 % two carry 28. */
const CAPACITY = 20;
const FREE = 3;
const SCALE_IN_SECONDS = 5;
/** Shorter than it comes, so that a drain takes seconds. */
const TICK_SECONDS = 2;
const S1 = "s1-bridges";
const S2 = "s2-bridges";
const JIBRIS = "jibris";

/**
 * The pools' life on real Docker: the real scaler, agents and uploaders, Prosody and rclone; an emulated S3; stand-ins
 * for Jicofo, JVB and Jibri, whose minutes are seconds. The steps build on each other.
 */
describe("bridges and Jibris that come and go with load", () => {
  let fleet: FleetUnderTest;
  let store: RecordingStore;
  let watch: Watch;
  const closing: (() => Promise<void>)[] = [];

  before(async () => {
    fleet = await FleetUnderTest.create((lab) => {
      store = new RecordingStore(lab);
      return {
        // Host b has bridges and Jibris alone: it may be lost, and be taken out.
        scaler: { tickSeconds: TICK_SECONDS },
        shards: ["s1", "s2"].map((name) => ({ name, host: "a" })),
        bridges: { min: 2, max: 4, capacity: CAPACITY, spare: 0, scaleInDelaySeconds: SCALE_IN_SECONDS },
        jibris: { free: FREE, max: 6, scaleInDelaySeconds: SCALE_IN_SECONDS },
        recordings: { stream: true, store: store.settings },
      };
    });
    closing.push(() => fleet.end());
    closing.unshift(() => store.stop());
    await store.start();
    watch = await Watch.start(fleet.hosts, STACK);
    closing.unshift(() => watch.stop());
  });
  after(async () => {
    for (const close of closing) await close();
  });
  /** Whatever a step does: nobody is cut, and nobody is killed. */
  afterEach(async () => {
    assert.deepEqual(await watch.cuts(), []);
    const killed = watch.signals().filter(({ signal }) => signal === "SIGKILL");
    assert.deepEqual(killed, []);
  });

  const bridges = async (): Promise<PoolInstance[]> =>
    (await fleet.pools.instances("bridge")).filter(({ pool, state }) => pool === S1 && state === "running");
  const created = (pool: string) =>
    watch.timeline().filter((event) => event.action === "create" && "pool" in event && event.pool === pool);
  const load = (bridge: PoolInstance, participants: number): Promise<void> =>
    fleet.pools.setBridge(bridge, {
      participants,
      conferences: Math.ceil(participants / 5),
      stress: Math.max(0.02, (0.5 * participants) / CAPACITY),
    });
  const participants = async (): Promise<number> => {
    const states = await Promise.all((await bridges()).map((bridge) => fleet.pools.bridge(bridge)));
    return states.reduce((sum, state) => sum + state.participants, 0);
  };

  /** Waits until the scaler sees so many instances in these states, and none in others that matter. */
  const inStates = (pool: string, wanted: Readonly<Record<string, number>>, seconds = 60): Promise<void> =>
    until(`${pool}: ${JSON.stringify(wanted)}`, seconds, async () => {
      const states = (await fleet.outlook())[pool]?.states;
      const is = Object.entries(wanted).every(([state, count]) => states?.[state] === count);
      if (!is) throw new Error(JSON.stringify(states));
      return true;
    });
  const serving = (count: number, seconds?: number): Promise<void> =>
    inStates(S1, { serving: count, pending: 0, draining: 0, retiring: 0 }, seconds);
  const atRest = (seconds?: number): Promise<void> =>
    inStates(
      JIBRIS,
      { free: FREE, busy: 0, uploading: 0, pending: 0, leaving: 0, spent: 0, unknown: 0 },
      seconds,
    );
  const freeJibri = async (): Promise<PoolInstance> => {
    for (const jibri of await fleet.pools.instances("jibri")) {
      if (jibri.state !== "running") continue;
      // One that was about to end may be gone by now.
      const told = await fleet.pools.jibri(jibri).catch(() => undefined);
      if (told?.activity === "idle") return jibri;
    }
    throw new Error("no Jibri is free");
  };

  it("the scaler launches what every pool is to have", async () => {
    succeeded(await fleet.stack.up({ timeoutSeconds: 600 }));
    await Promise.all([serving(2), inStates(S2, { serving: 2, pending: 0 }), atRest()]);
    succeeded(await fleet.stack.preview({ args: ["--expect-no-changes"] }));
    assert.equal(watch.count("create"), 4 + FREE);
  });

  it("either shard of one host has every Jibri for its recordings", async () => {
    const names = (await fleet.pools.instances("jibri")).map(({ name }) => name).sort();
    const ask = ["curl", "--silent", "--fail", "http://127.0.0.1:8888/debug"];
    for (const shard of ["s1", "s2"]) {
      const { output } = await runInContainer(fleet.container("a", shard, "jicofo"), ask);
      const { jibri_detector: known } = JSON.parse(output) as { jibri_detector: Record<string, unknown> };
      const seen = names.filter((name) => name in known);
      assert.deepEqual(seen, names, `what the Jicofo of ${shard} sees`);
    }
  });

  it("the store's key stands neither in the state nor in what Docker tells", async () => {
    const state = JSON.stringify(await fleet.stack.exportState());
    const told = JSON.stringify(await fleet.inspections());
    for (const shown of [state, told]) assert(!shown.includes(store.settings["secretAccessKey"] ?? "none"));
  });

  it("the APIs answer nothing without their token", async () => {
    const { a, b } = fleet.lab.hosts;
    const doors = [
      { url: `https://${a.privateAddress}:23002`, paths: ["/v1/pools", "/v1/decisions", "/metrics", "/"] },
      ...[a, b].map(({ privateAddress }) => ({
        url: `https://${privateAddress}:23001`,
        paths: ["/v1/state", "/v1/instances/jibris-x", "/containers/json", "/"],
      })),
    ];
    for (const { url, paths } of doors)
      for (const path of paths)
        for (const token of [undefined, "", "wrong"])
          assert.deepEqual(
            await ask(fleet, `${url}${path}`, { token }),
            { status: 401, body: "" },
            `${url}${path}`,
          );
  });

  it("an agent touches no container but its pools', whatever it is asked", async () => {
    const { a } = fleet.lab.hosts;
    const url = `https://${a.privateAddress}:23001`;
    const token = await agentToken(fleet);
    const foreign = await a.docker.createContainer({
      name: `jitsi-${STACK}-jibris-foreign`,
      Image: (await fleet.container("a", "s1", "prosody").inspect()).Config.Image,
      Entrypoint: ["/bin/sleep", "600"],
      Labels: {
        "jitsi-fleet.stack": STACK,
        "jitsi-fleet.role": "shard",
        "jitsi-fleet.node": "jibris-foreign",
      },
    });
    await foreign.start();
    const names = ["jibris-foreign", "s1-prosody", "edge-a-haproxy", "scaler-scaler", "agent-a-agent", "s1"];
    for (const name of names) {
      const at = `${url}/v1/instances/${name}`;
      assert.equal((await ask(fleet, at, { token, method: "DELETE" })).status, 404, name);
      for (const verb of ["drain", "undrain", "retire", "fence"])
        assert.equal(
          (await ask(fleet, `${at}/${verb}`, { token, method: "POST" })).status,
          404,
          `${name} ${verb}`,
        );
    }
    const state = await ask(fleet, `${url}/v1/state`, { token });
    const { version } = JSON.parse(state.body) as { version: string };
    const launch = (name: string, pool: string) =>
      ask(fleet, `${url}/v1/instances/${name}`, {
        token,
        method: "PUT",
        body: JSON.stringify({ pool, version }),
      });
    assert.equal((await launch("miner-x", "miner")).status, 404, "a pool that is none");
    assert.equal((await launch("miner-x", JIBRIS)).status, 404, "a name that is not the pool's");
    for (const path of [
      "/containers/json",
      "/v1.41/containers/json",
      "/v1/instances/..%2f..%2fcontainers",
      "/_ping",
    ])
      assert.equal((await ask(fleet, `${url}${path}`, { token })).status, 404, path);
    const running = await a.docker.listContainers();
    for (const name of ["jibris-foreign", "s1-prosody", "edge-a-haproxy", "scaler-scaler", "agent-a-agent"])
      assert(
        running.some(({ Names }) => Names.includes(`/jitsi-${STACK}-${name}`)),
        `${name} is gone`,
      );
    await foreign.remove({ force: true, v: true });
  });

  it("load on the bridges: another serves within its boot and 15 s", async () => {
    const before = created(S1).length;
    const loaded = Date.now();
    for (const bridge of await bridges()) await load(bridge, 18);
    await serving(3);
    const [event] = created(S1).slice(before);
    assert(event);
    const decided = (event.time - loaded) / 1000;
    console.log(
      `      decided after ${decided.toFixed(1)} s, serves after ${((Date.now() - loaded) / 1000).toFixed(1)} s`,
    );
    assert(decided < 15, `launched only ${decided} s after the load`);
    assert.equal(created(S1).length, before + 1);
    await until("Jicofo uses it", 30, async () => (await operationalBridges(fleet)) === 3);
  });

  it("the load comes back while one is drained: it serves again, and none is launched", async () => {
    const before = created(S1).length;
    for (const bridge of await bridges()) await load(bridge, 4);
    await inStates(S1, { serving: 2, draining: 1 });
    for (const bridge of await bridges()) await load(bridge, 14);
    await serving(3);
    assert.equal(created(S1).length, before);
  });

  it("load gone: one is drained, waits until it is empty, is ended; no participant is lost", async () => {
    for (const bridge of await bridges()) await load(bridge, 4);
    await inStates(S1, { serving: 2, draining: 1 });
    await sleep(12_000);
    await inStates(S1, { serving: 2, draining: 1 });
    assert.equal(await participants(), 12);
    const leaving = await drained(fleet, await bridges());
    assert(leaving, "none is drained");
    await load(leaving, 0);
    await serving(2);
    assert.equal(await participants(), 8);
    const left = await fleet.pools.instances("bridge");
    assert(!left.some(({ name }) => name === leaving.name));
  });

  it("statistics that stop, freeze or say 0: nothing is removed and nothing launched", async () => {
    const [one, two] = await bridges();
    const [three, four] = (await fleet.pools.instances("bridge")).filter(({ pool }) => pool === S2);
    assert(one && two && three && four);
    for (const bridge of [one, two, three, four]) await load(bridge, 6);
    await sleep(10_000);
    const before = watch.timeline().length;
    await fleet.pools.setBridge(one, { statisticsRefused: true });
    await fleet.pools.setBridge(two, { statisticsFrozen: true });
    await fleet.pools.setBridge(three, { statisticsZero: true });
    await fleet.pools.setBridge(four, { statisticsZero: true });
    await inStates(S1, { serving: 0, unknown: 2 });
    await inStates(S2, { serving: 0, unknown: 2 });
    await sleep(20_000);
    assert.deepEqual(watch.timeline().slice(before), []);
    const { desired, reason } = (await fleet.outlook())[S1] ?? {};
    assert.equal(desired ?? null, null);
    assert.match(reason ?? "", /^no bridge says how it is: nothing is changed; .*stood still/);
    await fleet.pools.setBridge(one, { statisticsRefused: false });
    await fleet.pools.setBridge(two, { statisticsFrozen: false });
    for (const bridge of [three, four]) await fleet.pools.setBridge(bridge, { statisticsZero: false });
    await Promise.all([serving(2), inStates(S2, { serving: 2 })]);
    assert.deepEqual(watch.timeline().slice(before), []);
    for (const bridge of [one, two, three, four]) await load(bridge, 0);
  });

  const record = async (session: string): Promise<PoolInstance> => {
    const jibri = await freeJibri();
    await fleet.pools.startRecording(jibri, { session, room: `room-of-${session}` });
    return jibri;
  };
  const finish = (jibri: PoolInstance): Promise<Finished> => store.finish(fleet.pools, jibri);

  it(`one of ${FREE} free Jibris is taken: another starts; its recording is in the store, and the pool as before`, async () => {
    const before = created(JIBRIS).length;
    const jibri = await record("lesson-1");
    await inStates(JIBRIS, { free: FREE, busy: 1, pending: 0 });
    assert.equal(created(JIBRIS).length, before + 1);
    const finished = await finish(jibri);
    await store.arrived(finished, 60);
    await atRest();
    await until(
      "no more than are free",
      30,
      async () => (await fleet.pools.instances("jibri")).length === FREE,
    );
  });

  it("Jibris' logs are not among the recordings, in the volume that outlives them", async () => {
    const list =
      'console.log(fs.readdirSync("/storage", { recursive: true, withFileTypes: true }).filter((one) => one.isFile()).map(({ name }) => name).join(" "))';
    for (const host of ["a", "b"]) {
      const uploader = fleet.container(host, `agent-${host}`, "uploader");
      const { exitCode, output } = await runInContainer(uploader, ["node", "-e", list]);
      assert.deepEqual([exitCode, output.trim()], [0, ""], host);
    }
    const jibri = await freeJibri();
    const { output } = await runInContainer(jibri.container, ["ls", "/storage/logs"]);
    assert.match(output, /ffmpeg\.0\.txt/);
  });

  it("a stream takes a Jibri as well, and leaves nothing that waits to be uploaded", async () => {
    const before = created(JIBRIS).length;
    const jibri = await freeJibri();
    await fleet.pools.startStream(jibri, { session: "stream-1", room: "concert" });
    await inStates(JIBRIS, { free: FREE, busy: 1, pending: 0 });
    assert.equal(created(JIBRIS).length, before + 1);
    await fleet.pools.stopRecording(jibri);
    await atRest();
    assert.deepEqual(await waiting(fleet), []);
  });

  it("the store is down when recordings end and Jibris are too many: none goes before its file is safe, every file arrives", async () => {
    const jibris = [await record("down-1"), await record("down-2")];
    await inStates(JIBRIS, { free: FREE, busy: 2, pending: 0 });
    store.freeze();
    const finished = await Promise.all(jibris.map(finish));
    await inStates(JIBRIS, { uploading: 2, busy: 0 });
    // Long enough for what is too many to go, as it would but for the files.
    await sleep((SCALE_IN_SECONDS + 10) * 1000);
    const alive = (await fleet.pools.instances("jibri")).filter(({ state }) => state === "running");
    for (const jibri of jibris)
      assert(
        alive.some(({ name }) => name === jibri.name),
        `${jibri.name} is gone`,
      );
    assert.equal((await waiting(fleet)).length, 2);
    store.thaw();
    for (const recording of finished) await store.arrived(recording, 180);
    await atRest(90);
    assert.deepEqual(await waiting(fleet), []);
  });

  it("the scaler is killed at each step of a launch, a drain and a fence: nothing doubled, nothing cut", async () => {
    const kill = async (): Promise<void> => {
      const { State } = await fleet.container("a", "scaler", "scaler").inspect();
      if (State.Pid > 0) process.kill(State.Pid, "SIGKILL");
    };
    /** Kills the scaler as soon as a condition holds. */
    const killWhen = async (what: string, condition: () => Promise<boolean> | boolean): Promise<void> => {
      const limit = Date.now() + 300_000;
      while (!(await condition())) {
        if (Date.now() > limit) throw new Error(`not within 300 s: ${what}`);
        await sleep(20);
      }
      await kill();
    };
    const happened = (action: string, after: number) => () =>
      watch.timeline().some((event) => event.action === action && event.time > after);
    const anyBridge = (told: (statistics: Record<string, unknown>) => boolean) => async () => {
      const all = await Promise.all(
        (await bridges()).map((bridge) => fleet.pools.statistics(bridge).catch(() => ({}))),
      );
      return all.some(told);
    };
    // Launch: as its container is made, and as it starts.
    for (const action of ["create", "start"]) {
      const before = created(S1).length;
      const since = Date.now();
      for (const bridge of await bridges()) await load(bridge, 18);
      await killWhen(`${action} of a launch`, happened(action, since));
      await serving(3);
      assert.equal(created(S1).length, before + 1, `launches, the scaler killed at ${action}`);
      // Drain: as the bridge is told, as it is told to take nothing new, as it is ended.
      for (const bridge of await bridges()) await load(bridge, action === "create" ? 2 : 0);
      await killWhen(
        "drain",
        anyBridge(({ drain }) => drain === true),
      );
      if (action === "create") {
        const leaving = await drained(fleet, await bridges());
        assert(leaving);
        await load(leaving, 0);
      }
      await killWhen(
        "retirement",
        anyBridge((told) => told["graceful_shutdown"] === true),
      );
      await killWhen("end", happened("die", since));
      await serving(2);
      assert.equal(await participants(), action === "create" ? 4 : 0);
    }
    // Fence: a Jibri too many, told to go; the scaler is killed as one starts, and as one ends.
    const before = created(JIBRIS).length;
    const since = Date.now();
    const jibri = await record("killed-1");
    await killWhen("launch of a Jibri", happened("create", since));
    await inStates(JIBRIS, { free: FREE, busy: 1, pending: 0 });
    assert.equal(created(JIBRIS).length, before + 1);
    const finished = await finish(jibri);
    await killWhen("end of a Jibri", happened("die", Date.now()));
    await store.arrived(finished, 60);
    await atRest();
    assert.equal(created(JIBRIS).length, before + 1);
  });

  it("a new shard: recordings go on, Jibris that are free learn of it one ahead of another, and one records there", async () => {
    const old = await record("old-shard");
    await inStates(JIBRIS, { free: FREE, busy: 1, pending: 0 });
    const fewest = { free: FREE };
    const watching = new AbortController();
    const counting = (async () => {
      while (!watching.signal.aborted) {
        // The scaler is away while it is given the new shard, and does not know before all agents have told.
        const jibris = (await fleet.outlook().catch(() => undefined))?.["jibris"];
        if (jibris?.desired !== undefined) fewest.free = Math.min(fewest.free, jibris.states["free"] ?? 0);
        await sleep(500);
      }
    })();
    await fleet.setShards([
      { name: "s1", host: "a" },
      { name: "s2", host: "a" },
      { name: "s3", host: "a" },
    ]);
    succeeded(await fleet.stack.up({ timeoutSeconds: 600 }));
    const knowsAll = async (jibri: PoolInstance): Promise<boolean> =>
      (await fleet.pools.jibri(jibri)).joinedBreweries === 3;
    await until("the free Jibris are in the new shard's brewery", 300, async () => {
      const free = (await fleet.pools.instances("jibri")).filter(
        ({ name, state }) => state === "running" && name !== old.name,
      );
      return free.length === FREE && (await Promise.all(free.map(knowsAll))).every(Boolean);
    });
    watching.abort();
    await counting;
    assert.equal(fewest.free, FREE, "fewer were free meanwhile");
    assert.equal((await fleet.pools.jibri(old)).activity, "recording");
    const fresh = await record("new-shard");
    assert(await knowsAll(fresh));
    for (const recording of [await finish(old), await finish(fresh)]) await store.arrived(recording, 60);
    await atRest(90);
  });

  it("a size reaches the scaler with nothing restarted that carries a call; below what is busy it waits", async () => {
    const recording = [await record("max-1"), await record("max-2")];
    await inStates(JIBRIS, { free: FREE, busy: 2, pending: 0 });
    const ids = async (): Promise<string[]> => {
      const lists = await Promise.all(fleet.hosts.map(({ docker }) => docker.listContainers()));
      return lists.flat().map(({ Id, Names }) => `${Names[0] ?? ""} ${Id}`);
    };
    const before = await ids();
    await fleet.stack.setConfig("jibris.max", "1");
    await fleet.stack.setConfig("jibris.free", "1");
    await fleet.stack.setConfig("bridges.max", "3");
    succeeded(await fleet.stack.up());
    const after = await ids();
    const gone = before.filter((id) => !after.includes(id));
    assert.deepEqual(
      gone.filter((id) => !/^\/jitsi-dev-(scaler-scaler|jibris-\w+) /.test(id)),
      [],
    );
    await inStates(JIBRIS, { free: 0, busy: 2, leaving: 0 });
    for (const jibri of recording) assert.equal((await fleet.pools.jibri(jibri)).activity, "recording");
    for (const jibri of recording) await store.arrived(await finish(jibri), 60);
    await inStates(JIBRIS, { free: 1, busy: 0, uploading: 0, leaving: 0 }, 90);
  });

  it("a Docker host is lost: the others take over; it is back: the pools are whole again, and no more than they should", async () => {
    const isSeen = async (): Promise<boolean> => {
      const hosts = await fleet.scaler<{ host: string; error?: string }[]>("hosts");
      return hosts.some(({ error, host }) => host === "b" && error === undefined);
    };
    const shards = [S1, S2, "s3-bridges"];
    await fleet.lab.hosts.b.stop();
    await until("the scaler misses host b", 30, async () => !(await isSeen()));
    await Promise.all(shards.map((pool) => inStates(pool, { serving: 2, pending: 0 }, 120)));
    await fleet.lab.hosts.b.start();
    await until("the scaler sees host b", 30, isSeen);
    // What ended with the host is cleared away, and what took its place stays as it is needed.
    await until("all pools are whole, and no larger", 120, async () => {
      const pools = Object.groupBy(await fleet.pools.instances(), ({ pool }) => pool);
      const has = (pool: string, count: number): boolean =>
        pools[pool]?.length === count && pools[pool].every(({ state }) => state === "running");
      return shards.every((pool) => has(pool, 2)) && has(JIBRIS, 1);
    });
    await Promise.all(shards.map((pool) => inStates(pool, { serving: 2, pending: 0 })));
    succeeded(await fleet.stack.up({ timeoutSeconds: 600 }));
    succeeded(await fleet.stack.preview({ args: ["--expect-no-changes"] }));
  });

  it("a host is taken out: refused while somebody is on it; drained it empties itself, and then nothing of it stays", async () => {
    // Host b is empty since it was lost: the next one is launched there.
    for (const bridge of await bridges()) await load(bridge, 18);
    await serving(3);
    const onB = (await bridges()).find(({ host }) => host === "b");
    assert(onB);
    for (const bridge of await bridges()) await load(bridge, bridge.name === onB.name ? 3 : 0);
    await serving(2);
    await fleet.setHosts([{ name: "a" }]);
    assert.match(refused(await fleet.stack.up({ timeoutSeconds: 600 })), /host b holds 3 participants/);
    assert.equal(await participants(), 3);

    await fleet.setHosts([{ name: "a" }, { name: "b", drained: true }]);
    succeeded(await fleet.stack.up());
    await inStates(S1, { serving: 2, draining: 1 }, 90);
    assert.equal(await participants(), 3);
    await load(onB, 0);
    await until("host b is empty", 120, async () =>
      (await fleet.pools.instances()).every(({ host }) => host !== "b"),
    );
    await fleet.setHosts([{ name: "a" }]);
    succeeded(await fleet.stack.up());
    assert.deepEqual(
      (await fleet.inventory()).filter((item) => item.startsWith("b ")),
      [`b volume jitsi-${STACK}-recordings`],
    );
    await serving(2);
  });

  it("is not destroyed while somebody is on a bridge: nothing is touched; with the flag all goes but recordings", async () => {
    const [bridge] = await bridges();
    assert(bridge);
    await load(bridge, 3);
    await sleep(2000);
    const before = await fleet.inventory();
    assert.match(
      refused(await fleet.stack.destroy({ timeoutSeconds: 600 })),
      /Destroying dev would cut calls: host [ab] holds 3 participants/,
    );
    assert.deepEqual(await fleet.inventory(), before);
    assert.equal(await participants(), 3);

    await load(bridge, 0);
    await fleet.stack.setConfig("allowCutCalls", "true");
    succeeded(await fleet.stack.destroy({ timeoutSeconds: 600 }));
    assert.deepEqual(
      await fleet.inventory(),
      ["a", "b"].map((host) => `${host} volume jitsi-${STACK}-recordings`),
    );
  });
});

/** The one of the bridges that is drained. */
async function drained(
  fleet: FleetUnderTest,
  bridges: readonly PoolInstance[],
): Promise<PoolInstance | undefined> {
  for (const bridge of bridges) if ((await fleet.pools.statistics(bridge))["drain"] === true) return bridge;
  return undefined;
}

/** What the hosts' uploaders have that is in no store yet. */
async function waiting(fleet: FleetUnderTest): Promise<unknown[]> {
  const hosts = await fleet.scaler<{ recordings?: { items?: { state: string }[] } }[]>("hosts");
  return hosts.flatMap(({ recordings }) =>
    (recordings?.items ?? []).filter(({ state }) => state !== "recording"),
  );
}

/** As the shard's Jicofo counts them. */
async function operationalBridges(fleet: FleetUnderTest): Promise<number> {
  const argv = ["curl", "-sS", "http://127.0.0.1:8888/stats"];
  const { output } = await runInContainer(fleet.container("a", "s1", "jicofo"), argv);
  const { bridge_selector: selector } = JSON.parse(output) as {
    bridge_selector: { operational_bridge_count: number };
  };
  return selector.operational_bridge_count;
}

/** The agents' token, as the scaler was given it. */
async function agentToken(fleet: FleetUnderTest): Promise<string> {
  const argv = ["cat", "/fleet/configuration.json"];
  const { output } = await runInContainer(fleet.container("a", "scaler", "scaler"), argv);
  return (JSON.parse(output) as { fleet: { agentToken: string } }).fleet.agentToken;
}

/** A request from the private network: from within the scaler's container. */
async function ask(
  fleet: FleetUnderTest,
  url: string,
  { body, method = "GET", token }: { body?: string; method?: string; token?: string | undefined },
): Promise<{ status: number; body: string }> {
  const script = `
    process.env.NODE_TLS_REJECT_UNAUTHORIZED = "0";
    process.removeAllListeners("warning");
    const [url, method, token, body] = JSON.parse(process.argv[1]);
    const headers = token === null ? {} : { Authorization: "Bearer " + token };
    fetch(url, { method, headers, ...(body === null ? {} : { body }) }).then(
      async (answer) => console.log(JSON.stringify({ status: answer.status, body: await answer.text() })),
      (error) => console.log(JSON.stringify({ status: 0, body: String(error.cause) })),
    );`;
  const asked = JSON.stringify([url, method, token ?? null, body ?? null]);
  const { output } = await runInContainer(fleet.container("a", "scaler", "scaler"), [
    "node",
    "-e",
    script,
    asked,
  ]);
  return JSON.parse(output.trim().split("\n").at(-1) ?? "") as { status: number; body: string };
}
