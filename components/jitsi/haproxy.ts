import { LEAVER, LEAVING, SHARES_MAP, TENANTS_MAP } from "@jitsi-fleet/scaler";
import type { Endpoint } from "../platform";
import type { Settings } from "../settings";
import { HANDED_HEADER, HANDOVER_BIND } from "./edgeScript";
import { httpsListener, turnRouting } from "./turnRouting";
import { plainKey, routingGlobals, routingRules, tenantRule, type RoutingFiles } from "./routingKey";

/** In the directory of sockets: what the keeper commands the serving process by. */
export const ADMIN_SOCKET = "admin.sock";

/** A shard as HAProxy sees it. Whether it takes rooms is no part of it: the keeper says so while HAProxy runs. */
export interface Server {
  readonly name: string;
  readonly number: number;
  readonly release: string;
  readonly web: Endpoint;
}

/** A node of the edge as the others see it. */
export interface EdgePeer {
  readonly name: string;
  /** Where its HAProxy takes the others' tables. */
  readonly peers: Endpoint;
  /** Where it takes requests that another node cannot route, on the private network. */
  readonly entry: Endpoint;
}

export interface HaproxyArgs {
  /** Where it listens. `handover`: a reloaded process, or a node that does not know a shard, sends requests there. */
  readonly ports: {
    readonly http: number;
    readonly https: number;
    readonly handover: number;
    readonly peers: number;
    readonly metrics: number;
  };
  /** The port that users see, for the redirect from HTTP. */
  readonly publicHttpsPort: number;
  /** File of the certificate with its key, beside the configuration or with its whole path. */
  readonly certificate: string;
  /** Unix socket that answers the questions of a certificate authority (ACME, HTTP-01); none where there is none. */
  readonly challengeSocket?: string;
  /** What its rules read: the script is the whole of edgeScript.ts. */
  readonly routing: RoutingFiles;
  /** Directory in which it may make sockets: `admin.sock`, at which the keeper commands it, and those of its own. */
  readonly socketDirectory: string;
  /** The relay that shares the meetings' port, told from them by its name; none where there is none. */
  readonly turn?: { readonly domain: string; readonly relay: Endpoint };
  /** This node. */
  readonly node: string;
  readonly others: readonly EdgePeer[];
  readonly servers: readonly Server[];
  /** Releases whose shards take only the new rooms that a rule gives them. All other shards take the others together. */
  readonly placedReleases: readonly string[];
  readonly limits: Settings["edge"]["limits"];
  /** Ranges of load balancers that tell the user's address by PROXY protocol. */
  readonly proxyProtocolFrom: readonly string[];
  /** Those of them that ask for /live by PROXY protocol, too, and that nobody else's questions come from. */
  readonly proxiedChecksFrom: readonly string[];
}

/**
 * One key for every request of a room (routingKey.ts). Consistent hash on it, so that nodes agree without asking; stick
 * table on it, so that a room stays where it is when shards come or go; gates, so that no room is placed while the
 * nodes may differ on which shards there are. Measured in the project's routing notes: 0 of 1000 rooms split, where
 * round robin splits 730.
 *
 * No health checks here: two nodes that judge for themselves split rooms. The keepers judge, together.
 */
export function haproxyConfiguration(args: HaproxyArgs): string {
  const redirectPort = args.publicHttpsPort === 443 ? "" : `:${args.publicHttpsPort}`;
  return `global
    log stdout format raw local0 info
    localpeer ${args.node}
    stats socket ${args.socketDirectory}/${ADMIN_SOCKET} mode 600 level admin
${indented(routingGlobals(args.routing))}
    # As many connections as the container's file limit allows, up to some 25,000.
    fd-hard-limit ${args.turn ? 100000 : 50000}
    hard-stop-after 6h
    ssl-default-bind-options ssl-min-ver TLSv1.2 no-tls-tickets
    ssl-default-bind-ciphers ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-RSA-AES256-GCM-SHA384:ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305
    ssl-default-bind-ciphersuites TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256

# Tables reach the other nodes, and the process after this one.
peers edge
    bind :${args.ports.peers}
    server ${args.node}
${args.others.map(({ name, peers }) => `    server ${name} ${peers.address}:${peers.port}\n`).join("")}
defaults
    mode http
    log global
    option httplog
    option dontlognull
    # A reload closes no connection on which the client may just be sending its next request.
    option idle-close-on-response
    timeout connect 5s
    # Above BOSH's long poll of 60 s.
    timeout client 90s
    timeout server 90s
    timeout tunnel 1h
    timeout http-request ${args.limits.requestSeconds}s
    timeout http-keep-alive 60s

frontend metrics
    bind :${args.ports.metrics}
    option dontlog-normal
${args.proxiedChecksFrom.length === 0 ? "" : `    tcp-request connection expect-proxy layer4 if { src ${args.proxiedChecksFrom.join(" ")} }\n`}    http-request use-service prometheus-exporter if { path /metrics }
    # For who sends users here: it serves on, and new ones are better sent elsewhere.
    http-request return status 503 content-type text/plain string "leaving" if { path /live } { nbsrv(${LEAVING}) gt 0 }
    # Alive is who answers, whatever becomes of the shards.
    http-request return status 200 content-type text/plain string "alive" if { path /live }
    http-request deny deny_status 404

frontend http
    bind :${args.ports.http}
${sourceRules(args, false)}    http-request redirect location https://%[req.hdr(host),field(1,:)]${redirectPort}%[capture.req.uri] code 301${args.challengeSocket === undefined ? "" : ` unless { path_beg ${CHALLENGES} }\n    default_backend authority`}

frontend https
    bind ${args.turn ? httpsListener(args) : `:${args.ports.https}`} ssl crt ${args.certificate} alpn h2,http/1.1
    bind :${args.ports.handover} accept-proxy name ${HANDOVER_BIND}
${sourceRules(args, args.turn !== undefined)}    http-response set-header Strict-Transport-Security "max-age=31536000"
    # Written once a connection, not at every request.
    tcp-request session set-var-fmt(sess.user) %[src]
    http-request set-header X-Forwarded-For %[var(sess.user)]
    http-request set-header X-Forwarded-Proto https
${indented(routingRules(args.routing))}
${fileRules(args)}
    # A process that was reloaded hears of no change any more: the next one decides.
    http-request lua.hand_over if { stopping }
    http-request lua.hold if { nbsrv(gate) gt 1 } { var(txn.key) -m found } !{ stopping }
${placementRules(args)}    use_backend successor if { var(txn.handover) -m bool }
${args.others.length > 0 ? "    use_backend elsewhere if { var(txn.elsewhere) -m bool }\n" : ""}${placedBackends(args)}    use_backend rooms if { var(txn.key) -m found }
    default_backend assets

# Up is closed, but for the first, which is there so that the backend is never without any. The keeper opens and
# closes them; none of these servers is ever asked anything.
backend gate
    server always 127.0.0.1:9
    server fresh 127.0.0.1:9
    server learning 127.0.0.1:9
    server placing 127.0.0.1:9 disabled
    server lease 127.0.0.1:9 disabled
    server foreign 127.0.0.1:9 disabled
${args.servers.map((server) => `    server shard-${idOf(server)} 127.0.0.1:9 disabled`).join("\n")}

# Up while this node leaves, which is the keeper's to say. Nothing is held by it.
backend ${LEAVING}
    server ${LEAVER} 127.0.0.1:9 disabled

backend successor
    server next 127.0.0.1:${args.ports.handover} send-proxy-v2
${elsewhereBackend(args)}
${groupsOf(args)
  .map((group) => roomsBackend(args, group))
  .join("\n")}
# What belongs to no room, asked for from no room.
backend assets
${SHARED_CONNECTIONS}    balance roundrobin
    option redispatch 1
${serverLines(args, undefined)}
${limitsBackend(args)}${authorityBackend(args)}${turnSections(args)}`;
}

const indented = (lines: readonly string[]): string => lines.map((line) => `    ${line}`).join("\n");

const elsewhereBackend = ({ others }: HaproxyArgs): string =>
  others.length === 0
    ? ""
    : `
# The other nodes, for rooms on a shard that this one does not know yet.
backend elsewhere
    http-request set-header ${HANDED_HEADER} yes
    option redispatch 1
${others.map(({ entry, name }) => `    server ${name} ${entry.address}:${entry.port} send-proxy-v2 check inter 2s`).join("\n")}
`;

/** Server ids stay with the shard's number, whatever the order in the settings. */
const idOf = ({ number }: Server): number => 100 + number;

/** Shards that take new rooms together: a release that rules give rooms to, or (undefined) all that are of none. */
type Group = string | undefined;

function groupsOf({ placedReleases, servers }: Pick<HaproxyArgs, "placedReleases" | "servers">): Group[] {
  const there = new Set(servers.map(({ release }) => release));
  return [undefined, ...placedReleases.filter((release) => there.has(release))];
}

const backendOf = (group: Group): string => (group === undefined ? "rooms" : `rooms-${group}`);

/**
 * One backend a group, all on one table: a room that has a shard stays there whatever its release, a new one takes a
 * shard of the release that its tenant or its share gives it, and another only where that has none left.
 */
function roomsBackend(args: HaproxyArgs, group: Group): string {
  const table =
    group === undefined
      ? `    stick-table type string len 256 size ${args.limits.roomsRemembered} expire 12h srvkey addr peers edge
    stick on var(txn.key)`
      : "    stick on var(txn.key) table rooms";
  return `backend ${backendOf(group)}
${SHARED_CONNECTIONS}    balance hash var(txn.key)
    hash-type consistent sdbm avalanche
${table}
    # nginx says it on most answers, but not where a websocket begins.
    http-response set-header X-Jitsi-Shard %[srv_name] unless { res.hdr(X-Jitsi-Shard) -m found }
${groupsOf(args).length > 1 ? "    option allbackups\n" : ""}    # Who is taken out loses its sessions: its rooms come back together, on one other shard.
    default-server on-marked-down shutdown-sessions
${serverLines(args, group)}
`;
}

const SHARED_CONNECTIONS = `    # A user's first request, too, goes over a connection that has carried others. So there are few of them and all are
    # busy: where each user's stays behind, some are used just as the shard closes them.
    http-reuse aggressive
`;

function serverLines(args: HaproxyArgs, group: Group): string {
  const isOf = ({ release }: Server): boolean =>
    (args.placedReleases.includes(release) ? release : undefined) === group;
  const line = (server: Server): string =>
    `    server ${server.name} ${server.web.address}:${server.web.port} id ${idOf(server)}${isOf(server) ? "" : " backup"}`;
  return args.servers.map(line).join("\n");
}

/** Where shards differ in their release, what a page loads must be of its room's. */
function fileRules({ routing, servers }: HaproxyArgs): string {
  if (new Set(servers.map(({ release }) => release)).size < 2) return "";
  return `    # What a page loads is of the release of its room: it goes where the room is, as far as its plain name tells.
    http-request set-var(txn.key) ${plainKey("req.hdr(referer),regsub(^https?://[^/]*,)", routing.map)} unless { var(txn.key) -m found }
`;
}

/** Which group a new room is for: its tenant's, else by a hash that has nothing to do with the shards'. */
function placementRules(args: HaproxyArgs): string {
  if (groupsOf(args).length < 2) return "";
  return `    ${tenantRule}
    http-request set-var(txn.release) var(txn.tenant),map_str(${TENANTS_MAP}) if { var(txn.tenant) -m found }
    http-request set-var(txn.release) var(txn.key),crc32,mod(100),map_int(${SHARES_MAP}) if { var(txn.key) -m found } !{ var(txn.release) -m found }
`;
}

const placedBackends = (args: HaproxyArgs): string =>
  groupsOf(args)
    .filter((group) => group !== undefined)
    .map(
      (release) =>
        `    use_backend ${backendOf(release)} if { var(txn.key) -m found } { var(txn.release) -m str ${release} }\n`,
    )
    .join("");

/** Who is there, and how much of them is too much. `isBehind`: who comes was taken by another frontend before. */
function sourceRules({ limits, ports, proxyProtocolFrom }: HaproxyArgs, isBehind: boolean): string {
  const { connectionsPerAddress, requestsPerAddressAndSecond } = limits;
  const told = `{ dst_port ${ports.handover} }${proxyProtocolFrom.length > 0 ? ` || { src ${proxyProtocolFrom.join(" ")} }` : ""}`;
  const tracked = connectionsPerAddress > 0 || requestsPerAddressAndSecond > 0;
  return [
    ...(proxyProtocolFrom.length > 0 && !isBehind
      ? [`tcp-request connection expect-proxy layer4 if { src ${proxyProtocolFrom.join(" ")} }`]
      : []),
    // As early as can be: before TLS, unless somebody in front has yet to tell who it is.
    ...(tracked && !isBehind ? [`tcp-request connection track-sc0 src table addresses unless ${told}`] : []),
    ...(connectionsPerAddress > 0 && !isBehind
      ? [`tcp-request connection reject if { sc0_conn_cur gt ${connectionsPerAddress} }`]
      : []),
    ...(tracked ? ["tcp-request session track-sc0 src table addresses"] : []),
    ...(connectionsPerAddress > 0
      ? [`tcp-request session reject if { sc0_conn_cur gt ${connectionsPerAddress} }`]
      : []),
    ...(requestsPerAddressAndSecond > 0
      ? [
          `http-request deny deny_status 429 if { sc0_http_req_rate gt ${requestsPerAddressAndSecond * RATE_SECONDS} }`,
        ]
      : []),
  ]
    .map((rule) => `    ${rule}\n`)
    .join("");
}

const turnSections = ({ turn, ...args }: HaproxyArgs): string =>
  turn === undefined
    ? ""
    : turnRouting({ ...args, httpsPort: args.ports.https, domain: turn.domain, turn: turn.relay });

/** Where a certificate authority asks. */
const CHALLENGES = "/.well-known/acme-challenge/";

const authorityBackend = ({ challengeSocket }: HaproxyArgs): string =>
  challengeSocket === undefined
    ? ""
    : `
# The keeper answers for all nodes.
backend authority
    server keeper unix@${challengeSocket}
`;

/** Over which requests are counted. */
const RATE_SECONDS = 10;

function limitsBackend({ limits }: HaproxyArgs): string {
  if (limits.connectionsPerAddress === 0 && limits.requestsPerAddressAndSecond === 0) return "";
  return `
backend addresses
    stick-table type ipv6 size 100k expire 1m store conn_cur,http_req_rate(${RATE_SECONDS}s)
`;
}
