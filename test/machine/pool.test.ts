import assert from "node:assert/strict";
import { setTimeout as sleep } from "node:timers/promises";
import { machineBundle, type MachineBundle } from "../../components/aws/machine/bundle";
import { poolContainers } from "../../components/aws/machine/poolContainers";
import { AgentClient } from "../../scaler/fleets/agentClient";
import type { HostState } from "../../scaler/hostApi";
import { imageName } from "../standins/build";
import { selfSigned } from "../support/selfSigned";
import { bridge } from "../unit/aws/machineContainers";
import { Bed, INSTANCE } from "./bed";

const AGENT_PORT = 23001;
const TOKEN = "top-secret-token-of-agents";
const OWN = `bridges-s1-${INSTANCE.slice(2)}`;
const LAUNCH_LIMIT_SECONDS = 60;

describe("a machine of a bridge pool", () => {
  const bed = new Bed(4, "bridges-s1");
  const pem = selfSigned("jitsi-fleet").toString();
  const certificate = pem.slice(pem.indexOf("-----BEGIN CERTIFICATE"));
  const privateKey = pem.slice(0, pem.indexOf("-----BEGIN CERTIFICATE"));

  const bundle = (release: "r1" | "r2"): MachineBundle => {
    const nodeImage = imageName("node", "r1");
    return machineBundle({
      stack: "prod",
      name: "bridges-s1",
      role: "bridge",
      containers: poolContainers({
        stack: "prod",
        name: "bridges-s1",
        role: "bridge",
        shard: "s1",
        template: (member) => ({ ...bridge(member), image: imageName("jvb", release) }),
        nodeImage,
        uploads: [],
        agentPort: AGENT_PORT,
        token: TOKEN,
        tls: { certificate, privateKey },
      }),
      privateAddress: "",
      nodeImage,
      pulledAhead: [imageName("jvb", release)],
      allowCutCalls: false,
      salt: "a salt of the stack's own, of 32 or more",
      endpoint: bed.surroundings.awsUrl,
    });
  };
  const state = (): Promise<HostState> =>
    new AgentClient({
      host: INSTANCE.slice(2),
      url: `https://${bed.machine.address}:${AGENT_PORT}`,
      token: TOKEN,
      certificate,
    }).state();
  const untilItRuns = async (): Promise<HostState["instances"][number]> => {
    const limit = Date.now() + LAUNCH_LIMIT_SECONDS * 1000;
    for (;;) {
      const [instance] = (await state()).instances;
      if (instance?.status && "body" in instance.status) return instance;
      if (Date.now() > limit) throw new Error(`no bridge that answers: ${JSON.stringify(instance)}`);
      await sleep(500);
    }
  };

  before(async function () {
    this.timeout(900_000);
    await bed.start("noble", { publicAddress: "203.0.113.9", lifecycle: "Warmed:Stopped" });
    await bed.runUserData();
    await bed.store.publish("bridges-s1", bundle("r1"));
    await bed.installImages();
  });
  after(() => bed.stop());

  it("has all images and runs nothing while it is on its way into a warm pool", async () => {
    const { code, output } = await bed.followAtOnce();
    assert.equal(code, 0, output);
    assert.deepEqual(await bed.containers(), {});
  }).timeout(300_000);

  it("launches its one bridge by itself, which is told the machine's own addresses", async () => {
    await bed.machine.reboot();
    bed.surroundings.metadata.lifecycle = "InService";
    const { code, output } = await bed.follow();
    assert.equal(code, 0, output);
    const { media, name, pool } = await untilItRuns();
    assert.deepEqual(
      { media, name, pool },
      { media: { address: "203.0.113.9", port: 10000 }, name: OWN, pool: "bridges-s1" },
    );
    const { Config, HostConfig } = await bed.machine.docker.getContainer(`jitsi-prod-${OWN}`).inspect();
    assert.ok(
      Config.Env.includes(`JVB_ADVERTISE_IPS=203.0.113.9#10000,${bed.machine.address}#10000`),
      Config.Env.join(),
    );
    assert.ok(Config.Env.includes(`JVB_MUC_NICKNAME=${OWN}`));
    assert.deepEqual(HostConfig.PortBindings, { "10000/udp": [{ HostIp: "0.0.0.0", HostPort: "10000" }] });
  }).timeout(300_000);

  it("goes on with the bridge that it has when its pool gets another release, and tells that it is of the one before", async () => {
    const before = await bed.containers();
    await bed.store.publish("bridges-s1", bundle("r2"));
    const { code, output } = await bed.follow();
    assert.equal(code, 0, output);
    const { revision } = await untilItRuns();
    const after = await bed.containers();
    assert.equal(after[`jitsi-prod-${OWN}`], before[`jitsi-prod-${OWN}`]);
    assert.notEqual(after["jitsi-prod-bridges-s1-agent"], before["jitsi-prod-bridges-s1-agent"]);
    const [now] = (await state()).pools;
    assert.notEqual(now?.revision, revision);
  }).timeout(300_000);

  it("keeps what its bridge may not reach from it", async () => {
    const reached = await bed.machine.run([
      ...["docker", "exec", `jitsi-prod-${OWN}`],
      ...[
        "curl",
        "--silent",
        "--max-time",
        "3",
        "http://169.254.169.254/latest/api/token",
        "--request",
        "PUT",
        "--output",
        "/dev/null",
      ],
    ]);
    assert.notEqual(reached.code, 0, "the machine's metadata, and with that its role");
  }).timeout(60_000);
});
