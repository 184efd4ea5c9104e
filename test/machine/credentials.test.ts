import { CreateTableCommand, DynamoDBClient, GetItemCommand } from "@aws-sdk/client-dynamodb";
import { CreateQueueCommand, SQSClient } from "@aws-sdk/client-sqs";
import assert from "node:assert/strict";
import { setTimeout as sleep } from "node:timers/promises";
import { AWS_SCALER } from "../../components/aws/control";
import { machineBundle } from "../../components/aws/machine/bundle";
import { SCALER_PORT } from "../../components/aws/ports";
import { recordingsRemote } from "../../components/aws/recordings";
import { scalerContainer } from "../../components/scalerService";
import { STATUS_ITEM, TABLE_KEY } from "../../scaler/fleetStatus";
import { imageName } from "../standins/build";
import { selfSigned } from "../support/selfSigned";
import { uploads } from "../unit/aws/machineContainers";
import { Bed } from "./bed";
import { BUCKET } from "./fleetStore";
import { REGION } from "./surroundings";

const TABLE = "jitsi-prod-fleet";
const LOOK_LIMIT_SECONDS = 60;

describe("what calls AWS on a machine, with no keys but the metadata's, a hop away and no further", () => {
  const bed = new Bed(5, "scaler-1");
  let dynamo: DynamoDBClient;
  const container = "jitsi-prod-scaler-1-scaler";
  const rclone = "jitsi-prod-scaler-1-rclone";

  before(async function () {
    this.timeout(900_000);
    await bed.start("noble");
    const clients = {
      region: REGION,
      endpoint: bed.store.url,
      credentials: { accessKeyId: "test", secretAccessKey: "test" },
    };
    dynamo = new DynamoDBClient(clients);
    await dynamo.send(
      new CreateTableCommand({
        TableName: TABLE,
        BillingMode: "PAY_PER_REQUEST",
        KeySchema: [{ AttributeName: TABLE_KEY, KeyType: "HASH" }],
        AttributeDefinitions: [{ AttributeName: TABLE_KEY, AttributeType: "S" }],
      }),
    );
    const sqs = new SQSClient(clients);
    const { QueueUrl: queueUrl = "" } = await sqs.send(new CreateQueueCommand({ QueueName: "events" }));
    sqs.destroy();

    const pem = selfSigned("jitsi-fleet").toString();
    const at = pem.indexOf("-----BEGIN CERTIFICATE");
    const nodeImage = imageName("node", "r1");
    const scaler = scalerContainer({
      image: nodeImage,
      control: AWS_SCALER,
      api: { address: bed.machine.address, port: SCALER_PORT },
      token: "top-secret-token-of-the-scaler",
      certificate: pem.slice(at),
      privateKey: pem.slice(0, at),
      configuration: {
        stack: "prod",
        tickSeconds: 1,
        fleet: {
          kind: "aws",
          region: REGION,
          endpoint: bed.surroundings.awsUrl,
          replica: "scaler-1",
          table: TABLE,
          queueUrl,
          namespace: "JitsiFleet/prod",
          groups: [],
          agentPort: 23001,
          agentToken: "top-secret-token-of-agents",
          shards: [],
          leaseSeconds: 15,
        },
        bridgePools: [],
      },
    });
    const recordings = uploads().map((spec) =>
      spec.name === "rclone"
        ? {
            ...spec,
            image: imageName("jibri", "r1"),
            env: { ...spec.env, ...recordingsRemote({ region: REGION, endpoint: bed.surroundings.awsUrl }) },
          }
        : { ...spec, image: nodeImage },
    );
    await bed.runUserData();
    await bed.store.publish(
      "scaler-1",
      machineBundle({
        stack: "prod",
        name: "scaler-1",
        role: "scaler",
        // A Jibri's machine has these, without a scaler.
        containers: [scaler, ...recordings],
        privateAddress: bed.machine.address,
        nodeImage,
        allowCutCalls: false,
        salt: "a salt of the stack's own, of 32 or more",
        endpoint: bed.surroundings.awsUrl,
      }),
    );
    await bed.installImages();
  });
  after(async () => {
    dynamo.destroy();
    await bed.stop();
  });

  it("is brought up", async () => {
    const { code, output } = await bed.followAtOnce();
    assert.equal(code, 0, output);
    for (const name of Object.keys(await bed.containers())) {
      const { Config } = await bed.machine.docker.getContainer(name).inspect();
      assert.deepEqual(
        Config.Env.filter((variable) => /^AWS_|ACCESS_KEY/.test(variable)),
        [],
      );
    }
  }).timeout(300_000);

  it("the scaler takes the lease and writes down what it sees, by its machine's role", async () => {
    const limit = Date.now() + LOOK_LIMIT_SECONDS * 1000;
    for (;;) {
      const { Item } = await dynamo.send(
        new GetItemCommand({ TableName: TABLE, Key: { [TABLE_KEY]: { S: STATUS_ITEM } } }),
      );
      if (Item) break;
      if (Date.now() > limit)
        assert.fail(
          `nothing is written down: ${(await bed.machine.run(["docker", "logs", container])).output}`,
        );
      await sleep(500);
    }
  }).timeout(120_000);

  it("rclone reaches the store likewise", async () => {
    const { code, output } = await bed.machine.run([
      ...[
        "docker",
        "exec",
        rclone,
        "rclone",
        "lsf",
        `store:${BUCKET}`,
        "--retries=1",
        "--low-level-retries=1",
      ],
    ]);
    assert.equal(code, 0, output);
    assert.match(output, /^machines\/$/m);
  }).timeout(120_000);

  it("the scaler answers on the machine's private address alone", async () => {
    const ask = (address: string) =>
      bed.machine.run([
        ...["curl", "--silent", "--insecure", "--output", "/dev/null"],
        `https://${address}:${SCALER_PORT}/v1/pools`,
      ]);
    assert.equal((await ask(bed.machine.address)).code, 0);
    assert.equal((await ask("127.0.0.1")).code, 7, "it answers on loopback too");
  });

  it("and tells who looks on the machine what it sees", async () => {
    const { code, output } = await bed.machine.run([
      "docker",
      "exec",
      container,
      "node",
      "/fleet/program.js",
      "pools",
    ]);
    assert.equal(code, 0, output);
  });
});
