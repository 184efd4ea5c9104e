import { AutoScalingClient, DescribeAutoScalingGroupsCommand } from "@aws-sdk/client-auto-scaling";
import { DynamoDBClient, PutItemCommand } from "@aws-sdk/client-dynamodb";
import { DescribeInstancesCommand, EC2Client } from "@aws-sdk/client-ec2";
import { ListBucketsCommand, S3Client } from "@aws-sdk/client-s3";
import { STATUS_ITEM, TABLE_KEY, type FleetStatus } from "@jitsi-fleet/scaler";
import assert from "node:assert/strict";
import { buildLimitMs, pulumiCli } from "../engine/cli";
import { EngineStack } from "../engine/workspace";
import { AwsEmulator } from "../support/aws/emulator";
import { goodAwsSettings } from "../unit/goodSettings";

/** The program on the real engine and an AWS of the tests, without a machine that really runs. */
describe("the fleet on AWS, with the real engine", function () {
  this.timeout(900_000);
  let emulator: AwsEmulator | undefined;
  let stack: EngineStack;

  before(async function () {
    this.timeout(buildLimitMs);
    await pulumiCli();
    const started = await AwsEmulator.start();
    emulator = started;
    const good = goodAwsSettings();
    stack = await EngineStack.create({
      programDir: process.cwd(),
      stack: "prod",
      config: {
        ...good,
        production: false,
        auth: { type: "jwt", appId: "school", appSecret: "secret-of-the-tokens" },
        aws: {
          ...(good["aws"] as object),
          frontDoor: { certificate: "passThrough" },
          schedules: [{ name: "morning", cron: "30 6 * * 1-5", bridgesMin: 4 }],
          endpoint: started.url,
        },
      },
      env: { AWS_ACCESS_KEY_ID: "test", AWS_SECRET_ACCESS_KEY: "test", AWS_REGION: "eu-central-1" },
    });
  });
  after(async () => {
    await emulator?.stop();
    await stack.dispose();
  });

  const clients = (): {
    endpoint: string;
    region: string;
    credentials: { accessKeyId: string; secretAccessKey: string };
  } => ({
    endpoint: emulator?.url ?? "",
    region: "eu-central-1",
    credentials: { accessKeyId: "test", secretAccessKey: "test" },
  });

  /** What a scaler would write down. */
  async function scalerSays(conferences: number): Promise<void> {
    const status: FleetStatus = {
      knownAt: new Date().toISOString(),
      replica: "scaler-1",
      pools: [],
      shards: ["s1", "s2"].map((shard) => ({ shard, participants: 2 * conferences, conferences })),
    };
    await new DynamoDBClient(clients()).send(
      new PutItemCommand({
        TableName: "jitsi-prod-fleet",
        Item: { [TABLE_KEY]: { S: STATUS_ITEM }, status: { S: JSON.stringify(status) } },
      }),
    );
  }
  async function machines(): Promise<string[]> {
    const { Reservations = [] } = await new EC2Client(clients()).send(
      new DescribeInstancesCommand({
        Filters: [{ Name: "instance-state-name", Values: ["pending", "running"] }],
      }),
    );
    return Reservations.flatMap(({ Instances = [] }) =>
      Instances.map(({ Tags = [] }) => Tags.find(({ Key }) => Key === "Name")?.Value ?? ""),
    ).sort();
  }
  async function groups(): Promise<Record<string, [number | undefined, number | undefined]>> {
    const { AutoScalingGroups = [] } = await new AutoScalingClient(clients()).send(
      new DescribeAutoScalingGroupsCommand({}),
    );
    return Object.fromEntries(
      AutoScalingGroups.map((group) => [group.AutoScalingGroupName ?? "", [group.MinSize, group.MaxSize]]),
    );
  }
  async function up(): Promise<void> {
    const { exitCode, stderr, stdout } = await stack.up({ timeoutSeconds: 600 });
    assert.equal(exitCode, 0, stdout + stderr);
  }
  async function nothingToDo(): Promise<void> {
    const { exitCode, stderr, stdout } = await stack.preview({ args: ["--diff", "--expect-no-changes"] });
    assert.equal(exitCode, 0, stdout + stderr);
  }

  it("refuses a zone that does not exist before anything is made", async () => {
    await stack.setConfig("aws.zones[1]", "eu-central-1h");
    const { exitCode, stderr, stdout } = await stack.up();
    assert.notEqual(exitCode, 0);
    assert.match(stdout + stderr, /aws\.zones\[1\]: eu-central-1h is no zone of eu-central-1/);
    const { deployment } = await stack.exportState();
    const made = deployment.resources?.filter(({ type }) => /^aws:/.test(type)).map(({ type }) => type) ?? [];
    assert.deepEqual(made, []);
    await stack.setConfig("aws.zones[1]", "eu-central-1b");
  });

  it("comes up: machines of nodes, and of groups as many as they must have", async () => {
    await up();
    assert.deepEqual(await groups(), {
      "jitsi-prod-jibris": [1, 4],
      "jitsi-prod-s1-bridges": [2, 10],
      "jitsi-prod-s2-bridges": [2, 10],
    });
    await emulator?.settled();
    assert.deepEqual(await machines(), [
      "jitsi-prod-edge-1",
      "jitsi-prod-edge-2",
      "jitsi-prod-jibris",
      "jitsi-prod-s1",
      "jitsi-prod-s1-bridges",
      "jitsi-prod-s1-bridges",
      "jitsi-prod-s2",
      "jitsi-prod-s2-bridges",
      "jitsi-prod-s2-bridges",
      "jitsi-prod-scaler-1",
      "jitsi-prod-scaler-2",
    ]);
    const state = JSON.stringify(await stack.exportState());
    assert(!state.includes("secret-of-the-tokens"));
    assert(!state.includes("PRIVATE KEY"));
  });

  it("has nothing to do then", nothingToDo);

  it("leaves the desired number and the maximum to the scaler, and has a new minimum in force all the same", async () => {
    await stack.setConfig("bridges.min", "12");
    await stack.setConfig("bridges.max", "20");
    await stack.removeConfig("aws.schedules");
    await up();
    const now = await groups();
    assert.deepEqual(now["jitsi-prod-s1-bridges"], [12, 12]);
    await nothingToDo();
  });

  it("refuses to change a shard that is not drained, or has calls, and what it would cut is told by a preview", async () => {
    await stack.setConfig("images.release", "stable-11146-3");
    await scalerSays(1);
    const refused = await stack.up({ timeoutSeconds: 600 });
    assert.notEqual(refused.exitCode, 0);
    assert.match(
      refused.stdout + refused.stderr,
      /Changing s[12] would cut calls: shard s[12] is in state ready/,
    );
    await stack.setConfig("images.release", "stable-11146-2");
    await up();
  });

  it("refuses to go down with a call on, or where nobody knows", async () => {
    await scalerSays(1);
    const refused = await stack.destroy({ timeoutSeconds: 600 });
    assert.notEqual(refused.exitCode, 0);
    assert.match(
      refused.stdout + refused.stderr,
      /Destroying prod would cut calls: shard s1 holds 1 conference, 2 participants/,
    );
    assert.equal((await machines()).length > 20, true);
  });

  it("goes down once it is empty, and leaves nothing but recordings", async () => {
    await scalerSays(0);
    const { exitCode, stderr, stdout } = await stack.destroy({ timeoutSeconds: 600 });
    assert.equal(exitCode, 0, stdout + stderr);
    assert.deepEqual(await groups(), {});
    await emulator?.settled();
    assert.deepEqual(await machines(), []);
    const { Buckets = [] } = await new S3Client({ ...clients(), forcePathStyle: true }).send(
      new ListBucketsCommand({}),
    );
    assert.deepEqual(
      Buckets.map(({ Name = "" }) => Name.replace(/-[0-9a-f]{7}$/, "")),
      ["recordings"],
    );
  });
});
