import * as pulumi from "@pulumi/pulumi";
import * as random from "@pulumi/random";
import { rangeText } from "../settings/ipv4Range";
import type {
  AddressOf,
  Control,
  ControlArgs,
  FrontDoor,
  FrontDoorArgs,
  MonitoredArgs,
  NodeArgs,
  NodeRole,
  Platform,
  PoolArgs,
  PoolRole,
  RecordingStore,
} from "../platform";
import type { AwsFleetSettings } from "../settings";
import { edgeNodes, loadBalancerZones, scalerNodes, zoneRanges } from "./addresses";
import { AgentAccess } from "./agentAccess";
import { BakedImages } from "./bakedImages";
import { Bakery } from "./bakery";
import { openBakingSubnet } from "./bakingSubnet";
import { Bundles } from "./bundles";
import { awsContext } from "./context";
import { AwsControl } from "./control";
import { Events } from "./events";
import { FrontDoor as LoadBalancer } from "./frontDoor";
import type { Guard } from "./guard";
import { AwsMonitoring } from "./monitoring";
import { Network } from "./network";
import { AwsNode, type Ground } from "./node";
import { AwsPool } from "./pool";
import { awsAddress } from "./nodeAddresses";
import { uploadStatements } from "./policies";
import { Recordings } from "./recordings";
import { standingFrontDoor } from "./standingFrontDoor";
import { Targets } from "./targets";
import { makeNoSecondFleet } from "./unknownFleet";
import { existingZones } from "./zones";

/** The fleet on AWS: a node is a machine with a fixed address, a pool an Auto Scaling group. */
export class AwsPlatform implements Platform {
  readonly edges = edgeNodes;
  readonly scalers = scalerNodes;
  /** A relay would be told of them; there is none on AWS. */
  readonly mediaAddresses = [];
  private readonly ground: Ground;
  /** What everything waits for: nothing is changed where a zone does not exist, nothing could be baked, or the front door cannot stay. */
  private readonly known: pulumi.ComponentResourceOptions;
  private readonly access: AgentAccess;
  private readonly bakery: Bakery | undefined;
  private readonly targets: Targets;
  private readonly pools: { name: string; role: PoolRole; group: pulumi.Output<string> }[] = [];
  /** The nodes of the edge that are declared: each one's change waits for the one before. */
  private readonly declaredEdges: pulumi.Resource[] = [];
  private store: Recordings | undefined;
  private controls: AwsControl | undefined;

  constructor(
    private readonly settings: AwsFleetSettings,
    stack: string,
    guard: Guard,
  ) {
    const context = awsContext(settings, stack);
    const looked = pulumi
      .all([existingZones(context), openBakingSubnet(context), standingFrontDoor(context)])
      .apply((all) => all.flat());
    const network = new Network("network", context, {
      dependsOn: looked,
      hooks: { beforeCreate: [makeNoSecondFleet(stack, settings)] },
    });
    // That hook has looked by then, too.
    const known = { dependsOn: pulumi.all([looked, network.urn]).apply(([all]) => all) };
    this.known = known;
    this.ground = {
      context,
      network,
      events: new Events("events", context, known),
      bundles: new Bundles("bundles", context, known),
      guard,
    };
    this.access = new AgentAccess("agents", known);
    const images = new BakedImages(context);
    this.bakery = settings.aws.image.baked
      ? new Bakery("bakery", { context, network, images, bundles: this.ground.bundles }, known)
      : undefined;
    this.targets = new Targets("edges", { context, network, isDestroying: () => guard.isDestroying }, known);
  }

  get proxyProtocolFrom(): readonly string[] {
    const { aws } = this.settings;
    return loadBalancerZones(aws).flatMap((zone) => {
      const range = zoneRanges(aws.network, zone)?.loadBalancer;
      return range === undefined ? [] : [rangeText(range)];
    });
  }

  reserve<R extends NodeRole>(role: R, name: string): AddressOf<R> {
    return awsAddress(this.settings, role, name);
  }

  node(name: string, args: NodeArgs, opts: pulumi.ComponentResourceOptions): pulumi.Resource {
    const { address, containers, metrics, role } = args;
    const shard = this.settings.shards.find((candidate) => candidate.name === name);
    const isEdge = role === "edge";
    const node = new AwsNode(
      name,
      {
        ground: this.ground,
        role,
        address,
        containers,
        metrics,
        ...(role === "shard" && shard ? { shardState: shard.state } : {}),
        ...(isEdge ? { otherEdges: this.edgesBut(name), targets: this.targets } : {}),
        rights: role === "scaler" ? (this.controls?.rights ?? []) : [],
        after: isEdge ? this.declaredEdges.slice(-1) : [],
      },
      pulumi.mergeOptions(opts, this.known),
    );
    if (isEdge) this.declaredEdges.push(node);
    return node;
  }

  private edgesBut(name: string): { name: string; address: AddressOf<"edge"> }[] {
    return this.edges
      .filter((other) => other !== name)
      .map((other) => ({ name: other, address: this.reserve("edge", other) }));
  }

  pool(role: PoolRole, name: string, args: PoolArgs, opts: pulumi.ComponentResourceOptions): void {
    const rights =
      role === "jibri" && this.store
        ? this.store.arn.apply((bucket) => uploadStatements({ bucket, prefix: "" }))
        : [];
    const { group } = new AwsPool(
      name,
      { ...args, ground: this.ground, role, access: this.access, bakery: this.bakery, rights },
      pulumi.mergeOptions(opts, this.known),
    );
    this.pools.push({ name, role, group });
  }

  recordings(name: string, opts: pulumi.ComponentResourceOptions = {}): RecordingStore {
    this.store = new Recordings(name, this.ground.context, pulumi.mergeOptions(opts, this.known));
    const { destination, env } = this.store;
    return { destination, kind: "bucket", env, files: [], secrets: {}, volumes: [], network: "machine" };
  }

  /** The edges are in it since they were declared. */
  frontDoor(name: string, _args: FrontDoorArgs, opts: pulumi.ComponentResourceOptions = {}): FrontDoor {
    const { dnsName } = new LoadBalancer(
      name,
      {
        context: this.ground.context,
        network: this.ground.network,
        targets: this.targets,
      },
      pulumi.mergeOptions(opts, this.known),
    );
    return { addresses: dnsName.apply((dns) => [dns]) };
  }

  control(name: string, { edges }: ControlArgs, opts?: pulumi.ComponentResourceOptions): Control {
    this.controls = new AwsControl(
      name,
      {
        ground: this.ground,
        access: this.access,
        pools: this.pools,
        edges,
        shards: this.settings.shards.map((shard) => ({
          name: shard.name,
          web: this.reserve("shard", shard.name).endpoints.web,
        })),
      },
      pulumi.mergeOptions(opts, this.known),
    );
    return this.controls;
  }

  monitor(name: string, args: MonitoredArgs, opts: pulumi.ComponentResourceOptions): void {
    const { context, events } = this.ground;
    new AwsMonitoring(name, { ...args, context, events }, pulumi.mergeOptions(opts, this.known));
  }

  keystone(name: string, dependsOn: readonly pulumi.Resource[]): void {
    new random.RandomId(
      name,
      { byteLength: 4 },
      { dependsOn: [...dependsOn], hooks: { beforeDelete: [this.ground.guard.destroy] } },
    );
  }
}
