import type Docker from "dockerode";
import { isObject, type Properties, type Value } from "../properties";
import { flag, number, objects, text, textMap, texts, written } from "../values";
import { bytesPerMiB, labelMap, nanoseconds } from "./values";

/** The inputs as the API's options for a new container. */
export function creationOptions(inputs: Properties): Docker.ContainerCreateOptions {
  const ports = objects(inputs["ports"]);
  const portKey = (port: Properties): string =>
    `${number(port["internal"]) ?? 0}/${text(port["protocol"]) ?? "tcp"}`;
  const volumes = objects(inputs["volumes"]);
  const health = inputs["healthcheck"];
  const options: Docker.ContainerCreateOptions = {
    name: text(inputs["name"]) ?? "",
    Image: text(inputs["image"]) ?? "",
    Hostname: text(inputs["hostname"]) ?? "",
    Domainname: text(inputs["domainname"]) ?? "",
    User: text(inputs["user"]) ?? "",
    WorkingDir: text(inputs["workingDir"]) ?? "",
    Tty: flag(inputs["tty"]),
    OpenStdin: flag(inputs["stdinOpen"]),
    Env: texts(inputs["envs"]),
    Labels: labelMap(inputs["labels"]),
    ExposedPorts: Object.fromEntries(ports.map((port) => [portKey(port), {}])),
    Volumes: Object.fromEntries(
      volumes.flatMap((volume) =>
        text(volume["containerPath"]) === undefined ? [] : [[volume["containerPath"], {}]],
      ),
    ) as Record<string, object>,
    HostConfig: hostConfig(inputs, ports, portKey, volumes),
  };
  if (inputs["command"] !== undefined) options.Cmd = texts(inputs["command"]);
  if (inputs["entrypoints"] !== undefined) options.Entrypoint = texts(inputs["entrypoints"]);
  if (text(inputs["stopSignal"]) !== undefined) options.StopSignal = text(inputs["stopSignal"]);
  if (number(inputs["stopTimeout"]) !== undefined) options.StopTimeout = number(inputs["stopTimeout"]);
  if (isObject(health)) {
    options.Healthcheck = {
      Test: texts(health["tests"]),
      Interval: nanoseconds(health["interval"]),
      Timeout: nanoseconds(health["timeout"]),
      StartPeriod: nanoseconds(health["startPeriod"]),
      StartInterval: nanoseconds(health["startInterval"]),
      Retries: number(health["retries"]) ?? 0,
    };
  }
  return options;
}

function hostConfig(
  inputs: Properties,
  ports: Properties[],
  portKey: (port: Properties) => string,
  volumes: Properties[],
): Docker.HostConfig {
  const bindings = new Map<string, { HostIp: string; HostPort: string }[]>();
  for (const port of ports) {
    const binding = {
      HostIp: text(port["ip"]) ?? "",
      HostPort: port["external"] === undefined ? "" : written(port["external"]),
    };
    bindings.set(portKey(port), [...(bindings.get(portKey(port)) ?? []), binding]);
  }
  const capabilities = isObject(inputs["capabilities"]) ? inputs["capabilities"] : {};
  const cpus = text(inputs["cpus"]);
  return {
    Binds: volumes.flatMap(bindOf),
    VolumesFrom: volumes.flatMap((volume) => text(volume["fromContainer"]) ?? []),
    // The typing of dockerode has one mount here, the API has a list.
    Mounts: objects(inputs["mounts"]).map(mountOf) as unknown as Docker.HostConfig["Mounts"],
    Tmpfs: textMap(inputs["tmpfs"]),
    PortBindings: Object.fromEntries(bindings),
    PublishAllPorts: flag(inputs["publishAllPorts"]),
    NetworkMode: text(inputs["networkMode"]) ?? "bridge",
    ExtraHosts: objects(inputs["hosts"]).map((host) => `${written(host["host"])}:${written(host["ip"])}`),
    Dns: texts(inputs["dns"]),
    DnsOptions: texts(inputs["dnsOpts"]),
    DnsSearch: texts(inputs["dnsSearches"]),
    RestartPolicy: restartPolicy(inputs),
    AutoRemove: flag(inputs["rm"]),
    ReadonlyRootfs: flag(inputs["readOnly"]),
    Privileged: flag(inputs["privileged"]),
    CapAdd: texts(capabilities["adds"]),
    CapDrop: texts(capabilities["drops"]),
    SecurityOpt: texts(inputs["securityOpts"]),
    GroupAdd: texts(inputs["groupAdds"]),
    Init: flag(inputs["init"]),
    Runtime: text(inputs["runtime"]) ?? "",
    Memory: bytesOf(inputs["memory"]),
    MemoryReservation: bytesOf(inputs["memoryReservation"]),
    MemorySwap: bytesOf(inputs["memorySwap"]),
    ShmSize: bytesOf(inputs["shmSize"]),
    CpuShares: number(inputs["cpuShares"]) ?? 0,
    CpusetCpus: text(inputs["cpuSet"]) ?? "",
    ...(cpus === undefined
      ? { CpuPeriod: number(inputs["cpuPeriod"]) ?? 0, CpuQuota: number(inputs["cpuQuota"]) ?? 0 }
      : { NanoCpus: Math.round(Number(cpus) * 1e9) }),
    LogConfig: { Type: text(inputs["logDriver"]) ?? "", Config: textMap(inputs["logOpts"]) },
    StorageOpt: textMap(inputs["storageOpts"]),
    Sysctls: textMap(inputs["sysctls"]),
    IpcMode: text(inputs["ipcMode"]) ?? "",
    PidMode: text(inputs["pidMode"]) ?? "",
    UsernsMode: text(inputs["usernsMode"]) ?? "",
    CgroupParent: text(inputs["cgroupParent"]) ?? "",
    ...(text(inputs["cgroupnsMode"]) === undefined ? {} : { CgroupnsMode: text(inputs["cgroupnsMode"]) }),
    Devices: objects(inputs["devices"]).map((device) => ({
      PathOnHost: text(device["hostPath"]) ?? "",
      PathInContainer: text(device["containerPath"]) ?? text(device["hostPath"]) ?? "",
      CgroupPermissions: text(device["permissions"]) ?? "rwm",
    })),
    Ulimits: objects(inputs["ulimits"]).map((limit) => ({
      Name: text(limit["name"]) ?? "",
      Soft: number(limit["soft"]) ?? 0,
      Hard: number(limit["hard"]) ?? 0,
    })),
  };
}

export function restartPolicy(inputs: Properties): Docker.HostRestartPolicy {
  return { Name: text(inputs["restart"]) ?? "no", MaximumRetryCount: number(inputs["maxRetryCount"]) ?? 0 };
}

/** -1 stays: no limit. */
export function bytesOf(value: Value | undefined): number {
  const amount = number(value) ?? 0;
  return amount > 0 ? amount * bytesPerMiB : amount;
}

function bindOf(volume: Properties): string[] {
  const [from, path] = [text(volume["fromContainer"]), text(volume["containerPath"])];
  if (from === undefined && path === undefined)
    throw new Error("volume entry without container path or source container");
  if (from !== undefined && path !== undefined)
    throw new Error("both a container and a path specified in a volume entry");
  const source = text(volume["hostPath"]) ?? text(volume["volumeName"]);
  if (source === undefined || path === undefined) return [];
  const label = text(volume["selinuxRelabel"]);
  return [
    `${source}:${path}:${flag(volume["readOnly"]) ? "ro" : "rw"}${label === undefined ? "" : `,${label}`}`,
  ];
}

function mountOf(mount: Properties): object {
  const bind = mount["bindOptions"];
  const tmpfs = mount["tmpfsOptions"];
  return {
    Type: text(mount["type"]) ?? "",
    Source: text(mount["source"]) ?? "",
    Target: text(mount["target"]) ?? "",
    ReadOnly: flag(mount["readOnly"]),
    ...(isObject(bind) ? { BindOptions: { Propagation: text(bind["propagation"]) ?? "" } } : {}),
    ...(isObject(tmpfs)
      ? { TmpfsOptions: { SizeBytes: number(tmpfs["sizeBytes"]) ?? 0, Mode: number(tmpfs["mode"]) ?? 0 } }
      : {}),
  };
}
