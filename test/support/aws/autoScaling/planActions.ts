import { randomUUID } from "node:crypto";
import type { Parameters } from "../parameters";
import { QueryError } from "../query";
import { nextTime } from "./cron";
import { describeGroup } from "./describe";
import { evaluate } from "./expression";
import type { Group } from "./model";
import { invalid, textOf, type Handler, type World } from "./world";

export function warmPoolActions(world: World): Record<string, Handler> {
  const { engine } = world;
  return {
    PutWarmPool: (given) => {
      const group = world.group(given);
      if (group.mix !== undefined || group.isSpotTemplate)
        throw invalid(
          "You can't add a warm pool to an Auto Scaling group that has a mixed instances policy or a launch template or launch configuration that requests Spot Instances.",
        );
      const maxPrepared = given.integer("MaxGroupPreparedCapacity") ?? group.warmPool?.maxPrepared;
      group.warmPool = {
        minSize: given.integer("MinSize") ?? group.warmPool?.minSize ?? 0,
        // "To remove a value that you previously set, include the property but specify -1."
        maxPrepared: maxPrepared === -1 ? undefined : maxPrepared,
        state: given.choice("PoolState", ["Stopped", "Running"]) ?? group.warmPool?.state ?? "Stopped",
      };
      engine.reconcile(group);
      return {};
    },
    DescribeWarmPool: (given) => {
      const group = world.group(given);
      const { WarmPoolConfiguration } = describeGroup(group);
      const instances = world.views().warm.get(group.name) ?? [];
      return {
        WarmPoolConfiguration,
        ...world.pages.page("Instances", instances, given, { usual: 50, most: 50 }),
      };
    },
    DeleteWarmPool: (given) => {
      const group = world.group(given);
      if (group.warmPool === undefined)
        throw invalid(`No warm pool found for Auto Scaling group ${group.name}`);
      group.warmPool = undefined;
      engine.reconcile(group);
      return {};
    },
  };
}

export function scheduleActions(world: World): Record<string, Handler> {
  const { engine } = world;
  return {
    PutScheduledUpdateGroupAction: (given) => {
      putSchedule(world, world.group(given), given);
      return {};
    },
    BatchPutScheduledUpdateGroupAction: (given) => {
      const group = world.group(given);
      for (const one of given.structures("ScheduledUpdateGroupActions")) putSchedule(world, group, one);
      return { FailedScheduledUpdateGroupActions: [] };
    },
    DeleteScheduledAction: (given) => {
      const group = world.group(given);
      const name = given.required("ScheduledActionName");
      const schedule = group.schedules.get(name);
      if (!schedule) throw invalid(`Scheduled action name not found - Scheduled action ${name} not found`);
      schedule.cancel();
      group.schedules.delete(name);
      return {};
    },
    DescribeScheduledActions: (given) => {
      const name = given.text("AutoScalingGroupName");
      const names = given.texts("ScheduledActionNames");
      const groups = name === undefined ? [...engine.groups.values()] : [world.named(name)];
      const all = groups.flatMap((group) =>
        [...group.schedules.values()]
          .filter((schedule) => names.length === 0 || names.includes(schedule.name))
          .map((schedule) => ({
            AutoScalingGroupName: group.name,
            ScheduledActionName: schedule.name,
            ScheduledActionARN: schedule.arn,
            Recurrence: schedule.recurrence,
            StartTime: schedule.startTime?.toISOString(),
            EndTime: schedule.endTime?.toISOString(),
            TimeZone: schedule.timeZone,
            MinSize: schedule.minSize,
            MaxSize: schedule.maxSize,
            DesiredCapacity: schedule.desired,
          })),
      );
      return world.pages.page("ScheduledUpdateGroupActions", all, given, { usual: 50, most: 100 });
    },
  };
}

/** Of scaling policies, those of target tracking act too; others are kept and described. */
export function policyActions(world: World): Record<string, Handler> {
  const { account, region, engine } = world;
  return {
    PutScalingPolicy: (given) => {
      const group = world.group(given);
      const name = given.required("PolicyName");
      const type = given.text("PolicyType") ?? "SimpleScaling";
      checkExpression(given);
      const prefix = `arn:aws:autoscaling:${region}:${account}:scalingPolicy:`;
      const arn =
        group.policies.get(name)?.["PolicyARN"] ??
        `${prefix}${randomUUID()}:autoScalingGroupName/${group.name}:policyName/${name}`;
      const alarm = `TargetTracking-${group.name}-AlarmHigh-${randomUUID()}`;
      const Alarms =
        type === "TargetTrackingScaling"
          ? [{ AlarmName: alarm, AlarmARN: `arn:aws:cloudwatch:${region}:${account}:alarm:${alarm}` }]
          : [];
      group.policies.set(name, {
        ...given.pick([
          "AdjustmentType",
          "MinAdjustmentMagnitude",
          "ScalingAdjustment",
          "Cooldown",
          "MetricAggregationType",
          "StepAdjustments",
          "EstimatedInstanceWarmup",
          "TargetTrackingConfiguration",
          "PredictiveScalingConfiguration",
        ]),
        AutoScalingGroupName: group.name,
        PolicyName: name,
        PolicyARN: arn,
        PolicyType: type,
        Enabled: given.boolean("Enabled") ?? true,
        Alarms,
      });
      return { PolicyARN: arn, Alarms };
    },
    DescribePolicies: (given) => {
      const name = given.text("AutoScalingGroupName");
      const names = given.texts("PolicyNames");
      const types = given.texts("PolicyTypes");
      const groups = name === undefined ? [...engine.groups.values()] : [world.named(name)];
      const all = groups
        .flatMap(({ policies }) => [...policies.values()])
        .filter(
          ({ PolicyName, PolicyARN, PolicyType }) =>
            (names.length === 0 || names.includes(textOf(PolicyName)) || names.includes(textOf(PolicyARN))) &&
            (types.length === 0 || types.includes(textOf(PolicyType))),
        );
      return world.pages.page("ScalingPolicies", all, given, { usual: 50, most: 100 });
    },
    DeletePolicy: (given) => {
      const wanted = given.required("PolicyName");
      const name = wanted.split("policyName/").at(-1) ?? wanted;
      const groupName =
        given.text("AutoScalingGroupName") ?? /autoScalingGroupName\/([^:]+):/.exec(wanted)?.[1] ?? "";
      if (!world.named(groupName).policies.delete(name))
        throw invalid(`PolicyName not found - PolicyName ${name} not found`);
      return {};
    },
    DescribeAccountLimits: () => ({
      MaxNumberOfAutoScalingGroups: 500,
      MaxNumberOfLaunchConfigurations: 200,
      NumberOfAutoScalingGroups: engine.groups.size,
      NumberOfLaunchConfigurations: 0,
    }),
  };
}

function putSchedule(world: World, group: Group, given: Parameters): void {
  const { account, region, engine } = world;
  const name = given.required("ScheduledActionName");
  const recurrence = given.text("Recurrence");
  const timeZone = given.text("TimeZone");
  if (timeZone !== undefined && !["UTC", "Etc/UTC"].includes(timeZone))
    throw new QueryError("InvalidAction", "The emulator has no time zone but UTC.");
  const sizes = {
    minSize: given.integer("MinSize"),
    maxSize: given.integer("MaxSize"),
    desired: given.integer("DesiredCapacity"),
  };
  if (Object.values(sizes).every((size) => size === undefined))
    throw invalid("At least one of DesiredCapacity, MinSize, or MaxSize must be specified.");
  const startTime = given.date("StartTime") ?? given.date("Time");
  if (startTime && startTime.getTime() < world.clock.now() * 1000)
    throw invalid("Given start time is in the past");
  if (recurrence === undefined && startTime === undefined)
    throw invalid("Start Time or Recurrence must be specified.");
  try {
    if (recurrence !== undefined) nextTime(recurrence, new Date());
  } catch (error) {
    throw invalid(`Given recurrence string: ${recurrence ?? ""} is invalid. ${String(error)}`);
  }
  engine.schedule(group, {
    name,
    arn:
      group.schedules.get(name)?.arn ??
      `arn:aws:autoscaling:${region}:${account}:scheduledUpdateGroupAction:${randomUUID()}:autoScalingGroupName/${group.name}:scheduledActionName/${name}`,
    recurrence,
    startTime,
    endTime: given.date("EndTime"),
    timeZone,
    ...sizes,
    cancel: () => undefined,
  });
}

/** AWS takes more than the emulator can evaluate: better that this is said at once. */
function checkExpression(given: Parameters): void {
  const metrics =
    given
      .structure("TargetTrackingConfiguration")
      ?.structure("CustomizedMetricSpecification")
      ?.structures("Metrics") ?? [];
  const ids = new Map(metrics.map((metric) => [metric.required("Id"), undefined]));
  for (const metric of metrics) {
    const expression = metric.text("Expression");
    try {
      if (expression !== undefined) evaluate(expression, ids);
    } catch (error) {
      throw invalid(String(error));
    }
  }
}
