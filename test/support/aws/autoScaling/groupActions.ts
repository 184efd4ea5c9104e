import { randomUUID } from "node:crypto";
import type { Subnet } from "../machines";
import type { Parameters } from "../parameters";
import { QueryError, type Structure } from "../query";
import { resize } from "./engine";
import { hookOf, testTarget } from "./hookActions";
import { PROCESSES, type Group, type GroupTag, type Mix } from "./model";
import { invalid, textOf, type Handler, type World } from "./world";

/** What is kept of a group only to be described again. */
const KEPT = [
  "DefaultCooldown",
  "HealthCheckType",
  "HealthCheckGracePeriod",
  "PlacementGroup",
  "MaxInstanceLifetime",
  "DefaultInstanceWarmup",
  "DesiredCapacityType",
  "ServiceLinkedRoleARN",
  "InstanceMaintenancePolicy",
  "AvailabilityZoneDistribution",
  "AvailabilityZoneImpairmentPolicy",
  "CapacityReservationSpecification",
  "Context",
  "TerminationPolicies",
  "TargetGroupARNs",
  "LoadBalancerNames",
  "TrafficSources",
] as const;
export function groupActions(world: World): Record<string, Handler> {
  const { engine } = world;
  return {
    CreateAutoScalingGroup: (given) => createGroup(world, given),
    UpdateAutoScalingGroup: (given) => updateGroup(world, given),
    DeleteAutoScalingGroup: (given) => {
      const group = world.group(given);
      const isForced = given.boolean("ForceDelete") ?? false;
      refuseDelete(group, isForced);
      if (isForced || group.members.size > 0) engine.delete(group);
      else {
        for (const schedule of group.schedules.values()) schedule.cancel();
        engine.groups.delete(group.name);
      }
      return {};
    },
    DescribeAutoScalingGroups: (given) => {
      const names = given.texts("AutoScalingGroupNames");
      const filters = given.structures("Filters");
      const all = world
        .views()
        .groups.filter(
          (group) =>
            (names.length === 0 || names.includes(textOf(group["AutoScalingGroupName"]))) &&
            filters.every((filter) => hasTag(group["Tags"], filter)),
        );
      return world.pages.page("AutoScalingGroups", all, given, { usual: 50, most: 100 });
    },
    SetDesiredCapacity: (given) => {
      const group = world.group(given);
      const desired = given.integer("DesiredCapacity") ?? 0;
      for (const [isWrong, side, bound] of [
        [desired > group.maxSize, "above max", group.maxSize],
        [desired < group.minSize, "below min", group.minSize],
      ] as const)
        if (isWrong)
          throw invalid(
            `New SetDesiredCapacity value ${desired} is ${side} value ${bound} for the AutoScalingGroup.`,
          );
      if (given.boolean("HonorCooldown") === true) refuseInCooldown(group);
      group.desired = desired;
      engine.reconcile(group);
      return {};
    },
    SuspendProcesses: (given) => {
      for (const name of processes(given)) world.group(given).suspended.add(name);
      return {};
    },
    ResumeProcesses: (given) => {
      const group = world.group(given);
      for (const name of processes(given)) group.suspended.delete(name);
      engine.resumed(group);
      return {};
    },
    CreateOrUpdateTags: (given) => {
      for (const tag of given.structures("Tags"))
        world.named(tag.required("ResourceId")).tags.set(tag.required("Key"), tagOf(tag));
      return {};
    },
    DeleteTags: (given) => {
      for (const tag of given.structures("Tags"))
        world.named(tag.required("ResourceId")).tags.delete(tag.required("Key"));
      return {};
    },
    DescribeTags: (given) => {
      const filters = given.structures("Filters");
      const field: Record<string, string> = {
        "auto-scaling-group": "ResourceId",
        key: "Key",
        value: "Value",
        "propagate-at-launch": "PropagateAtLaunch",
      };
      const all = world
        .views()
        .groups.flatMap(({ Tags }) => (Array.isArray(Tags) ? Tags : []))
        .filter(
          (tag) =>
            typeof tag === "object" &&
            !Array.isArray(tag) &&
            filters.every((filter) =>
              filter.texts("Values").includes(textOf(tag[field[filter.required("Name")] ?? ""])),
            ),
        );
      return world.pages.page("Tags", all, given, { usual: 50, most: 100 });
    },
    EnableMetricsCollection: (given) => {
      const group = world.group(given);
      for (const metric of given.texts("Metrics")) group.metrics.add(metric);
      return {};
    },
    DisableMetricsCollection: (given) => {
      const group = world.group(given);
      const metrics = given.texts("Metrics");
      for (const metric of metrics.length > 0 ? metrics : [...group.metrics]) group.metrics.delete(metric);
      return {};
    },
  };
}

async function createGroup(world: World, given: Parameters): Promise<Structure> {
  const { account, region, engine } = world;
  const name = given.required("AutoScalingGroupName");
  if (engine.groups.has(name))
    throw new QueryError(
      "AlreadyExists",
      `AutoScalingGroup by this name already exists - A group with the name ${name} already exists`,
    );
  if (!/^[\x21-\x39\x3b-\x7e]{1,255}$/.test(name)) throw invalid(`${name} is no name of a group.`);
  const template = await templateOf(world, given);
  if (template === undefined)
    throw invalid(
      "Valid requests must contain either LaunchTemplate, LaunchConfigurationName, InstanceId or MixedInstancesPolicy parameter.",
    );
  const minSize = given.integer("MinSize") ?? Number(given.required("MinSize"));
  const maxSize = given.integer("MaxSize") ?? Number(given.required("MaxSize"));
  const group: Group = {
    name,
    arn: `arn:aws:autoscaling:${region}:${account}:autoScalingGroup:${randomUUID()}:autoScalingGroupName/${name}`,
    createdAt: new Date(),
    ...template,
    minSize,
    maxSize,
    desired: given.integer("DesiredCapacity") ?? minSize,
    subnets: (await subnetsOf(world, given)) ?? [],
    isNewProtected: given.boolean("NewInstancesProtectedFromScaleIn") ?? false,
    rebalancesCapacity: given.boolean("CapacityRebalance") ?? false,
    retainsAbandoned: retentionOf(given) ?? false,
    deletionProtection: deletionProtectionOf(given) ?? "none",
    kept: {
      DefaultCooldown: 300,
      HealthCheckType: "EC2",
      HealthCheckGracePeriod: 0,
      TerminationPolicies: ["Default"],
      TargetGroupARNs: [],
      LoadBalancerNames: [],
      ServiceLinkedRoleARN: `arn:aws:iam::${account}:role/aws-service-role/autoscaling.amazonaws.com/AWSServiceRoleForAutoScaling`,
      ...given.pick(KEPT),
    },
    tags: new Map(given.structures("Tags").map((tag) => [tag.required("Key"), tagOf(tag)])),
    hooks: new Map(),
    members: new Map(),
    suspended: new Set(),
    schedules: new Map(),
    policies: new Map(),
    metrics: new Set(),
    warmPool: undefined,
    ordered: new Set(),
    isDeleting: false,
    activities: [],
  };
  checkSizes(group);
  if (group.subnets.length === 0) throw invalid("At least one Availability Zone or VPC Subnet is required.");
  for (const one of given.structures("LifecycleHookSpecificationList")) {
    const hook = hookOf(one, undefined);
    await testTarget(world, group, hook);
    group.hooks.set(hook.name, hook);
  }
  engine.groups.set(name, group);
  engine.reconcile(group);
  return {};
}

async function updateGroup(world: World, given: Parameters): Promise<Structure> {
  const group = world.group(given);
  if (group.isDeleting)
    throw new QueryError("ScalingActivityInProgress", `AutoScalingGroup ${group.name} is pending delete`);
  const template = await templateOf(world, given);
  const subnets = await subnetsOf(world, given);
  const sizes = { minSize: group.minSize, maxSize: group.maxSize, desired: group.desired };
  resize(sizes, {
    minSize: given.integer("MinSize"),
    maxSize: given.integer("MaxSize"),
    desired: given.integer("DesiredCapacity"),
  });
  checkSizes(sizes);
  if (template?.mix && group.warmPool)
    throw invalid("You can't use a mixed instances policy with an Auto Scaling group that has a warm pool.");
  const retains = retentionOf(given);
  const protection = deletionProtectionOf(given);
  Object.assign(
    group,
    sizes,
    template ?? {},
    subnets ? { subnets } : {},
    given.has("NewInstancesProtectedFromScaleIn")
      ? { isNewProtected: given.boolean("NewInstancesProtectedFromScaleIn") }
      : {},
    given.has("CapacityRebalance") ? { rebalancesCapacity: given.boolean("CapacityRebalance") } : {},
    retains === undefined ? {} : { retainsAbandoned: retains },
    protection === undefined ? {} : { deletionProtection: protection },
  );
  Object.assign(group.kept, given.pick(KEPT));
  world.engine.reconcile(group);
  return {};
}

async function templateOf(
  world: World,
  given: Parameters,
): Promise<Pick<Group, "template" | "mixedPolicy" | "mix" | "isSpotTemplate"> | undefined> {
  const mixed = given.structure("MixedInstancesPolicy");
  const mixedTemplate = mixed?.structure("LaunchTemplate");
  const given1 = mixedTemplate?.structure("LaunchTemplateSpecification") ?? given.structure("LaunchTemplate");
  if (given1 === undefined) return undefined;
  const { machines } = world;
  const template = await machines.template({
    id: given1.text("LaunchTemplateId"),
    name: given1.text("LaunchTemplateName"),
    version: given1.text("Version"),
  });
  const distribution = mixed?.structure("InstancesDistribution");
  const mix: Mix | undefined = mixedTemplate && {
    instanceTypes: mixedTemplate.structures("Overrides").flatMap((one) => one.text("InstanceType") ?? []),
    onDemandBase: distribution?.integer("OnDemandBaseCapacity") ?? 0,
    onDemandPercentAbove: distribution?.integer("OnDemandPercentageAboveBaseCapacity") ?? 100,
  };
  const isSpotTemplate = await machines.isSpot(template);
  if (mix && isSpotTemplate)
    throw invalid(
      "Incompatible launch template: You cannot use a launch template that is set to request Spot Instances (InstanceMarketOptions) when you configure an Auto Scaling group with a mixed instances policy.",
    );
  return { template, mix, mixedPolicy: given.pick(["MixedInstancesPolicy"]), isSpotTemplate };
}

async function subnetsOf(world: World, given: Parameters): Promise<Subnet[] | undefined> {
  const ids = (given.text("VPCZoneIdentifier") ?? "").split(",").flatMap((id) => id.trim() || []);
  const zones = given.texts("AvailabilityZones");
  return ids.length + zones.length === 0 ? undefined : world.machines.subnets(ids, zones);
}

function checkSizes({ minSize, maxSize, desired }: Pick<Group, "minSize" | "maxSize" | "desired">): void {
  if (minSize > maxSize)
    throw invalid(`Max bound, ${maxSize}, must be greater than or equal to min bound, ${minSize}`);
  if (desired < minSize || desired > maxSize)
    throw invalid(
      `Desired capacity:${desired} must be between the specified min size:${minSize} and max size:${maxSize}`,
    );
}

/** By the wall's clock: activities' times are its. The text is of aws/aws-cli's issue 2226. */
function refuseInCooldown(group: Group): void {
  const cooldownMs = Number(group.kept["DefaultCooldown"]) * 1000;
  const blocking = group.activities.find(
    ({ endedAt, status }) =>
      status !== "Failed" && (endedAt === undefined || Date.now() - endedAt.getTime() < cooldownMs),
  );
  if (blocking)
    throw new QueryError(
      "ScalingActivityInProgress",
      `Scaling activity ${blocking.id} is in progress and blocks this action`,
    );
}

/** Deletion protection by the user guide's "Configure deletion protection". */
function refuseDelete(group: Group, isForced: boolean): void {
  if (group.deletionProtection === "prevent-all-deletion")
    throw invalid(`You can't delete ${group.name} because its deletion protection prevents all deletion.`);
  if (isForced && group.deletionProtection === "prevent-force-deletion")
    throw invalid(`You can't force delete ${group.name} because its deletion protection prevents it.`);
  if (isForced && group.retainsAbandoned)
    throw invalid(
      "You can't force delete this Auto Scaling group because the TerminateHookAbandon retention trigger is set to retain. Change the retention trigger to terminate and try again",
    );
  if (isForced) return;
  if (group.members.size > 0)
    throw new QueryError(
      "ResourceInUse",
      "You cannot delete an AutoScalingGroup while there are instances or pending Spot instance request(s) still in the group.",
    );
  if (group.ordered.size > 0)
    throw new QueryError(
      "ScalingActivityInProgress",
      "You cannot delete an AutoScalingGroup while there are scaling activities in progress for that group.",
    );
}

function processes(given: Parameters): string[] {
  const names = given.texts("ScalingProcesses");
  for (const name of names)
    if (!PROCESSES.some((process) => process === name)) throw invalid(`${name} is no process of scaling.`);
  return names.length > 0 ? names : [...PROCESSES];
}

function retentionOf(given: Parameters): boolean | undefined {
  const trigger = given
    .structure("InstanceLifecyclePolicy")
    ?.structure("RetentionTriggers")
    ?.choice("TerminateHookAbandon", ["retain", "terminate"]);
  return trigger === undefined ? undefined : trigger === "retain";
}

const deletionProtectionOf = (given: Parameters): string | undefined =>
  given.choice("DeletionProtection", ["none", "prevent-force-deletion", "prevent-all-deletion"]);

const tagOf = (given: Parameters): GroupTag => ({
  value: given.text("Value") ?? "",
  isPropagated: given.boolean("PropagateAtLaunch") ?? false,
});

function hasTag(tags: Structure[string], filter: Parameters): boolean {
  const name = filter.required("Name");
  const values = filter.texts("Values");
  const all = Array.isArray(tags) ? tags : [];
  return all.some((tag) => {
    if (typeof tag !== "object" || Array.isArray(tag)) return false;
    if (name === "tag-key") return values.includes(textOf(tag["Key"]));
    if (name === "tag-value") return values.includes(textOf(tag["Value"]));
    return name === `tag:${textOf(tag["Key"])}` && values.includes(textOf(tag["Value"]));
  });
}
