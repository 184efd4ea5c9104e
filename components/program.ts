import { CONFIGURATION_FILE, type ProgramName } from "@jitsi-fleet/scaler";
import * as pulumi from "@pulumi/pulumi";
import { FLEET_DIRECTORY, PROGRAM_FILE, type ContainerSpec } from "./platform";

export interface ProgramContainerArgs {
  readonly name: string;
  readonly program: ProgramName;
  /** An image of Node 22 or later. */
  readonly image: string;
  /** What the program reads at its start. Secret: tokens are in it. A change replaces the container. */
  readonly configuration: pulumi.Input<object>;
}

const HEARTBEAT_FILE = "/tmp/alive";
/** Above a look at hosts that do not answer, or a call of Docker's that hangs. */
const HEARTBEAT_SECONDS = 45;

/** One of the fleet's own programs, run from a stock Node image. It carries no call: its restart cuts none. */
export function programContainer({
  configuration,
  image,
  name,
  program,
}: ProgramContainerArgs): ContainerSpec {
  return {
    name,
    image,
    command: ["node", PROGRAM_FILE],
    program,
    env: { NODE_ENV: "production", FLEET_HEARTBEAT: HEARTBEAT_FILE },
    secrets: {},
    files: [
      {
        path: CONFIGURATION_FILE.slice(FLEET_DIRECTORY.length + 1),
        content: pulumi.secret(pulumi.jsonStringify(configuration)),
      },
    ],
    ports: [],
    volumes: [],
    scratch: [{ path: "/tmp", sizeMiB: 16, executable: false }],
    healthCheck: [
      "/bin/sh",
      "-c",
      `test $(($(date +%s) - $(stat -c %Y ${HEARTBEAT_FILE}))) -lt ${HEARTBEAT_SECONDS}`,
    ],
    user: "1000:1000",
    stopGraceSeconds: 15,
    resources: { memoryMiB: 256 },
    restart: "always",
    knownHosts: {},
  };
}
