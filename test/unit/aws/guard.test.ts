import { STATUS_ITEM, type FleetStatus } from "@jitsi-fleet/scaler";
import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { text } from "node:stream/consumers";
import { readFleetStatus } from "../../../components/aws/fleetStatus";
import { AwsMeasure, awsWords } from "../../../components/aws/measure";
import { awsPreflight } from "../../../components/aws/preflight";
import { Refusals, type Objection } from "../../../components/guard/refusals";
import { State } from "../../../components/guard/state";
import { parseSettings } from "../../../components/settings";
import { goodAwsSettings } from "../goodSettings";
import { objectionsTo, type After, type Before, type Scope } from "../../../components/guard/objections";

type Page = Extract<FleetStatus["edges"][number], { page: unknown }>["page"];

/** Takes what is told, and ends the preflight there: what it would declare in takes seconds to make. */
class Asked extends Refusals {
  objections: readonly Objection[] = [];
  readonly over = new Error("asked");

  constructor() {
    super(false);
  }

  override refuse(objections: readonly Objection[]): void {
    this.objections = objections;
    throw this.over;
  }
}

describe("what is asked before a fleet on AWS is changed", () => {
  /** What DynamoDB answers. */
  let answer: () => { readonly status: number; readonly body: object };
  /** By how much AWS's clock is ahead of this machine's. */
  let aheadSeconds = 0;
  const awsNow = (): number => Date.now() + aheadSeconds * 1000;
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
      const { body: said, status } = answer();
      const date = new Date(awsNow()).toUTCString();
      response.writeHead(status, { "content-type": "application/x-amz-json-1.0", date });
      response.end(JSON.stringify(said));
    });
  });
  const environment = { ...process.env };

  before(async () => {
    Object.assign(process.env, { AWS_ACCESS_KEY_ID: "test", AWS_SECRET_ACCESS_KEY: "test" });
    dynamo.listen(0, "127.0.0.1");
    await once(dynamo, "listening");
  });
  beforeEach(() => {
    aheadSeconds = 0;
  });
  after(() => {
    process.env = environment;
    dynamo.close();
    dynamo.closeAllConnections();
  });

  function pageOf(s2: Page["s2"]["state"] | "none"): Page {
    const holds = { conferences: 0, participants: 0, recordings: 0, streams: 0 };
    return s2 === "none" ? {} : { s2: { state: s2, up: true, holds } };
  }

  /** The scaler, whose clock is AWS's, wrote this so long ago. */
  function told(
    shards: FleetStatus["shards"],
    secondsAgo = 1,
    inForce: Page["s2"]["state"] | "none" = "drain",
  ): void {
    answer = () => {
      const knownAt = new Date(awsNow() - secondsAgo * 1000).toISOString();
      const edges = [{ edge: "edge-1", knownAt, page: pageOf(inForce) }];
      const status = JSON.stringify({ knownAt, replica: "scaler-1", pools: [], shards, edges });
      return { status: 200, body: { Item: { status: { S: status } } } };
    };
  }
  const holding = (participants: number) => [
    { shard: "s2", participants, conferences: participants > 0 ? 1 : 0 },
  ];

  const standing = (revision: string) => ({ place: "", revisions: { machine: revision } });
  const before_: Before = { shards: new Map([["s2", standing("1")]]), instances: [] };

  /** Why another release of s2 is refused, which is in a state by the settings; "" where it is not. */
  async function change(state: "ready" | "drain" | "maint", isInState = true): Promise<string> {
    const { port } = dynamo.address() as AddressInfo;
    const place = {
      stack: "prod",
      table: "jitsi-prod-fleet",
      region: "eu-central-1",
      endpoint: `http://127.0.0.1:${port}`,
    };
    const after_: After = { shards: new Map([["s2", { ...standing("2"), state }]]), instances: [] };
    const measure = new AwsMeasure(() => readFleetStatus({ ...place, isInState }));
    const objections = await objectionsTo(before_, after_, measure, awsWords, "all");
    return objections.map(({ reason, remedy }) => `${reason}. ${remedy}`).join("\n");
  }

  it("lets a shard change in drain and empty, not in ready, nor while anybody is on it", async () => {
    told(holding(0));
    assert.equal(await change("drain"), "");
    assert.match(
      await change("ready"),
      /^Changing s2 would cut calls: shard s2 is in state ready\. Drain it/,
    );
    told(holding(3));
    assert.match(await change("drain"), /shard s2 holds 1 conference, 3 participants/);
  });

  it("goes by what is in force on the edge, not by what the settings will have there", async () => {
    told(holding(0), 1, "ready");
    assert.match(await change("drain"), /Changing s2 would cut calls: shard s2 is in state ready/);
  });

  it("takes what nobody knows, or knew a minute ago, for busy, and says what to do", async () => {
    told(holding(0), 70);
    assert.match(
      await change("drain"),
      /cannot be measured: its scalers have been silent since 20.* See on their machines what they say/,
    );
    told([{ shard: "s2", error: "no answer within 5 s" }]);
    assert.match(await change("drain"), /shard s2 cannot be measured: no answer within 5 s/);
    told([]);
    assert.match(await change("drain"), /the scaler does not know it/);
    answer = () => ({ status: 200, body: {} });
    assert.match(await change("drain"), /no scaler has written its status into jitsi-prod-fleet/);
    answer = () => ({ status: 200, body: { Item: { status: { S: "{}" } } } });
    assert.match(await change("drain"), /the fleet cannot be measured: .*knownAt/s);
    answer = () => ({ status: 400, body: { __type: "AccessDeniedException", message: "not yours" } });
    assert.match(await change("drain"), /the fleet cannot be measured: not yours/);
  });

  it("lets go on what was interrupted as it added or removed a shard: no edge has it, and the scaler does not know it", async () => {
    told([], 1, "none");
    assert.equal(await change("drain"), "");
    answer = () => {
      const knownAt = new Date(awsNow()).toISOString();
      const edges = [{ edge: "edge-1", error: "no answer" }];
      const status = JSON.stringify({ knownAt, replica: "scaler-1", pools: [], shards: [], edges });
      return { status: 200, body: { Item: { status: { S: status } } } };
    };
    assert.match(await change("drain"), /the edge does not say that it takes no new room/);
  });

  it("counts a status's age by AWS's clock, whatever this machine's shows", async () => {
    for (const ahead of [-3600, 3600]) {
      aheadSeconds = ahead;
      told(holding(0));
      assert.equal(await change("drain"), "", `${ahead} s`);
      told(holding(0), 70);
      assert.match(await change("drain"), /its scalers have been silent since/, `${ahead} s`);
    }
  });

  it("does not know how old a status from the future is, and says that it is the clock", async () => {
    told(holding(0), -30);
    assert.match(await change("drain"), /its scaler's clock is (29|30|31) s ahead of AWS's/);
  });

  /** Why an update is refused whose state has these shards, and whose settings have those; "" where it is not. */
  async function update(inState: string[], shards: object[], scope: Scope = "all"): Promise<string> {
    const { port } = dynamo.address() as AddressInfo;
    const given = goodAwsSettings();
    const aws = { ...(given["aws"] as object), endpoint: `http://127.0.0.1:${port}` };
    const settings = parseSettings({ ...given, production: false, shards, aws }, "prod");
    assert(settings.platform === "aws");
    const resource = (type: string, name: string, outputs: object) => ({
      urn: `urn::${name}`,
      type,
      name,
      outputs: outputs as Record<string, unknown>,
    });
    const state = new State([
      resource("pulumi:providers:aws", "aws", { region: "eu-central-1" }),
      resource("aws:dynamodb/table:Table", "fleet", { name: "jitsi-prod-fleet" }),
      ...inState.map((name) =>
        resource("aws:ec2/instance:Instance", name, { tags: { Role: "shard" }, tagsAll: { Stack: "prod" } }),
      ),
    ]);
    const asked = new Asked();
    await assert.rejects(
      awsPreflight(settings, "prod", state, asked, scope),
      (error) => error === asked.over,
    );
    return asked.objections.map(({ reason, remedy }) => `${reason}. ${remedy}`).join("\n");
  }
  const [s1, s2] = [
    { name: "s1", zone: "eu-central-1a" },
    { name: "s2", zone: "eu-central-1b" },
  ];

  it("with a state of yesterday, forgets no shard that serves users, and makes none once more", async () => {
    const why =
      /^This update, whose state does not know shard s2, would cut calls: shard s2 is in state ready\..* Is the state an old one\? docs\/recovery\.md#the-state-is-a-day-old/;
    for (const shards of [[s1], [s1, s2]]) {
      told(holding(0), 1, "ready");
      assert.match(await update(["s1"], shards), why);
      told(holding(2));
      assert.match(
        await update(["s1"], shards),
        /does not know shard s2, would cut calls: shard s2 holds 1 conf/,
      );
      told(holding(0));
      assert.equal(await update(["s1"], shards), "");
      told(holding(0), 70, "ready");
      assert.equal(await update(["s1"], shards), "", "nobody knows, and nothing else is touched");
    }
    told(holding(2), 1, "ready");
    assert.match(await update(["s1"], [s1], "states"), why);
    assert.equal(await update(["s1"], [s1, { ...s2, state: "drain" }], "states"), "", "it can be drained");
  });

  it("with a state of yesterday, takes out a shard that is gone since, and no other", async () => {
    told([], 1, "none");
    assert.equal(await update(["s1", "s2"], [s1]), "");
    told(holding(1), 1, "none");
    assert.match(
      await update(["s1", "s2"], [s1]),
      /^Removing shard s2 would cut calls: shard s2 holds 1 conf/,
    );
  });

  it("after an update that was interrupted, refuses what would cut, and lets the rest go on", async () => {
    // Of s1 there is a machine, and no pointer yet, at no edge: it was being added.
    told(holding(0), 1, "ready");
    assert.match(
      await update(["s1", "s2"], [s1]),
      /^Removing shard s2 would cut calls: shard s2 is in state ready/,
    );
    assert.equal(await update(["s1", "s2"], [s2]), "");
    assert.equal(await update(["s1", "s2"], [s1, s2]), "");
  });

  it("misses a table that the state has, and lets all change where there never was one", async () => {
    answer = () => ({ status: 400, body: { __type: "ResourceNotFoundException" } });
    assert.match(
      await change("drain"),
      /the state has the table jitsi-prod-fleet in eu-central-1, and there is none/,
    );
    assert.equal(await change("drain", false), "");
    scalers = 2;
    assert.match(
      await change("drain", false),
      /jitsi-prod-fleet is gone, though 2 scalers are there: pulumi up --refresh makes it anew/,
    );
  });
});
