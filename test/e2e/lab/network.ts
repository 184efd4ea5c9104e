import { existsSync, statSync } from "node:fs";
import { join } from "node:path";
import { noteLeftover } from "../../support/leftovers";
import { runOrFail } from "./commands";

/** One of the two Docker hosts, as a place in the network. */
export interface HostPlace {
  name: "a" | "b";
  namespace: string;
  privateAddress: string;
  publicAddress: string;
  /** What the host's Docker networks take their subnets from; no other daemon of the tests uses it. */
  dockerPool: string;
  dockerBridgeAddress: string;
}

/** The names and addresses of a lab. The suffix keeps two labs on one machine apart; addresses never meet. */
export interface Layout {
  suffix: string;
  hosts: { a: HostPlace; b: HostPlace };
  /** The switch of the private network; nobody lives there. */
  lanNamespace: string;
  /** The internet: the users and the switch of the public network. */
  usersNamespace: string;
  usersAddresses: string[];
}

const PRIVATE_LINK = "private0";
const PUBLIC_LINK = "public0";
const SWITCH = "switch0";
/** Where iproute2 keeps the names of network namespaces, each a mount. */
export const NETNS_FOLDER = "/run/netns";

export function layoutFor(suffix: string): Layout {
  const host = (name: "a" | "b", number: number, pool: number): HostPlace => ({
    name,
    namespace: `jfh-${name}${suffix}`,
    privateAddress: `10.213.0.${number}`,
    publicAddress: `198.51.100.${number}`,
    dockerPool: `10.${pool}.0.0/16`,
    dockerBridgeAddress: `10.${pool}.0.1/24`,
  });
  return {
    suffix,
    hosts: { a: host("a", 11, 214), b: host("b", 12, 215) },
    lanNamespace: `jfh-lan${suffix}`,
    usersNamespace: `jfh-net${suffix}`,
    usersAddresses: [100, 101, 102, 103].map((number) => `198.51.100.${number}`),
  };
}

export function namespacesOf(layout: Layout): string[] {
  const { a, b } = layout.hosts;
  return [a.namespace, b.namespace, layout.lanNamespace, layout.usersNamespace];
}

/** The command that runs another one in the namespace. Not `ip netns exec`: it mounts a /sys without cgroups. */
export function inNamespace(namespace: string): string[] {
  return ["nsenter", `--net=${join(NETNS_FOLDER, namespace)}`, "--"];
}

/** The inode by which the kernel names the namespace; undefined when there is none of that name. */
export function namespaceInode(namespace: string): number | undefined {
  const file = join(NETNS_FOLDER, namespace);
  return existsSync(file) ? statSync(file).ino : undefined;
}

/** Makes the two switches: the private network's, and the public one's with the users on it. */
export async function createSwitches(layout: Layout): Promise<void> {
  for (const namespace of [layout.lanNamespace, layout.usersNamespace]) {
    await createNamespace(namespace);
    await ip(namespace, ["link", "add", SWITCH, "type", "bridge"]);
    await ip(namespace, ["link", "set", "dev", SWITCH, "up"]);
  }
  for (const address of layout.usersAddresses) {
    await ip(layout.usersNamespace, ["address", "add", `${address}/24`, "dev", SWITCH]);
  }
}

/** Makes a host's namespace and plugs it into both switches. */
export async function plugIn(layout: Layout, host: HostPlace): Promise<void> {
  await createNamespace(host.namespace);
  await connect(host, PRIVATE_LINK, host.privateAddress, layout.lanNamespace);
  await connect(host, PUBLIC_LINK, host.publicAddress, layout.usersNamespace);
}

/** Takes the host's links and its namespace away, as when its power fails. Whatever is gone already may be gone. */
export async function unplug(layout: Layout, host: HostPlace): Promise<void> {
  for (const namespace of [layout.lanNamespace, layout.usersNamespace]) {
    if (!existsSync(join(NETNS_FOLDER, namespace))) continue;
    const links = await ip(namespace, ["-json", "link", "show"]);
    const names = (JSON.parse(links) as { ifname: string }[]).map(({ ifname }) => ifname);
    // One end of the pair takes the other with it, at once: deleting the namespace alone would leave that to later.
    if (names.includes(switchPort(host))) await ip(namespace, ["link", "delete", "dev", switchPort(host)]);
  }
  await deleteNamespace(host.namespace);
}

export async function deleteNamespace(namespace: string): Promise<void> {
  if (namespaceInode(namespace) !== undefined) await runOrFail(["ip", "netns", "delete", namespace]);
}

async function connect(
  host: HostPlace,
  link: string,
  address: string,
  switchNamespace: string,
): Promise<void> {
  const port = switchPort(host);
  // A real machine keeps its hardware address over a power cut, and its neighbours remember it.
  const hardwareAddress = `02:00:${address
    .split(".")
    .map((byte) => Number(byte).toString(16).padStart(2, "0"))
    .join(":")}`;
  const peer = ["peer", "name", port, "netns", switchNamespace];
  await ip(host.namespace, ["link", "add", link, "address", hardwareAddress, "type", "veth", ...peer]);
  await ip(switchNamespace, ["link", "set", "dev", port, "master", SWITCH, "up"]);
  await ip(host.namespace, ["address", "add", `${address}/24`, "dev", link]);
  await ip(host.namespace, ["link", "set", "dev", link, "up"]);
}

async function createNamespace(namespace: string): Promise<void> {
  noteLeftover("namespace", namespace);
  await runOrFail(["ip", "netns", "add", namespace]);
  await ip(namespace, ["link", "set", "dev", "lo", "up"]);
  const settings = [
    // The lab's addresses are IPv4; nobody should reach anything by a link-local IPv6 address that no test looks at.
    "net.ipv6.conf.all.disable_ipv6=1",
    "net.ipv6.conf.default.disable_ipv6=1",
    // A host says of every closed UDP port that it is closed, so that a scan can be sure of the silent ones.
    "net.ipv4.icmp_ratemask=0",
  ];
  await runOrFail([...inNamespace(namespace), "sysctl", "--quiet", "--write", ...settings]);
}

function switchPort(host: HostPlace): string {
  return `host-${host.name}`;
}

function ip(namespace: string, args: readonly string[]): Promise<string> {
  return runOrFail(["ip", "-netns", namespace, ...args]);
}
