import assert from "node:assert/strict";
import fc from "fast-check";
import { FakeDocker } from "../support/fakeDocker";
import "./ready";
import { EngineStack, stateWithout, type CliResult, type ExportedState } from "./workspace";

interface Shard {
  name: string;
  host?: string;
  state?: "ready" | "drain" | "maint";
  release?: string;
}

/** What an operator may have changed. */
interface Given {
  shards: Shard[];
  hosts: { name: string; address: string; roles: string[] }[];
  more?: Record<string, unknown>;
}

/**
 * What is refused on Docker hosts, and what is mended, with the real engine, the project's commands and engines in memory.
 * The steps build on each other.
 */
describe("what would cut a call, on the real engine", function () {
  this.timeout(900_000);
  const engines: Record<"a" | "b" | "c", FakeDocker> = {} as never;
  let stack: EngineStack;
  const two: Shard[] = [{ name: "s1" }, { name: "s2" }];
  const drained: Shard[] = [{ name: "s1" }, { name: "s2", state: "drain" }];

  const hosts = (): Given["hosts"] => [
    {
      name: "a",
      address: `unix://${engines.a.socket}`,
      roles: ["edge", "shard", "bridge", "jibri", "scaler"],
    },
    { name: "b", address: `unix://${engines.b.socket}`, roles: ["bridge", "jibri"] },
  ];
  const configOf = ({ hosts: given, more = {}, shards }: Given): Record<string, unknown> => ({
    production: false,
    domain: "meet.school.test",
    auth: { type: "open" },
    shards,
    ...more,
    docker: {
      hosts: given.map((host, index) => ({
        ...host,
        publicAddress: `198.51.100.${index + 1}`,
        privateAddress: `10.213.0.${index + 1}`,
      })),
    },
  });

  before(async () => {
    for (const name of ["a", "b", "c"] as const) engines[name] = await FakeDocker.start();
    const config = configOf({ shards: two, hosts: hosts() });
    stack = await EngineStack.create({ programDir: process.cwd(), stack: "dev", config });
    succeeded(await stack.up());
  });
  after(async () => {
    await stack.dispose();
    for (const engine of Object.values(engines)) await engine.stop();
  });

  /** Sets what is given in the place of all that was set before. */
  const set = (given: Partial<Given>): Promise<void> =>
    stack.writeConfig(configOf({ shards: two, hosts: hosts(), ...given }));

  async function up(...args: string[]): Promise<CliResult> {
    return succeeded(await stack.up({ args }));
  }

  /** All that a refused update must leave as it is. */
  async function world() {
    // What is encrypted is so anew each time that it is written.
    const state = await stack.run(["stack", "export", "--show-secrets", "--stack", stack.stack]);
    const { deployment } = JSON.parse(succeeded(state).stdout) as ExportedState;
    return {
      state: deployment.resources ?? [],
      a: engines.a.snapshot(),
      b: engines.b.snapshot(),
      c: engines.c.snapshot(),
    };
  }

  /** The update must be refused for that reason, and change nothing: as told, again, and for a part of it. */
  async function refused(why: RegExp, ...ways: string[][]): Promise<void> {
    const before = await world();
    for (const args of [[], ...ways]) {
      const { exitCode, stderr, stdout } = await stack.up({ args });
      assert.notEqual(exitCode, 0, `up ${args.join(" ")} was not refused:\n${stdout}`);
      assert.match(stdout + stderr, why);
      assert.deepEqual(await world(), before, `up ${args.join(" ")} changed something`);
    }
  }
  const again: string[] = [];
  const scalerAlone = ["--target", "**::scaler*"];

  it("takes no shard out that is in ready: all that is wrong is told at once, and nothing is touched, again or in part", async () => {
    engines.b.participants = 5;
    await set({ shards: [{ name: "s2", release: "r2" }], hosts: hosts().slice(0, 1) });
    const { exitCode, stdout } = await stack.preview();
    assert.equal(exitCode, 0, stdout);
    assert.match(
      stdout,
      /As things are now, this update would be refused\. Removing shard s1 would cut calls/,
    );
    const all = [
      /Removing shard s1 would cut calls: shard s1 is in state ready\. .*drain s1 --wait/,
      /Changing s2 would cut calls: shard s2 is in state ready/,
      /Taking out host b would cut calls: host b holds 5 participants\. Set b to drained first/,
      /To cut them all the same: pulumi config set allowCutCalls true/,
    ].map(({ source }) => source);
    await refused(new RegExp(all.join("[^]*")), again, scalerAlone);
    engines.b.participants = 0;
  });

  /** An update must make anew what is lost, and touch nothing else that runs. */
  async function mended(lose: () => void, ...expected: string[]): Promise<void> {
    const ids = (): Map<string, string> =>
      new Map([...engines.a.containers.values()].map(({ id, name }) => [name, id]));
    const before = ids();
    const files = [...engines.a.volumes].map(([name, volume]) => [name, [...volume.files.keys()].sort()]);
    lose();
    const lost = [...before.keys()].filter((name) => !engines.a.containers.has(name));
    const { stdout } = await up();
    assert.match(stdout, /Lost on the hosts, and made anew: /);
    for (const name of expected) assert(stdout.includes(name), `${name} is not told: ${stdout}`);
    const after = ids();
    assert.deepEqual([...after.keys()].sort(), [...before.keys()].sort());
    const replaced = [...before].filter(([name, id]) => after.get(name) !== id).map(([name]) => name);
    assert.deepEqual(replaced.sort(), lost.sort(), "others were touched");
    assert.deepEqual(
      [...engines.a.volumes].map(([name, volume]) => [name, [...volume.files.keys()].sort()]).sort(),
      files.sort(),
      "a volume is not filled as it was",
    );
    const { exitCode, stdout: said } = await stack.preview({ args: ["--expect-no-changes"] });
    assert.equal(exitCode, 0, said);
  }

  it("mends what is lost, and touches nothing else: a container, files, the edge's configuration, a network with all on it", async () => {
    await set({});
    await mended(
      () => {
        engines.a.lose("jitsi-dev-s1-web");
        engines.a.loseVolume("jitsi-dev-s1-prosody-files");
        engines.a.loseVolume("jitsi-dev-edge-a-haproxy-live");
        for (const { name } of [...engines.a.containers.values()])
          if (name.startsWith("jitsi-dev-s2-")) engines.a.lose(name);
        engines.a.networks.delete("jitsi-dev-s2");
      },
      "s1-web",
      "s1-prosody-files",
      "edge-a-haproxy-live",
      "s2",
    );
  });

  // Together they take minutes of a processor.
  if (process.env["FLEET_TEST_SIZE"] === "full") {
    it("sends no shard from ready to maint", async () => {
      await set({ shards: [{ name: "s1", state: "maint" }, { name: "s2" }] });
      await refused(/Setting shard s1 to maint would cut calls: shard s1 is in state ready/);
    });

    it("changes no shard that is to be drained by the same update: who comes meanwhile would be cut", async () => {
      await set({ shards: [{ name: "s1" }, { name: "s2", state: "drain", release: "r2" }] });
      await refused(/Changing s2 would cut calls: shard s2 is in state ready/);
    });

    it("goes by names on the hosts after pulumi stack rename", async () => {
      succeeded(await stack.rename("school"));
      try {
        await set({});
        await refused(
          /What runs on the hosts is called dev, and the stack is now school\. .*pulumi stack rename dev/,
        );
      } finally {
        succeeded(await stack.rename("dev"));
      }
    });

    it("does not take another engine for an empty one", async () => {
      const [a, b] = hosts();
      assert(a && b);
      await set({ hosts: [a, { ...b, address: `unix://${engines.c.socket}` }] });
      await refused(
        /is not the Docker engine that host b has its containers on, .* and answers there\. Set the address of b back/,
      );
    });

    it("refuses what is in drain while a conference is on, or nobody can tell", async () => {
      await set({ shards: drained });
      await up();
      engines.a.conferences.set("s2", 1);
      const changes: [Partial<Given>, RegExp][] = [
        [
          { shards: [{ name: "s1" }, { name: "s2", state: "drain", release: "r2" }] },
          /Changing s2 would cut calls: shard s2 holds 1 conference/,
        ],
        [{ shards: [{ name: "s1" }] }, /Removing shard s2 would cut calls: shard s2 holds 1 conference/],
        [
          { shards: [{ name: "s1" }, { name: "s2", state: "maint" }] },
          /Setting shard s2 to maint would cut calls: shard s2 holds 1 conference/,
        ],
        [
          { shards: drained, more: { peerToPeer: { enabled: true } } },
          /Changing s1 would cut calls: [^]*Changing s2 would cut calls: shard s2 holds 1 conference/,
        ],
      ];
      for (const [given, why] of changes) {
        await set(given);
        await refused(why);
      }
      engines.a.conferences.delete("s2");
      // The state has it, and the host has not: that is not empty.
      const jicofo = engines.a.containers.get("jitsi-dev-s2-jicofo");
      assert(jicofo);
      engines.a.lose("jitsi-dev-s2-jicofo");
      await set({ shards: [{ name: "s1" }] });
      await refused(
        /Removing shard s2 would cut calls: shard s2 cannot be measured: the state has its container jitsi-dev-s2-jicofo, and host a has none/,
      );
      engines.a.containers.set("jitsi-dev-s2-jicofo", jicofo);
    });

    it("with a state of yesterday, touches no shard that was added since, and takes out one that is gone since", async () => {
      await set({});
      await up();
      const today = await stack.exportState();
      await stack.importState(stateWithout("s2", today));
      for (const shards of [two.slice(0, 1), two]) {
        await set({ shards, more: { scaler: { tickSeconds: 7 } } });
        await refused(
          /This update, whose state does not know shard s2, would cut calls: shard s2 is in state ready\..* Is the state an old one\?/,
          again,
          scalerAlone,
        );
      }
      await stack.importState(today);
      await set({ shards: drained });
      await up();
      await set({ shards: two.slice(0, 1) });
      await up();
      await stack.importState(today);
      await refused(/Removing shard s2 would cut calls: .* host a has none\. .*pulumi refresh/);
      succeeded(await stack.refresh());
      // What was made anew since then Docker does not make twice: it runs on, until it is taken away by hand.
      const shards = (): unknown =>
        [...engines.a.containers.values()].filter(({ name }) => name.includes("-s1-"));
      const running = shards();
      const { exitCode, stdout } = await stack.up();
      assert.notEqual(exitCode, 0);
      assert.match(stdout, /"\/jitsi-dev-scaler-scaler" is already in use/);
      assert.deepEqual(shards(), running);
      for (const name of ["agent-a-agent", "scaler-scaler"]) engines.a.lose(`jitsi-dev-${name}`);
      engines.b.lose("jitsi-dev-agent-b-agent");
      await up();
      await set({});
      await up();
    });

    it("lets an update go on that was interrupted, and refuses the rest meanwhile", async () => {
      const upgraded: Shard[] = [{ name: "s1" }, { name: "s2", state: "drain", release: "r2" }];
      await set({ shards: drained });
      await up();
      await set({ shards: upgraded });
      engines.a.failing.add("jitsi-dev-s2-jicofo");
      const { exitCode, stdout } = await stack.up();
      assert.notEqual(exitCode, 0);
      assert.match(stdout, /no space left on device/);
      await set({ shards: [{ name: "s1", release: "r3" }, ...upgraded.slice(1)] });
      await refused(/Changing s1 would cut calls: shard s1 is in state ready/, again, scalerAlone);
      await set({ shards: upgraded, more: { scaler: { tickSeconds: 7 } } });
      await up(...scalerAlone);
      engines.a.failing.clear();
      await up();
      const { exitCode: left, stdout: said } = await stack.preview({ args: ["--expect-no-changes"] });
      assert.equal(left, 0, said);
      await set({ shards: [{ name: "s1" }, { name: "s2", release: "r2" }] });
      await up();
    });

    it("mends a volume that a refresh has found to be lost", async () => {
      const files = "jitsi-dev-s1-prosody-files";
      engines.a.loseVolume(files);
      succeeded(await stack.refresh());
      await up();
      assert(engines.a.volumes.get(files)?.files.has("secrets.env"), "it is empty");
    });

    it("mends a host that was reinstalled", () => mended(() => engines.a.reinstall(), "s1-jicofo", "edge-a"));

    it("refuses what would cut, whatever the settings become, and then changes nothing", async () => {
      await set({ shards: [{ name: "s1" }, { name: "s2", state: "drain", release: "r2" }] });
      await up();
      const shard = (name: string): fc.Arbitrary<Shard> =>
        fc.record({
          name: fc.constant(name),
          state: fc.constantFrom("ready" as const, "drain" as const, "maint" as const),
          release: fc.constantFrom("stable-11146-2", "r2"),
        });
      const changes = fc
        .record({
          shards: fc.tuple(
            fc.option(shard("s1")),
            fc.option(shard("s2")),
            fc.constantFrom<Shard | null>({ name: "s3" }, null),
          ),
          withB: fc.boolean(),
          conferences: fc.constantFrom(0, 2),
          participants: fc.constantFrom(0, 3),
        })
        .map(({ shards, ...more }) => ({ ...more, shards: shards.filter((one) => one !== null) }))
        .filter(({ shards }) => shards.some(({ state = "ready" }: Shard) => state === "ready"));
      await fc.assert(
        fc.asyncProperty(changes, async ({ conferences, participants, shards, withB }) => {
          engines.a.conferences.set("s2", conferences);
          engines.b.participants = participants;
          const after = (name: string): Shard | undefined => shards.find((one) => one.name === name);
          const [s1, s2] = [after("s1"), after("s2")];
          const stops2 = !s2 || s2.release !== "r2";
          const isCut =
            !s1 ||
            s1.release === "r2" ||
            s1.state === "maint" ||
            (stops2 && (conferences > 0 || s2?.state === "ready")) ||
            (s2?.state === "maint" && conferences > 0) ||
            (!withB && participants > 0);
          await set({ shards, hosts: withB ? hosts() : hosts().slice(0, 1) });
          if (isCut) return refused(/would cut calls: /);
          const { exitCode, stdout } = await stack.preview();
          assert.equal(exitCode, 0, stdout);
          assert(!stdout.includes("would be refused"), stdout);
        }),
        { numRuns: 20, endOnFailure: true },
      );
      engines.a.conferences.clear();
      engines.b.participants = 0;
      await set({ shards: [{ name: "s1" }, { name: "s2", release: "r2" }] });
      await up();
    });
  }

  it("is not destroyed while a conference is on", async () => {
    engines.a.conferences.set("s1", 2);
    // The program runs, and the engine writes down anew in which order and from where it declares what is there.
    const essence = async () => {
      const { state, ...engines } = await world();
      const resources = state.map(({ id, inputs, outputs, urn }) => ({ urn, id, inputs, outputs }));
      return { ...engines, state: resources.sort((one, other) => (one.urn < other.urn ? -1 : 1)) };
    };
    const before = await essence();
    const { exitCode, stdout } = await stack.destroy();
    assert.notEqual(exitCode, 0);
    assert.match(stdout, /Destroying dev would cut calls: shard s1 holds 2 conferences/);
    assert.deepEqual(await essence(), before);
    engines.a.conferences.clear();
    succeeded(await stack.destroy());
    assert.deepEqual([...engines.a.containers.keys(), ...engines.b.containers.keys()], []);
  });
});

function succeeded(result: CliResult): CliResult {
  assert.equal(result.exitCode, 0, `${result.stdout}\n${result.stderr}`);
  return result;
}
