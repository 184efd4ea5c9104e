import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, dirname, join } from "node:path";
import { parse } from "yaml";
import { givenSettings, parseSettings } from "../../components/settings";
import { runInContainer } from "../../scaler/engine/exec";
import { startWorker, type ClientsWorker } from "../e2e/clients/workerProcess";
import { until, type Outlook } from "../e2e/fleetUnderTest";
import { Pools } from "../e2e/pools";
import { pulumiCli } from "../engine/cli";
import { pluginPath } from "../engine/pluginPath";
import { ensureImages, imageName, type Role } from "../standins/build";
import { commandsBelow } from "../support/readme";
import { runLine, TrialMachine, type Outcome } from "./trialMachine";

/** The README's quick start, word for word, on a fresh clone and a fresh machine. */
describe("the quick start", function () {
  this.timeout(1_800_000);
  this.bail(true);

  let machine: TrialMachine;
  let folder: string;
  let clone: string;
  let environment: NodeJS.ProcessEnv;
  let users: ClientsWorker;
  let pools: Pools;
  const sessions: string[] = [];
  const commands = commandsBelow("Quick start");

  const config = (parse(readFileSync("Pulumi.dev.yaml", "utf8")) as { config: Record<string, unknown> })
    .config;
  const texts = Object.fromEntries(
    Object.entries(config).map(([key, value]) => [
      key,
      typeof value === "string" ? value : JSON.stringify(value),
    ]),
  );
  const settings = parseSettings(givenSettings(texts, "jitsi-fleet"), "dev");
  const url = `https://${settings.domain}`;

  /** The images that the stack names, as far as there are stand-ins. */
  async function loadImages(): Promise<void> {
    await ensureImages([machine.socket]);
    const { haproxy, node, registry, release } = settings.images;
    const names: Partial<Record<Role, string>> = {
      haproxy,
      node,
      ...Object.fromEntries(
        (["web", "prosody", "jicofo", "jvb", "jibri"] as const).map((role) => [
          role,
          `${registry}/${role}:${release}`,
        ]),
      ),
    };
    for (const [role, name] of Object.entries(names)) {
      const at = name.lastIndexOf(":");
      const image = machine.docker.getImage(imageName(role as Role, "r1"));
      await image.tag({ repo: name.slice(0, at), tag: name.slice(at + 1) });
    }
  }

  /** A copy of what is in git or would be. */
  function freshClone(): void {
    clone = join(folder, "clone");
    const files = execFileSync("git", ["ls-files", "--cached", "--others", "--exclude-standard"]);
    for (const file of files.toString().split("\n").filter(Boolean)) {
      mkdirSync(dirname(join(clone, file)), { recursive: true });
      cpSync(file, join(clone, file));
    }
  }

  async function typed(line: string): Promise<Outcome> {
    // Only what brings npm's packages needs the internet.
    const outcome = line.startsWith("npm ci")
      ? await runLine(["sh", "-c", line], clone, environment, 1200)
      : await machine.run(line, clone, environment);
    assert.equal(outcome.exitCode, 0, `${line}\n${outcome.output.slice(-6000)}`);
    return outcome;
  }

  const outlook = async (): Promise<(Outlook & { pool: string })[]> => {
    const scaler = machine.docker.getContainer("jitsi-dev-scaler-scaler");
    const { exitCode, output } = await runInContainer(scaler, ["node", "/fleet/program.js", "pools"]);
    if (exitCode !== 0) throw new Error(output);
    return JSON.parse(output) as (Outlook & { pool: string })[];
  };

  before(async () => {
    folder = mkdtempSync(join(tmpdir(), "quick-start-"));
    freshClone();
    const [cli, path] = await Promise.all([pulumiCli(), pluginPath()]);
    environment = {
      ...process.env,
      PATH: [dirname(process.execPath), dirname(cli), path].join(delimiter),
      PULUMI_HOME: join(folder, "pulumi"),
      // What a user types when asked.
      PULUMI_CONFIG_PASSPHRASE: "of the user's own choice",
      PULUMI_SKIP_CONFIRMATIONS: "true",
      PULUMI_SKIP_UPDATE_CHECK: "1",
      PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION: "true",
    };
    machine = await TrialMachine.start();
    await loadImages();
    users = startWorker(machine.prefix);
    pools = new Pools([{ name: "local", docker: machine.docker }], "dev");
  });

  after(async () => {
    await users.close();
    await machine.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  it("brings a fleet up by its commands", async () => {
    assert.deepEqual(commands.slice(-1), ["pulumi destroy --run-program"]);
    let output = "";
    for (const line of commands.slice(0, -1)) ({ output } = await typed(line));
    assert.match(output, new RegExp(`url +: "${url}"`));
  });

  it("has bridges that serve, and go on serving", async () => {
    const serving = async (): Promise<boolean> => {
      const bridges = (await outlook()).filter(({ pool }) => pool.endsWith("-bridges"));
      const told = bridges.map(({ pool, reason, states }) => `${pool}: ${JSON.stringify(states)} ${reason}`);
      if (bridges.every(({ states }) => (states["serving"] ?? 0) >= 2)) return true;
      throw new Error(told.join("\n"));
    };
    await until("each shard has two bridges that serve", 120, serving);
    // The real one says that it is healthy before its first check of itself.
    for (const bridge of await pools.instances("bridge"))
      await until(`${bridge.name} has checked itself`, 60, async () => {
        const { healthChecks } = await pools.bridge(bridge);
        return healthChecks > 0;
      });
    assert.equal(await serving(), true);
    for (const bridge of await pools.instances("bridge"))
      assert.equal((await pools.statistics(bridge))["healthy"], true, bridge.name);
  });

  it("takes media at the addresses that browsers on this machine are told", async () => {
    for (const bridge of await pools.instances("bridge")) {
      const { advertised } = await pools.bridge(bridge);
      const answers = await Promise.allSettled(
        advertised.map(({ address, port }) => users.call("stun.binding", { address, port })),
      );
      const reached = advertised.filter((_, index) => answers[index]?.status === "fulfilled");
      assert.ok(
        reached.some(({ address }) => address === "172.17.0.1"),
        JSON.stringify(advertised),
      );
    }
  });

  it("has people in a room", async () => {
    const route = { origin: url, room: "trial", address: ["127.0.0.1"], insecureTls: true as const };
    for (const [transport, nick] of [
      ["websocket", "one"],
      ["bosh", "two"],
    ] as const) {
      const { session } = await users.call("xmpp.join", { transport, nick, ...route });
      sessions.push(session);
    }
  });

  it("records a room, and the recording is in the store", async () => {
    await until("a Jibri is free", 60, async () => {
      const jibris = (await outlook()).find(({ pool }) => pool === "jibris");
      return (jibris?.states["free"] ?? 0) >= 1;
    });
    const [jibri] = await pools.instances("jibri");
    assert.ok(jibri);
    await pools.startRecording(jibri, { session: "trial-recording", room: "trial" });
    assert.ok(settings.platform === "docker" && settings.recordings.store.type === "directory");
    const { path } = settings.recordings.store;
    await until("it records", 60, async () => {
      const { activity, recordingDirectory } = await pools.jibri(jibri);
      if (activity !== "recording" || recordingDirectory === null)
        throw new Error(
          `it is ${activity}: ${String(await jibri.container.logs({ stdout: true, stderr: true }))}`,
        );
      const { output } = await runInContainer(jibri.container, ["ls", recordingDirectory]);
      return output.includes(".mp4");
    });
    await pools.stopRecording(jibri);
    await until("it is in the store", 120, async () => {
      const { output } = await machine.run(`find ${path} -name '*.mp4' -size +0`, clone, environment);
      return output.includes("trial-recording");
    });
  });

  it("is taken down by its last command, and leaves nothing but recordings", async () => {
    for (const session of sessions) await users.call("xmpp.leave", { session });
    const [s1, s2] = settings.shards.map(({ name }) => name);
    await until("nobody is in a room", 60, async () => {
      const { output } = await machine.run(`npm run -s shard -- status --json`, clone, environment);
      const { shards } = JSON.parse(output) as {
        shards: { name: string; conferences: number | null }[];
      };
      assert.deepEqual(shards.map(({ name }) => name).sort(), [s1, s2]);
      return shards.every(({ conferences }) => conferences === 0);
    });
    await typed(commands.at(-1) ?? "");
    assert.deepEqual(await machine.docker.listContainers({ all: true }), []);
    const own = (await machine.docker.listNetworks()).map(({ Name }) => Name).sort();
    assert.deepEqual(own, ["bridge", "host", "none"]);
    const left = (await machine.docker.listVolumes()).Volumes.map(({ Name }) => Name);
    assert.deepEqual(left, ["jitsi-dev-recordings"]);
  });
});
