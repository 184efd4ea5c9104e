import type Docker from "dockerode";
import type { Properties, Value } from "../properties";
import { flag, text } from "../values";
import { bytesPerMiB, decimalCpus, goDuration } from "./values";

/** The part of an inspected container that counts here and that dockerode's types do not have or have as `any`. */
export interface ContainerInfo {
  Id: string;
  Name: string;
  Image: string;
  State: { Running: boolean; ExitCode: number; Health?: { Status: string } };
  Config: Docker.ContainerCreateOptions;
  HostConfig: Omit<Docker.HostConfig, LooselyTyped> & {
    CapAdd: string[] | null;
    CapDrop: string[] | null;
    SecurityOpt: string[] | null;
    ExtraHosts: string[] | null;
    Dns?: string[];
    DnsOptions?: string[];
    LogConfig: { Type: string; Config: Record<string, string> | null };
    Mounts?: MountInfo[];
  };
  NetworkSettings: {
    /** Docker 29 has it no more. */
    Bridge?: string;
    Ports: Record<string, { HostIp: string; HostPort: string }[] | null> | null;
    Networks: Record<string, NetworkEndpoint> | null;
  };
}

type LooselyTyped =
  "CapAdd" | "CapDrop" | "SecurityOpt" | "ExtraHosts" | "Dns" | "DnsOptions" | "LogConfig" | "Mounts";

interface MountInfo {
  Type: string;
  Source?: string;
  Target: string;
  ReadOnly?: boolean;
  BindOptions?: { Propagation?: string };
  TmpfsOptions?: { SizeBytes?: number; Mode?: number };
}

interface NetworkEndpoint {
  IPAddress: string;
  IPPrefixLen: number;
  Gateway: string;
  GlobalIPv6Address: string;
  GlobalIPv6PrefixLen: number;
  IPv6Gateway: string;
  MacAddress: string;
}

/**
 * The state of a container as the real plug-in reads it. Environment, labels, volumes, networks and uploads are never
 * read back.
 */
export function stateOf(info: ContainerInfo, inputs: Properties): Properties {
  const { Config: config, HostConfig: host, NetworkSettings: network } = info;
  const megabytes = (bytes = 0): number => (bytes > 0 ? Math.floor(bytes / bytesPerMiB) : bytes);
  const read: Properties = {
    name: info.Name.replace(/^\//, ""),
    rm: host.AutoRemove ?? false,
    readOnly: host.ReadonlyRootfs ?? false,
    image: text(inputs["image"])?.startsWith("sha256:") === true ? info.Image : (config.Image ?? ""),
    hostname: config.Hostname ?? "",
    domainname: config.Domainname ?? "",
    command: config.Cmd ?? [],
    entrypoints: [config.Entrypoint ?? []].flat(),
    user: config.User ?? "",
    workingDir: config.WorkingDir ?? "",
    dns: host.Dns ?? [],
    dnsOpts: host.DnsOptions ?? [],
    dnsSearches: host.DnsSearch ?? [],
    securityOpts: host.SecurityOpt ?? [],
    publishAllPorts: host.PublishAllPorts ?? false,
    restart: host.RestartPolicy?.Name ?? "no",
    maxRetryCount: host.RestartPolicy?.MaximumRetryCount ?? 0,
    init: host.Init ?? false,
    runtime: host.Runtime ?? "",
    tmpfs: host.Tmpfs ?? {},
    mounts: (host.Mounts ?? []).map(mountState),
    hosts: (host.ExtraHosts ?? []).map((entry) => {
      const separator = entry.indexOf(":");
      return { host: entry.slice(0, separator), ip: entry.slice(separator + 1) };
    }),
    privileged: host.Privileged ?? false,
    memory: megabytes(host.Memory),
    memoryReservation: megabytes(host.MemoryReservation),
    memorySwap: megabytes(host.MemorySwap),
    shmSize: megabytes(host.ShmSize),
    cpuShares: host.CpuShares ?? 0,
    cpuSet: host.CpusetCpus ?? "",
    logDriver: host.LogConfig.Type,
    storageOpts: host.StorageOpt ?? {},
    networkMode: host.NetworkMode ?? "",
    usernsMode: host.UsernsMode ?? "",
    sysctls: host.Sysctls ?? {},
    ipcMode: host.IpcMode ?? "",
    groupAdds: host.GroupAdd ?? [],
    tty: config.Tty ?? false,
    stdinOpen: config.OpenStdin ?? false,
    stopSignal: config.StopSignal ?? "",
    stopTimeout: config.StopTimeout ?? 0,
  };
  if ((host.CapAdd ?? host.CapDrop) !== null) {
    read["capabilities"] = { adds: host.CapAdd ?? [], drops: host.CapDrop ?? [] };
  }
  if ((host.NanoCpus ?? 0) > 0) read["cpus"] = decimalCpus(host.NanoCpus ?? 0);
  if (config.Healthcheck !== undefined) {
    const { Test, Interval, Timeout, StartPeriod, StartInterval, Retries } = config.Healthcheck;
    read["healthcheck"] = {
      tests: Test ?? [],
      interval: goDuration(Interval ?? 0),
      timeout: goDuration(Timeout ?? 0),
      startPeriod: goDuration(StartPeriod ?? 0),
      startInterval: goDuration(StartInterval ?? 0),
      retries: Retries ?? 0,
    };
  }
  if (inputs["logOpts"] !== undefined) read["logOpts"] = host.LogConfig.Config ?? {};
  if (inputs["pidMode"] !== undefined) read["pidMode"] = host.PidMode ?? "";
  if (inputs["ulimits"] !== undefined) {
    read["ulimits"] = (host.Ulimits ?? []).map(({ Name, Soft, Hard }) => ({
      name: Name ?? "",
      soft: Soft ?? 0,
      hard: Hard ?? 0,
    }));
  }
  if (inputs["ports"] !== undefined && (info.State.Running || flag(inputs["mustRun"]))) {
    read["ports"] = portState(network.Ports ?? {});
  }
  if (!info.State.Running) {
    read["exitCode"] = info.State.ExitCode;
    if (flag(inputs["mustRun"])) read["mustRun"] = false;
  }
  const configured = Object.fromEntries(Object.entries(inputs).filter(([key]) => !(key in read)));
  return {
    envs: [],
    labels: [],
    exitCode: 0,
    containerLogs: "",
    ...configured,
    ...read,
    bridge: network.Bridge ?? "",
    networkDatas: Object.entries(network.Networks ?? {}).map(([networkName, endpoint]) => ({
      networkName,
      ipAddress: endpoint.IPAddress,
      ipPrefixLength: endpoint.IPPrefixLen,
      gateway: endpoint.Gateway,
      globalIpv6Address: endpoint.GlobalIPv6Address,
      globalIpv6PrefixLength: endpoint.GlobalIPv6PrefixLen,
      ipv6Gateway: endpoint.IPv6Gateway,
      macAddress: endpoint.MacAddress,
    })),
  };
}

function mountState(mount: MountInfo): Properties {
  return {
    type: mount.Type,
    target: mount.Target,
    source: mount.Source ?? "",
    readOnly: mount.ReadOnly ?? false,
    ...(mount.BindOptions === undefined
      ? {}
      : { bindOptions: { propagation: mount.BindOptions.Propagation ?? "" } }),
    ...(mount.TmpfsOptions === undefined
      ? {}
      : {
          tmpfsOptions: { sizeBytes: mount.TmpfsOptions.SizeBytes ?? 0, mode: mount.TmpfsOptions.Mode ?? 0 },
        }),
  };
}

function portState(ports: Record<string, { HostIp: string; HostPort: string }[] | null>): Value {
  return Object.entries(ports).flatMap(([key, bindings]) => {
    const [internal, protocol = "tcp"] = key.split("/");
    return (bindings ?? []).map(({ HostIp, HostPort }) => ({
      internal: Number(internal),
      external: Number(HostPort),
      ip: HostIp,
      protocol,
    }));
  });
}
