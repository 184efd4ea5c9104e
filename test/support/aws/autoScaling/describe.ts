import type { Structure } from "../query";
import { isWarm, warmMembers, type Activity, type Group, type Member } from "./model";

/** A group as DescribeAutoScalingGroups says it. */
export const describeGroup = (group: Group): Structure => ({
  ...group.kept,
  AutoScalingGroupName: group.name,
  AutoScalingGroupARN: group.arn,
  ...(group.mix === undefined
    ? {
        LaunchTemplate: {
          LaunchTemplateId: group.template.id,
          LaunchTemplateName: group.template.name,
          Version: group.template.version,
        },
      }
    : group.mixedPolicy),
  MinSize: group.minSize,
  MaxSize: group.maxSize,
  DesiredCapacity: group.desired,
  AvailabilityZones: [...new Set(group.subnets.map(({ zone }) => zone))],
  VPCZoneIdentifier: group.subnets.map(({ id }) => id).join(","),
  Instances: [...group.members.values()].filter((member) => !isWarm(member)).map(describeMember),
  CreatedTime: group.createdAt.toISOString(),
  SuspendedProcesses: [...group.suspended].map((ProcessName) => ({
    ProcessName,
    SuspensionReason: `User suspended at ${group.createdAt.toISOString().slice(0, 19)}Z`,
  })),
  EnabledMetrics: [...group.metrics].map((Metric) => ({ Metric, Granularity: "1Minute" })),
  Status: group.isDeleting ? "Delete in progress" : undefined,
  Tags: [...group.tags].map(([Key, { value, isPropagated }]) => ({
    ResourceId: group.name,
    ResourceType: "auto-scaling-group",
    Key,
    Value: value,
    PropagateAtLaunch: isPropagated,
  })),
  NewInstancesProtectedFromScaleIn: group.isNewProtected,
  CapacityRebalance: group.rebalancesCapacity,
  InstanceLifecyclePolicy: {
    RetentionTriggers: { TerminateHookAbandon: group.retainsAbandoned ? "retain" : "terminate" },
  },
  DeletionProtection: group.deletionProtection,
  ...(group.warmPool === undefined
    ? {}
    : {
        WarmPoolConfiguration: {
          MinSize: group.warmPool.minSize,
          MaxGroupPreparedCapacity: group.warmPool.maxPrepared,
          PoolState: group.warmPool.state,
        },
        WarmPoolSize: warmMembers(group).length,
      }),
});

export const describeMember = (member: Member): Structure => ({
  InstanceId: member.id,
  InstanceType: member.instanceType,
  AvailabilityZone: member.subnet.zone,
  LifecycleState: member.state,
  HealthStatus: member.isHealthy ? "Healthy" : "Unhealthy",
  LaunchTemplate: {
    LaunchTemplateId: member.template.id,
    LaunchTemplateName: member.template.name,
    Version: member.template.version,
  },
  ProtectedFromScaleIn: member.isProtected,
});

/** As DescribeAutoScalingInstances says it. */
export const describeMemberOfGroup = (group: Group, member: Member): Structure => ({
  ...describeMember(member),
  AutoScalingGroupName: group.name,
  // This one action writes it in capitals.
  HealthStatus: member.isHealthy ? "HEALTHY" : "UNHEALTHY",
});

export const describeActivity = (activity: Activity): Structure => ({
  ActivityId: activity.id,
  AutoScalingGroupName: activity.group,
  AutoScalingGroupARN: activity.groupArn,
  Description: activity.description,
  Cause: activity.cause,
  StartTime: activity.startedAt.toISOString(),
  EndTime: activity.endedAt?.toISOString(),
  StatusCode: activity.status,
  StatusMessage: activity.message,
  Progress: activity.progress,
  Details: JSON.stringify(activity.details),
});
