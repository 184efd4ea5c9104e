import * as command from "@pulumi/command";
import * as docker from "@pulumi/docker";
import * as pulumi from "@pulumi/pulumi";
import type {
  Address,
  AddressOf,
  ContainerSpec,
  Control,
  ControlArgs,
  FrontDoor,
  FrontDoorArgs,
  NodeArgs,
  NodeRole,
  Platform,
  PoolArgs,
  PoolRole,
  RecordingStore,
} from "../platform";
import { storeRemote } from "../jitsi/uploads";
import type { DockerFleetSettings, DockerHostSpec } from "../settings";
import type { HostRole } from "../settings/schema";
import { providerArgs } from "./connection";
import { DockerControl } from "./control";
import { Guard } from "./guard";
import type { DockerPool } from "./hostAgent";
import { keepalivedContainer } from "./keepalived";
import { DockerNode, type Place } from "./node";
import { edgeName, edgePorts, SCALER_PORT, shardPorts } from "./ports";

/**
 * The fleet on Docker hosts: a node is a set of containers on one host; a pool's instances are containers that the
 * agents of the hosts launch and end, as the scaler tells them.
 */
export class DockerPlatform implements Platform {
  readonly scalers = ["scaler"];
  /** What the operator put in front, the settings name themselves. */
  readonly proxyProtocolFrom = [];
  private readonly places = new Map<string, Place>();
  private readonly pools: DockerPool[] = [];
  private readonly uploads: ContainerSpec[] = [];
  private readonly guard: Guard;

  constructor(
    private readonly settings: DockerFleetSettings,
    private readonly stack: string,
  ) {
    this.guard = new Guard(stack, settings);
  }

  get edges(): readonly string[] {
    return this.hostsFor("edge").map((host) => edgeName(host.name));
  }

  get mediaAddresses(): readonly string[] {
    return [...new Set(this.hostsFor("bridge").map(({ publicAddress }) => publicAddress))];
  }

  reserve<R extends NodeRole>(role: R, name: string): AddressOf<R> {
    const reserved: Record<NodeRole, () => Address> = {
      edge: () => this.reserveEdge(name),
      shard: () => this.reserveShard(name),
      scaler: () => this.reserveScaler(),
    };
    return reserved[role]();
  }

  private reserveEdge(name: string): AddressOf<"edge"> {
    const host = this.hostsFor("edge").find((candidate) => edgeName(candidate.name) === name);
    if (!host) throw new Error(`${name} is on no host with the role edge`);
    const { httpPort, httpsPort } = this.settings.edge;
    return addressOn(host, { http: httpPort, https: httpsPort, ...edgePorts });
  }

  private reserveShard(name: string): AddressOf<"shard"> {
    const shard = this.settings.shards.find((candidate) => candidate.name === name);
    if (!shard) throw new Error(`${name} is no shard of the settings`);
    return addressOn(this.host(shard.place), shardPorts(shard.number));
  }

  private reserveScaler(): AddressOf<"scaler"> {
    const host = this.hostsFor("scaler").find(({ drained }) => !drained);
    if (!host) throw new Error("no host that is not drained has the role scaler");
    return addressOn(host, { api: SCALER_PORT });
  }

  node(name: string, args: NodeArgs, opts: pulumi.ComponentResourceOptions): pulumi.Resource {
    const { address, role } = args;
    const containers = [...args.containers, ...(role === "edge" ? this.sharingContainers(address) : [])];
    return new DockerNode(name, { role, containers, place: this.place(address.place) }, opts);
  }

  /** What an edge's host needs to hold the address that the edges share, if they do. */
  private sharingContainers({ place, privateAddress }: Address): ContainerSpec[] {
    const { docker: here, images } = this.settings;
    if (here.sharedAddress === undefined) return [];
    return [
      keepalivedContainer({
        image: images.keepalived,
        shared: here.sharedAddress,
        edges: this.hostsFor("edge"),
        host: place,
        liveness: `http://${privateAddress}:${edgePorts.metrics}/live`,
      }),
    ];
  }

  pool(role: PoolRole, name: string, { beside = [], template }: PoolArgs): void {
    this.pools.push({ role, name, template });
    this.uploads.push(...beside);
  }

  recordings(): RecordingStore {
    return storeRemote(this.settings.recordings.store);
  }

  /** Users reach the hosts themselves, or the address that they share. */
  frontDoor(_name: string, { edges }: FrontDoorArgs): FrontDoor {
    const shared = this.settings.docker.sharedAddress?.address;
    return { addresses: shared === undefined ? edges.map(({ address }) => address.publicAddress) : [shared] };
  }

  /** The edge is asked through its hosts' engines. */
  control(name: string, _args: ControlArgs, opts?: pulumi.ComponentResourceOptions): Control {
    const hosts = this.settings.docker.hosts.filter(
      ({ roles }) => roles.includes("bridge") || roles.includes("jibri"),
    );
    return new DockerControl(
      name,
      {
        nodeImage: this.settings.images.node,
        uploads: this.uploads,
        pools: this.pools,
        shards: this.settings.shards.map(({ name: shard }) => ({
          name: shard,
          web: this.reserveShard(shard).endpoints.web,
        })),
        places: hosts.map((host) => this.place(host.name)),
      },
      opts,
    );
  }

  keystone(name: string, dependsOn: readonly pulumi.Resource[]): void {
    new command.local.Command(
      name,
      {},
      { dependsOn: [...dependsOn], hooks: { beforeDelete: [this.guard.destroy] } },
    );
  }

  private hostsFor(role: HostRole): readonly DockerHostSpec[] {
    return this.settings.docker.hosts.filter((host) => host.roles.includes(role));
  }

  private host(name: string): DockerHostSpec {
    const host = this.settings.docker.hosts.find((candidate) => candidate.name === name);
    if (!host) throw new Error(`${name} is not in docker.hosts`);
    return host;
  }

  /** A host with its plug-in's provider, made when the first thing runs there. */
  private place(name: string): Place {
    const known = this.places.get(name);
    if (known) return known;
    const host = this.host(name);
    const place: Place = {
      host,
      stack: this.stack,
      tags: this.settings.tags,
      guard: this.guard,
      registries: this.settings.images.registries,
      provider: new docker.Provider(`host-${name}`, secretive(providerArgs(host))),
    };
    this.places.set(name, place);
    return place;
  }
}

/** A client's private key stays encrypted in the state. */
function secretive(args: docker.ProviderArgs): docker.ProviderArgs {
  return args.keyMaterial === undefined ? args : { ...args, keyMaterial: pulumi.secret(args.keyMaterial) };
}

function addressOn<Port extends string>(
  host: DockerHostSpec,
  ports: Readonly<Partial<Record<Port, number>>>,
): Address<Port> {
  const endpoints = Object.entries(ports).map(([name, port]) => [
    name,
    { address: host.privateAddress, port },
  ]);
  return {
    place: host.name,
    publicAddress: host.publicAddress,
    privateAddress: host.privateAddress,
    endpoints: Object.fromEntries(endpoints) as Address<Port>["endpoints"],
  };
}
