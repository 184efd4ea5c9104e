import { CERTIFICATE_NAME } from "@jitsi-fleet/scaler";
import * as pulumi from "@pulumi/pulumi";
import { telegrafConfiguration, type CollectorArgs, type Target } from "../monitoring/telegraf/configuration";
import { FLEET_DIRECTORY, type ContainerSpec, type FileSpec, type MetricsPage } from "./platform";

export interface CollectorContainerArgs {
  /** Telegraf 1.37 or later, shaped like the official image. */
  readonly image: string;
  /** What the machine is called in all that is collected there. */
  readonly host: string;
  readonly intervalSeconds: number;
  readonly pages: readonly MetricsPage[];
  readonly outputs: CollectorArgs["outputs"];
  readonly env: Readonly<Record<string, string>>;
}

const CONFIGURATION = "telegraf.conf";
const BUFFER = "/var/lib/telegraf";

/**
 * A machine's collector: Telegraf, on the machine's own network, where the kernel shows it processors, memory, disks and
 * interfaces without a mount. It carries no call, and nothing waits for it: its restart loses a look or two.
 */
export function collectorContainer(args: CollectorContainerArgs): ContainerSpec {
  const { env, host, image, intervalSeconds, outputs, pages } = args;
  const configuration = telegrafConfiguration({
    host,
    intervalSeconds,
    targets: pages.map(targetOf),
    bufferDirectory: BUFFER,
    outputs,
  });
  return {
    name: "collector",
    image,
    command: ["telegraf", "--config", `${FLEET_DIRECTORY}/${CONFIGURATION}`],
    env,
    secrets: {},
    files: [{ path: CONFIGURATION, content: configuration }, ...pages.flatMap(filesOf)],
    ports: [],
    volumes: [{ of: "container", name: "buffer", path: BUFFER, keep: false }],
    scratch: [{ path: "/tmp", sizeMiB: 16, executable: false }],
    // The volume is root's. Without capabilities that is all that root may do.
    user: "0:0",
    network: "machine",
    stopGraceSeconds: 20,
    resources: { memoryMiB: 256 },
    restart: "always",
    knownHosts: {},
  };
}

const fileOf = ({ component }: MetricsPage, what: "token" | "pem"): string => `${component}.${what}`;

function targetOf(page: MetricsPage): Target {
  const { access, component, endpoint, path, tags = {} } = page;
  const url = `${access ? "https" : "http"}://${endpoint.address}:${endpoint.port}${path}`;
  return {
    component,
    url,
    tags,
    ...(access && {
      tokenFile: `${FLEET_DIRECTORY}/${fileOf(page, "token")}`,
      tls: { authorityFile: `${FLEET_DIRECTORY}/${fileOf(page, "pem")}`, serverName: CERTIFICATE_NAME },
    }),
  };
}

function filesOf(page: MetricsPage): FileSpec[] {
  const { access } = page;
  if (access === undefined) return [];
  return [
    { path: fileOf(page, "token"), content: pulumi.secret(access.token) },
    { path: fileOf(page, "pem"), content: access.certificate },
  ];
}
