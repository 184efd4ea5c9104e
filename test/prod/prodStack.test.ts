import { TerminateInstanceInAutoScalingGroupCommand } from "@aws-sdk/client-auto-scaling";
import assert from "node:assert/strict";
import { setTimeout as sleep } from "node:timers/promises";
import "../engine/ready";
import type { CliResult, ExportedState } from "../engine/workspace";
import { groupOf, ProdBed, STACK, succeeded, until, UPDATE_LIMIT_SECONDS } from "./bed";
import { leftIn } from "./left";

/**
 * The prod stack whole: the real engine and the program bring it up on AWS's emulator, then the real scaler of its bundles
 * runs its groups, with stand-ins for what is on the machines.
 */
describe("the prod stack on AWS's emulator", function () {
  this.timeout(600_000);
  let bed: ProdBed;

  before(async () => {
    bed = await ProdBed.start();
  });
  after(() => bed.stop());
  afterEach(() => {
    bed.isWell();
  });

  it("with a zone that does not exist nothing is made", async () => {
    await bed.stack.setConfig("aws.zones[1]", "eu-central-1h");
    const { exitCode, stderr, stdout } = await bed.stack.up();
    assert.notEqual(exitCode, 0);
    assert.match(stdout + stderr, /aws\.zones\[1\]: eu-central-1h is no zone of eu-central-1/);
    assert.deepEqual(await leftIn(bed.emulator.clientSettings()), {});
    await bed.stack.setConfig("aws.zones[1]", "eu-central-1b");
  });

  it("comes up, as declared", async () => {
    const { durationMs } = await bed.up();
    const all = await bed.groups();
    assert.deepEqual([...all.keys()].sort(), ["jibris", "s1-bridges", "s2-bridges"].map(groupOf).sort());
    for (const group of all.values()) {
      assert.equal(group.NewInstancesProtectedFromScaleIn, true);
      assert.deepEqual(
        group.SuspendedProcesses?.map(({ ProcessName }) => ProcessName),
        ["AZRebalance"],
      );
    }
    const { deployment } = await bed.stack.exportState();
    console.log(
      `      ${deployment.resources?.length ?? 0} resources in ${(durationMs / 1000).toFixed(0)} s`,
    );
  });

  it("has nothing to do then", async () => {
    await bed.isSettled();
  });

  it("runs: the scaler of its bundles keeps each pool as it is always wanted", async () => {
    await until("both scalers run", () => bed.nodes.runningScalers.join() === "scaler-1,scaler-2");
    await Promise.all([bed.settled("s1-bridges", 2), bed.settled("s2-bridges", 2), bed.settled("jibris", 2)]);
    await bed.scalersSee("s1-bridges", 2);
  });

  it("grows with its load and shrinks by drain, though calls are throttled and messages come twice", async () => {
    Object.assign(bed.emulator.behaviour, { callsPerSecond: 6, duplicateRate: 1 });
    bed.load("s1", 80);
    const [recorder] = bed.serving("jibris");
    assert(recorder);
    recorder.instance.busy = true;
    await Promise.all([bed.settled("s1-bridges", 4), bed.settled("jibris", 3)]);
    bed.load("s1", 0);
    recorder.instance.busy = false;
    await Promise.all([bed.settled("s1-bridges", 2), bed.settled("jibris", 2)]);
    Object.assign(bed.emulator.behaviour, { callsPerSecond: Infinity, duplicateRate: 0 });
  });

  // Another tag of all resources is the dearest update there is; test/unit/aws/tags.test.ts has what it asks, each time.
  if (process.env["FLEET_TEST_SIZE"] === "full")
    it("another tag replaces nothing, not even what was made of an older type, and no machine goes for it", async () => {
      const before = bed.allIds();
      await bed.stack.importState(withOlderBundles(await bed.stack.exportState()));
      await bed.stack.setConfig("tags.Team", "school");
      const { changeSummary, steps } = await bed.stack.previewJson();
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
        ["aws:autoscaling/group:Group", "aws:ec2/instance:Instance", "aws:ec2/launchTemplate:LaunchTemplate"],
      );
      await bed.up();
      // That many looks of a scaler, each with the new launch template.
      for (let looks = 0; looks < 3; looks++) await bed.scalersTell("s1", 0);
      assert.deepEqual(bed.allIds(), before);
      await bed.isSettled();
      console.log(`      ${changeSummary["update"] ?? 0} updates`);
    });

  it("keeps a bridge that is ended in the console until its people have gone, another beside it", async () => {
    const [ended] = bed.serving("s2-bridges");
    assert(ended);
    bed.load("s2", 10);
    await bed.scalersSee("s2-bridges", 2);
    await bed.scaling.send(
      new TerminateInstanceInAutoScalingGroupCommand({
        InstanceId: ended.machine.id,
        ShouldDecrementDesiredCapacity: false,
      }),
    );
    await until("another serves", () => bed.serving("s2-bridges").length === 2);
    await until("it is drained", () => ended.instance.draining);
    assert.match(bed.count("s2-bridges"), /Terminating:Wait/);
    bed.load("s2", 0);
    ended.instance.participants = 0;
    await bed.settled("s2-bridges", 2);
    assert(!bed.machines.has(ended.machine.id));
  });

  it("a lower bridges.max than is in use cuts nobody, and another shard touches no other", async () => {
    const before = bed.ids("s2-bridges");
    bed.load("s1", 80);
    await bed.settled("s1-bridges", 4);
    bed.load("s1", 30);
    await bed.stack.setConfig("bridges.max", "2");
    await bed.stack.setConfig("shards[2].name", "s3");
    const { stdout } = await bed.up();
    // Their components show the pools' sizes; nothing of theirs that is on AWS is touched.
    assert.deepEqual(stdout.match(/ [~+-]+ +aws:\S+ s[12]\S* (?:creat|updat|delet|replac)ed/g), null);
    await until("the scalers are told", () => bed.nodes.areUpToDate);
    await sleep(5000);
    assert.equal(bed.serving("s1-bridges").length, 4);
    bed.load("s1", 0);
    await bed.settled("s1-bridges", 2);
    await until(
      "the group's maximum follows",
      async () => (await bed.groups()).get(groupOf("s1-bridges"))?.MaxSize === 2,
    );
    await bed.settled("s3-bridges", 2);
    assert.deepEqual(bed.ids("s2-bridges"), before);
  });

  it("npm run shard drains a shard and waits until it is empty; another release of it is refused until then; its bridges are replaced by drain", async () => {
    const before = bed.ids("s2-bridges");
    bed.nodes.participants.set("s2", 3);
    let said = "";
    const draining = bed.stack.script(
      "scripts/shard.mjs",
      ["drain", "s2", "--wait"],
      (text) => (said += text),
    );
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
    await bed.stack.setConfig("shards[1].release", "stable-99999");
    const [full, status] = await Promise.all([
      bed.stack.up(),
      bed.stack.script("scripts/shard.mjs", ["status", "--json"]),
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
    assert.deepEqual(bed.ids("s2-bridges"), before);
    bed.nodes.participants.set("s2", 0);
    await bed.scalersTell("s2", 0);
    // The guard measures by itself what the command waits for.
    const [drained] = await Promise.all([draining, bed.up()]);
    assert.match(succeeded(drained).stdout, /s2 is empty: it is safe to change or remove it\n$/);
    await until("all bridges are others", () => bed.ids("s2-bridges").every((id) => !before.includes(id)));
    await bed.settled("s2-bridges", 2);
    for (const bridge of bed.serving("s2-bridges")) assert(await bridge.isCurrent());
  });

  it("replaces one edge after the other, each once users are sent to it no more, the second once the first is back", async () => {
    await bed.stack.setConfig("aws.instanceTypes.edge", "c7i.xlarge");
    bed.nodes.slow.add("edge-1");
    const updating = bed.stack.up();
    await until("the first is another one", async () => (await bed.nodes.typeOf("edge-1")) === "c7i.xlarge");
    await sleep(5000);
    assert.equal(await bed.nodes.typeOf("edge-2"), "c7i.large");
    bed.nodes.slow.delete("edge-1");
    const { stdout } = succeeded(await updating);
    assert.equal(await bed.nodes.typeOf("edge-2"), "c7i.xlarge");
    for (const edge of ["edge-1", "edge-2"]) {
      const ended = (what: string): number => stdout.search(new RegExp(` aws:\\S+ ${what} deleted`));
      for (const port of ["http", "https"])
        assert(ended(`${edge}-${port}`) > 0 && ended(`${edge}-${port}`) < ended(edge), stdout);
    }
  });

  it("loses no shard, is not moved, renamed or destroyed while a call is on: each refusal changes nothing", async () => {
    bed.load("s1", 5);
    bed.nodes.participants.set("s1", 10);
    await bed.scalersTell("s1", 10);
    const before = await bed.everything();
    const refused = async ({ exitCode, stderr, stdout }: CliResult, why: RegExp): Promise<void> => {
      assert.notEqual(exitCode, 0, stdout);
      assert.match(stdout + stderr, why);
      assert.deepEqual(await bed.everything(), before);
    };

    const [region, other] = ["eu-central-1", "eu-west-1"];
    const settings = (shard: string, where: string): Record<string, string> => ({
      "shards[0].name": shard,
      "aws.region": where,
      "aws.zones[0]": `${where}a`,
      "aws.zones[1]": `${where}b`,
    });
    await bed.stack.setConfigs(settings("s9", other));
    const all =
      /aws\.region is eu-west-1, and the fleet runs in eu-central-1\.[^]*Removing shard s1 would cut calls: shard s1 is in state ready/;
    await refused(await bed.stack.up(), all);
    await refused(await bed.stack.up({ args: ["--target", "**::scaler*"] }), all);
    await bed.stack.setConfigs(settings("s1", region));

    succeeded(await bed.stack.rename("school"));
    const renamed = await bed.stack.up();
    succeeded(await bed.stack.rename(STACK));
    await refused(renamed, /What runs on AWS is called prod, and the stack is now school/);

    const { exitCode, stdout } = await bed.stack.destroy();
    assert.notEqual(exitCode, 0);
    assert.match(stdout, /Destroying prod would cut calls: shard s1 holds 1 conference, 10 participants/);
    assert.equal((await bed.groups()).size, before.groups.length);
    bed.load("s1", 0);
    bed.nodes.participants.set("s1", 0);
    await bed.scalersTell("s1", 0);
  });

  it("is destroyed whole, and leaves nothing but the bucket of recordings", async () => {
    bed.isEnding = true;
    succeeded(await bed.stack.destroy());
    const { deployment } = await bed.stack.exportState();
    assert.deepEqual(deployment.resources ?? [], []);
    assert.equal((await bed.groups()).size, 0);
    assert.equal(bed.machines.size, 0);
    assert.deepEqual(await leftIn(bed.emulator.clientSettings()), { buckets: 1 });
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
