import type { Address, AddressOf, NodeRole } from "../platform";
import type { DockerFleetSettings, DockerHostSpec } from "../settings";
import type { HostRole } from "../settings/schema";
import { edgeName, edgePorts, SCALER_PORT, shardPorts } from "./ports";

export const hostsFor = ({ docker }: DockerFleetSettings, role: HostRole): readonly DockerHostSpec[] =>
  docker.hosts.filter((host) => host.roles.includes(role));

/** The hosts on which the scaler starts instances. */
export const instanceHosts = ({ docker }: DockerFleetSettings): readonly DockerHostSpec[] =>
  docker.hosts.filter(({ roles }) => roles.includes("bridge") || roles.includes("jibri"));

export function hostOf({ docker }: DockerFleetSettings, name: string): DockerHostSpec {
  const host = docker.hosts.find((candidate) => candidate.name === name);
  if (!host) throw new Error(`${name} is not in docker.hosts`);
  return host;
}

/** Where a node is and answers, by the settings alone. */
export function dockerAddress<R extends NodeRole>(
  settings: DockerFleetSettings,
  role: R,
  name: string,
): AddressOf<R> {
  const addresses: { readonly [Role in NodeRole]: () => AddressOf<Role> } = {
    edge: () => edgeAddress(settings, name),
    shard: () => shardAddress(settings, name),
    scaler: () => scalerAddress(settings),
  };
  return addresses[role]();
}

function edgeAddress(settings: DockerFleetSettings, name: string): AddressOf<"edge"> {
  const host = hostsFor(settings, "edge").find((candidate) => edgeName(candidate.name) === name);
  if (!host) throw new Error(`${name} is on no host with the role edge`);
  const { httpPort, httpsPort } = settings.edge;
  return addressOn(host, { http: httpPort, https: httpsPort, ...edgePorts });
}

function shardAddress(settings: DockerFleetSettings, name: string): AddressOf<"shard"> {
  const shard = settings.shards.find((candidate) => candidate.name === name);
  if (!shard) throw new Error(`${name} is no shard of the settings`);
  return addressOn(hostOf(settings, shard.place), shardPorts(shard.number));
}

function scalerAddress(settings: DockerFleetSettings): AddressOf<"scaler"> {
  const host = hostsFor(settings, "scaler").find(({ drained }) => !drained);
  if (!host) throw new Error("no host that is not drained has the role scaler");
  return addressOn(host, { api: SCALER_PORT });
}

function addressOn<Port extends string>(
  host: DockerHostSpec,
  ports: Readonly<Record<Port, number>>,
): Address<Port> {
  const endpoints = Object.entries<number>(ports).map(([name, port]) => [
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
