import { FLEET_DIRECTORY, type ContainerSpec } from "../platform";
import type { DockerHostSettings, SharedAddress } from "../settings/schema";
import { sharedNetwork } from "../settings/sharedNetwork";

const MAIN = "keepalived.conf";
/** Where the start writes what it found. */
const FOUND = "/run/found.conf";
const VRRP_PID = "/run/vrrp.pid";
/** The user that the check runs as. */
const CHECKER = "nobody";
/** The first edge's; each next has one less. 255 would be an address's owner, whom nothing takes it from. */
const FIRST_PRIORITY = 200;

/** A host that has an edge. */
type EdgeHost = Pick<DockerHostSettings, "name" | "publicAddress" | "privateAddress">;

export interface KeepalivedArgs {
  readonly image: string;
  readonly shared: SharedAddress;
  /** All hosts that have an edge, in the order in which they would rather hold the address when none does. */
  readonly edges: readonly EdgeHost[];
  /** The one of them that this is for, by its name. */
  readonly host: string;
  /** Where that edge's HAProxy says that it is alive, whatever its shards do. Asked from the host itself. */
  readonly liveness: string;
}

/**
 * Keepalived beside an edge's HAProxy: one edge holds the shared address, and another takes it when that one's HAProxy
 * or host is lost.
 */
export function keepalivedContainer(args: KeepalivedArgs): ContainerSpec {
  const member = memberOf(args);
  return {
    name: "keepalived",
    image: args.image,
    command: ["/bin/sh", "-c", start(args.shared, member)],
    env: {},
    secrets: {},
    files: [{ path: MAIN, content: configuration(args.shared, member, args.liveness) }],
    ports: [],
    volumes: [],
    scratch: [{ path: "/run", sizeMiB: 1, executable: false }],
    healthCheck: ["/bin/sh", "-c", `kill -0 "$(cat ${VRRP_PID})"`],
    // The address and raw packets are root's; with the latter two the check runs as nobody.
    user: "0:0",
    capabilities: ["CAP_NET_ADMIN", "CAP_NET_RAW", "CAP_SETGID", "CAP_SETUID"],
    network: "machine",
    stopGraceSeconds: 10,
    resources: { memoryMiB: 128 },
    restart: "always",
    knownHosts: {},
  };
}

/** An edge among those that share the address, by their addresses in its network. */
interface Member {
  readonly name: string;
  readonly address: string;
  readonly peers: readonly string[];
  readonly priority: number;
}

function memberOf({ shared, edges, host }: KeepalivedArgs): Member {
  const which = sharedNetwork(shared, edges);
  const index = edges.findIndex(({ name }) => name === host);
  const edge = edges[index];
  if (which === undefined || edge === undefined)
    throw new Error(`${host} is no edge in the network of docker.sharedAddress`);
  return {
    name: host,
    address: edge[which],
    peers: edges.filter((other) => other !== edge).map((peer) => peer[which]),
    priority: FIRST_PRIORITY - index,
  };
}

/**
 * Finds the check's program, which keepalived itself cannot look for without more rights, and the interface.
 * Keepalived drops a check that it cannot run, and would keep the address whatever HAProxy did: so it is not started.
 */
function start({ interface: named }: SharedAddress, { address }: Member): string {
  const orSay = (problem: string): string => `|| { echo "${problem}" >&2; exit 1; }`;
  const find = [
    `set -- $(ip -o -4 address show to ${address})`,
    `[ -n "$2" ] ${orSay(`no interface has ${address}: name the one for the shared address with docker.sharedAddress.interface`)}`,
    `interface=$2`,
  ];
  return [
    `curl=$(command -v curl) ${orSay("images.keepalived has no curl")}`,
    `id -u ${CHECKER} > /dev/null ${orSay(`images.keepalived has no user ${CHECKER}`)}`,
    ...(named === undefined ? find : [`interface=${named}`]),
    `printf '$CURL=%s\\n$INTERFACE=%s\\n' "$curl" "$interface" > ${FOUND}`,
    `exec keepalived --vrrp --dont-fork --log-console --use-file ${FLEET_DIRECTORY}/${MAIN} --pid /run/keepalived.pid --vrrp_pid ${VRRP_PID}`,
  ].join("; ");
}

/**
 * Adverts go by unicast on the segment that the address is on, so that two edges never hold it where both are heard.
 * They are taken with TTL 255 alone, which nobody beyond the segment can send. All begin as backups and none preempts:
 * an edge that is back takes nothing from the one that users are on.
 */
function configuration(shared: SharedAddress, member: Member, liveness: string): string {
  const { address, password, prefixLength, routerId } = shared;
  const authentication = `
  authentication {
    auth_type PASS
    auth_pass ${password ?? ""}
  }`;
  return `include ${FOUND}
global_defs {
  router_id ${member.name}
  script_user ${CHECKER}
  enable_script_security
}
vrrp_script haproxy {
  # It ends by itself: without the right to, keepalived could not end another user's.
  script "$CURL --silent --fail --max-time 1 --output /dev/null ${liveness}"
  interval 1
  timeout 2
  fall 2
  rise 2
  init_fail
}
vrrp_instance edges {
  state BACKUP
  nopreempt
  interface $INTERFACE
  virtual_router_id ${routerId}
  priority ${member.priority}
  advert_int 1${password === undefined ? "" : authentication}
  unicast_src_ip ${member.address}
  track_src_ip
  unicast_ttl 255
  unicast_peer {
${member.peers.map((peer) => `    ${peer} min_ttl 255 max_ttl 255`).join("\n")}
  }
  virtual_ipaddress {
    ${address}/${prefixLength} dev $INTERFACE
  }
  garp_master_refresh 60
  track_script {
    haproxy
  }
}
`;
}
