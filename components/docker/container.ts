import type * as docker from "@pulumi/docker";
import { INSTANCE, MEDIA_PORT } from "@jitsi-fleet/scaler";
import type * as pulumi from "@pulumi/pulumi";
import { containerHostname } from "../hostname";
import { FLEET_DIRECTORY, type ContainerSpec, type InstanceSpec } from "../platform";

/**
 * How a container is made on a Docker host, in the words of the plug-in (nodes) and of Docker's own API (instances of
 * pools): read-only, without capabilities but those that it names, bounded, its log rotated.
 */

export const LOG_OPTIONS = { "max-size": "10m", "max-file": "5" };
export const HEALTH = { intervalSeconds: 5, timeoutSeconds: 6, startSeconds: 60, retries: 3 };
const START_LIMIT_SECONDS = 180;

export interface Placement {
  readonly name: string;
  /** The host's address for ports that are not the world's. */
  readonly privateAddress: string;
  /** The first is the node's own, in which it has its short name. */
  readonly networks: readonly pulumi.Input<string>[];
  readonly volumes: docker.types.input.ContainerVolume[];
}

/** A node's container as the plug-in takes it. Values are written as the daemon reports them: a second preview is empty. */
export function containerArgs(spec: ContainerSpec, at: Placement): docker.ContainerArgs {
  const { memoryMiB, sharedMemoryMiB } = spec.resources;
  return {
    name: at.name,
    image: spec.image,
    hostname: containerHostname(at.name),
    entrypoints: [...spec.command],
    envs: environment(spec),
    user: spec.user,
    restart: spec.restart === "always" ? "unless-stopped" : "no",
    ...(spec.network === "machine"
      ? { networkMode: "host" }
      : {
          networkMode: "bridge",
          networksAdvanced: at.networks.map((name, index) => ({
            name,
            ...(index === 0 ? { aliases: [spec.name] } : {}),
          })),
        }),
    hosts: knownAddresses(spec).map(([host, ip]) => ({ host, ip })),
    ports: spec.ports.map((port) => ({
      internal: port.container,
      external: port.published,
      protocol: port.protocol,
      ip: port.reach === "world" ? "0.0.0.0" : at.privateAddress,
    })),
    volumes: at.volumes,
    readOnly: true,
    tmpfs: scratch(spec),
    capabilities: {
      drops: ["ALL"],
      ...(spec.capabilities === undefined ? {} : { adds: [...spec.capabilities].sort() }),
    },
    securityOpts: ["no-new-privileges:true"],
    memory: memoryMiB,
    memorySwap: memoryMiB,
    ...(sharedMemoryMiB === undefined ? {} : { shmSize: sharedMemoryMiB }),
    logDriver: "json-file",
    logOpts: LOG_OPTIONS,
    ...(spec.healthCheck === undefined
      ? {}
      : {
          healthcheck: {
            tests: ["CMD", ...spec.healthCheck],
            interval: `${HEALTH.intervalSeconds}s`,
            timeout: `${HEALTH.timeoutSeconds}s`,
            startPeriod: `${HEALTH.startSeconds / 60}m0s`,
            retries: HEALTH.retries,
          },
          wait: true,
          waitTimeout: START_LIMIT_SECONDS,
        }),
    stopTimeout: spec.stopGraceSeconds,
    // The plug-in kills at once without it, whatever stopTimeout says.
    destroyGraceSeconds: spec.stopGraceSeconds,
    removeVolumes: true,
  };
}

export interface InstancePlacement {
  readonly network: string;
  /** The place's volumes by their name in the spec. */
  readonly volumes: Readonly<Record<string, string>>;
  readonly labels: Readonly<Record<string, string>>;
}

const MIB = 1024 * 1024;
const NANOSECONDS = 1e9;

/**
 * A pool's instance as the agent hands it to Docker (POST /containers/create), but for what the agent fills in. It is
 * never started again by Docker: what ended is replaced, under another name.
 */
export function instanceBody(spec: InstanceSpec, at: InstancePlacement): Record<string, unknown> {
  const { memoryMiB, sharedMemoryMiB } = spec.resources;
  const media = `${MEDIA_PORT}/udp`;
  return {
    Image: spec.image,
    Hostname: INSTANCE,
    Entrypoint: spec.command,
    Env: environment(spec),
    User: spec.user,
    Labels: at.labels,
    StopTimeout: spec.stopGraceSeconds,
    ...(spec.takesMedia ? { ExposedPorts: { [media]: {} } } : {}),
    ...(spec.healthCheck === undefined
      ? {}
      : {
          Healthcheck: {
            Test: ["CMD", ...spec.healthCheck],
            Interval: HEALTH.intervalSeconds * NANOSECONDS,
            Timeout: HEALTH.timeoutSeconds * NANOSECONDS,
            StartPeriod: HEALTH.startSeconds * NANOSECONDS,
            Retries: HEALTH.retries,
          },
        }),
    HostConfig: {
      NetworkMode: at.network,
      ...(spec.takesMedia
        ? { PortBindings: { [media]: [{ HostIp: "0.0.0.0", HostPort: MEDIA_PORT }] } }
        : {}),
      ExtraHosts: knownAddresses(spec).map(([host, ip]) => `${host}:${ip}`),
      Mounts: [
        // Unnamed: it goes with its container.
        { Type: "volume", Target: FLEET_DIRECTORY },
        ...spec.volumes.flatMap((volume) =>
          volume.of === "place"
            ? [{ Type: "volume", Source: at.volumes[volume.name], Target: volume.path }]
            : [],
        ),
      ],
      ReadonlyRootfs: true,
      Tmpfs: scratch(spec),
      CapDrop: ["ALL"],
      SecurityOpt: ["no-new-privileges:true"],
      Memory: memoryMiB * MIB,
      MemorySwap: memoryMiB * MIB,
      ...(sharedMemoryMiB === undefined ? {} : { ShmSize: sharedMemoryMiB * MIB }),
      LogConfig: { Type: "json-file", Config: LOG_OPTIONS },
      RestartPolicy: { Name: "no" },
    },
  };
}

/** The user and group that a container runs as, by their numbers. */
export function ownerOf({ user }: Pick<ContainerSpec, "user">): { uid: number; gid: number } {
  const [uid, gid] = user.split(":").map(Number);
  return { uid: uid ?? 0, gid: gid ?? 0 };
}

export const knownAddresses = ({
  knownHosts,
}: Pick<ContainerSpec, "knownHosts">): [host: string, ip: string][] =>
  Object.entries(knownHosts).flatMap(([host, addresses]) =>
    addresses.map((ip): [string, string] => [host, ip]),
  );

const environment = ({ env }: Pick<ContainerSpec, "env">): string[] =>
  Object.entries(env).map(([key, value]) => `${key}=${value}`);

export function scratch(spec: Pick<ContainerSpec, "scratch" | "user">): Record<string, string> {
  const { gid, uid } = ownerOf(spec);
  return Object.fromEntries(
    spec.scratch.map(({ path, sizeMiB, executable }) => [
      path,
      `size=${sizeMiB}m,mode=1770,uid=${uid},gid=${gid},nosuid,nodev,${executable ? "exec" : "noexec"}`,
    ]),
  );
}
