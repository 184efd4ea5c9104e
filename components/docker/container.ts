import type * as docker from "@pulumi/docker";
import type * as pulumi from "@pulumi/pulumi";
import type { ContainerSpec } from "../platform";

export interface Placement {
  readonly name: string;
  /** The host's address for ports that are not the world's. */
  readonly privateAddress: string;
  readonly network: pulumi.Input<string>;
  readonly volumes: docker.types.input.ContainerVolume[];
}

/**
 * A container as the plug-in takes it: read-only, without capabilities, bounded, its log rotated. Values are written
 * the way the daemon reports them, so that a second preview is empty.
 */
export function containerArgs(spec: ContainerSpec, at: Placement): docker.ContainerArgs {
  const { memoryMiB, sharedMemoryMiB } = spec.resources;
  return {
    name: at.name,
    image: spec.image,
    hostname: at.name,
    entrypoints: [...spec.command],
    envs: Object.entries(spec.env).map(([key, value]) => `${key}=${value}`),
    user: spec.user,
    restart: spec.restart === "always" ? "unless-stopped" : "no",
    networkMode: "bridge",
    networksAdvanced: [{ name: at.network, aliases: [spec.name] }],
    hosts: Object.entries(spec.knownHosts).map(([host, ip]) => ({ host, ip })),
    ports: spec.ports.map((port) => ({
      internal: port.container,
      external: port.published,
      protocol: port.protocol,
      ip: port.reach === "world" ? "0.0.0.0" : at.privateAddress,
    })),
    volumes: at.volumes,
    readOnly: true,
    tmpfs: Object.fromEntries(
      spec.scratch.map(({ path, sizeMiB, executable }) => [
        path,
        `size=${sizeMiB}m,mode=1770,uid=${uid(spec)},gid=${uid(spec)},nosuid,nodev,${executable ? "exec" : "noexec"}`,
      ]),
    ),
    capabilities: { drops: ["ALL"] },
    securityOpts: ["no-new-privileges:true"],
    memory: memoryMiB,
    memorySwap: memoryMiB,
    ...(sharedMemoryMiB === undefined ? {} : { shmSize: sharedMemoryMiB }),
    logDriver: "json-file",
    logOpts: { "max-size": "10m", "max-file": "5" },
    ...(spec.healthCheck === undefined
      ? {}
      : {
          healthcheck: {
            tests: ["CMD", ...spec.healthCheck],
            interval: "5s",
            timeout: "6s",
            startPeriod: "1m0s",
            retries: 3,
          },
          wait: true,
          waitTimeout: 180,
        }),
    stopTimeout: spec.stopGraceSeconds,
    // The plug-in kills at once without it, whatever stopTimeout says.
    destroyGraceSeconds: spec.stopGraceSeconds,
    removeVolumes: true,
  };
}

const uid = ({ user }: ContainerSpec): string => user.split(":")[0] ?? "0";
