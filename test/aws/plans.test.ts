import assert from "node:assert/strict";
import {
  DeletePolicyCommand,
  DeleteScheduledActionCommand,
  DeleteWarmPoolCommand,
  DescribePoliciesCommand,
  DescribeScheduledActionsCommand,
  DescribeWarmPoolCommand,
  PutScalingPolicyCommand,
  PutScheduledUpdateGroupActionCommand,
  PutWarmPoolCommand,
  SetDesiredCapacityCommand,
  TerminateInstanceInAutoScalingGroupCommand,
} from "@aws-sdk/client-auto-scaling";
import { CloudWatchClient, PutMetricDataCommand } from "@aws-sdk/client-cloudwatch";
import { DescribeInstancesCommand } from "@aws-sdk/client-ec2";
import { setTimeout as sleep } from "node:timers/promises";
import { nextTime } from "../support/aws/autoScaling/cron";
import { evaluate } from "../support/aws/autoScaling/expression";
import { Fixture } from "./fixture";

describe("the AWS emulator's warm pools, schedules and policies", function () {
  this.timeout(600_000);
  let fixture: Fixture;

  before(async function () {
    this.timeout(600_000);
    fixture = await Fixture.shared();
  });

  const setDesired = async (AutoScalingGroupName: string, DesiredCapacity: number): Promise<void> => {
    await fixture.scaling.send(new SetDesiredCapacityCommand({ AutoScalingGroupName, DesiredCapacity }));
    await fixture.emulator.settled();
  };

  it("keeps stopped instances beside a group, and draws on them first", async () => {
    const name = await fixture.group();
    const launched: string[] = [];
    const ended: string[] = [];
    fixture.emulator.onLaunch(({ id, group }) => group === name && launched.push(id));
    fixture.emulator.onTerminate(({ id, group }) => group === name && ended.push(id));
    await fixture.scaling.send(
      new PutWarmPoolCommand({ AutoScalingGroupName: name, MinSize: 2, MaxGroupPreparedCapacity: 2 }),
    );
    await fixture.emulator.settled();
    assert.deepEqual(fixture.states(name), ["Warmed:Stopped", "Warmed:Stopped"]);
    const warm = fixture.emulator.instances(name).map(({ id }) => id);
    assert.deepEqual(
      [launched, ended].map((told) => [...told].sort()),
      [[...warm].sort(), [...warm].sort()],
    );
    const { Reservations = [] } = await fixture.ec2.send(new DescribeInstancesCommand({ InstanceIds: warm }));
    assert.deepEqual(
      Reservations.flatMap(({ Instances = [] }) => Instances).map(({ State }) => State?.Name),
      ["stopped", "stopped"],
    );
    assert.equal((await fixture.describe(name)).Instances?.length, 0);

    await setDesired(name, 1);
    assert.deepEqual(fixture.states(name), ["InService", "Warmed:Stopped", "Warmed:Stopped"]);
    const [first = ""] = fixture.emulator
      .instances(name)
      .filter(({ state }) => state === "InService")
      .map(({ id }) => id);
    assert.ok(warm.includes(first), "the first of the group was warm");
    assert.equal(launched.filter((id) => id === first).length, 2, "it was started anew");
    const { Instances, WarmPoolConfiguration } = await fixture.scaling.send(
      new DescribeWarmPoolCommand({ AutoScalingGroupName: name }),
    );
    assert.deepEqual([Instances?.length, WarmPoolConfiguration?.MinSize], [2, 2]);
    await assert.rejects(
      fixture.scaling.send(
        new TerminateInstanceInAutoScalingGroupCommand({
          InstanceId: Instances?.[0]?.InstanceId,
          ShouldDecrementDesiredCapacity: false,
        }),
      ),
      { name: "ValidationError" },
    );
    await fixture.scaling.send(new DeleteWarmPoolCommand({ AutoScalingGroupName: name, ForceDelete: true }));
    await fixture.emulator.settled();
    assert.deepEqual(fixture.states(name), ["InService"]);
  });

  it("fills the warm pool up to the maximum by default, and has none beside several types", async () => {
    const name = await fixture.group({ MaxSize: 3, DesiredCapacity: 1 });
    await fixture.scaling.send(new PutWarmPoolCommand({ AutoScalingGroupName: name, PoolState: "Running" }));
    await fixture.emulator.settled();
    assert.deepEqual(fixture.states(name), ["InService", "Warmed:Running", "Warmed:Running"]);
    await setDesired(name, 2);
    assert.deepEqual(fixture.states(name), ["InService", "InService", "Warmed:Running"]);
    const mixed = await fixture.group({
      MixedInstancesPolicy: {
        LaunchTemplate: {
          LaunchTemplateSpecification: { LaunchTemplateName: "bridge", Version: "1" },
          Overrides: [{ InstanceType: "c7i.xlarge" }],
        },
      },
    });
    await assert.rejects(fixture.scaling.send(new PutWarmPoolCommand({ AutoScalingGroupName: mixed })), {
      name: "ValidationError",
      message: /mixed instances policy/,
    });
  });

  it("changes sizes by schedule", async () => {
    const name = await fixture.group({ MaxSize: 4 });
    const put = (given: { Recurrence?: string; MinSize?: number }) =>
      fixture.scaling.send(
        new PutScheduledUpdateGroupActionCommand({
          AutoScalingGroupName: name,
          ScheduledActionName: "morning",
          ...given,
        }),
      );
    await assert.rejects(put({ Recurrence: "61 * * * *", MinSize: 1 }), { name: "ValidationError" });
    await assert.rejects(put({ Recurrence: "0 8 * * *" }), { name: "ValidationError" });
    await put({ Recurrence: "0 8 * * 1-5", MinSize: 2 });
    fixture.emulator.runSchedule(name, "morning");
    await fixture.emulator.settled();
    const { MinSize, DesiredCapacity, Instances } = await fixture.describe(name);
    assert.deepEqual([MinSize, DesiredCapacity, Instances?.length], [2, 2, 2]);
    await put({ Recurrence: "* * * * *", MinSize: 3 });
    await sleep(1200);
    await fixture.emulator.settled();
    assert.equal(fixture.states(name).length, 3);
    const { ScheduledUpdateGroupActions } = await fixture.scaling.send(
      new DescribeScheduledActionsCommand({ AutoScalingGroupName: name }),
    );
    assert.deepEqual(
      ScheduledUpdateGroupActions?.map((one) => [one.ScheduledActionName, one.Recurrence, one.MinSize]),
      [["morning", "* * * * *", 3]],
    );
    await fixture.scaling.send(
      new DeleteScheduledActionCommand({ AutoScalingGroupName: name, ScheduledActionName: "morning" }),
    );
    assert.throws(() => fixture.emulator.runSchedule(name, "morning"));
  });

  const failSafe = (group: string) => ({
    AutoScalingGroupName: group,
    PolicyName: "no-scaler",
    PolicyType: "TargetTrackingScaling",
    TargetTrackingConfiguration: {
      CustomizedMetricSpecification: {
        Metrics: [
          {
            Id: "alive",
            MetricStat: { Metric: { Namespace: group, MetricName: "ScalerAlive" }, Stat: "Maximum" },
            ReturnData: false,
          },
          {
            Id: "cpu",
            MetricStat: {
              Metric: {
                Namespace: group,
                MetricName: "Cpu",
                Dimensions: [{ Name: "AutoScalingGroupName", Value: group }],
              },
              Stat: "Average",
            },
            ReturnData: false,
          },
          { Id: "load", Expression: "IF(FILL(alive, 0) > 0, 0, cpu)", ReturnData: true },
        ],
      },
      TargetValue: 60.5,
      DisableScaleIn: true,
    },
  });

  it("keeps policies as they were put", async () => {
    const name = await fixture.group();
    const { TargetTrackingConfiguration, ...rest } = failSafe(name);
    const { PolicyARN = "" } = await fixture.scaling.send(new PutScalingPolicyCommand(failSafe(name)));
    const { ScalingPolicies } = await fixture.scaling.send(
      new DescribePoliciesCommand({ AutoScalingGroupName: name }),
    );
    assert.deepEqual(
      ScalingPolicies?.map((policy) => [policy.PolicyARN, policy.TargetTrackingConfiguration]),
      [[PolicyARN, TargetTrackingConfiguration]],
    );
    await fixture.scaling.send(new DeletePolicyCommand({ PolicyName: PolicyARN }));
    const left = await fixture.scaling.send(new DescribePoliciesCommand({ AutoScalingGroupName: name }));
    assert.deepEqual(left.ScalingPolicies, []);
    const Metrics = [{ Id: "x", Expression: "ANOMALY_DETECTION_BAND(y)" }];
    await assert.rejects(
      fixture.scaling.send(
        new PutScalingPolicyCommand({
          ...rest,
          TargetTrackingConfiguration: { CustomizedMetricSpecification: { Metrics }, TargetValue: 1 },
        }),
      ),
      { name: "ValidationError", message: /cannot evaluate/ },
    );
  });

  it("scales out by a policy whose metric is above its target, and only where a heartbeat is missing", async () => {
    const cloudWatch = new CloudWatchClient(fixture.emulator.clientSettings());
    const desired: Record<string, number | undefined> = {};
    for (const [situation, load, metrics] of [
      ["alive", 90, [{ MetricName: "ScalerAlive", Value: 1 }]],
      ["missing", 90, []],
      // Protected instances above the desired capacity are no reason to have it follow.
      ["below the target", 50, []],
    ] as const) {
      const name = await fixture.group({
        MaxSize: 3,
        DesiredCapacity: 2,
        NewInstancesProtectedFromScaleIn: true,
      });
      if (load < 60) await setDesired(name, 1);
      const cpu = {
        MetricName: "Cpu",
        Value: load,
        Dimensions: [{ Name: "AutoScalingGroupName", Value: name }],
      };
      await cloudWatch.send(new PutMetricDataCommand({ Namespace: name, MetricData: [cpu, ...metrics] }));
      // After the metrics: a look while one of them is there already would see no heartbeat.
      await fixture.scaling.send(new PutScalingPolicyCommand(failSafe(name)));
      await fixture.emulator.runPolicies();
      await fixture.emulator.settled();
      desired[situation] = (await fixture.describe(name)).DesiredCapacity;
    }
    cloudWatch.destroy();
    assert.deepEqual(desired, { alive: 2, missing: 3, "below the target": 1 });
  });

  it("evaluates metric maths", () => {
    const metrics = new Map([
      ["a", 3],
      ["b", 4],
      ["none", undefined],
    ]);
    for (const [expression, expected] of [
      ["a + b * 2 - -1", 12],
      ["(a + b) / 2", 3.5],
      ["a / 0", undefined],
      ["a + none", undefined],
      ["FILL(none, 7)", 7],
      ["IF(a < b, 1, 2)", 1],
      ["IF(a >= b || none > 1, 1, 2)", undefined],
      ["IF(a != 3 || b == 4 && a <= 3, 1, 2)", 1],
    ] as const)
      assert.equal(evaluate(expression, metrics), expected, expression);
    for (const wrong of ["a +", "c", "a b", "SUM(a)", "IF(a, b)", "a $ b", ""])
      assert.throws(() => evaluate(wrong, metrics), /cannot evaluate/, wrong);
  });

  it("knows the times of cron expressions", () => {
    const after = new Date("2026-11-27T16:30:30Z"); // a Friday
    for (const [expression, expected] of [
      ["* * * * *", "2026-11-27T16:31:00.000Z"],
      ["30 16 * * *", "2026-11-28T16:30:00.000Z"],
      ["0 8 * * 1-5", "2026-11-30T08:00:00.000Z"],
      ["*/20 17 * * *", "2026-11-27T17:00:00.000Z"],
      ["0 0 1 1 *", "2027-01-01T00:00:00.000Z"],
      ["0 12 1 * 0", "2026-11-29T12:00:00.000Z"],
      ["0 12 1 * 7", "2026-11-29T12:00:00.000Z"],
      ["0 0 31 2 *", undefined],
    ] as const)
      assert.equal(nextTime(expression, after)?.toISOString(), expected, expression);
    for (const wrong of ["* * * *", "60 * * * *", "5-1 * * * *", "*/0 * * * *", "a * * * *"])
      assert.throws(() => nextTime(wrong, after), wrong);
  });
});
