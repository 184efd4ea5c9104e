import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { NOTICED_SECONDS } from "../../components/aws/liveness";
import {
  machineBundle,
  type MachineBundle,
  type MachineBundleArgs,
} from "../../components/aws/machine/bundle";
import { edgePorts } from "../../components/aws/ports";
import type { ContainerSpec } from "../../components/platform";
import { imageName } from "../standins/build";
import { selfSigned } from "../support/selfSigned";
import { edge, type EdgeOptions } from "../unit/aws/machineContainers";
import { Bed } from "./bed";

const HAPROXY = "jitsi-prod-edge-1-haproxy";
const OTHER_PORT = 23006;

/** What who sends users to an edge is told, each state once, but for the moment in which nobody answers. */
class Told {
  readonly states: string[] = [];
  leavingSeconds = 0;
  private isOver = false;
  private readonly asking: Promise<void>;

  constructor(private readonly url: () => string) {
    this.asking = this.ask();
  }

  private async ask(): Promise<void> {
    let leavesSince: number | undefined;
    while (!this.isOver) {
      const answer = await fetch(this.url()).catch(() => undefined);
      const state = answer && `${answer.status} ${await answer.text()}`;
      if (state !== undefined && state !== this.states.at(-1)) this.states.push(state);
      if (state?.startsWith("503") === true) {
        leavesSince ??= performance.now();
        this.leavingSeconds = (performance.now() - leavesSince) / 1000;
      }
      await sleep(200);
    }
  }

  async stop(): Promise<void> {
    this.isOver = true;
    await this.asking;
  }
}

describe("a machine of the edge", () => {
  const bed = new Bed(3, "edge-1");
  const certificate = selfSigned().toString();

  const containers = (options: EdgeOptions = {}): ContainerSpec[] =>
    edge({
      certificate,
      image: imageName("haproxy", "r1"),
      nodeImage: imageName("node", "r1"),
      hasRelay: false,
      ...options,
    });
  const bundle = (options: EdgeOptions = {}, more: Partial<MachineBundleArgs> = {}): MachineBundle =>
    machineBundle({
      stack: "prod",
      name: "edge-1",
      role: "edge",
      containers: containers(options),
      privateAddress: bed.machine.address,
      nodeImage: imageName("node", "r1"),
      otherEdges: [{ name: "edge-2", entry: { address: bed.machine.gateway, port: OTHER_PORT } }],
      allowCutCalls: false,
      salt: "a salt of the stack's own, of 32 or more",
      endpoint: bed.surroundings.awsUrl,
      ...more,
    });
  /** Asked over HTTP, as users do: where it sends them. */
  const redirection = async (): Promise<number> =>
    (await fetch(`http://${bed.machine.address}/`, { redirect: "manual" })).status;
  const inForce = async (): Promise<string> =>
    (await bed.machine.run(["docker", "exec", HAPROXY, "cat", "/usr/local/etc/haproxy/current/haproxy.cfg"]))
      .output;

  before(async function () {
    this.timeout(900_000);
    await bed.start("noble");
    await bed.runUserData();
    await bed.store.publish("edge-1", bundle());
    await bed.installImages();
  });
  after(() => bed.stop());

  it("serves with the configuration of its bundle", async () => {
    const { code, output } = await bed.followAtOnce();
    assert.equal(code, 0, output);
    assert.equal(await redirection(), 301);
    assert.match(await inForce(), /server s1 /);
    assert.equal((await bed.store.report("edge-1")).state, "applied");
  }).timeout(300_000);

  it("takes another configuration by a reload, and no container is touched", async () => {
    const before = await bed.containers();
    await bed.store.publish("edge-1", bundle({ shards: ["s1", "s2"] }));
    const { code, output } = await bed.follow();
    assert.equal(code, 0, output);
    assert.match(await inForce(), /server s2 /);
    assert.deepEqual(await bed.containers(), before);
  }).timeout(300_000);

  it("serves on where a configuration fails HAProxy's check, and tells it", async () => {
    const [before, good] = [await bed.containers(), await inForce()];
    const spoilt = containers().map((spec) =>
      spec.live
        ? {
            ...spec,
            live: { ...spec.live, main: { ...spec.live.main, content: "frontend x\n  mode nonsense\n" } },
          }
        : spec,
    );
    await bed.store.publish("edge-1", bundle({}, { containers: spoilt }));
    assert.equal((await bed.follow()).code, 1);
    const { reason, state } = await bed.store.report("edge-1");
    assert.equal(state, "failed");
    assert.match(reason ?? "", /failed its check and was not applied[^]*nonsense/);
    assert.equal(await inForce(), good);
    assert.equal(await redirection(), 301);
    assert.deepEqual(await bed.containers(), before);
  }).timeout(300_000);

  it("is replaced only while another node of the edge serves, and once users are sent there", async () => {
    const before = await bed.containers();
    await bed.store.publish("edge-1", bundle({ image: imageName("haproxy", "r2"), shards: ["s1", "s2"] }));
    assert.equal((await bed.followAtOnce()).code, 0);
    const { reason, state } = await bed.store.report("edge-1");
    assert.equal(state, "waiting");
    assert.match(reason ?? "", /edge-1 is the only node of the edge that serves/);
    assert.deepEqual(await bed.containers(), before);

    const other = createServer().listen(OTHER_PORT, bed.machine.gateway);
    await once(other, "listening");
    const told = new Told(() => `http://${bed.machine.address}:${edgePorts.metrics}/live`);
    const { code, output } = await bed.follow();
    other.close();
    assert.equal(code, 0, output);
    await told.stop();
    // It serves while it leaves, and its successor is alive from the beginning.
    assert.deepEqual(told.states, ["200 alive", "503 leaving", "200 alive"]);
    assert(told.leavingSeconds > NOTICED_SECONDS - 1, `it left for ${told.leavingSeconds} s`);
    const report = await bed.store.report("edge-1");
    assert.deepEqual([report.state, report.replaced, report.reason], ["applied", ["haproxy"], undefined]);
    assert.equal(await redirection(), 301);
    assert.match(await inForce(), /server s2 /);
  }).timeout(300_000);
});
