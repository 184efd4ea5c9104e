import {
  AutoScalingClient,
  TerminateInstanceInAutoScalingGroupCommand,
  paginateDescribeAutoScalingGroups,
  type AutoScalingGroup,
} from "@aws-sdk/client-auto-scaling";
import { DynamoDBClient, GetItemCommand } from "@aws-sdk/client-dynamodb";
import { CreateHostedZoneCommand, Route53Client } from "@aws-sdk/client-route-53";
import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer, type Server } from "node:http";
import { setTimeout as sleep } from "node:timers/promises";
import "../engine/ready";
import { EngineStack, type CliResult, type ExportedState } from "../engine/workspace";
import { AwsEmulator } from "../support/aws/emulator";
import { answerOfMetadata, METADATA_ADDRESS, type Metadata } from "../support/aws/metadata";
import { fleetStatusSchema, STATUS_ITEM, TABLE_KEY, type FleetStatus } from "../../scaler/fleetStatus";
import { StackBundles } from "./bundles";
import { leftIn } from "./left";
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
/** Of what a scaler asks the metadata about, its role's credentials, all machines have the same. */
const ANY_MACHINE: Metadata = { tags: {}, instance: "i-0123456789abcdef0", privateAddress: "10.42.0.1" };

describe("the prod stack on AWS's emulator", function () {
  this.timeout(600_000);
  let emulator: AwsEmulator;
  let stack: EngineStack;
  let scaling: AutoScalingClient;
  let dynamo: DynamoDBClient;
  let bundles: StackBundles;
  let nodes: Nodes;
  let metadata: Server;
  const machines = new Map<string, PoolMachine>();
  /** Instances whose machine ended while somebody was on them, or, but for the end, before they took nothing new any more. */
  const cut: string[] = [];
  let isEnding = false;
  const failures: unknown[] = [];

  before(async () => {
    emulator = await AwsEmulator.start({ clockScale: CLOCK_SCALE, bootSeconds: BOOT_SECONDS });
    const settings = emulator.clientSettings();
    scaling = new AutoScalingClient(settings);
    dynamo = new DynamoDBClient(settings);
    bundles = new StackBundles(settings);
    nodes = new Nodes(settings, bundles);
    metadata = createServer((request, response) => {
      const [status, body, headers] = answerOfMetadata(settings.region, ANY_MACHINE, request);
      response.writeHead(status, headers).end(body);
    }).listen(80, METADATA_ADDRESS);
    await once(metadata, "listening");
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
    // A schedule may not ask for more than the maximum that a test sets.
    await stack.setConfig("aws.schedules[0].bridgesMin", "2");
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
      if (isEnding ? machine?.hasPeople : machine?.isInUse) cut.push(machine?.name ?? id);
      await machine?.stop();
    });
  });
  after(async () => {
    await nodes.stop();
    for (const machine of machines.values()) await machine.stop();
    metadata.close();
    metadata.closeAllConnections();
    bundles.close();
    scaling.destroy();
    dynamo.destroy();
    await stack.dispose();
    await emulator.stop();
  });
  afterEach(() => {
    assert.deepEqual(failures, []);
    assert.equal(nodes.failure, undefined);
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

  const ids = (pool: string): string[] =>
    emulator
      .instances(groupOf(pool))
      .map(({ id }) => id)
      .sort();

  const allIds = (): string[] => ["s1-bridges", "s2-bridges", "jibris"].flatMap(ids);

  /** So many on each bridge of a shard. */
  function load(shard: string, participants: number): void {
    for (const { instance } of serving(`${shard}-bridges`)) instance.participants = participants;
  }

  async function status(): Promise<FleetStatus> {
    const { Item } = await dynamo.send(
      new GetItemCommand({ TableName: `jitsi-${STACK}-fleet`, Key: { [TABLE_KEY]: { S: STATUS_ITEM } } }),
    );
    return fleetStatusSchema.parse(JSON.parse(Item?.["status"]?.S ?? "{}"));
  }

  /** The scaler has written down so many that all say how they are. */
  async function scalersSee(pool: string, instances: number): Promise<void> {
    let told = "";
    await until(
      () => `the scaler sees ${instances} of ${pool}; it told ${told}\n${nodes.said}`,
      async () => {
        const now = await status();
        told = JSON.stringify(now);
        const found = now.pools.find((one) => one.pool === pool);
        return found?.fresh === true && found.instances === instances && found.silent === 0;
      },
    );
  }

  /** The scaler has written down so many participants of a shard, since now. */
  async function scalersTell(shard: string, participants: number): Promise<void> {
    const from = Date.now();
    await until(`the scaler tells of ${participants} on ${shard}`, async () => {
      const { knownAt, shards } = await status();
      const found = shards.find((one) => one.shard === shard);
      return (
        Date.parse(knownAt) > from &&
        found !== undefined &&
        "participants" in found &&
        found.participants === participants
      );
    });
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

  it("with a zone that does not exist nothing is made", async () => {
    await stack.setConfig("aws.zones[1]", "eu-central-1h");
    const { exitCode, stderr, stdout } = await stack.up();
    assert.notEqual(exitCode, 0);
    assert.match(stdout + stderr, /aws\.zones\[1\]: eu-central-1h is no zone of eu-central-1/);
    assert.deepEqual(await leftIn(emulator.clientSettings()), {});
    await stack.setConfig("aws.zones[1]", "eu-central-1b");
  });

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

  it("runs: the scaler of its bundles keeps each pool as it is always wanted", async () => {
    await until("both scalers run", () => nodes.runningScalers.join() === "scaler-1,scaler-2");
    await Promise.all([settled("s1-bridges", 2), settled("s2-bridges", 2), settled("jibris", 2)]);
    await scalersSee("s1-bridges", 2);
  });

  it("grows with its load and shrinks by drain, though calls are throttled and messages come twice", async () => {
    Object.assign(emulator.behaviour, { callsPerSecond: 6, duplicateRate: 1 });
    load("s1", 80);
    const [recorder] = serving("jibris");
    assert(recorder);
    recorder.instance.busy = true;
    await Promise.all([settled("s1-bridges", 4), settled("jibris", 3)]);
    load("s1", 0);
    recorder.instance.busy = false;
    await Promise.all([settled("s1-bridges", 2), settled("jibris", 2)]);
    Object.assign(emulator.behaviour, { callsPerSecond: Infinity, duplicateRate: 0 });
  });

  it("another tag replaces nothing, not even what was made of an older type, and no machine goes for it", async () => {
    const before = allIds();
    await stack.importState(withOlderBundles(await stack.exportState()));
    await stack.setConfig("tags.Team", "school");
    const { changeSummary, steps } = await stack.previewJson();
    const others = steps.filter(({ op }) => op !== "same" && op !== "update");
    assert.deepEqual(
      others.map(({ op, urn }) => `${op} ${urn}`),
      [],
    );
    const touched = steps.filter(({ detailedDiff, op }) =>
      op === "update"
        ? Object.keys(detailedDiff ?? {}).some((key) => !/^(default)?[tT]ags/.test(key))
        : false,
    );
    assert.deepEqual(
      [...new Set(touched.map(({ urn }) => urn.split("::").at(-2)?.split("$").at(-1)))].sort(),
      ["aws:autoscaling/group:Group", "aws:ec2/instance:Instance"],
    );
    await up();
    // That many looks of a scaler, each with the new launch template.
    for (let looks = 0; looks < 3; looks++) await scalersTell("s1", 0);
    assert.deepEqual(allIds(), before);
    succeeded(await stack.preview({ args: ["--expect-no-changes"] }));
    console.log(`      ${changeSummary["update"] ?? 0} updates`);
  });

  it("keeps a bridge that is ended in the console until its people have gone, another beside it", async () => {
    const [ended] = serving("s2-bridges");
    assert(ended);
    load("s2", 10);
    await scalersSee("s2-bridges", 2);
    await scaling.send(
      new TerminateInstanceInAutoScalingGroupCommand({
        InstanceId: ended.machine.id,
        ShouldDecrementDesiredCapacity: false,
      }),
    );
    await until("another serves", () => serving("s2-bridges").length === 2);
    await until("it is drained", () => ended.instance.draining);
    assert.match(count("s2-bridges"), /Terminating:Wait/);
    load("s2", 0);
    ended.instance.participants = 0;
    await settled("s2-bridges", 2);
    assert(!machines.has(ended.machine.id));
  });

  it("a lower bridges.max than is in use cuts nobody, and another shard touches no other", async () => {
    const before = ids("s2-bridges");
    load("s1", 80);
    await settled("s1-bridges", 4);
    load("s1", 30);
    await stack.setConfig("bridges.max", "2");
    await stack.setConfig("shards[2].name", "s3");
    const { stdout } = await up();
    // Their components show the pools' sizes; nothing of theirs that is on AWS is touched.
    assert.deepEqual(stdout.match(/ [~+-]+ +aws:\S+ s[12]\S* (?:creat|updat|delet|replac)ed/g), null);
    await until("the scalers are told", () => nodes.areUpToDate);
    await sleep(5000);
    assert.equal(serving("s1-bridges").length, 4);
    load("s1", 0);
    await settled("s1-bridges", 2);
    await until(
      "the group's maximum follows",
      async () => (await groups()).get(groupOf("s1-bridges"))?.MaxSize === 2,
    );
    await settled("s3-bridges", 2);
    assert.deepEqual(ids("s2-bridges"), before);
  });

  it("npm run shard drains a shard and waits until it is empty; another release of it is refused until then; its bridges are replaced by drain", async () => {
    const before = ids("s2-bridges");
    nodes.participants.set("s2", 3);
    let said = "";
    const draining = stack.script("scripts/shard.mjs", ["drain", "s2", "--wait"], (text) => (said += text));
    await until(
      () => `the drain waits for the conference: ${said}`,
      () => said.includes("s2: 1 conference (participants: 3)"),
      UPDATE_LIMIT_SECONDS,
    );
    const touched = [...said.matchAll(/ aws:s3:BucketObjectv2 (\S+) (?:updated|replaced)/g)].map(
      ([, name]) => name,
    );
    assert.deepEqual(touched.sort(), ["edge-1-bundle", "edge-1-pointer", "edge-2-bundle", "edge-2-pointer"]);
    assert.match(said, /\+-2 replaced/);
    await stack.setConfig("shards[1].release", "stable-99999");
    const [full, status] = await Promise.all([
      stack.up(),
      stack.script("scripts/shard.mjs", ["status", "--json"]),
    ]);
    assert.notEqual(full.exitCode, 0);
    assert.match(full.stdout, /Changing s2 would cut calls: shard s2 holds 1 conference, 3 participants/);
    const { shards, silent } = JSON.parse(succeeded(status).stdout) as {
      shards: Record<string, unknown>[];
      silent: unknown[];
    };
    assert.deepEqual(silent, []);
    assert.deepEqual(
      shards.map(({ inForce, name, wanted }) => [name, wanted, inForce]),
      ["s1", "s2", "s3"].map((name) => {
        const state = name === "s2" ? "drain" : "ready";
        return [name, state, { "edge-1": state, "edge-2": state }];
      }),
    );
    assert.deepEqual(ids("s2-bridges"), before);
    nodes.participants.set("s2", 0);
    await scalersTell("s2", 0);
    // The guard measures by itself what the command waits for.
    const [drained] = await Promise.all([draining, up()]);
    assert.match(succeeded(drained).stdout, /s2 is empty: it is safe to change or remove it\n$/);
    await until("all bridges are others", () => ids("s2-bridges").every((id) => !before.includes(id)));
    await settled("s2-bridges", 2);
    for (const bridge of serving("s2-bridges")) assert(await bridge.isCurrent());
  });

  it("replaces one edge after the other, each once users are sent to it no more, the second once the first is back", async () => {
    await stack.setConfig("aws.instanceTypes.edge", "c7i.xlarge");
    nodes.slow.add("edge-1");
    const updating = stack.up();
    await until("the first is another one", async () => (await nodes.typeOf("edge-1")) === "c7i.xlarge");
    await sleep(5000);
    assert.equal(await nodes.typeOf("edge-2"), "c7i.large");
    nodes.slow.delete("edge-1");
    const { stdout } = succeeded(await updating);
    assert.equal(await nodes.typeOf("edge-2"), "c7i.xlarge");
    for (const edge of ["edge-1", "edge-2"]) {
      const ended = (what: string): number => stdout.search(new RegExp(` aws:\\S+ ${what} deleted`));
      for (const port of ["http", "https"])
        assert(ended(`${edge}-${port}`) > 0 && ended(`${edge}-${port}`) < ended(edge), stdout);
    }
  });

  it("is not destroyed while a call is on", async () => {
    load("s1", 5);
    nodes.participants.set("s1", 10);
    await scalersTell("s1", 10);
    const refused = await stack.destroy();
    assert.notEqual(refused.exitCode, 0);
    assert.match(
      refused.stdout,
      /Destroying prod would cut calls: shard s1 holds 1 conference, 10 participants/,
    );
    assert.equal((await groups()).size, 4);
    load("s1", 0);
    nodes.participants.set("s1", 0);
    await scalersTell("s1", 0);
  });

  it("is destroyed whole, and leaves nothing but the bucket of recordings", async () => {
    isEnding = true;
    succeeded(await stack.destroy());
    const { deployment } = await stack.exportState();
    assert.deepEqual(deployment.resources ?? [], []);
    assert.equal((await groups()).size, 0);
    assert.equal(machines.size, 0);
    assert.deepEqual(await leftIn(emulator.clientSettings()), { buckets: 1 });
  });
});

const BUNDLE = "aws:s3/bucketObjectv2:BucketObjectv2";
const OLDER_BUNDLE = "aws:s3/bucketObject:BucketObject";

/** The state as an earlier release left it, whose bundles stated an ACL. */
function withOlderBundles(state: ExportedState): ExportedState {
  const older = JSON.parse(JSON.stringify(state).replaceAll(BUNDLE, OLDER_BUNDLE)) as ExportedState;
  const bundles = (older.deployment.resources ?? []).filter(({ type }) => type === OLDER_BUNDLE);
  assert(bundles.length > 10);
  for (const one of bundles)
    for (const properties of [one.inputs, one.outputs]) Object.assign(properties ?? {}, { acl: "private" });
  return older;
}

const LIMIT_SECONDS = 90;
/** Of an update, and a preview before it. */
const UPDATE_LIMIT_SECONDS = 240;

/** Waits until a condition holds; throws after a while. */
async function until(
  what: string | (() => string),
  condition: () => boolean | Promise<boolean>,
  limitSeconds = LIMIT_SECONDS,
): Promise<void> {
  const limit = Date.now() + limitSeconds * 1000;
  while (!(await condition())) {
    if (Date.now() > limit)
      throw new Error(`not within ${limitSeconds} s: ${typeof what === "string" ? what : what()}`);
    await sleep(100);
  }
}
