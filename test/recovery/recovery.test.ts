import { DeleteTableCommand } from "@aws-sdk/client-dynamodb";
import { DescribeInstancesCommand, EC2Client, TerminateInstancesCommand } from "@aws-sdk/client-ec2";
import assert from "node:assert/strict";
import "../engine/ready";
import { stateWithout } from "../engine/workspace";
import { groupOf, ProdBed, succeeded, until } from "../prod/bed";
import { leftIn } from "../prod/left";

/**
 * What docs/recovery.md says to do, done: each time the prod stack on AWS's emulator ends as a running fleet, and nobody is
 * cut off who did not have to be.
 */
describe("recovery on AWS", function () {
  this.timeout(900_000);
  let bed: ProdBed;
  let ec2: EC2Client;

  before(async () => {
    bed = await ProdBed.start();
    ec2 = new EC2Client(bed.emulator.clientSettings());
    await bed.up();
    await runs();
  });
  after(async () => {
    ec2.destroy();
    await bed.stop();
  });
  afterEach(() => {
    bed.isWell();
  });

  /** Both scalers run, and the fleet is as it is always wanted. */
  async function runs(): Promise<void> {
    await until("both scalers run", () => bed.nodes.runningScalers.join() === "scaler-1,scaler-2");
    await Promise.all([bed.settled("s1-bridges", 2), bed.settled("s2-bridges", 2), bed.settled("jibris", 2)]);
    await bed.scalersSee("s1-bridges", 2);
  }

  /** A fleet that follows its load. */
  async function scales(): Promise<void> {
    bed.load("s1", 80);
    await bed.settled("s1-bridges", 4);
    bed.load("s1", 0);
    await bed.settled("s1-bridges", 2);
  }

  it("the state is lost: another fleet is not begun, and the last one's backup is as good", async () => {
    const [ids, there, backup] = [
      bed.allIds(),
      await leftIn(bed.emulator.clientSettings()),
      await bed.stack.exportState(),
    ];
    await bed.stack.importState({ ...backup, deployment: { ...backup.deployment, resources: [] } });
    const refused = await bed.stack.up();
    assert.notEqual(refused.exitCode, 0);
    assert.match(
      refused.stdout,
      /The state of stack prod knows of no fleet, but on AWS there is one \(jitsi-prod-fleet: its scaler scaler-\d wrote at .*docs\/recovery\.md#the-state-is-lost/,
    );
    assert.deepEqual(await leftIn(bed.emulator.clientSettings()), there);
    await bed.stack.importState(backup);
    await bed.isSettled();
    assert.deepEqual(bed.allIds(), ids);
  });

  it("the state is a day old, and there was a shard less: it is not forgotten, nor made once more", async () => {
    const today = await bed.stack.exportState();
    await bed.scalersTell("s1", 0);
    await bed.stack.importState(stateWithout("s2", today));
    const before = await bed.everything();
    const { exitCode, stdout } = await bed.stack.up();
    assert.notEqual(exitCode, 0);
    assert.match(
      stdout,
      /This update, whose state does not know shard s2, would cut calls: shard s2 is in state ready/,
    );
    assert.deepEqual(await bed.everything(), before);
    await bed.stack.importState(today);
  });

  it("the state is a day old: refreshed, it takes the settings of today, and no machine goes for it", async () => {
    const ids = bed.allIds();
    const yesterday = await bed.stack.exportState();
    await bed.stack.setConfigs({ "tags.Team": "school", "bridges.max": "8" });
    await bed.up();
    await bed.stack.importState(yesterday);
    await bed.up(["--refresh"]);
    await bed.isSettled();
    await scales();
    assert.deepEqual(bed.ids("s2-bridges"), ids.slice(2, 4).sort());
  });

  it("the fleet's table is lost: refreshed, it is made anew, and the scalers fill it", async () => {
    bed.load("s2", 5);
    await bed.dynamo.send(new DeleteTableCommand({ TableName: "jitsi-prod-fleet" }));
    await bed.up(["--refresh"]);
    await bed.scalersSee("s2-bridges", 2);
    bed.load("s2", 0);
    await bed.isSettled();
    await scales();
  });

  it("both scalers' machines are gone: refreshed, there are others, and what waited is done", async () => {
    const { Reservations = [] } = await ec2.send(
      new DescribeInstancesCommand({ Filters: [{ Name: "tag:Role", Values: ["scaler"] }] }),
    );
    const gone = Reservations.flatMap(({ Instances = [] }) => Instances).map(
      ({ InstanceId = "" }) => InstanceId,
    );
    assert.equal(gone.length, 2);
    await ec2.send(new TerminateInstancesCommand({ InstanceIds: gone }));
    await until("no scaler runs", () => bed.nodes.runningScalers.length === 0);
    bed.load("s1", 80);
    await bed.up(["--refresh"]);
    await bed.settled("s1-bridges", 4);
    bed.load("s1", 0);
    await runs();
    await bed.isSettled();
  });

  it("a limit of the account ends an update in its midst: what runs is as it was, and the next one goes on", async () => {
    // Jibris serve all shards, and are others for another one, each once it is free.
    const bridges = (): string[] => ["s1-bridges", "s2-bridges"].flatMap((pool) => bed.ids(pool));
    const ids = bridges();
    bed.emulator.behaviour.addressLimit = 6;
    await bed.stack.setConfig("shards[2].name", "s3");
    const failed = await bed.stack.up();
    assert.notEqual(failed.exitCode, 0);
    assert.match(failed.stdout, /AddressLimitExceeded/);
    await bed.scalersSee("s1-bridges", 2);
    // What would cut calls is refused meanwhile, and changes nothing of what is half done.
    const before = await bed.everything();
    await bed.stack.setConfig("shards[0].release", "stable-99999");
    const refused = await bed.stack.up();
    await bed.stack.removeConfig("shards[0].release");
    assert.notEqual(refused.exitCode, 0);
    assert.match(refused.stdout, /Changing s1 would cut calls: shard s1 is in state ready/);
    assert.deepEqual(await bed.everything(), before);
    bed.load("s2", 5);
    await bed.scalersSee("s2-bridges", 2);
    bed.emulator.behaviour.addressLimit = Infinity;
    await bed.up();
    await bed.settled("s3-bridges", 2);
    bed.load("s2", 0);
    await bed.isSettled();
    assert.deepEqual(bridges(), ids);
  });

  it("a zone is out: the other scaler acts, a shard comes up in the other zone, and all of it is right once the zone is back", async () => {
    const away = ["edge-2", "scaler-2", "s2"];
    for (const node of away) bed.nodes.lost.add(node);
    await until("one scaler runs", () => bed.nodes.runningScalers.join() === "scaler-1");
    await bed.scalersSee("s1-bridges", 2);
    await bed.stack.setConfigs({ "shards[3].name": "s4", "shards[3].zone": "eu-central-1a" });
    const others = away.flatMap((node) => ["--exclude", `**::${node}-*`, "--exclude", `**::${node}`]);
    succeeded(await bed.stack.up({ args: [...others, "--exclude-dependents"] }));
    await until(
      () => `bridges of s4 serve: ${bed.count("s4-bridges")}`,
      () => bed.emulator.instances(groupOf("s4-bridges")).length >= 1,
    );
    for (const node of away) bed.nodes.lost.delete(node);
    await bed.up();
    await bed.settled("s4-bridges", 2);
    await bed.isSettled();
    await scales();
  });
});
