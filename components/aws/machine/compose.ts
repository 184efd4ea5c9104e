import { dockerName, labels } from "@jitsi-fleet/scaler";
import { HEALTH, knownAddresses, LOG_OPTIONS, scratch } from "../../docker/container";
import { containerHostname } from "../../hostname";
import type { ContainerSpec } from "../../platform";

/** A service as compose takes it (https://docs.docker.com/reference/compose-file). */
export type ComposeService = Readonly<Record<string, unknown>>;

export interface ComposeFile {
  readonly name: string;
  readonly services: Readonly<Record<string, ComposeService>>;
  readonly networks?: Readonly<Record<string, unknown>>;
  readonly volumes: Readonly<Record<string, unknown>>;
}

export interface ComposeArgs {
  readonly stack: string;
  readonly name: string;
  readonly role: string;
  readonly containers: readonly ContainerSpec[];
  readonly privateAddress: string;
}

/** A machine has one node: names in compose need tell nothing apart. Docker's names do tell, to whom looks there. */
const PROJECT = "jitsi-fleet";

/**
 * A node's containers for compose, hardened and bounded as on Docker hosts (docker/container.ts). What only the machine
 * can add is missing: the mount of each container's files at /fleet, whose content it reads from SSM.
 */
export function composeFile(args: ComposeArgs): ComposeFile {
  const { containers, name, stack } = args;
  const volumes = containers.flatMap((spec) => namedVolumes(args, spec));
  const needsNetwork = containers.some(({ network }) => network !== "machine");
  return escaped({
    name: PROJECT,
    services: Object.fromEntries(containers.map((spec) => [spec.name, service(args, spec)])),
    ...(needsNetwork ? { networks: { default: { name: dockerName(stack, name) } } } : {}),
    volumes: Object.fromEntries(volumes.map((volume) => [volume, { name: volume }])),
  });
}

function service(args: ComposeArgs, spec: ContainerSpec): ComposeService {
  const { name, privateAddress, role, stack } = args;
  const { memoryMiB, sharedMemoryMiB } = spec.resources;
  const dockerNameOf = dockerName(stack, name, spec.name);
  return {
    container_name: dockerNameOf,
    image: spec.image,
    pull_policy: "never",
    entrypoint: spec.command,
    environment: spec.env,
    user: spec.user,
    restart: spec.restart === "always" ? "unless-stopped" : "no",
    ...(spec.network === "machine"
      ? { network_mode: "host" }
      : { hostname: containerHostname(dockerNameOf) }),
    extra_hosts: knownAddresses(spec).map(([host, ip]) => `${host}:${ip}`),
    ports: spec.ports.map((port) => ({
      target: port.container,
      published: String(port.published),
      protocol: port.protocol,
      host_ip: port.reach === "world" ? "0.0.0.0" : privateAddress,
    })),
    volumes: mounts(args, spec),
    read_only: true,
    tmpfs: Object.entries(scratch(spec)).map(([path, options]) => `${path}:${options}`),
    cap_drop: ["ALL"],
    ...(spec.capabilities === undefined ? {} : { cap_add: [...spec.capabilities].sort() }),
    security_opt: ["no-new-privileges:true"],
    mem_limit: `${memoryMiB}m`,
    memswap_limit: `${memoryMiB}m`,
    ...(sharedMemoryMiB === undefined ? {} : { shm_size: `${sharedMemoryMiB}m` }),
    logging: { driver: "json-file", options: LOG_OPTIONS },
    ...(spec.healthCheck === undefined
      ? {}
      : {
          healthcheck: {
            test: ["CMD", ...spec.healthCheck],
            interval: `${HEALTH.intervalSeconds}s`,
            timeout: `${HEALTH.timeoutSeconds}s`,
            start_period: `${HEALTH.startSeconds}s`,
            retries: HEALTH.retries,
          },
        }),
    stop_grace_period: `${spec.stopGraceSeconds}s`,
    // None of the user's tags: their machine has them, and containers would start anew for another.
    labels: {
      [labels.stack]: stack,
      [labels.role]: role,
      [labels.node]: name,
    },
  };
}

function mounts(args: ComposeArgs, spec: ContainerSpec): readonly Readonly<Record<string, unknown>>[] {
  const asked = spec.volumes.map((volume) => {
    switch (volume.of) {
      case "machine":
        // A path that is not there is told, not made.
        return {
          type: "bind",
          source: volume.source,
          target: volume.path,
          bind: { create_host_path: false },
        };
      case "neighbour": {
        const neighbour = args.containers.find((other) => other.name === volume.container);
        if (neighbour?.live === undefined)
          throw new Error(`${args.name} has no live configuration of ${volume.container}`);
        return { type: "volume", source: liveVolume(args, volume.container), target: volume.path };
      }
      default:
        return { type: "volume", source: volumeName(args, spec, volume), target: volume.path };
    }
  });
  const changing = spec.live ?? spec.lookedUp;
  return changing === undefined
    ? asked
    : [...asked, { type: "volume", source: liveVolume(args, spec.name), target: changing.directory }];
}

const liveVolume = ({ name, stack }: ComposeArgs, container: string): string =>
  dockerName(stack, name, container, "live");

const volumeName = (
  { name, stack }: ComposeArgs,
  spec: ContainerSpec,
  volume: { readonly of: "container" | "place"; readonly name: string },
): string =>
  volume.of === "place" ? dockerName(stack, volume.name) : dockerName(stack, name, spec.name, volume.name);

const namedVolumes = (args: ComposeArgs, spec: ContainerSpec): string[] => [
  ...spec.volumes.flatMap((volume) =>
    volume.of === "container" || volume.of === "place" ? [volumeName(args, spec, volume)] : [],
  ),
  ...((spec.live ?? spec.lookedUp) === undefined ? [] : [liveVolume(args, spec.name)]),
];

/** Compose takes a $ in a text for a variable. */
function escaped<Value>(value: Value): Value {
  if (typeof value === "string") return value.replaceAll("$", "$$$$") as Value;
  if (Array.isArray(value)) return value.map((item: unknown) => escaped(item)) as Value;
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, escaped(item)])) as Value;
}
