import assert from "node:assert/strict";
import {
  CompleteLifecycleActionCommand,
  CreateAutoScalingGroupCommand,
  DeleteAutoScalingGroupCommand,
  DeleteLifecycleHookCommand,
  DescribeLifecycleHooksCommand,
  PutLifecycleHookCommand,
  RecordLifecycleActionHeartbeatCommand,
  SetDesiredCapacityCommand,
  TerminateInstanceInAutoScalingGroupCommand,
  UpdateAutoScalingGroupCommand,
} from "@aws-sdk/client-auto-scaling";
import { DescribeInstancesCommand } from "@aws-sdk/client-ec2";
import { EventBridgeClient, PutRuleCommand, PutTargetsCommand } from "@aws-sdk/client-eventbridge";
import { setTimeout as sleep } from "node:timers/promises";
import { Fixture, LAUNCHING, TERMINATING } from "./fixture";

describe("the AWS emulator's lifecycle hooks", function () {
  this.timeout(600_000);
  let fixture: Fixture;

  before(async function () {
    this.timeout(600_000);
    fixture = await Fixture.shared();
  });

  afterEach(() => {
    fixture.emulator.behaviour.duplicateRate = 0;
  });

  const retain = { RetentionTriggers: { TerminateHookAbandon: "retain" } } as const;
  const ids = (group: string): string[] => fixture.emulator.instances(group).map(({ id }) => id);
  const terminate = async (InstanceId: string, ShouldDecrementDesiredCapacity = true): Promise<void> => {
    await fixture.scaling.send(
      new TerminateInstanceInAutoScalingGroupCommand({ InstanceId, ShouldDecrementDesiredCapacity }),
    );
    await fixture.emulator.settled();
  };
  const machineState = async (id: string): Promise<string | undefined> => {
    const { Reservations } = await fixture.ec2.send(new DescribeInstancesCommand({ InstanceIds: [id] }));
    return Reservations?.[0]?.Instances?.[0]?.State?.Name;
  };
  const isLifecycle = (body: Readonly<Record<string, string>>): boolean => "LifecycleActionToken" in body;

  it("tests a hook's target, and then tells it of an instance that waits to end", async () => {
    const name = await fixture.group({ DesiredCapacity: 1, hookSeconds: 300 });
    const [id = ""] = ids(name);
    const [test] = await fixture.messages(name);
    assert.equal(test?.subject, `Auto Scaling: test notification for group "${name}"`);
    assert.equal(test.body["Event"], "autoscaling:TEST_NOTIFICATION");
    await terminate(id);
    assert.deepEqual(fixture.states(name), ["Terminating:Wait"]);
    assert.equal((await fixture.describe(name)).DesiredCapacity, 0);
    const messages = await fixture.messages(name);
    assert.equal(messages.length, 1);
    const { subject, body } = messages[0] ?? { subject: "", body: {} };
    assert.equal(subject, `Auto Scaling:  Lifecycle action 'TERMINATING' for instance ${id} in progress.`);
    const { LifecycleActionToken, RequestId, Time, ...rest } = body;
    assert.ok(LifecycleActionToken && RequestId && Time);
    assert.deepEqual(rest, {
      AccountId: "123456789012",
      AutoScalingGroupName: name,
      Destination: "EC2",
      EC2InstanceId: id,
      LifecycleHookName: "drain",
      LifecycleTransition: TERMINATING,
      NotificationMetadata: '{"pool":"s1"}',
      Origin: "AutoScalingGroup",
      Service: "AWS Auto Scaling",
    });
    assert.equal(await machineState(id), "running");
    await fixture.complete(name, id);
    assert.deepEqual(ids(name), []);
    assert.equal(await machineState(id), "terminated");
    await assert.rejects(fixture.complete(name, id), {
      name: "ValidationError",
      message: `No active Lifecycle Action found with instance ID ${id}`,
    });
  });

  it("tells a queue without a topic between, and refuses a target that is none", async () => {
    const name = await fixture.group();
    const put = (target: string, role: string | undefined = "arn:aws:iam::123456789012:role/notify") =>
      fixture.scaling.send(
        new PutLifecycleHookCommand({
          AutoScalingGroupName: name,
          LifecycleHookName: "direct",
          LifecycleTransition: TERMINATING,
          NotificationTargetARN: target,
          RoleARN: role,
        }),
      );
    await fixture.bodies();
    await put(fixture.queueArn);
    const bodies = (await fixture.bodies()) as Record<string, string>[];
    assert.deepEqual(
      bodies.map(({ Event, AutoScalingGroupName }) => [Event, AutoScalingGroupName]),
      [["autoscaling:TEST_NOTIFICATION", name]],
    );
    await assert.rejects(put(`${fixture.queueArn}-not`), {
      name: "ValidationError",
      message: /^Unable to publish test message to notification target/,
    });
    await assert.rejects(put(fixture.queueArn, ""), { name: "ValidationError" });
    await assert.rejects(
      fixture.scaling.send(
        new PutLifecycleHookCommand({
          AutoScalingGroupName: name,
          LifecycleHookName: "direct",
          HeartbeatTimeout: 20,
        }),
      ),
      { name: "ValidationError" },
    );
    const { LifecycleHooks } = await fixture.scaling.send(
      new DescribeLifecycleHooksCommand({ AutoScalingGroupName: name }),
    );
    assert.deepEqual(
      LifecycleHooks?.map((hook) => [hook.HeartbeatTimeout, hook.GlobalTimeout, hook.DefaultResult]),
      [[3600, 172_800, "ABANDON"]],
    );
  });

  it("sends a message twice as often as it is told to", async () => {
    fixture.emulator.behaviour.duplicateRate = 0.5;
    const name = await fixture.group({ DesiredCapacity: 4, hookSeconds: 300 });
    await fixture.scaling.send(
      new TerminateInstanceInAutoScalingGroupCommand({
        AutoScalingGroupName: name,
        InstanceIds: ids(name),
        ShouldDecrementDesiredCapacity: true,
      }),
    );
    await fixture.emulator.settled();
    const messages = (await fixture.messages(name)).filter(({ body }) => isLifecycle(body));
    assert.equal(messages.length, 6);
    assert.equal(new Set(messages.map(({ body }) => body["LifecycleActionToken"])).size, 4);
    for (const id of ids(name)) await fixture.complete(name, id);
  });

  it("ends an instance whose hook nobody completes, as the default result says, and heartbeats postpone that", async () => {
    const name = await fixture.group({ DesiredCapacity: 1, hookSeconds: 120 });
    const [id = ""] = ids(name);
    await terminate(id);
    const { body } = (await fixture.messages(name)).find((one) => isLifecycle(one.body)) ?? {};
    const beat = new RecordLifecycleActionHeartbeatCommand({
      AutoScalingGroupName: name,
      LifecycleHookName: "drain",
      LifecycleActionToken: body?.["LifecycleActionToken"],
    });
    for (let time = 0; time < 3; time++) {
      await sleep(800);
      await fixture.scaling.send(beat);
    }
    assert.deepEqual(fixture.states(name), ["Terminating:Wait"]);
    await sleep(2100);
    await fixture.emulator.settled();
    assert.deepEqual(ids(name), []);
    await assert.rejects(fixture.scaling.send(beat), {
      name: "ValidationError",
      message: `No active Lifecycle Action found with token ${body?.["LifecycleActionToken"]}`,
    });
  });

  it("launches another beside one that waits, where the desired capacity stays", async () => {
    const name = await fixture.group({ DesiredCapacity: 1, hookSeconds: 300 });
    const [id = ""] = ids(name);
    await terminate(id, false);
    assert.deepEqual(fixture.states(name), ["InService", "Terminating:Wait"]);
    await assert.rejects(terminate(id), { name: "ScalingActivityInProgressFault" });
    await fixture.emulator.killMachine(id);
    await fixture.emulator.settled();
    assert.deepEqual(
      fixture.states(name),
      ["InService", "Terminating:Wait"],
      "the hook is still to complete",
    );
    await fixture.complete(name, id);
    assert.deepEqual(fixture.states(name), ["InService"]);
  });

  it("retains what was abandoned, with another in its place, until it is ended by name", async () => {
    const name = await fixture.group({
      DesiredCapacity: 2,
      hookSeconds: 90,
      InstanceLifecyclePolicy: retain,
    });
    const [first = "", second = ""] = ids(name);
    await terminate(first, false);
    await fixture.complete(name, first, "ABANDON");
    assert.deepEqual(fixture.states(name), ["InService", "InService", "Terminating:Retained"]);
    assert.equal(await machineState(first), "running");
    await terminate(second, false);
    await sleep(1600);
    await fixture.emulator.settled();
    assert.deepEqual(fixture.states(name), [
      "InService",
      "InService",
      "Terminating:Retained",
      "Terminating:Retained",
    ]);
    await terminate(first, false);
    await terminate(second, false);
    assert.deepEqual(fixture.states(name), ["InService", "InService"]);
    assert.equal(await machineState(first), "terminated");
  });

  it("is not deleted by force while it retains what is abandoned", async () => {
    const name = await fixture.group({
      DesiredCapacity: 1,
      hookSeconds: 300,
      InstanceLifecyclePolicy: retain,
    });
    const remove = () =>
      fixture.scaling.send(
        new DeleteAutoScalingGroupCommand({ AutoScalingGroupName: name, ForceDelete: true }),
      );
    await assert.rejects(remove(), {
      name: "ValidationError",
      message: /^You can't force delete this Auto Scaling group because the TerminateHookAbandon retention/,
    });
    await fixture.scaling.send(
      new UpdateAutoScalingGroupCommand({
        AutoScalingGroupName: name,
        InstanceLifecyclePolicy: { RetentionTriggers: { TerminateHookAbandon: "terminate" } },
      }),
    );
    await remove();
    await fixture.emulator.settled();
    await assert.rejects(fixture.describe(name));
  });

  it("lets go what waits for a hook that is deleted", async () => {
    const name = await fixture.group({
      DesiredCapacity: 1,
      hookSeconds: 300,
      InstanceLifecyclePolicy: retain,
    });
    await terminate(ids(name)[0] ?? "");
    await fixture.scaling.send(
      new DeleteLifecycleHookCommand({ AutoScalingGroupName: name, LifecycleHookName: "drain" }),
    );
    await fixture.emulator.settled();
    assert.deepEqual(ids(name), []);
  });

  it("has a launch wait, and starts anew what was abandoned", async () => {
    const name = await fixture.group();
    await fixture.scaling.send(
      new PutLifecycleHookCommand({
        AutoScalingGroupName: name,
        LifecycleHookName: "drain",
        LifecycleTransition: LAUNCHING,
      }),
    );
    await fixture.scaling.send(
      new SetDesiredCapacityCommand({ AutoScalingGroupName: name, DesiredCapacity: 1 }),
    );
    await fixture.emulator.settled();
    const [first = ""] = ids(name);
    assert.deepEqual(fixture.states(name), ["Pending:Wait"]);
    await fixture.complete(name, first, "ABANDON");
    const [second = ""] = ids(name);
    assert.notEqual(second, first);
    await fixture.complete(name, second);
    assert.deepEqual(fixture.states(name), ["InService"]);
  });

  it("waits for every hook, and for none once one is abandoned", async () => {
    const name = `group-two-hooks`;
    const hooks = ["one", "two"].map((LifecycleHookName) => ({
      LifecycleHookName,
      LifecycleTransition: TERMINATING,
    }));
    const other = await fixture.describe(await fixture.group());
    await fixture.scaling.send(
      new CreateAutoScalingGroupCommand({
        AutoScalingGroupName: name,
        MinSize: 0,
        MaxSize: 2,
        DesiredCapacity: 2,
        VPCZoneIdentifier: other.VPCZoneIdentifier,
        LaunchTemplate: { LaunchTemplateName: "bridge" },
        LifecycleHookSpecificationList: hooks,
      }),
    );
    await fixture.emulator.settled();
    const [first = "", second = ""] = ids(name);
    const complete = async (hook: string, id: string, result: string): Promise<void> => {
      await fixture.scaling.send(
        new CompleteLifecycleActionCommand({
          AutoScalingGroupName: name,
          LifecycleHookName: hook,
          InstanceId: id,
          LifecycleActionResult: result,
        }),
      );
      await fixture.emulator.settled();
    };
    await terminate(first);
    await terminate(second);
    await complete("one", first, "CONTINUE");
    assert.deepEqual(fixture.states(name), ["Terminating:Wait", "Terminating:Wait"]);
    await complete("two", first, "CONTINUE");
    assert.deepEqual(ids(name), [second]);
    await complete("one", second, "ABANDON");
    assert.deepEqual(ids(name), []);
  });

  it("warns of the end of a Spot instance, ends it, and still has its hook completed", async () => {
    const events = new EventBridgeClient(fixture.emulator.clientSettings());
    await events.send(
      new PutRuleCommand({
        Name: "spot",
        EventPattern: JSON.stringify({
          source: ["aws.ec2"],
          "detail-type": ["EC2 Spot Instance Interruption Warning", "EC2 Instance Rebalance Recommendation"],
        }),
      }),
    );
    await events.send(new PutTargetsCommand({ Rule: "spot", Targets: [{ Id: "1", Arn: fixture.queueArn }] }));
    events.destroy();
    const name = await fixture.group({ DesiredCapacity: 2, hookSeconds: 300 });
    const [first = "", second = ""] = ids(name);
    await fixture.bodies();
    await fixture.emulator.rebalance(first);
    await fixture.emulator.spotInterrupt(first);
    await fixture.emulator.settled();
    assert.deepEqual(fixture.states(name), ["InService", "InService"]);
    const told = (await fixture.bodies()) as Record<string, unknown>[];
    assert.deepEqual(
      told.map((event) => [event["source"], event["detail-type"], event["detail"]]),
      [
        ["aws.ec2", "EC2 Instance Rebalance Recommendation", { "instance-id": first }],
        [
          "aws.ec2",
          "EC2 Spot Instance Interruption Warning",
          { "instance-id": first, "instance-action": "terminate" },
        ],
      ],
    );
    await sleep(2100);
    await fixture.emulator.settled();
    assert.equal(await machineState(first), "terminated");
    assert.deepEqual(fixture.states(name), ["InService", "InService", "Terminating:Wait"]);
    await fixture.complete(name, first);
    assert.deepEqual(fixture.states(name), ["InService", "InService"]);
    assert.ok(ids(name).includes(second));
  });

  it("replaces a Spot instance ahead where the group rebalances its capacity", async () => {
    const name = await fixture.group({
      DesiredCapacity: 1,
      MaxSize: 1,
      hookSeconds: 300,
      CapacityRebalance: true,
    });
    const [first = ""] = ids(name);
    await fixture.emulator.rebalance(first);
    await fixture.emulator.settled();
    assert.deepEqual(fixture.states(name), ["InService", "Terminating:Wait"]);
    await fixture.complete(name, first);
    const [second = ""] = ids(name);
    await fixture.emulator.spotInterrupt(second);
    await fixture.emulator.settled();
    assert.deepEqual(fixture.states(name), ["InService", "Terminating:Wait"]);
    await fixture.complete(name, second);
  });
});
