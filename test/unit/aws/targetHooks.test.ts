import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:http";
import { text } from "node:stream/consumers";
import type { ResourceHookArgs } from "@pulumi/pulumi";
import { TargetHooks } from "../../../components/aws/targetHooks";
import { goodAwsSettings, spoilt } from "../goodSettings";
import { registeredBy } from "./mocks";

type States = Readonly<Record<string, string>>;

/** What a load balancer says of the machines in a group. */
const page = (states: States): string =>
  `<DescribeTargetHealthResponse><DescribeTargetHealthResult><TargetHealthDescriptions>${Object.entries(
    states,
  )
    .map(
      ([id, state]) =>
        `<member><Target><Id>${id}</Id></Target><TargetHealth><State>${state}</State></TargetHealth></member>`,
    )
    .join("")}</TargetHealthDescriptions></DescribeTargetHealthResult></DescribeTargetHealthResponse>`;

describe("a machine that users are sent to", function () {
  this.timeout(600_000);
  /** What is answered, the last over and over. */
  let answers: States[] = [];
  let asked: string[] = [];
  const elb = createServer((request, response) => {
    void text(request).then((body) => {
      asked.push(new URLSearchParams(body).get("Targets.member.1.Id") ?? "all");
      response.end(page((answers.length > 1 ? answers.shift() : answers[0]) ?? {}));
    });
  });
  let endpoint: string;
  const credentials = ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"].filter((key) => !(key in process.env));
  before(async () => {
    for (const key of credentials) process.env[key] = "test";
    elb.listen(0, "127.0.0.1");
    await once(elb, "listening");
    endpoint = `http://127.0.0.1:${(elb.address() as { port: number }).port}`;
  });
  after(() => {
    for (const key of credentials) Reflect.deleteProperty(process.env, key);
    elb.close();
  });

  /** Runs a hook of `i-1`, and gives how often was asked. */
  async function run(
    which: "takeOut" | "letGo",
    states: States[],
    more: { isDestroying?: boolean; allowCutCalls?: boolean } = {},
  ): Promise<string[]> {
    answers = states;
    asked = [];
    const given = {
      ...spoilt("aws.endpoint", endpoint, goodAwsSettings()),
      allowCutCalls: more.allowCutCalls ?? false,
    };
    const { result } = await registeredBy(
      given,
      ({ settings }) => new TargetHooks(settings, () => more.isDestroying ?? false),
    );
    const oldInputs = { targetGroupArn: "arn:group", targetId: "i-1", port: 443 };
    await result[which].callback({ oldInputs } as unknown as ResourceHookArgs);
    return asked;
  }

  it("is taken out only beside another one that is alive", async () => {
    const beside = { "i-1": "healthy", "i-2": "healthy" };
    assert.equal((await run("takeOut", [beside])).length, 1);
    const joining = { "i-1": "healthy", "i-2": "initial" };
    assert.equal((await run("takeOut", [joining, beside])).length, 2);
  });

  it("is taken out at once where nobody is sent to it, or calls may be cut, or all of the stack goes", async () => {
    const alone = { "i-1": "healthy", "i-2": "unhealthy" };
    assert.equal((await run("takeOut", [{ "i-1": "unhealthy", "i-2": "unhealthy" }])).length, 1);
    assert.equal((await run("takeOut", [{ "i-1": "unused" }])).length, 1);
    assert.equal((await run("takeOut", [alone], { allowCutCalls: true })).length, 1);
    assert.equal((await run("takeOut", [alone], { isDestroying: true })).length, 0);
  });

  it("ends once the load balancer has let go of it", async () => {
    const going = [{ "i-1": "draining" }, { "i-1": "unused" }];
    assert.deepEqual(await run("letGo", going), ["i-1", "i-1"]);
    assert.deepEqual(await run("letGo", going, { isDestroying: true }), []);
  });
});
