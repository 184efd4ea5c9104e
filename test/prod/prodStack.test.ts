import {
  AutoScalingClient,
  paginateDescribeAutoScalingGroups,
  type AutoScalingGroup,
} from "@aws-sdk/client-auto-scaling";
import { CreateHostedZoneCommand, Route53Client } from "@aws-sdk/client-route-53";
import { S3Client, ListBucketsCommand } from "@aws-sdk/client-s3";
import assert from "node:assert/strict";
import { setTimeout as sleep } from "node:timers/promises";
import "../engine/ready";
import { EngineStack, type CliResult } from "../engine/workspace";
import { AwsEmulator } from "../support/aws/emulator";
import { StackBundles } from "./bundles";
import { Nodes } from "./nodes";
import { PoolMachine } from "./poolMachine";

/**
 * The prod stack whole: the real engine and the program bring it up on AWS's emulator, then the real scaler of its bundles
 * runs its groups, with stand-ins for what is on the machines.
 */
const STACK = "prod";
/** Emulated seconds in one. */
const CLOCK_SCALE = 30;
const BOOT_SECONDS = 15;

describe("the prod stack on AWS's emulator", function () {
  this.timeout(600_000);
  let emulator: AwsEmulator;
  let stack: EngineStack;
  let scaling: AutoScalingClient;
  let bundles: StackBundles;
  let nodes: Nodes | undefined;
  const machines = new Map<string, PoolMachine>();
  /** Instances whose machine ended while somebody was on them. */
  const cut: string[] = [];
  const failures: unknown[] = [];

  before(async () => {
    emulator = await AwsEmulator.start({ clockScale: CLOCK_SCALE, bootSeconds: BOOT_SECONDS });
    const settings = emulator.clientSettings();
    scaling = new AutoScalingClient(settings);
    const route53 = new Route53Client(settings);
    const { HostedZone } = await route53.send(
      new CreateHostedZoneCommand({ Name: "my-school.org", CallerReference: "test" }),
    );
    route53.destroy();
    stack = await EngineStack.create({
      programDir: process.cwd(),
      stack: STACK,
      configFile: "Pulumi.prod.yaml",
      env: { AWS_ACCESS_KEY_ID: "test", AWS_SECRET_ACCESS_KEY: "test" },
    });
    await stack.setConfig("aws.endpoint", emulator.url);
    await stack.setConfig("aws.frontDoor.zoneId", (HostedZone?.Id ?? "").replace("/hostedzone/", ""));
    await stack.setConfig("scaler.tickSeconds", "1");
    await stack.setConfig("bridges.scaleInDelaySeconds", "2");
    await stack.setConfig("jibris.scaleInDelaySeconds", "2");
    emulator.onLaunch((machine) => {
      const pool = machine.group.replace(`jitsi-${STACK}-`, "");
      PoolMachine.start(machine, pool, bundles).then(
        (started) => machines.set(machine.id, started),
        (error: unknown) => failures.push(error),
      );
    });
    emulator.onTerminate(async ({ id }) => {
      const machine = machines.get(id);
      machines.delete(id);
      if (machine?.isInUse) cut.push(machine.name);
      await machine?.stop();
    });
  });
  after(async () => {
    await nodes?.stop();
    for (const machine of machines.values()) await machine.stop();
    bundles?.close();
    scaling.destroy();
    await stack.dispose();
    await emulator.stop();
  });
  afterEach(() => {
    assert.deepEqual(failures, []);
    assert.equal(nodes?.failure, undefined);
    assert.deepEqual(cut, []);
  });

  function succeeded(result: CliResult): CliResult {
    assert.equal(result.exitCode, 0, `${result.stdout}\n${result.stderr}`);
    return result;
  }

  const up = async (): Promise<CliResult> => succeeded(await stack.up());

  async function groups(): Promise<Map<string, AutoScalingGroup>> {
    const found = new Map<string, AutoScalingGroup>();
    for await (const { AutoScalingGroups = [] } of paginateDescribeAutoScalingGroups({ client: scaling }, {}))
      for (const group of AutoScalingGroups) found.set(group.AutoScalingGroupName ?? "", group);
    return found;
  }

  const groupOf = (pool: string): string => `jitsi-${STACK}-${pool}`;

  /** Those of a pool's machines that its group counts on and that are up. */
  function serving(pool: string): PoolMachine[] {
    const states = emulator.instances(groupOf(pool));
    return states.filter(({ state }) => state === "InService").flatMap(({ id }) => machines.get(id) ?? []);
  }

  const count = (pool: string): string =>
    emulator
      .instances(groupOf(pool))
      .map(({ state }) => state)
      .join();

  /** So many serve, and nothing is on its way in or out. */
  const settled = (pool: string, number: number): Promise<void> =>
    until(
      () => `${number} of ${pool}, not ${count(pool)}`,
      () => emulator.instances(groupOf(pool)).length === number && serving(pool).length === number,
    );

  it("comes up, as declared", async () => {
    const { durationMs } = await up();
    const all = await groups();
    assert.deepEqual([...all.keys()].sort(), ["jibris", "s1-bridges", "s2-bridges"].map(groupOf).sort());
    for (const group of all.values()) {
      assert.equal(group.NewInstancesProtectedFromScaleIn, true);
      assert.deepEqual(
        group.SuspendedProcesses?.map(({ ProcessName }) => ProcessName),
        ["AZRebalance"],
      );
    }
    const { deployment } = await stack.exportState();
    console.log(
      `      ${deployment.resources?.length ?? 0} resources in ${(durationMs / 1000).toFixed(0)} s`,
    );
  });

  it("has nothing to do then", async () => {
    succeeded(await stack.preview({ args: ["--expect-no-changes"] }));
  });

  it("runs: the scaler of its bundles brings each pool to what is always wanted", async () => {
    bundles = await bundlesOf(emulator);
    nodes = new Nodes(emulator.clientSettings(), bundles);
    await until("both scalers run", () => nodes?.runningScalers.join() === "scaler-1,scaler-2");
    await Promise.all([settled("s1-bridges", 2), settled("s2-bridges", 2), settled("jibris", 2)]);
  });
});

async function bundlesOf(emulator: AwsEmulator): Promise<StackBundles> {
  const s3 = new S3Client(emulator.clientSettings());
  const { Buckets = [] } = await s3.send(new ListBucketsCommand({}));
  s3.destroy();
  const bucket = Buckets.map(({ Name }) => Name ?? "").find((name) => name.includes("bundles"));
  if (bucket === undefined) throw new Error("there is no bucket of bundles");
  return new StackBundles(emulator.clientSettings(), bucket);
}

const LIMIT_SECONDS = 90;

/** Waits until a condition holds; throws after a while. */
async function until(
  what: string | (() => string),
  condition: () => boolean | Promise<boolean>,
): Promise<void> {
  const limit = Date.now() + LIMIT_SECONDS * 1000;
  while (!(await condition())) {
    if (Date.now() > limit)
      throw new Error(`not within ${LIMIT_SECONDS} s: ${typeof what === "string" ? what : what()}`);
    await sleep(100);
  }
}
