import {
  SHARES_MAP,
  STATES_MAP,
  TENANTS_MAP,
  type AcmeOptions,
  type KeeperConfiguration,
} from "@jitsi-fleet/scaler";
import * as pulumi from "@pulumi/pulumi";
import { PROGRAM_FILE, type AddressOf, type ContainerSpec, type Route } from "../platform";
import { programContainer } from "../program";
import type { Settings } from "../settings";
import { haproxyMemoryMiB } from "../settings/edgeMemory";
import { edgeScript } from "./edgeScript";
import { ADMIN_SOCKET, haproxyConfiguration, type EdgePeer, type Server } from "./haproxy";
import { TURN_PORT, turnContainer, type TurnContainerArgs } from "./turn";
import { mapFile, placementMaps } from "./placement";
import { routingMap } from "./routingKey";

/** Inside the container, unprivileged; published as the settings and the platform say. */
const PORTS = { http: 8080, https: 8443, handover: 8444, peers: 1024, metrics: 8405 } as const;
const KEEPER_PORT = 8406;
const DIRECTORY = "/usr/local/etc/haproxy";
const RUN = "run";
const MAIN = "haproxy.cfg";
const CERTIFICATE = "certificate.pem";
/** Those that come by ACME: the keeper's to write. */
const OBTAINED = `${DIRECTORY}/${RUN}/certificate.pem`;
const CHALLENGE_SOCKET = `${DIRECTORY}/${RUN}/authority.sock`;
const USER = "99:99";
const HAPROXY = "haproxy";
const KEEPER = "keeper";
const ROUTING = { map: "routing.map", script: "edge.lua" };

export interface EdgeContainersArgs {
  readonly node: string;
  readonly address: AddressOf<"edge">;
  readonly image: string;
  readonly nodeImage: string;
  readonly edge: Settings["edge"];
  /** Ranges of load balancers that ask by PROXY protocol whether it is alive. */
  readonly proxiedChecksFrom: readonly string[];
  /** The other nodes' HAProxies. */
  readonly others: readonly EdgePeer[];
  /** PEM: certificates, then the key. What HAProxy starts with where `acme` says that more come. */
  readonly certificate: pulumi.Input<string>;
  readonly acme: pulumi.Input<AcmeOptions> | undefined;
  readonly servers: readonly Server[];
  readonly routes: readonly Route[];
  readonly keeper: pulumi.Input<KeeperLinks>;
  /** The relay beside it, where users are offered one. */
  readonly turn?: TurnContainerArgs | undefined;
}

/** How a node's keeper finds the others. */
export type KeeperLinks = Pick<KeeperConfiguration, "stack" | "order" | "others"> &
  Pick<KeeperConfiguration["listen"], "token" | "tls">;

/**
 * One node of the edge: HAProxy, the keeper that agrees with the other nodes' on which shards take rooms, and the relay
 * where there is one.
 */
export function edgeContainers(args: EdgeContainersArgs): ContainerSpec[] {
  return [haproxy(args), keeper(args), ...(args.turn === undefined ? [] : [turnContainer(args.turn)])];
}

/** HAProxy. It waits for its first configuration; later ones reach it by a graceful reload. */
function haproxy(args: EdgeContainersArgs): ContainerSpec {
  const { address, edge } = args;
  const current = `${DIRECTORY}/current`;
  const { shares, tenants } = placementMaps(edge.releases);
  const states = Object.fromEntries(args.routes.map(({ node, state }) => [node, state]));
  return {
    name: HAPROXY,
    image: args.image,
    command: [
      "/bin/sh",
      "-c",
      // Five minutes for the first configuration, then the restart policy tries again.
      `n=0; until [ -s ${current}/${MAIN} ]; do n=$((n+1)); [ $n -le 1200 ] || exit 1; sleep 0.25; done; exec haproxy -W -db -S ${DIRECTORY}/${RUN}/master.sock -C ${current} -f ${MAIN}`,
    ],
    env: {},
    secrets: {},
    files: [],
    live: {
      directory: DIRECTORY,
      run: RUN,
      main: {
        name: MAIN,
        content: haproxyConfiguration({
          ports: PORTS,
          publicHttpsPort: edge.httpsPort,
          certificate: args.acme === undefined ? CERTIFICATE : OBTAINED,
          ...(args.acme === undefined ? {} : { challengeSocket: CHALLENGE_SOCKET }),
          routing: ROUTING,
          socketDirectory: `${DIRECTORY}/${RUN}`,
          ...(args.turn === undefined
            ? {}
            : { turn: { domain: args.turn.domain, relay: { address: "coturn", port: TURN_PORT } } }),
          node: args.node,
          others: args.others,
          servers: args.servers,
          placedReleases: edge.releases.map(({ release }) => release),
          limits: edge.limits,
          proxyProtocolFrom: edge.proxyProtocolFrom,
          proxiedChecksFrom: args.proxiedChecksFrom,
        }),
      },
      // What routes is no secret; it only has to be there with the configuration that reads it.
      secretFiles: {
        [CERTIFICATE]: args.certificate,
        [ROUTING.map]: routingMap(),
        [ROUTING.script]: edgeScript({
          statesFile: STATES_MAP,
          handoverPort: PORTS.handover,
          hasOthers: args.others.length > 0,
        }),
      },
      quietFiles: {
        [STATES_MAP]: mapFile(states),
        [TENANTS_MAP]: mapFile(tenants),
        [SHARES_MAP]: mapFile(shares),
      },
      settled: { container: KEEPER, command: ["node", PROGRAM_FILE, "settled"] },
      leave: { container: KEEPER, command: ["node", PROGRAM_FILE, "leave"] },
      check:
        args.acme === undefined
          ? ["haproxy", "-c", "-f", MAIN]
          : [
              "/bin/sh",
              "-c",
              // Until the first one is obtained.
              `umask 077; [ -s ${OBTAINED} ] || cp ${CERTIFICATE} ${OBTAINED}; exec haproxy -c -f ${MAIN}`,
            ],
      reloadSignal: "SIGUSR2",
      settleSeconds: 10,
      routes: args.routes,
    },
    ports: [
      { container: PORTS.http, published: edge.httpPort, protocol: "tcp", reach: "world" },
      { container: PORTS.https, published: edge.httpsPort, protocol: "tcp", reach: "world" },
      {
        container: PORTS.peers,
        published: address.endpoints.peers.port,
        protocol: "tcp",
        reach: "private",
      },
      {
        container: PORTS.handover,
        published: address.endpoints.entry.port,
        protocol: "tcp",
        reach: "private",
      },
      {
        container: PORTS.metrics,
        published: address.endpoints.metrics.port,
        protocol: "tcp",
        reach: "private",
      },
    ],
    volumes: [],
    scratch: [{ path: "/tmp", sizeMiB: 16, executable: false }],
    user: USER,
    // Requests under way end in time; websockets last as long as it does, and resume elsewhere only then.
    stopGraceSeconds: 10,
    resources: { memoryMiB: haproxyMemoryMiB(edge.limits.roomsRemembered) },
    restart: "always",
    knownHosts: {},
  };
}

function keeper({ acme, address, edge, keeper: links, node, nodeImage }: EdgeContainersArgs): ContainerSpec {
  const configuration = pulumi
    .all([links, acme])
    .apply(
      ([{ order, others, stack, tls, token }, options]): Omit<
        KeeperConfiguration,
        "times" | "roomsSeconds"
      > => ({
        stack,
        node,
        order,
        others,
        listen: { address: "0.0.0.0", port: KEEPER_PORT, token, ...(tls ? { tls } : {}) },
        haproxy: {
          socket: `${DIRECTORY}/${RUN}/${ADMIN_SOCKET}`,
          master: `${DIRECTORY}/${RUN}/master.sock`,
          configuration: `${DIRECTORY}/current`,
        },
        health: { intervalSeconds: 1, ...edge.health },
        ...(options
          ? {
              certificates: {
                options,
                directory: `${DIRECTORY}/${RUN}/acme`,
                file: OBTAINED,
                challengeSocket: CHALLENGE_SOCKET,
              },
            }
          : {}),
      }),
    );
  return {
    ...programContainer({ name: KEEPER, program: "keeper", image: nodeImage, configuration }),
    ports: [
      {
        container: KEEPER_PORT,
        published: address.endpoints.keeper.port,
        protocol: "tcp",
        reach: "private",
      },
    ],
    volumes: [{ of: "neighbour", container: HAPROXY, path: DIRECTORY }],
    // HAProxy's sockets are HAProxy's own.
    user: USER,
  };
}
