import type * as pulumi from "@pulumi/pulumi";
import type { ContainerSpec, Route } from "../platform";
import { haproxyConfiguration, type Server } from "./haproxy";

/** Unprivileged inside the container; published as the settings say. */
const HTTP_PORT = 8080;
const HTTPS_PORT = 8443;
const DIRECTORY = "/usr/local/etc/haproxy";
const MAIN = "haproxy.cfg";
const CERTIFICATE = "certificate.pem";

export interface EdgeContainerArgs {
  readonly image: string;
  readonly httpPort: number;
  readonly httpsPort: number;
  readonly peerName: string;
  /** PEM: certificates, then the key. */
  readonly certificate: pulumi.Input<string>;
  readonly servers: readonly Server[];
  readonly routes: readonly Route[];
}

/** HAProxy. It waits for its first configuration; later ones reach it by a graceful reload. */
export function edgeContainer(args: EdgeContainerArgs): ContainerSpec {
  const current = `${DIRECTORY}/current`;
  return {
    name: "haproxy",
    image: args.image,
    command: [
      "/bin/sh",
      "-c",
      // Five minutes for the first configuration, then the restart policy tries again.
      `n=0; until [ -s ${current}/${MAIN} ]; do n=$((n+1)); [ $n -le 1200 ] || exit 1; sleep 0.25; done; exec haproxy -W -db -C ${current} -f ${MAIN}`,
    ],
    env: {},
    secrets: {},
    files: [],
    live: {
      directory: DIRECTORY,
      main: {
        name: MAIN,
        content: haproxyConfiguration({
          httpPort: HTTP_PORT,
          httpsPort: HTTPS_PORT,
          publicHttpsPort: args.httpsPort,
          certificate: CERTIFICATE,
          peerName: args.peerName,
          servers: args.servers,
        }),
      },
      secretFiles: { [CERTIFICATE]: args.certificate },
      check: ["haproxy", "-c", "-f", MAIN],
      reloadSignal: "SIGUSR2",
      settleSeconds: 10,
      routes: args.routes,
    },
    ports: [
      { container: HTTP_PORT, published: args.httpPort, protocol: "tcp", reach: "world" },
      { container: HTTPS_PORT, published: args.httpsPort, protocol: "tcp", reach: "world" },
    ],
    volumes: [],
    scratch: [{ path: "/tmp", sizeMiB: 16, executable: false }],
    user: "99:99",
    stopGraceSeconds: 30,
    resources: { memoryMiB: 1024 },
    restart: "always",
    knownHosts: {},
  };
}
