import { duplicates, type Report } from "./faults";
import { isInNetworks, isLoopback, privateNetworks, sharedAddressSpace } from "./ipv4Range";
import { parsePortRange } from "./portRange";
import type {
  DockerHostSettings,
  DockerSettings,
  HostRole,
  ParsedSettings,
  SharedAddress,
  ShardSettings,
} from "./schema";
import { sharedNetwork } from "./sharedNetwork";

/** What is wrong with the Docker hosts, or with what is to run on them. */
export function dockerContradictions(
  settings: Partial<ParsedSettings>,
  docker: DockerSettings,
  fault: Report,
): void {
  const { hosts, sharedAddress } = docker;
  const { shards, bridges, jibris, turn } = settings;
  checkHosts(docker, fault);
  checkNetworks(docker, fault);
  checkRoles(settings, hosts, fault);
  if (shards) checkShardPlacement(shards, hosts, fault);
  if (shards && bridges) checkBridgeRoom(shards, hosts, bridges, fault);
  if (jibris) checkJibriRoom(hosts, jibris, fault);
  if (sharedAddress) checkSharedAddress(sharedAddress, hosts, fault);
  if (turn && turn.type !== "none") checkRelays(hosts, fault);
}

/**
 * A container that sends to a UDP port published by its own host is answered from another address than it sent to
 * (docker-proxy; measured with Docker 20.10), so that the relay takes the answer for a stranger's.
 */
function checkRelays(hosts: readonly DockerHostSettings[], fault: Report): void {
  hosts.forEach(({ roles }, index) => {
    if (roles.includes("edge") && roles.includes("bridge"))
      fault(
        `docker.hosts[${index}].roles`,
        "has edge and bridge, but turn is on, and relayed users would not reach the bridges on their edge's own host; leave bridges to other hosts, or set turn.type to none",
      );
  });
}

function checkHosts({ hosts, tls }: DockerSettings, fault: Report): void {
  if (tls && !hosts.some((host) => host.address.startsWith("tcp:") && host.tls === undefined))
    fault("docker.tls", "is of no use: no host on tcp:// is without a certificate of its own; leave it out");
  for (const { index, first, key } of duplicates(hosts, (host) => host.name))
    fault(`docker.hosts[${index}].name`, `"${key}" is already the name of docker.hosts[${first}]`);
  for (const { index, first } of duplicates(hosts, (host) => host.address))
    fault(
      `docker.hosts[${index}].address`,
      `is the engine of docker.hosts[${first}] too; one entry per engine`,
    );
  for (const { index, first, key } of duplicates(hosts, (host) => host.privateAddress))
    fault(
      `docker.hosts[${index}].privateAddress`,
      `${key} is docker.hosts[${first}]'s; each host needs its own`,
    );
  for (const { index, first } of duplicates(
    hosts.map((host) => `${host.publicAddress} ${host.udpPorts}`),
    (key) => key,
  ))
    fault(
      `docker.hosts[${index}].udpPorts`,
      `is the range of docker.hosts[${first}] at the same public address; take another`,
    );
  hosts.forEach((host, index) => {
    const at = `docker.hosts[${index}]`;
    const others = hosts.slice(0, index);
    const overlapping = others.findIndex(
      (other) =>
        other.publicAddress === host.publicAddress &&
        other.udpPorts !== host.udpPorts &&
        overlap(other, host),
    );
    if (overlapping >= 0)
      fault(
        `${at}.udpPorts`,
        `${host.udpPorts} overlaps docker.hosts[${overlapping}]'s ${hosts[overlapping]?.udpPorts ?? ""} at the same public address`,
      );
    checkConnection(host, tls !== undefined, at, fault);
    if (/^127\./.test(host.privateAddress) || host.privateAddress === "0.0.0.0")
      fault(
        `${at}.privateAddress`,
        `${host.privateAddress} is not reached from containers; take the host's address on the private network (172.17.0.1, Docker's own bridge, for a single host)`,
      );
    if (host.privateAddress === host.publicAddress)
      fault(
        `${at}.privateAddress`,
        `${host.privateAddress} is publicAddress, too: the scaler's agents, Prosody and all else that is private would face whoever reaches the meetings; give the host's address on the network that the hosts share (172.17.0.1, Docker's own bridge, for a single host)`,
      );
    if (host.publicAddress === "0.0.0.0")
      fault(`${at}.publicAddress`, "0.0.0.0 cannot be advertised; give the address users reach");
    for (const { key } of duplicates(host.roles, (role) => role)) fault(`${at}.roles`, `names ${key} twice`);
  });
}

/** The networks that are believed to be the fleet's own. */
export const networksOf = ({
  hosts,
  privateNetworks: more,
}: Pick<DockerSettings, "hosts" | "privateNetworks">): readonly string[] => [
  ...privateNetworks,
  ...(hosts.some(({ privateAddress }) => isInNetworks([sharedAddressSpace], privateAddress))
    ? [sharedAddressSpace]
    : []),
  ...more,
];

/** What a shard tells its edges and the scaler is for these networks alone. */
function checkNetworks(docker: DockerSettings, fault: Report): void {
  const networks = networksOf(docker);
  docker.hosts.forEach(({ privateAddress, publicAddress }, index) => {
    const isSaid =
      isLoopback(privateAddress) || privateAddress === "0.0.0.0" || privateAddress === publicAddress;
    if (!isSaid && !isInNetworks(networks, privateAddress))
      fault(
        `docker.hosts[${index}].privateAddress`,
        `${privateAddress} is in no private network (${networks.join(", ")}); give the host's address on the network that the hosts share, or name that network at docker.privateNetworks if no user is on it`,
      );
  });
}

function overlap(a: DockerHostSettings, b: DockerHostSettings): boolean {
  const [one, two] = [parsePortRange(a.udpPorts), parsePortRange(b.udpPorts)];
  return one !== undefined && two !== undefined && one.first <= two.last && two.first <= one.last;
}

function checkConnection(host: DockerHostSettings, hasCommonTls: boolean, at: string, fault: Report): void {
  const scheme = host.address.slice(0, host.address.indexOf(":"));
  if (scheme === "ssh" && host.hostKey === undefined)
    fault(
      `${at}.hostKey`,
      "is missing: without it any machine could pose as this host; take it from ssh-keyscan, after checking it",
    );
  if (scheme !== "ssh" && host.hostKey !== undefined)
    fault(`${at}.hostKey`, `belongs to ssh:// addresses; this one is ${scheme}://`);
  if (scheme === "tcp" && host.tls === undefined && !hasCommonTls)
    fault(
      `${at}.tls`,
      "is missing: an engine on tcp:// without TLS hands root to its network; give ca, certificate, privateKey here, or for all hosts at docker.tls",
    );
  if (scheme !== "tcp" && host.tls !== undefined)
    fault(`${at}.tls`, `belongs to tcp:// addresses; this one is ${scheme}://`);
}

const withRole = (hosts: readonly DockerHostSettings[], role: HostRole): DockerHostSettings[] =>
  hosts.filter((host) => host.roles.includes(role));
const namesOf = (hosts: readonly DockerHostSettings[]): string =>
  hosts.map((host) => host.name).join(", ") || "none";

function checkShardPlacement(
  shards: readonly ShardSettings[],
  hosts: readonly DockerHostSettings[],
  fault: Report,
): void {
  const able = withRole(hosts, "shard");
  shards.forEach((shard, index) => {
    const path = `shards[${index}].host`;
    if (shard.host === undefined) {
      if (able.length > 1)
        fault(path, `is missing, and more than one host has the role shard; choose one of: ${namesOf(able)}`);
      return;
    }
    const host = hosts.find((candidate) => candidate.name === shard.host);
    if (!host) fault(path, `"${shard.host}" is not in docker.hosts; choose one of: ${namesOf(able)}`);
    else if (!host.roles.includes("shard"))
      fault(path, `"${shard.host}" lacks the role shard; choose one of: ${namesOf(able)}`);
  });
  shards.forEach((shard, index) => {
    const host =
      shard.host === undefined ? able[0] : hosts.find((candidate) => candidate.name === shard.host);
    if (host?.drained === true && shard.state === "ready")
      fault(
        `shards[${index}].state`,
        `is ready, but its host ${host.name} is drained; drain the shard, or the host no longer`,
      );
  });
}

function checkRoles(
  settings: Partial<ParsedSettings>,
  hosts: readonly DockerHostSettings[],
  fault: Report,
): void {
  const needed: readonly HostRole[] =
    settings.jibris?.max === 0
      ? ["edge", "shard", "bridge", "scaler"]
      : ["edge", "shard", "bridge", "jibri", "scaler"];
  for (const role of needed) {
    const able = withRole(hosts, role);
    if (able.length === 0) fault("docker.hosts", `has no host with the role ${role}; add it to one's roles`);
    else if (role !== "edge" && role !== "shard" && able.every((host) => host.drained))
      fault("docker.hosts", `has only drained hosts with the role ${role} (${namesOf(able)})`);
  }
}

function checkBridgeRoom(
  shards: readonly ShardSettings[],
  hosts: readonly DockerHostSettings[],
  bridges: ParsedSettings["bridges"],
  fault: Report,
): void {
  const able = withRole(hosts, "bridge").filter((host) => !host.drained);
  if (able.length === 0) return;
  const wanted = shards.length * bridges.max;
  const places = able.reduce((sum, host) => sum + Math.min(host.slots.bridges, sizeOf(host)), 0);
  if (wanted > places)
    fault(
      "bridges.max",
      `${bridges.max} for each of ${shards.length} shards makes ${wanted} bridges, but the hosts have places for ${places} (the fewer of slots.bridges and udpPorts of each); lower it, or raise both at docker.hosts[]`,
    );
}

function sizeOf(host: DockerHostSettings): number {
  const range = parsePortRange(host.udpPorts);
  return range ? range.last - range.first + 1 : 0;
}

function checkJibriRoom(
  hosts: readonly DockerHostSettings[],
  jibris: ParsedSettings["jibris"],
  fault: Report,
): void {
  const able = withRole(hosts, "jibri").filter((host) => !host.drained);
  if (able.length === 0) return;
  const slots = able.reduce((sum, host) => sum + host.slots.jibris, 0);
  if (jibris.max > slots)
    fault(
      "jibris.max",
      `${jibris.max} is more than the hosts' ${slots} slots; lower it, or raise docker.hosts[].slots.jibris`,
    );
}

function checkSharedAddress(
  shared: SharedAddress,
  hosts: readonly DockerHostSettings[],
  fault: Report,
): void {
  const edges = withRole(hosts, "edge");
  if (edges.length < 2)
    fault(
      "docker.sharedAddress",
      `is to be shared, but ${edges.length === 0 ? "no host has" : `only ${namesOf(edges)} has`} the role edge; give the role to another host, or take the shared address away`,
    );
  const at = "docker.sharedAddress.address";
  const own = hosts.find(({ publicAddress, privateAddress }) =>
    [publicAddress, privateAddress].includes(shared.address),
  );
  if (own) fault(at, `${shared.address} is ${own.name}'s own; give one that no host has`);
  else if (edges.length > 1 && sharedNetwork(shared, edges) === undefined)
    fault(
      at,
      `${shared.address}/${shared.prefixLength} is in a network with neither the public addresses of all edges, each its own, nor their private ones (${namesOf(edges)}); give a free address of one of these networks, or the right prefixLength`,
    );
}
