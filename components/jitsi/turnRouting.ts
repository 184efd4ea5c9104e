import type { Endpoint } from "../platform";

export interface TurnRoutingArgs {
  /** The name that leads to TURN; all others lead to the meetings. */
  readonly domain: string;
  /** Where HAProxy listens for users of both. */
  readonly httpsPort: number;
  /** File of a certificate for both names with its key, beside the configuration. */
  readonly certificate: string;
  /** Directory for the sockets between HAProxy's own frontends; it may write there. */
  readonly socketDirectory: string;
  /** Load balancers in front that tell the user's address by PROXY protocol. */
  readonly proxyProtocolFrom: readonly string[];
  /** coturn. The address may be a name that resolves only later, and changes. */
  readonly turn: Endpoint;
}

const httpsSocket = ({ socketDirectory }: Pick<TurnRoutingArgs, "socketDirectory">): string =>
  `unix@${socketDirectory}/https.sock`;
const turnSocket = ({ socketDirectory }: TurnRoutingArgs): string => `unix@${socketDirectory}/turn.sock`;

/** Where the meetings' frontend listens behind the shared port, in place of the port itself. It still ends TLS. */
export function httpsListener(args: Pick<TurnRoutingArgs, "socketDirectory">): string {
  return `${httpsSocket(args)} accept-proxy`;
}

/**
 * The last sections of haproxy.cfg (their defaults are their own), by which TURN over TLS shares the meetings' port: connections are told apart by the
 * server name in TLS's first message, before TLS begins, and handed to the frontend that ends it together with the
 * user's address. Each is two in HAProxy, and takes twice the file descriptors.
 */
export function turnRouting(args: TurnRoutingArgs): string {
  return `
defaults
    mode tcp
    timeout connect 5s
    timeout client 90s
    timeout server 90s
    timeout tunnel 1h
    timeout check 5s

# It logs nothing: the frontends behind it do.
frontend shared
    bind :${args.httpsPort}
${args.proxyProtocolFrom.length > 0 ? `    tcp-request connection expect-proxy layer4 if { src ${args.proxyProtocolFrom.join(" ")} }\n` : ""}    tcp-request inspect-delay 5s
    # True once the message is whole: with a post-quantum key it comes in two packets.
    tcp-request content accept if { req.ssl_hello_type 1 }
    use_backend shared_turn if { req.ssl_sni -i ${args.domain} }
    default_backend shared_https

backend shared_https
    server https ${httpsSocket(args)} send-proxy-v2

backend shared_turn
    server turn ${turnSocket(args)} send-proxy-v2

frontend turn
    log global
    option tcplog
    option dontlognull
    bind ${turnSocket(args)} accept-proxy ssl crt ${args.certificate}
    default_backend coturn

resolvers hosts
    parse-resolv-conf
    hold valid 5s

backend coturn
    log global
    # A STUN binding request, and the first two bytes of its success.
    option tcp-check
    # It closes as clients do: a reset is an error in coturn's log.
    tcp-check connect send-proxy linger
    tcp-check send-binary 000100002112a442666c6565742d636865636b73
    tcp-check expect binary 0101
    server coturn ${args.turn.address}:${args.turn.port} send-proxy-v2 check inter 5s resolvers hosts init-addr last,libc,none
`;
}
