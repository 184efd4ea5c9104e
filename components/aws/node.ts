import * as cloudwatch from "@pulumi/aws/cloudwatch";
import * as ec2 from "@pulumi/aws/ec2";
import * as pulumi from "@pulumi/pulumi";
import type { Address, AddressOf, ContainerSpec, MetricsPage, NodeRole } from "../platform";
import type { ShardSpec } from "../settings";
import type { Bundles } from "./bundles";
import type { AwsContext } from "./context";
import type { Events } from "./events";
import type { Guard } from "./guard";
import { USER_DATA } from "./machine/userData";
import { bundleTags, diskGiB, metadataOptions } from "./machineDefaults";
import { MachineRole } from "./machineRole";
import { machineCollector } from "./monitoring";
import { awsName } from "./names";
import type { Network } from "./network";
import { machineStatements, partitionOf, type Statement } from "./policies";
import { REVISION, shardRevision } from "./revision";
import type { Targets } from "./targets";

/** What nodes and pools of a stack share. */
export interface Ground {
  readonly context: AwsContext;
  readonly network: Network;
  readonly events: Events;
  readonly bundles: Bundles;
  readonly guard: Guard;
}

export interface AwsNodeArgs {
  readonly ground: Ground;
  readonly role: NodeRole;
  readonly address: Address;
  readonly containers: readonly ContainerSpec[];
  /** What they tell of themselves. */
  readonly metrics: readonly MetricsPage[];
  /** A shard's, by the settings. */
  readonly shardState?: ShardSpec["state"];
  /** The edge's nodes but this one. */
  readonly otherEdges?: readonly { readonly name: string; readonly address: AddressOf<"edge"> }[];
  /** Where the load balancer is told to send users to its machine: an edge's. */
  readonly targets?: Targets;
  /** What its machine may besides what every one may. */
  readonly rights?: readonly Statement[];
  /** Nodes that must have brought their part into force before this one begins. */
  readonly after: readonly pulumi.Resource[];
}

/** Checks of EC2's that fail so long: AWS moves the machine to other hardware, with its address and its disk. */
const RECOVER_MINUTES = 2;

/**
 * A machine that keeps its address and runs a node's containers. What it runs changes under it: the machine follows a
 * pointer. Another image replaces the machine, another type stops it, or replaces it where users are sent to it: the guard
 * is asked first, as for any change that could cut a call.
 */
export class AwsNode extends pulumi.ComponentResource {
  constructor(name: string, args: AwsNodeArgs, opts: pulumi.ComponentResourceOptions) {
    const { address, after, containers, ground, metrics, role } = args;
    const { bundles, context, guard, network } = ground;
    const { aws } = context.settings;
    super(
      "jitsi-fleet:aws:Node",
      name,
      { role, place: address.place, routes: containers.flatMap(({ live }) => live?.routes ?? []) },
      opts,
    );
    const own = { parent: this, provider: context.provider };
    const collector = machineCollector(context, name, metrics);

    const bundle = bundles.write(
      {
        name,
        role,
        containers: [...containers, ...collector.containers],
        privateAddress: address.privateAddress,
        ...(args.shardState === undefined ? {} : { shardState: args.shardState }),
        ...(args.otherEdges === undefined
          ? {}
          : {
              otherEdges: args.otherEdges.map((other) => ({
                name: other.name,
                entry: other.address.endpoints.entry,
              })),
            }),
      },
      {
        parent: this,
        after,
        hooks: { afterUpdate: [guard.applied] },
        ...(role === "shard"
          ? { metadata: { [REVISION]: shardRevision(context.settings, address, containers) } }
          : {}),
      },
    );
    const allowed = new MachineRole(
      name,
      {
        context,
        statements: bundles.bucket.arn.apply((arn) => [
          ...machineStatements({ region: aws.region, bundles: arn, ...bundle.rights }),
          ...(args.rights ?? []),
          ...collector.rights,
        ]),
      },
      { parent: this },
    );

    const named = { Name: awsName(context.stack, name), Role: role, Node: name };
    const { nodes: subnetId } = network.subnets[address.place] ?? {};
    if (subnetId === undefined) throw new Error(`${name} is in ${address.place}, where no subnet is`);
    const card = new ec2.NetworkInterface(
      name,
      {
        subnetId,
        privateIps: [address.privateAddress],
        securityGroups: [network.groups[role]],
        description: `${named.Name}: its fixed address`,
        tags: named,
      },
      own,
    );
    const publicAddress = new ec2.Eip(
      name,
      { domain: "vpc", networkInterface: card.id, tags: named },
      // AWS asks for the way out first, and lets none go that addresses still need.
      { ...own, dependsOn: [...network.ways] },
    );
    const machine = new ec2.Instance(
      name,
      {
        ami: aws.image.id,
        instanceType: aws.instanceTypes[role],
        primaryNetworkInterface: { networkInterfaceId: card.id },
        iamInstanceProfile: allowed.profile.name,
        userData: USER_DATA,
        metadataOptions,
        maintenanceOptions: { autoRecovery: "default" },
        rootBlockDevice: {
          encrypted: true,
          volumeType: "gp3",
          volumeSize: diskGiB[role],
          tags: { ...context.settings.tags, ...named },
        },
        tags: { ...named, ...bundleTags(context.settings, bundle.pointer) },
      },
      {
        ...own,
        // Its first steps need all of it.
        dependsOn: [bundle.written, allowed.rights, publicAddress, ...network.ways, ...after],
        // The interface is on one machine at a time.
        deleteBeforeReplace: true,
        // Another text of it would stop the machine, and does nothing where it has started: bundles bring what is new.
        ignoreChanges: ["userData"],
        // A machine that users are sent to is taken out before it ends, which one that is stopped is not.
        ...(args.targets === undefined ? {} : { replaceOnChanges: ["instanceType"] }),
        hooks: {
          beforeUpdate: [guard.stop],
          beforeDelete: [guard.stop],
          afterCreate: [guard.applied],
          afterUpdate: [guard.applied],
        },
      },
    );
    args.targets?.register(name, machine.id, this);
    this.recovery(name, machine, ground);
    this.registerOutputs();
  }

  private recovery(name: string, machine: ec2.Instance, { context, events }: Ground): void {
    const { region } = context.settings.aws;
    new cloudwatch.MetricAlarm(
      name,
      {
        name: awsName(context.stack, name, "ill"),
        alarmDescription: `The hardware of ${name} fails: AWS moves it.`,
        namespace: "AWS/EC2",
        metricName: "StatusCheckFailed_System",
        dimensions: { InstanceId: machine.id },
        statistic: "Maximum",
        period: 60,
        evaluationPeriods: RECOVER_MINUTES,
        threshold: 0,
        comparisonOperator: "GreaterThanThreshold",
        alarmActions: [`arn:${partitionOf(region)}:automate:${region}:ec2:recover`, events.alarms.arn],
        tags: { Role: "control" },
      },
      { parent: this, provider: context.provider },
    );
  }
}
