import assert from "node:assert/strict";
import {
  CreateOrUpdateTagsCommand,
  DeleteAutoScalingGroupCommand,
  DescribeAutoScalingGroupsCommand,
  DescribeAutoScalingInstancesCommand,
  DescribeScalingActivitiesCommand,
  DetachInstancesCommand,
  paginateDescribeAutoScalingInstances,
  ResumeProcessesCommand,
  SetDesiredCapacityCommand,
  SetInstanceProtectionCommand,
  SuspendProcessesCommand,
  TerminateInstanceInAutoScalingGroupCommand,
  UpdateAutoScalingGroupCommand,
} from "@aws-sdk/client-auto-scaling";
import {
  CreateLaunchTemplateVersionCommand,
  DescribeInstancesCommand,
  TerminateInstancesCommand,
} from "@aws-sdk/client-ec2";
import { setTimeout as sleep } from "node:timers/promises";
import type { Machine } from "../support/aws/machines";
import { Fixture } from "./fixture";

describe("the AWS emulator's groups", function () {
  this.timeout(600_000);
  let fixture: Fixture;
  const launched: Machine[] = [];
  const ended: string[] = [];

  before(async function () {
    this.timeout(600_000);
    fixture = await Fixture.shared();
    fixture.emulator.onLaunch((machine) => launched.push(machine));
    fixture.emulator.onTerminate(({ id }) => ended.push(id));
  });

  afterEach(() => {
    Object.assign(fixture.emulator.behaviour, {
      bootSeconds: 0,
      callsPerSecond: Infinity,
      answerStaleSeconds: 0,
    });
  });

  const setDesired = async (AutoScalingGroupName: string, DesiredCapacity: number): Promise<void> => {
    await fixture.scaling.send(new SetDesiredCapacityCommand({ AutoScalingGroupName, DesiredCapacity }));
    await fixture.emulator.settled();
  };
  const terminate = (InstanceId: string, ShouldDecrementDesiredCapacity: boolean) =>
    fixture.scaling.send(
      new TerminateInstanceInAutoScalingGroupCommand({ InstanceId, ShouldDecrementDesiredCapacity }),
    );
  const update = async (
    AutoScalingGroupName: string,
    sizes: { MinSize?: number; MaxSize?: number; DesiredCapacity?: number },
  ): Promise<void> => {
    await fixture.scaling.send(new UpdateAutoScalingGroupCommand({ AutoScalingGroupName, ...sizes }));
    await fixture.emulator.settled();
  };
  const ids = (group: string): string[] => fixture.emulator.instances(group).map(({ id }) => id);
  const zones = (group: string): string =>
    fixture.emulator
      .instances(group)
      .map(({ zone }) => zone.at(-1))
      .sort()
      .join("");

  it("launches tagged machines with addresses, spread over the zones", async () => {
    launched.length = 0;
    const name = await fixture.group({
      DesiredCapacity: 3,
      NewInstancesProtectedFromScaleIn: true,
      Tags: [
        { Key: "Stack", Value: "prod", PropagateAtLaunch: true },
        { Key: "Alone", Value: "here", PropagateAtLaunch: false },
      ],
    });
    const group = await fixture.describe(name);
    assert.deepEqual(
      [group.MinSize, group.MaxSize, group.DesiredCapacity, group.NewInstancesProtectedFromScaleIn],
      [0, 10, 3, true],
    );
    assert.deepEqual(
      group.Instances?.map((one) => [one.LifecycleState, one.HealthStatus, one.ProtectedFromScaleIn]),
      [1, 2, 3].map(() => ["InService", "Healthy", true]),
    );
    assert.equal(zones(name), "abc");
    const { Reservations = [] } = await fixture.ec2.send(
      new DescribeInstancesCommand({ InstanceIds: ids(name) }),
    );
    const machines = Reservations.flatMap(({ Instances = [] }) => Instances);
    for (const machine of machines) {
      const tags = new Map(machine.Tags?.map(({ Key, Value }) => [Key, Value]));
      assert.deepEqual(
        ["Stack", "Alone", "Role", "aws:autoscaling:groupName"].map((key) => tags.get(key)),
        ["prod", undefined, "bridge", name],
      );
      assert.match(machine.PrivateIpAddress ?? "", /^127\.42\./);
    }
    assert.deepEqual(
      launched.map((one) => [one.id, one.privateAddress, one.publicAddress]).sort(),
      machines.map((one) => [one.InstanceId, one.PrivateIpAddress, one.PublicIpAddress]).sort(),
    );
  });

  it("refuses sizes that contradict each other, and lets the desired capacity follow the bounds", async () => {
    const name = await fixture.group({ MaxSize: 3, DesiredCapacity: 1 });
    await assert.rejects(setDesired(name, 4), {
      name: "ValidationError",
      message: "New SetDesiredCapacity value 4 is above max value 3 for the AutoScalingGroup.",
    });
    await assert.rejects(update(name, { MinSize: 4 }), { name: "ValidationError" });
    await assert.rejects(update(name, { DesiredCapacity: 4 }), { name: "ValidationError" });
    await update(name, { MinSize: 2 });
    assert.equal((await fixture.describe(name)).DesiredCapacity, 2);
    await update(name, { MinSize: 0, MaxSize: 1 });
    assert.equal((await fixture.describe(name)).DesiredCapacity, 1);
    assert.equal(ids(name).length, 1);
    const honouring = new SetDesiredCapacityCommand({
      AutoScalingGroupName: name,
      DesiredCapacity: 1,
      HonorCooldown: true,
    });
    await assert.rejects(fixture.scaling.send(honouring), { name: "ScalingActivityInProgressFault" });
    await assert.rejects(setDesired("none", 1), { name: "ValidationError", message: /not found/ });
  });

  it("ends no instance that would leave fewer than the least, and replaces one that is not decremented", async () => {
    const name = await fixture.group({
      MinSize: 1,
      DesiredCapacity: 2,
      NewInstancesProtectedFromScaleIn: true,
    });
    const [first = "", second = ""] = ids(name);
    const { Activity } = await terminate(first, true);
    assert.equal(Activity?.StatusCode, "InProgress");
    await fixture.emulator.settled();
    assert.deepEqual(ids(name), [second]);
    assert.ok(ended.includes(first));
    await assert.rejects(terminate(second, true), {
      name: "ValidationError",
      message: /^Currently, desiredSize equals minSize \(1\)\. Terminating instance without replacement/,
    });
    await terminate(second, false);
    await fixture.emulator.settled();
    assert.equal(ids(name).length, 1);
    assert.notDeepEqual(ids(name), [second]);
    await assert.rejects(terminate(second, false), {
      name: "ValidationError",
      message: /No managed instance/,
    });
  });

  it("chooses no protected victim, and says so", async () => {
    const name = await fixture.group({ DesiredCapacity: 3, NewInstancesProtectedFromScaleIn: true });
    await setDesired(name, 1);
    assert.equal(ids(name).length, 3);
    const { Activities = [] } = await fixture.scaling.send(
      new DescribeScalingActivitiesCommand({ AutoScalingGroupName: name }),
    );
    assert.match(Activities[0]?.StatusMessage ?? "", /all remaining instances are protected from scale-in/);
    const [first = "", second = "", third = ""] = ids(name);
    await fixture.scaling.send(
      new SetInstanceProtectionCommand({
        AutoScalingGroupName: name,
        InstanceIds: [second],
        ProtectedFromScaleIn: false,
      }),
    );
    await fixture.emulator.settled();
    assert.deepEqual(ids(name), [first, third]);
  });

  it("is Pending while it boots, and knows nothing of an instance before it is ordered", async () => {
    fixture.emulator.behaviour.bootSeconds = 120;
    launched.length = 0;
    const name = await fixture.group();
    await fixture.scaling.send(
      new SetDesiredCapacityCommand({ AutoScalingGroupName: name, DesiredCapacity: 1 }),
    );
    const early = await fixture.describe(name);
    assert.deepEqual([early.DesiredCapacity, early.Instances?.length], [1, 0]);
    while (ids(name).length === 0) await sleep(10);
    assert.deepEqual(fixture.states(name), ["Pending"]);
    assert.deepEqual(launched, []);
    await assert.rejects(
      fixture.scaling.send(
        new SetInstanceProtectionCommand({
          AutoScalingGroupName: name,
          InstanceIds: ids(name),
          ProtectedFromScaleIn: true,
        }),
      ),
      { message: /is not in InService/ },
    );
    await fixture.emulator.settled();
    assert.deepEqual(fixture.states(name), ["InService"]);
    assert.equal(launched.length, 1);
  });

  it("replaces what ended or failed, whoever ended it", async () => {
    const name = await fixture.group({ DesiredCapacity: 3 });
    const [killed = "", failed = "", byHand = ""] = ids(name);
    await fixture.emulator.killMachine(killed);
    fixture.emulator.failInstance(failed);
    await fixture.ec2.send(new TerminateInstancesCommand({ InstanceIds: [byHand] }));
    await fixture.emulator.settled();
    const now = ids(name);
    assert.equal(now.length, 3);
    for (const id of [killed, failed, byHand]) {
      assert.ok(!now.includes(id));
      assert.equal(ended.filter((one) => one === id).length, 1);
    }
    assert.deepEqual(fixture.states(name), ["InService", "InService", "InService"]);
  });

  it("stops what is suspended until it is resumed", async () => {
    const name = await fixture.group({ DesiredCapacity: 2 });
    const suspend = (...ScalingProcesses: string[]) =>
      fixture.scaling.send(new SuspendProcessesCommand({ AutoScalingGroupName: name, ScalingProcesses }));
    const resume = async (...ScalingProcesses: string[]): Promise<void> => {
      await fixture.scaling.send(
        new ResumeProcessesCommand({ AutoScalingGroupName: name, ScalingProcesses }),
      );
      await fixture.emulator.settled();
    };
    const [first = "", second = ""] = ids(name);
    await suspend("Launch", "ReplaceUnhealthy");
    assert.deepEqual(
      (await fixture.describe(name)).SuspendedProcesses?.map(({ ProcessName }) => ProcessName).sort(),
      ["Launch", "ReplaceUnhealthy"],
    );
    fixture.emulator.failInstance(first);
    await fixture.emulator.settled();
    assert.deepEqual(ids(name), [first, second]);
    await resume("ReplaceUnhealthy");
    assert.deepEqual(ids(name), [second]);
    await resume("Launch");
    assert.equal(ids(name).length, 2);
    await suspend("Terminate");
    await setDesired(name, 0);
    assert.equal(ids(name).length, 2);
    await assert.rejects(terminate(second, false), { name: "ValidationError" });
    await resume();
    assert.deepEqual(ids(name), []);
    await assert.rejects(suspend("Nothing"), { name: "ValidationError" });
  });

  it("moves instances between zones unless that is suspended", async () => {
    for (const isSuspended of [true, false]) {
      const name = await fixture.group({ DesiredCapacity: 3 });
      if (isSuspended)
        await fixture.scaling.send(
          new SuspendProcessesCommand({ AutoScalingGroupName: name, ScalingProcesses: ["AZRebalance"] }),
        );
      await setDesired(name, 6);
      assert.equal(zones(name), "aabbcc");
      for (const { id, zone } of fixture.emulator.instances(name))
        if (zone.endsWith("a")) await terminate(id, true);
      await fixture.emulator.settled();
      assert.equal(zones(name), isSuspended ? "bbcc" : "abcc");
    }
  });

  it("tries again what EC2 refuses", async () => {
    const name = await fixture.group();
    fixture.emulator.failLaunches(1);
    await setDesired(name, 1);
    assert.deepEqual(ids(name), []);
    const { Activities = [] } = await fixture.scaling.send(
      new DescribeScalingActivitiesCommand({ AutoScalingGroupName: name }),
    );
    assert.deepEqual(
      Activities.map(({ StatusCode }) => StatusCode),
      ["Failed"],
    );
    await sleep(600);
    await fixture.emulator.settled();
    assert.equal(ids(name).length, 1);
  });

  it("gives new instances the newest launch template, and leaves the others theirs", async () => {
    const name = await fixture.group({ DesiredCapacity: 1 });
    await fixture.ec2.send(
      new CreateLaunchTemplateVersionCommand({
        LaunchTemplateName: "bridge",
        SourceVersion: "1",
        LaunchTemplateData: { InstanceType: "c7i.2xlarge", UserData: "aGVsbG8=" },
      }),
    );
    await setDesired(name, 2);
    assert.deepEqual(
      fixture.emulator.instances(name).map((one) => [one.templateVersion, one.instanceType]),
      [
        ["1", "c7i.xlarge"],
        ["2", "c7i.2xlarge"],
      ],
    );
  });

  it("mixes instance types and Spot as its policy says", async () => {
    const name = await fixture.group({
      DesiredCapacity: 4,
      MixedInstancesPolicy: {
        LaunchTemplate: {
          LaunchTemplateSpecification: { LaunchTemplateName: "bridge", Version: "1" },
          Overrides: [{ InstanceType: "c7i.xlarge" }, { InstanceType: "c6i.xlarge" }],
        },
        InstancesDistribution: { OnDemandBaseCapacity: 1, OnDemandPercentageAboveBaseCapacity: 0 },
      },
    });
    const all = fixture.emulator.instances(name);
    assert.equal(all.filter(({ isSpot }) => isSpot).length, 3);
    assert.deepEqual([...new Set(all.map(({ instanceType }) => instanceType))].sort(), [
      "c6i.xlarge",
      "c7i.xlarge",
    ]);
    const { Overrides } = (await fixture.describe(name)).MixedInstancesPolicy?.LaunchTemplate ?? {};
    assert.equal(Overrides?.length, 2);
  });

  it("answers page by page", async () => {
    const name = await fixture.group({ DesiredCapacity: 5 });
    const found: (string | undefined)[] = [];
    let pages = 0;
    for await (const { AutoScalingInstances = [] } of paginateDescribeAutoScalingInstances(
      { client: fixture.scaling, pageSize: 2 },
      { InstanceIds: ids(name) },
    )) {
      pages++;
      found.push(...AutoScalingInstances.map(({ InstanceId }) => InstanceId));
    }
    assert.deepEqual([pages, found], [3, ids(name)]);
    await assert.rejects(
      fixture.scaling.send(new DescribeAutoScalingInstancesCommand({ NextToken: "made up" })),
      { name: "InvalidNextToken" },
    );
    await assert.rejects(fixture.scaling.send(new DescribeAutoScalingGroupsCommand({ MaxRecords: 101 })), {
      name: "ValidationError",
    });
  });

  it("may say what was so a while ago, though what is asked for is done", async () => {
    const name = await fixture.group({ DesiredCapacity: 1 });
    fixture.emulator.behaviour.answerStaleSeconds = 120;
    await fixture.describe(name);
    await setDesired(name, 3);
    assert.equal((await fixture.describe(name)).DesiredCapacity, 1);
    assert.equal(ids(name).length, 3);
    await sleep(2100);
    assert.equal((await fixture.describe(name)).DesiredCapacity, 3);
  });

  it("throttles, and lets calls through that back off", async () => {
    const name = await fixture.group();
    fixture.emulator.behaviour.callsPerSecond = 5;
    const answers = await Promise.allSettled(Array.from({ length: 20 }, () => fixture.describe(name)));
    const refused = answers.flatMap((answer) =>
      answer.status === "rejected" ? [(answer.reason as Error).name] : [],
    );
    assert.deepEqual(new Set(refused), new Set(["Throttling"]));
    assert.ok(refused.length >= 5 && refused.length < 20, String(refused.length));
    await sleep(400);
    assert.equal((await fixture.describe(name)).DesiredCapacity, 0);
    assert.ok(fixture.emulator.calls("DescribeAutoScalingGroups") >= 21);
  });

  it("finds groups by tag, and lets instances go", async () => {
    const name = await fixture.group({ DesiredCapacity: 2 });
    await fixture.scaling.send(
      new CreateOrUpdateTagsCommand({
        Tags: [
          {
            ResourceId: name,
            ResourceType: "auto-scaling-group",
            Key: "pool",
            Value: "s1",
            PropagateAtLaunch: false,
          },
        ],
      }),
    );
    const { AutoScalingGroups } = await fixture.scaling.send(
      new DescribeAutoScalingGroupsCommand({ Filters: [{ Name: "tag:pool", Values: ["s1"] }] }),
    );
    assert.deepEqual(
      AutoScalingGroups?.map(({ AutoScalingGroupName }) => AutoScalingGroupName),
      [name],
    );
    const [first = "", second = ""] = ids(name);
    await fixture.scaling.send(
      new DetachInstancesCommand({
        AutoScalingGroupName: name,
        InstanceIds: [first],
        ShouldDecrementDesiredCapacity: true,
      }),
    );
    await fixture.emulator.settled();
    assert.deepEqual(ids(name), [second]);
    const { Reservations } = await fixture.ec2.send(new DescribeInstancesCommand({ InstanceIds: [first] }));
    assert.equal(Reservations?.[0]?.Instances?.[0]?.State?.Name, "running");
  });

  it("is deleted empty, or by force with all it has", async () => {
    const name = await fixture.group({ DesiredCapacity: 2 });
    const remove = (ForceDelete: boolean) =>
      fixture.scaling.send(new DeleteAutoScalingGroupCommand({ AutoScalingGroupName: name, ForceDelete }));
    await assert.rejects(remove(false), { name: "ResourceInUseFault" });
    const all = ids(name);
    await remove(true);
    await fixture.emulator.settled();
    await assert.rejects(fixture.describe(name));
    const { Reservations = [] } = await fixture.ec2.send(new DescribeInstancesCommand({ InstanceIds: all }));
    for (const { Instances = [] } of Reservations)
      for (const { State } of Instances) assert.equal(State?.Name, "terminated");
    const empty = await fixture.group();
    await fixture.scaling.send(new DeleteAutoScalingGroupCommand({ AutoScalingGroupName: empty }));
    await assert.rejects(fixture.describe(empty));
  });

  it("answers the bare query API, and names what it lacks", async () => {
    const ask = async (parameters: Record<string, string>): Promise<[number, string]> => {
      const answer = await fetch(fixture.emulator.url, {
        method: "POST",
        body: new URLSearchParams({ Version: "2011-01-01", ...parameters }),
      });
      return [answer.status, await answer.text()];
    };
    const name = await fixture.group({ Tags: [{ Key: "odd", Value: `<&"` }] });
    const [status, text] = await ask({
      Action: "DescribeAutoScalingGroups",
      "AutoScalingGroupNames.member.1": name,
    });
    assert.equal(status, 200);
    assert.match(
      text,
      /^<DescribeAutoScalingGroupsResponse xmlns="http:\/\/autoscaling\.amazonaws\.com\/doc\/2011-01-01\/"><DescribeAutoScalingGroupsResult><AutoScalingGroups><member>/,
    );
    assert.match(text, /<Value>&lt;&amp;&quot;<\/Value>/);
    const [refused, why] = await ask({ Action: "StartInstanceRefresh" });
    assert.equal(refused, 400);
    assert.match(why, /<Code>InvalidAction<\/Code>.*StartInstanceRefresh.*SetDesiredCapacity/);
  });
});
