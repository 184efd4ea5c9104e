import * as docker from "@pulumi/docker";
import * as pulumi from "@pulumi/pulumi";
import type { Address, AddressOf, NodeArgs, Platform, Pool, PoolArgs, Role } from "../platform";
import type { DockerHostSpec, Settings } from "../settings";
import { providerArgs } from "./connection";
import { Guard } from "./guard";
import { DockerNode, type Place } from "./node";
import { bridgePortOffset, hostInTurn, shardPorts } from "./placement";

/** The fleet on Docker hosts: a node is a set of containers on one host, a pool such a set on several. */
export class DockerPlatform implements Platform {
  private readonly places = new Map<string, Place>();
  private readonly guard: Guard;

  constructor(
    private readonly settings: Settings,
    private readonly stack: string,
  ) {
    this.guard = new Guard(stack, settings);
  }

  reserve<R extends "edge" | "shard">(role: R, name: string): AddressOf<R> {
    const reserved = role === "edge" ? this.reserveEdge() : this.reserveShard(name);
    return reserved as AddressOf<R>;
  }

  private reserveEdge(): AddressOf<"edge"> {
    const host = this.hostsFor("edge")[0];
    if (!host) throw new Error("no host has the role edge");
    const { httpPort, httpsPort } = this.settings.edge;
    return addressOn(host, { http: httpPort, https: httpsPort });
  }

  private reserveShard(name: string): AddressOf<"shard"> {
    const shard = this.settings.shards.find((candidate) => candidate.name === name);
    if (!shard) throw new Error(`${name} is no shard of the settings`);
    return addressOn(this.host(shard.host), shardPorts(shard.number));
  }

  node(name: string, args: NodeArgs, opts: pulumi.ComponentResourceOptions): void {
    new DockerNode(name, { ...args, place: this.place(args.address.place) }, opts);
  }

  pool<R extends "bridge" | "jibri">(
    role: R,
    name: string,
    args: PoolArgs<R>,
    opts: pulumi.ComponentResourceOptions,
  ): Pool {
    const hosts = this.hostsFor(role);
    const members = Array.from({ length: args.size }, (_, index) => {
      const host = hostInTurn(hosts, args.number + index);
      const media = host.ports.first + bridgePortOffset(args.number, index + 1);
      const address = addressOn(host, role === "bridge" ? { media } : {});
      return { name: `${name}-${index + 1}`, address };
    });
    for (const member of members)
      new DockerNode(
        member.name,
        {
          role,
          address: member.address,
          containers: args.containers(member),
          place: this.place(member.address.place),
        },
        opts,
      );
    return {
      members: members.map(({ name: member, address }) => ({
        name: member,
        place: address.place,
        ...(role === "bridge"
          ? { media: `${address.publicAddress}:${(address as AddressOf<"bridge">).endpoints.media.port}/udp` }
          : {}),
      })),
    };
  }

  private hostsFor(role: Role): readonly DockerHostSpec[] {
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
