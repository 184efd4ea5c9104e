import * as pulumi from "@pulumi/pulumi";
import { FLEET_DIRECTORY, type ContainerSpec } from "../platform";

/** The relay as users are told of it, over XMPP: TURN over TLS, with credentials that last a day. */
export interface TurnService {
  readonly host: string;
  readonly port: number;
  /** With which Prosody signs the credentials and coturn checks them. Secret. */
  readonly secret: pulumi.Input<string>;
}

export interface TurnContainerArgs {
  readonly image: string;
  /** The name at which users reach it. */
  readonly domain: string;
  readonly secret: pulumi.Input<string>;
  /** IPv4 addresses at which users reach bridges: all that it relays to. A change replaces the container. */
  readonly bridgeAddresses: readonly string[];
}

/** Where it takes HAProxy's connections: TURN over TCP, the user's address before it (PROXY protocol, version 2). */
export const TURN_PORT = 3478;

const CONFIGURATION = "turnserver.conf";
/** The image's own volume: memory over it, so that Docker makes none. */
const DIRECTORY = "/var/lib/coturn";

/** Ten Mbit/s in each direction: a wall of 25 small pictures, or a few large ones. */
const BYTES_PER_SECOND_PER_SESSION = 1_250_000;
/** A user has one or two, for each network of their machine. */
const SESSIONS = 2000;

/**
 * coturn, for users whose network lets out nothing but HTTPS: it relays what they send over TCP to the bridges'
 * media ports over UDP, and to nothing else. It listens for HAProxy alone, beside it and not published; the sockets
 * to the bridges are outgoing, so that no UDP port of it is published either.
 */
export function turnContainer(args: TurnContainerArgs): ContainerSpec {
  return {
    name: "coturn",
    image: args.image,
    command: [
      "/bin/sh",
      "-c",
      // The image's file has a capability (to listen below 1024), so that without that one the kernel runs it for
      // nobody; a copy has none.
      `cp "$(command -v turnserver)" ${DIRECTORY}/turnserver && exec ${DIRECTORY}/turnserver -c ${FLEET_DIRECTORY}/${CONFIGURATION}`,
    ],
    env: {},
    secrets: {},
    files: [
      {
        path: CONFIGURATION,
        content: pulumi.secret(
          pulumi.output(args.secret).apply((secret) => turnConfiguration({ ...args, secret })),
        ),
      },
    ],
    ports: [],
    volumes: [],
    scratch: [{ path: DIRECTORY, sizeMiB: 16, executable: true }],
    // Whether the port is listened at: the image has nothing to ask with. What comes of asking, HAProxy checks.
    healthCheck: [
      "/bin/sh",
      "-c",
      `grep -q ':0*${TURN_PORT.toString(16).toUpperCase()} .* 0A ' /proc/net/tcp /proc/net/tcp6`,
    ],
    user: "65534:65534",
    stopGraceSeconds: 10,
    resources: { memoryMiB: 512 },
    restart: "always",
    knownHosts: {},
  };
}

/** coturn's configuration file; the secret is in it. */
export function turnConfiguration(
  args: Omit<TurnContainerArgs, "image" | "secret"> & { readonly secret: string },
): string {
  return `log-file=stdout
pidfile=${DIRECTORY}/turnserver.pid
# No database of users, realms or peers that could say otherwise: this one is empty, and ends with the container.
userdb=${DIRECTORY}/turndb
no-auth-pings
no-dynamic-ip-list
no-dynamic-realms
no-cli

# TURN over TCP from HAProxy alone, which ends TLS.
tcp-proxy-port=${TURN_PORT}
no-udp
no-tls
no-dtls

realm=${args.domain}
use-auth-secret
static-auth-secret=${args.secret}
fingerprint
stale-nonce=600

# The bridges' media ports and nothing else, by UDP alone: an address that is allowed wins over a range that is not.
no-tcp-relay
no-multicast-peers
denied-peer-ip=0.0.0.0-255.255.255.255
denied-peer-ip=::-ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff
${args.bridgeAddresses.map((address) => `allowed-peer-ip=${address}\n`).join("")}
# No quota per user: Prosody names users by the second in which their credentials expire, which a class shares.
total-quota=${SESSIONS}
max-bps=${BYTES_PER_SECOND_PER_SESSION}
`;
}
