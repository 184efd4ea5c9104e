import { STATUS_ITEM, type FleetStatus } from "@jitsi-fleet/scaler";
import * as pulumi from "@pulumi/pulumi";
import { getMonitor } from "@pulumi/pulumi/runtime/settings";
import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { text } from "node:stream/consumers";
import { Guard } from "../../../components/aws/guard";
import { parseSettings } from "../../../components/settings";
import { goodAwsSettings, spoilt } from "../goodSettings";

interface HookMonitor {
  registerResourceHook(request: unknown, callback: (error: null, answer: object) => void): void;
}

describe("the guard of a fleet on AWS", () => {
  /** What DynamoDB answers. */
  let answer: { readonly status: number; readonly body: object };
  /** Machines of scalers that EC2 knows. */
  let scalers = 0;
  const dynamo = createServer((request, response) => {
    void text(request).then((body) => {
      if (body.includes("Action=DescribeInstances")) {
        for (const asked of ["tag%3AStack", "prod", "tag%3ARole", "scaler"])
          assert(body.includes(asked), body);
        const item = "<item><instanceId>i-1</instanceId></item>".repeat(scalers);
        response.end(
          `<DescribeInstancesResponse><reservationSet><item><instancesSet>${item}</instancesSet></item></reservationSet></DescribeInstancesResponse>`,
        );
        return;
      }
      assert.deepEqual(JSON.parse(body), {
        TableName: "jitsi-prod-fleet",
        Key: { id: { S: STATUS_ITEM } },
        ConsistentRead: true,
      });
      response.writeHead(answer.status, { "content-type": "application/x-amz-json-1.0" });
      response.end(JSON.stringify(answer.body));
    });
  });
  const environment = { ...process.env };

  before(async () => {
    Object.assign(process.env, { AWS_ACCESS_KEY_ID: "test", AWS_SECRET_ACCESS_KEY: "test" });
    dynamo.listen(0, "127.0.0.1");
    await once(dynamo, "listening");
    const newResource = () => ({ id: "", state: {} });
    await pulumi.runtime.setMocks({ newResource, call: () => ({}) }, "jitsi-fleet", "prod");
    (getMonitor() as unknown as HookMonitor).registerResourceHook = (_request, callback) => {
      callback(null, {});
    };
  });
  after(async () => {
    process.env = environment;
    dynamo.close();
    dynamo.closeAllConnections();
    await pulumi.runtime.disconnect();
  });

  const told = (shards: FleetStatus["shards"], secondsAgo = 1): void => {
    answer = {
      status: 200,
      // As old as that when it is read, however long the test takes till then.
      get body() {
        const knownAt = new Date(Date.now() - secondsAgo * 1000).toISOString();
        const status = JSON.stringify({ knownAt, replica: "scaler-1", pools: [], shards });
        return { Item: { status: { S: status } } };
      },
    };
  };
  const holding = (participants: number) => [
    { shard: "s2", participants, conferences: participants > 0 ? 1 : 0 },
  ];

  /** Another release of s2, which is in a state by the settings. */
  async function change(state: string): Promise<void> {
    const { port } = dynamo.address() as AddressInfo;
    const given = spoilt("aws.endpoint", `http://127.0.0.1:${port}`, goodAwsSettings());
    const settings = parseSettings({ ...given, shards: [{ name: "s1" }, { name: "s2", state }] }, "prod");
    assert(settings.platform === "aws");
    const node = { role: "shard", place: "eu-central-1b", revision: "1", routes: [] };
    await new Guard("prod", settings).change.callback({
      ...{ urn: "", id: "", type: "", name: "s2" },
      oldInputs: node,
      newInputs: { ...node, revision: "2" },
    });
  }

  it("lets a shard change in drain and empty, not in ready, nor while anybody is on it", async () => {
    told(holding(0));
    await change("drain");
    await assert.rejects(change("ready"), /Changing s2 would cut calls: shard s2 is in state ready/);
    told(holding(3));
    await assert.rejects(change("drain"), /shard s2 holds 1 conference, 3 participants/);
  });

  it("takes what nobody knows, or knew a minute ago, for busy", async () => {
    told(holding(0), 70);
    await assert.rejects(change("drain"), /cannot be measured: its scalers have been silent since 20/);
    told([{ shard: "s2", error: "no answer within 5 s" }]);
    await assert.rejects(change("drain"), /shard s2 cannot be measured: no answer within 5 s/);
    told([]);
    await assert.rejects(change("drain"), /the scaler does not know it/);
    answer = { status: 200, body: {} };
    await assert.rejects(change("drain"), /no scaler has written its status into jitsi-prod-fleet/);
    answer = { status: 200, body: { Item: { status: { S: "{}" } } } };
    await assert.rejects(change("drain"), /the fleet cannot be measured: .*knownAt/s);
    answer = { status: 400, body: { __type: "AccessDeniedException", message: "not yours" } };
    await assert.rejects(change("drain"), /the fleet cannot be measured: not yours/);
  });

  it("lets all change where no scaler ever was, and not where the table alone is gone", async () => {
    answer = { status: 400, body: { __type: "ResourceNotFoundException" } };
    await change("drain");
    scalers = 2;
    await assert.rejects(
      change("drain"),
      /jitsi-prod-fleet is gone, though 2 scalers are there: pulumi up --refresh makes it anew/,
    );
  });
});
