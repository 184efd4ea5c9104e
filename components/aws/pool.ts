import * as autoscaling from "@pulumi/aws/autoscaling";
import * as ec2 from "@pulumi/aws/ec2";
import { MACHINE, MACHINE_TAG } from "@jitsi-fleet/scaler";
import * as pulumi from "@pulumi/pulumi";
import { createHash } from "node:crypto";
import type { ContainerSpec, MetricsPage, PoolArgs, PoolRole } from "../platform";
import type { AwsSettings } from "../settings/awsSchema";
import type { AgentAccess } from "./agentAccess";
import { alarm } from "./alarm";
import type { BakedImage, Bakery } from "./bakery";
import { allTags } from "./context";
import { machineImages } from "./machine/bundle";
import { instanceImage, poolContainers } from "./machine/poolContainers";
import { USER_DATA } from "./machine/userData";
import { bundleTags, metadataOptions, rootDisk } from "./machineDefaults";
import { MachineRole } from "./machineRole";
import { machineCollector } from "./monitoring";
import { ALIVE_METRIC, awsName, metricNamespace, SILENT_METRIC } from "./names";
import type { Ground } from "./node";
import { AGENT_PORT } from "./ports";
import { machineStatements, type Statement } from "./policies";

export interface AwsPoolArgs extends PoolArgs {
  readonly ground: Ground;
  readonly role: PoolRole;
  readonly access: AgentAccess;
  /** Where its machines' image is baked; undefined: they start from the plain one. */
  readonly bakery: Bakery | undefined;
  /** What its machines may besides what every one may. */
  readonly rights: pulumi.Input<readonly Statement[]>;
}

/** What the hook is called with which AWS tells that a machine is to end. */
const DRAIN_HOOK = "drain";
/** The scaler renews it while calls are on. Without a scaler a machine that is to end is kept after so long. */
const DRAIN_HEARTBEAT_SECONDS = 3600;
/** From a launch until EC2's checks count: meanwhile Docker is installed and images are pulled, where the image lacks them. */
const GRACE_SECONDS = 300;
/** While no scaler decides: so busy, in percent, the processors are held by launching more. */
const FAILSAFE_CPU_PERCENT = 50;
const FAILSAFE_WARMUP_SECONDS = 300;
/** So long some machine says nothing before a person is told: above a bundle's update and a reboot. */
const SILENT_MINUTES = 15;

/**
 * Machines of which there are as many as the scaler decides: it alone raises the desired number, and ends a machine
 * once it is empty. Each is protected from ending otherwise; where AWS must end one all the same, the scaler is told and
 * drains it, and one whose drain does not end in time is kept.
 *
 * A change of what they run, of the image or the type replaces each once it is empty, another ahead of it.
 */
export class AwsPool extends pulumi.ComponentResource {
  /** The Auto Scaling group's name. */
  readonly group: pulumi.Output<string>;

  constructor(
    private readonly name: string,
    private readonly args: AwsPoolArgs,
    opts: pulumi.ComponentResourceOptions,
  ) {
    const { ground, max, min, role } = args;
    const { bundles, context, events, guard, network } = ground;
    const { aws } = context.settings;
    super("jitsi-fleet:aws:Pool", name, { role, min, max }, opts);

    const collector = machineCollector(context, MACHINE.id, [this.metrics]);
    const containers = [...this.containers(), ...collector.containers];
    const image = this.image(containers);
    const { pointer, rights, written } = this.bundle(containers, image);
    const allowed = new MachineRole(
      name,
      {
        context,
        statements: pulumi
          .all([bundles.bucket.arn, args.rights])
          .apply(([arn, more]) => [
            ...machineStatements({ region: aws.region, bundles: arn, ...rights }),
            ...more,
            ...collector.rights,
          ]),
      },
      { parent: this },
    );
    const { revision, template } = this.launchTemplate(allowed, image?.id ?? aws.image.id);
    const hook = this.drainHook();
    const group = new autoscaling.Group(
      name,
      {
        name: awsName(context.stack, name),
        minSize: min,
        maxSize: max,
        vpcZoneIdentifiers: aws.zones.flatMap((zone) => network.subnets[zone]?.pools ?? []),
        ...groupLaunches(launchChoice(aws, role), {
          id: template.id,
          version: template.latestVersion.apply(String),
        }),
        healthCheckType: "EC2",
        healthCheckGracePeriod: GRACE_SECONDS,
        protectFromScaleIn: true,
        // To balance the zones AWS would end machines that calls are on.
        suspendedProcesses: ["AZRebalance"],
        // From the first machine on; later changes of it are the hook's beside the group.
        initialLifecycleHooks: [{ ...hook, name: DRAIN_HOOK }],
        instanceLifecyclePolicy: { retentionTriggers: { terminateHookAbandon: "retain" } },
        ...warmPool(aws, role),
        metricsGranularity: "1Minute",
        enabledMetrics: ["GroupDesiredCapacity", "GroupInServiceInstances", "GroupTotalInstances"],
        // The guard has let its machines go by then.
        forceDelete: true,
        waitForCapacityTimeout: "0",
        tags: [
          ...Object.entries({
            ...allTags(context, role),
            ...bundleTags(context.settings, pointer),
            Name: awsName(context.stack, name),
            Pool: name,
          }).map(([key, value]) => ({ key, value, propagateAtLaunch: true })),
          // A machine has that of the template which it was made by.
          { key: MACHINE_TAG, value: revision, propagateAtLaunch: false },
        ],
      },
      {
        ...this.own,
        dependsOn: [written, allowed.rights, ...network.ways, ...events.ways],
        // The scaler's. To lower either, AWS would choose whom to end.
        // The hooks would replace the group: another one is brought by the resource beside it.
        ignoreChanges: ["desiredCapacity", "maxSize", "initialLifecycleHooks"],
        hooks: { beforeUpdate: [guard.resize], beforeDelete: [guard.release] },
      },
    );
    this.group = group.name;
    new autoscaling.LifecycleHook(
      name,
      { ...hook, name: DRAIN_HOOK, autoscalingGroupName: group.name },
      this.own,
    );
    if (role === "bridge") this.schedules(group);
    this.failSafe(group);
    this.silenceAlarm();
    this.registerOutputs();
  }

  /** The agent's: its own, and those of the instance. */
  private get metrics(): MetricsPage {
    const { certificate } = this.args.access.tls;
    return {
      component: "agent",
      endpoint: { address: MACHINE.privateAddress, port: AGENT_PORT },
      path: "/metrics",
      access: { token: this.args.access.token, certificate },
    };
  }

  private containers(): readonly ContainerSpec[] {
    const { access, beside = [], ground, role, shard, template } = this.args;
    const { settings, stack } = ground.context;
    return poolContainers({
      stack,
      name: this.name,
      role,
      shard,
      template,
      nodeImage: settings.images.node,
      uploads: beside,
      agentPort: AGENT_PORT,
      token: access.token,
      tls: access.tls,
    });
  }

  /** The image of its own, where one is baked. */
  private image(containers: readonly ContainerSpec[]): BakedImage | undefined {
    const { bakery, ground, role, template } = this.args;
    const { node: nodeImage } = ground.context.settings.images;
    const instance = instanceImage(template);
    const images = machineImages({ containers, nodeImage, pulledAhead: [instance] });
    return bakery?.image(role, instance.slice(instance.lastIndexOf(":") + 1), images);
  }

  private bundle(
    containers: readonly ContainerSpec[],
    image: BakedImage | undefined,
  ): ReturnType<Ground["bundles"]["write"]> {
    const { ground, role, template } = this.args;
    return ground.bundles.write(
      { name: this.name, role, containers, privateAddress: "", pulledAhead: [instanceImage(template)] },
      // Machines are replaced by what the pointer says: not once more by the image.
      { parent: this, after: image === undefined ? [] : [image.made] },
    );
  }

  /** `revision` tells machines of the template apart, and is the same for other tags: those replace none. */
  private launchTemplate(
    allowed: MachineRole,
    imageId: pulumi.Input<string>,
  ): { readonly template: ec2.LaunchTemplate; readonly revision: pulumi.Output<string> } {
    const { ground, role } = this.args;
    const { context, network } = ground;
    const { aws } = context.settings;
    const { types } = launchChoice(aws, role);
    const tags = {
      ...allTags(context, role),
      Name: awsName(context.stack, this.name),
      Pool: this.name,
    };
    const made = {
      imageId,
      instanceType: types[0] ?? "",
      iamInstanceProfile: { arn: allowed.profile.arn },
      userData: Buffer.from(USER_DATA).toString("base64"),
      metadataOptions,
      networkInterfaces: [
        // Users reach each bridge at an address of its own.
        {
          deviceIndex: 0,
          associatePublicIpAddress: "true",
          securityGroups: [network.groups[role]],
          deleteOnTermination: "true",
        },
      ],
      blockDeviceMappings: [rootDisk(role)],
    };
    const revision = pulumi.output(made).apply(revisionOf);
    const template = new ec2.LaunchTemplate(
      this.name,
      {
        ...made,
        name: awsName(context.stack, this.name),
        tagSpecifications: [
          { resourceType: "instance", tags: { ...tags, [MACHINE_TAG]: revision } },
          { resourceType: "volume", tags },
          { resourceType: "network-interface", tags },
        ],
        updateDefaultVersion: true,
        tags: { Role: role },
      },
      this.own,
    );
    return { revision, template };
  }

  private drainHook(): Omit<autoscaling.LifecycleHookArgs, "autoscalingGroupName" | "name"> {
    const { ground, role } = this.args;
    return {
      lifecycleTransition: "autoscaling:EC2_INSTANCE_TERMINATING",
      heartbeatTimeout: DRAIN_HEARTBEAT_SECONDS,
      // With the group's policy: kept, and an alarm.
      defaultResult: "ABANDON",
      notificationTargetArn: ground.events.ends.topicArn,
      roleArn: ground.events.ends.roleArn,
      notificationMetadata: JSON.stringify({ stack: ground.context.stack, pool: this.name, role }),
    };
  }

  private schedules(group: autoscaling.Group): void {
    for (const { bridgesMin, cron, name } of this.args.ground.context.settings.aws.schedules)
      new autoscaling.Schedule(
        `${this.name}-${name}`,
        {
          scheduledActionName: name,
          autoscalingGroupName: group.name,
          recurrence: cron,
          timeZone: "Etc/UTC",
          minSize: bridgesMin,
          // As they are.
          maxSize: -1,
          desiredCapacity: -1,
        },
        this.own,
      );
  }

  /** Should no scaler decide: the group grows with its processors' load, and never shrinks. */
  private failSafe(group: autoscaling.Group): void {
    const { stack } = this.args.ground.context;
    new autoscaling.Policy(
      `${this.name}-no-scaler`,
      {
        name: "no-scaler",
        autoscalingGroupName: group.name,
        policyType: "TargetTrackingScaling",
        estimatedInstanceWarmup: FAILSAFE_WARMUP_SECONDS,
        targetTrackingConfiguration: {
          targetValue: FAILSAFE_CPU_PERCENT,
          disableScaleIn: true,
          customizedMetricSpecification: {
            metrics: [
              {
                id: "alive",
                metricStat: {
                  metric: { namespace: metricNamespace(stack), metricName: ALIVE_METRIC },
                  stat: "Maximum",
                },
                returnData: false,
              },
              {
                id: "cpu",
                metricStat: {
                  metric: {
                    namespace: "AWS/EC2",
                    metricName: "CPUUtilization",
                    dimensions: [{ name: "AutoScalingGroupName", value: group.name }],
                  },
                  stat: "Average",
                },
                returnData: false,
              },
              {
                id: "load",
                // Nothing to do for as long as a scaler lives: the two never pull at once.
                expression: "IF(FILL(alive, 0) > 0, 0, cpu)",
                label: "Processors' load while no scaler decides",
                returnData: true,
              },
            ],
          },
        },
      },
      this.own,
    );
  }

  /** What is silent may carry calls: the scaler neither ends it nor launches another for it. */
  private silenceAlarm(): void {
    const { context, events } = this.args.ground;
    alarm(
      `${this.name}-silent`,
      {
        context,
        called: [this.name, "silent"],
        topic: events.alarms.arn,
        alarmDescription: `A machine of ${this.name} does not say how it is, and counts as one that serves: look at it.`,
        namespace: metricNamespace(context.stack),
        metricName: SILENT_METRIC,
        dimensions: { Pool: this.name },
        statistic: "Minimum",
        evaluationPeriods: SILENT_MINUTES,
        comparisonOperator: "GreaterThanThreshold",
        threshold: 0,
        treatMissingData: "notBreaching",
      },
      this.own,
    );
  }

  private get own(): pulumi.CustomResourceOptions {
    return { parent: this, provider: this.args.ground.context.provider };
  }
}

/** Short: it is a tag's value. */
const revisionOf = (made: object): string =>
  createHash("sha256").update(JSON.stringify(made)).digest("hex").slice(0, 16);

/** What a pool's machines may be. */
export interface LaunchChoice {
  /** The first one first. */
  readonly types: readonly string[];
  readonly isSpot: boolean;
}

type AwsPart = Pick<AwsSettings, "bridges" | "instanceTypes">;

export const launchChoice = ({ bridges, instanceTypes }: AwsPart, role: PoolRole): LaunchChoice =>
  role === "bridge"
    ? { types: instanceTypes.bridges, isSpot: bridges.spot }
    : { types: instanceTypes.jibris, isSpot: false };

/** How a group launches: one type as the template has it, or whichever of several can be had. */
export function groupLaunches(
  { isSpot, types }: LaunchChoice,
  template: { readonly id: pulumi.Input<string>; readonly version: pulumi.Input<string> },
): Pick<autoscaling.GroupArgs, "launchTemplate" | "mixedInstancesPolicy"> {
  if (types.length === 1 && !isSpot) return { launchTemplate: { ...template } };
  return {
    mixedInstancesPolicy: {
      launchTemplate: {
        launchTemplateSpecification: { launchTemplateId: template.id, version: template.version },
        overrides: types.map((instanceType) => ({ instanceType })),
      },
      instancesDistribution: {
        onDemandAllocationStrategy: "prioritized",
        onDemandBaseCapacity: 0,
        onDemandPercentageAboveBaseCapacity: isSpot ? 0 : 100,
        ...(isSpot ? { spotAllocationStrategy: "price-capacity-optimized" } : {}),
      },
    },
  };
}

/** Machines that are kept stopped, to start sooner: bridges alone. */
export function warmPool(
  { bridges }: AwsPart,
  role: PoolRole,
): Pick<autoscaling.GroupArgs, "warmPool" | "forceDeleteWarmPool"> {
  if (role !== "bridge" || bridges.warmPool === 0) return {};
  return {
    warmPool: { poolState: "Stopped", minSize: bridges.warmPool, maxGroupPreparedCapacity: bridges.warmPool },
    forceDeleteWarmPool: true,
  };
}
