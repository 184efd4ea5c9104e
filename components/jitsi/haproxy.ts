import type { Endpoint } from "../platform";
import type { ShardSpec } from "../settings";

/** A shard as HAProxy sees it. */
export interface Server {
  readonly name: string;
  readonly number: number;
  readonly state: ShardSpec["state"];
  readonly web: Endpoint;
}

export interface HaproxyArgs {
  /** Where the container listens for users. */
  readonly httpPort: number;
  readonly httpsPort: number;
  /** The port that users see, for the redirect from HTTP. */
  readonly publicHttpsPort: number;
  /** File of the certificate with its key, beside the configuration. */
  readonly certificate: string;
  readonly peerName: string;
  readonly servers: readonly Server[];
}

/**
 * One key for every request of a room: tenant and room, lower-cased, encodings undone. Consistent hash on it, so
 * that nodes agree without asking; stick table on it, so that a room stays where it is when shards come or go.
 * Measured in the project's routing notes: 0 of 1000 rooms split, where round robin splits 730.
 */
export function haproxyConfiguration(args: HaproxyArgs): string {
  const redirectPort = args.publicHttpsPort === 443 ? "" : `:${args.publicHttpsPort}`;
  return `global
    log stdout format raw local0 info
    localpeer ${args.peerName}
    # As many connections as the container's file limit allows, up to some 25,000.
    fd-hard-limit 50000
    hard-stop-after 6h
    ssl-default-bind-options ssl-min-ver TLSv1.2 no-tls-tickets
    ssl-default-bind-ciphers ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-RSA-AES256-GCM-SHA384:ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305
    ssl-default-bind-ciphersuites TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256

# The old process hands its tables to the new one over a connection to itself.
peers edge
    peer ${args.peerName} 127.0.0.1:1024

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
    timeout http-request 10s
    timeout http-keep-alive 60s
    timeout check 5s

frontend http
    bind :${args.httpPort}
    http-request redirect location https://%[req.hdr(host),field(1,:)]${redirectPort}%[capture.req.uri] code 301

frontend https
    bind :${args.httpsPort} ssl crt ${args.certificate} alpn h2,http/1.1
    http-response set-header Strict-Transport-Security "max-age=31536000"
    http-request set-header X-Forwarded-For %[src]
    http-request set-header X-Forwarded-Proto https
    http-request deny deny_status 404 if { path_reg -i ^/_health }
    http-request set-var(txn.path) path,lower,regsub(//+,/,g),regsub(/$,)
    acl has_query_room url_param(room) -m found
    # Paths of the application, with a tenant before them or not.
    acl asset var(txn.path) -m reg ^(/[^/]+)?/(libs|css|static|images|fonts|lang|sounds|connection_optimization|\.well-known)/
    acl asset var(txn.path) -m reg /(config\.js|interface_config\.js|external_api\.js|manifest\.json|pwa-worker\.js|robots\.txt|favicon\.(ico|svg|png)|http-bind|xmpp-websocket|_unlock|conference-request/v1)$
    acl page var(txn.path) -m reg ^/[^/]+(/[^/]+)?$
    acl tenanted var(txn.path) -m reg ^/[^/]+/[^/]+
    acl reserved var(txn.path) -m reg ^/(conference-request|libs|css|static|images|fonts|lang|sounds|connection_optimization|\.well-known)/

    http-request set-var(txn.tenant) var(txn.path),field(2,/) if tenanted !reserved
    http-request set-var(txn.room) url_param(room) if has_query_room
    http-request set-var(txn.room) var(txn.path),regsub(^.*/,) if !has_query_room page !asset
    # Twice, for clients that encode twice. What cannot be decoded stays as it is.
    http-request set-var(txn.tenant) var(txn.tenant),url_dec
    http-request set-var(txn.tenant) var(txn.tenant),url_dec
    http-request set-var(txn.room) var(txn.room),url_dec
    http-request set-var(txn.room) var(txn.room),url_dec
    http-request set-var(txn.tenant) var(txn.tenant),lower
    http-request set-var(txn.room) var(txn.room),lower
    http-request set-var-fmt(txn.key) %[var(txn.tenant)]/%[var(txn.room)] if { var(txn.room) -m found }

    use_backend rooms if { var(txn.key) -m found }
    default_backend assets

backend rooms
    balance hash var(txn.key)
    hash-type consistent sdbm avalanche
    stick-table type string len 256 size 200k expire 2h srvkey addr peers edge
    stick on var(txn.key)
    # nginx says it on most answers, but not where a websocket begins.
    http-response set-header X-Jitsi-Shard %[srv_name] unless { res.hdr(X-Jitsi-Shard) -m found }
    option httpchk
    http-check send meth GET uri /_health
    http-check expect status 200
    default-server check inter 2s fall 3 rise 2 on-marked-down shutdown-sessions
${args.servers.map(serverLine).join("\n")}

# What belongs to no room is the same on every shard.
backend assets
    balance roundrobin
${args.servers.map((server) => `${bareServerLine(server)} track rooms/${server.name}`).join("\n")}
`;
}

/** Server ids stay with the shard's number, whatever the order in the settings. */
const bareServerLine = ({ name, number, web }: Server): string =>
  `    server ${name} ${web.address}:${web.port} id ${100 + number}`;

function serverLine(server: Server): string {
  // Weight 0 keeps the rooms that stick and hashes no new one there.
  const state = { ready: "", drain: " weight 0", maint: " disabled" }[server.state];
  return `${bareServerLine(server)}${state}`;
}
