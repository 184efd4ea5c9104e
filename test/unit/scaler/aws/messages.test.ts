import assert from "node:assert/strict";
import fc from "fast-check";
import { readMessage } from "../../../../scaler/fleets/aws/messages";

const hook = {
  Origin: "AutoScalingGroup",
  LifecycleHookName: "drain",
  Destination: "EC2",
  AccountId: "123456789012",
  RequestId: "1",
  LifecycleTransition: "autoscaling:EC2_INSTANCE_TERMINATING",
  AutoScalingGroupName: "fleet-s1",
  Service: "AWS Auto Scaling",
  Time: "2026-11-27T16:00:00.000Z",
  EC2InstanceId: "i-0a",
  LifecycleActionToken: "b",
};
const enveloped = (message: object): string =>
  JSON.stringify({ Type: "Notification", MessageId: "1", TopicArn: "arn", Message: JSON.stringify(message) });
const event = (type: string): object => ({
  version: "0",
  "detail-type": type,
  source: "aws.ec2",
  time: "2026-11-27T16:00:00Z",
  region: "eu-central-1",
  detail: { "instance-id": "i-0a", "instance-action": "terminate" },
});

describe("what the queue brings", () => {
  it("is a group's hook, in SNS's envelope or without", () => {
    const terminating = { kind: "terminating", group: "fleet-s1", instance: "i-0a", hook: "drain" };
    for (const body of [enveloped(hook), JSON.stringify(hook)])
      assert.deepEqual(readMessage(body), { ...terminating, fromWarmPool: false });
    assert.deepEqual(readMessage(enveloped({ ...hook, Origin: "WarmPool" })), {
      ...terminating,
      fromWarmPool: true,
    });
  });
  it("is EC2's notice of a Spot machine", () => {
    assert.deepEqual(readMessage(JSON.stringify(event("EC2 Spot Instance Interruption Warning"))), {
      kind: "interruption",
      instance: "i-0a",
      atMilliseconds: Date.UTC(2026, 10, 27, 16),
    });
    assert.deepEqual(readMessage(JSON.stringify(event("EC2 Instance Rebalance Recommendation"))), {
      kind: "rebalance",
      instance: "i-0a",
    });
  });
  it("is nothing to do with where it is a test, a launch, or anything else", () => {
    const test = { ...hook, LifecycleTransition: undefined, Event: "autoscaling:TEST_NOTIFICATION" };
    assert.deepEqual(readMessage(enveloped(test)), { kind: "other", what: "autoscaling:TEST_NOTIFICATION" });
    const launching = { ...hook, LifecycleTransition: "autoscaling:EC2_INSTANCE_LAUNCHING" };
    const others = ["", "{", "null", "[]", '"text"', enveloped(launching), JSON.stringify(event("Another"))];
    for (const body of others) assert.equal(readMessage(body).kind, "other", body);
  });
  it("never fails, whatever it is", () =>
    fc.assert(fc.property(fc.oneof(fc.string(), fc.json()), (body) => readMessage(body).kind === "other")));
});
