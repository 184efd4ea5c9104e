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
import { dockerAddress, hostOf, hostsFor, instanceHosts } from "./addresses";
import type { Guard } from "./guard";
import type { Mending } from "./mending";
import type { DockerPool } from "./hostAgent";
import { keepalivedContainer } from "./keepalived";
import { DockerNode, type Place } from "./node";
import { edgeName, edgePorts } from "./ports";

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

  constructor(
    private readonly settings: DockerFleetSettings,
    private readonly stack: string,
    private readonly ground: { readonly guard: Guard; readonly mending: Mending },
  ) {}

  get edges(): readonly string[] {
    return this.hostsFor("edge").map((host) => edgeName(host.name));
  }

  get mediaAddresses(): readonly string[] {
    return [...new Set(this.hostsFor("bridge").map(({ publicAddress }) => publicAddress))];
  }

  reserve<R extends NodeRole>(role: R, name: string): AddressOf<R> {
    return dockerAddress(this.settings, role, name);
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

  pool(role: PoolRole, name: string, { beside = [], shard, template }: PoolArgs): void {
    this.pools.push({ role, name, shard, template });
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

  control(name: string, { edges }: ControlArgs, opts?: pulumi.ComponentResourceOptions): Control {
    const hosts = instanceHosts(this.settings);
    return new DockerControl(
      name,
      {
        nodeImage: this.settings.images.node,
        edges,
        uploads: this.uploads,
        pools: this.pools,
        shards: this.settings.shards.map(({ name: shard }) => ({
          name: shard,
          web: this.reserve("shard", shard).endpoints.web,
        })),
        places: hosts.map((host) => this.place(host.name)),
      },
      opts,
    );
  }

  /** The settings ask for none. */
  monitor(): void {}

  keystone(name: string, dependsOn: readonly pulumi.Resource[]): void {
    new command.local.Command(
      name,
      {},
      { dependsOn: [...dependsOn], hooks: { beforeDelete: [this.ground.guard.destroy] } },
    );
    this.ground.mending.tell();
  }

  private hostsFor(role: HostRole): readonly DockerHostSpec[] {
    return hostsFor(this.settings, role);
  }

  /** A host with its plug-in's provider, made when the first thing runs there. */
  private place(name: string): Place {
    const known = this.places.get(name);
    if (known) return known;
    const host = hostOf(this.settings, name);
    const place: Place = {
      host,
      stack: this.stack,
      tags: this.settings.tags,
      registries: this.settings.images.registries,
      ...this.ground,
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
