import { readFile } from "node:fs/promises";
import { buffer } from "node:stream/consumers";
import { setTimeout as sleep } from "node:timers/promises";
import type Docker from "dockerode";
import { type Operation, PartlyCreatedError, type Resource, type ResourceType } from "../core";
import { changesBetween, isList, isObject, type Properties, type Value } from "../properties";
import type { DockerHost } from "./connection";
import { findImage } from "./image";
import { flag, number, objects, text, texts } from "../values";
import { bytesOf, creationOptions, restartPolicy } from "./containerOptions";
import { type ContainerInfo, stateOf } from "./containerState";
import { isNotFound, messageOf } from "./values";

const healthPollMs = 200;

/** Changes of these are carried out on the running container. */
const updatedInPlace = [
  "restart",
  "maxRetryCount",
  "cpuShares",
  "memory",
  "memoryReservation",
  "memorySwap",
  "cpuSet",
] as const;

/** Changes of these are only noted: the real plug-in neither replaces nor updates the container for them. */
const notedOnly = [
  "containerReadRefreshTimeoutMilliseconds",
  "cpuPeriod",
  "cpuQuota",
  "destroyGraceSeconds",
  "healthcheck",
  "init",
  "removeVolumes",
  "rm",
  "start",
  "tmpfs",
  "wait",
  "waitTimeout",
] as const;

const replacing = [
  "capabilities",
  "cgroupParent",
  "cgroupnsMode",
  "command",
  "cpus",
  "devices",
  "dns",
  "dnsOpts",
  "dnsSearches",
  "domainname",
  "entrypoints",
  "envs",
  "groupAdds",
  "hostname",
  "hosts",
  "image",
  "ipcMode",
  "labels",
  "logDriver",
  "logOpts",
  "mounts",
  "name",
  "networkMode",
  "networksAdvanced",
  "pidMode",
  "ports",
  "privileged",
  "publishAllPorts",
  "readOnly",
  "runtime",
  "securityOpts",
  "shmSize",
  "stdinOpen",
  "stopSignal",
  "stopTimeout",
  "storageOpts",
  "sysctls",
  "tty",
  "ulimits",
  "uploads",
  "user",
  "usernsMode",
  "volumes",
  "workingDir",
] as const;

const defaults: Properties = {
  containerReadRefreshTimeoutMilliseconds: 15000,
  memoryReservation: 0,
  mustRun: true,
  networkMode: "bridge",
  readOnly: false,
  removeVolumes: true,
  restart: "no",
  rm: false,
  start: true,
  stdinOpen: false,
  tty: false,
  wait: false,
  waitTimeout: 60,
};

const nested: Record<string, readonly string[]> = {
  capabilities: ["adds", "drops"],
  devices: ["hostPath", "containerPath", "permissions"],
  healthcheck: ["tests", "interval", "timeout", "startPeriod", "startInterval", "retries"],
  hosts: ["host", "ip"],
  labels: ["label", "value"],
  mounts: ["target", "source", "type", "readOnly", "bindOptions", "tmpfsOptions"],
  networksAdvanced: [
    "name",
    "aliases",
    "ipv4Address",
    "ipv6Address",
    "linkLocalIps",
    "macAddress",
    "driverOpts",
  ],
  ports: ["internal", "external", "ip", "protocol"],
  ulimits: ["name", "soft", "hard"],
  uploads: ["content", "contentBase64", "source", "sourceHash", "file", "executable", "permissions"],
  volumes: ["containerPath", "hostPath", "volumeName", "fromContainer", "readOnly", "selinuxRelabel"],
};

/** Defaults inside lists and objects. */
function complete(inputs: Properties): Properties {
  const { ports, devices, healthcheck } = inputs;
  const filled: Properties = { ...inputs };
  if (ports !== undefined) filled["ports"] = withEach(ports, { ip: "0.0.0.0", protocol: "tcp" });
  if (devices !== undefined) filled["devices"] = withEach(devices, { permissions: "rwm" });
  if (isObject(healthcheck)) {
    const never = { interval: "0s", timeout: "0s", startPeriod: "0s", startInterval: "0s", retries: 0 };
    filled["healthcheck"] = { ...never, ...healthcheck };
  }
  return filled;
}

/** What is not a list of objects (yet: it may be unknown or a secret) stays as it is. */
function withEach(list: Value, entryDefaults: Properties): Value {
  return isList(list)
    ? list.map((entry) => (isObject(entry) ? { ...entryDefaults, ...entry } : entry))
    : list;
}

function check(inputs: Properties): { property: string; reason: string }[] {
  const faults: { property: string; reason: string }[] = [];
  const mustMatch = (property: string, pattern: RegExp, reason: string): void => {
    const value = inputs[property];
    if (typeof value === "string" && !isSentinel(value) && !pattern.test(value))
      faults.push({ property, reason });
  };
  mustMatch(
    "restart",
    /^(no|on-failure|always|unless-stopped)$/,
    "must be no, on-failure, always or unless-stopped",
  );
  mustMatch("cpuSet", /^\d+([,-]\d+)*$/, "must be a list or range of CPUs, like 0-1");
  return faults;
}

/** Unknowns have the form of a UUID. */
function isSentinel(value: string): boolean {
  return /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(value);
}

async function inspect(docker: Docker, id: string): Promise<ContainerInfo> {
  return (await docker.getContainer(id).inspect()) as unknown as ContainerInfo;
}

async function connectNetworks(docker: Docker, id: string, networks: Properties[]): Promise<void> {
  if (networks.length === 0) return;
  await docker
    .getNetwork("bridge")
    .disconnect({ Container: id })
    .catch((error: unknown) => {
      if (messageOf(error).includes("is not connected to")) return;
      throw new Error(`Unable to disconnect the default network: ${messageOf(error)}`);
    });
  for (const network of networks) {
    const name = text(network["name"]) ?? "";
    const driverOptions = texts(network["driverOpts"]).map((option) => {
      const separator = option.indexOf("=");
      return [option.slice(0, separator), option.slice(separator + 1)];
    });
    const endpoint = {
      Aliases: texts(network["aliases"]),
      IPAMConfig: {
        IPv4Address: text(network["ipv4Address"]) ?? "",
        IPv6Address: text(network["ipv6Address"]) ?? "",
        LinkLocalIPs: texts(network["linkLocalIps"]),
      },
      MacAddress: text(network["macAddress"]) ?? "",
      DriverOpts: Object.fromEntries(driverOptions) as Record<string, string>,
    };
    await docker
      .getNetwork(name)
      .connect({ Container: id, EndpointConfig: endpoint })
      .catch((error: unknown) => {
        throw new Error(`Unable to connect to network '${name}': ${messageOf(error)}`);
      });
  }
}

/** One file as the archive in which the API takes it. */
async function archiveOf(upload: Properties): Promise<Buffer> {
  const [content, base64, source] = [
    text(upload["content"]),
    text(upload["contentBase64"]),
    text(upload["source"]),
  ];
  const given = [content, base64, source].filter((value) => value !== undefined).length;
  if (given === 0) {
    throw new Error("error with upload content: one of 'content', 'content_base64', or 'source' must be set");
  }
  if (given > 1) {
    throw new Error(
      "error with upload content: only one of 'content', 'content_base64', or 'source' can be set",
    );
  }
  const permissions = text(upload["permissions"]);
  const mode =
    permissions === undefined
      ? flag(upload["executable"])
        ? 0o744
        : 0o644
      : Number.parseInt(permissions, 8);
  const data =
    source === undefined
      ? Buffer.from(content ?? base64 ?? "", content === undefined ? "base64" : "utf8")
      : await readFile(source);
  const { pack } = await import("tar-stream");
  const archive = pack();
  archive.entry({ name: (text(upload["file"]) ?? "").replace(/^\//, ""), mode, mtime: new Date() }, data);
  archive.finalize();
  return buffer(archive);
}

async function waitUntilHealthy(
  docker: Docker,
  id: string,
  seconds: number,
  signal: AbortSignal,
): Promise<void> {
  const deadline = Date.now() + seconds * 1000;
  for (;;) {
    const { State } = await inspect(docker, id);
    if (State.Health === undefined) {
      throw new Error(
        "you have supplied a 'wait' argument, but the container does not have a healthcheck defined. " +
          "Please remove the 'wait' argument or add a 'healthcheck' attribute",
      );
    }
    if (State.Health.Status === "healthy") return;
    if (Date.now() > deadline) throw new Error("container failed to be in healthy state");
    await sleep(healthPollMs, undefined, { signal });
  }
}

/** Everything that follows once the container exists. */
async function setUp(docker: Docker, id: string, inputs: Properties, signal: AbortSignal): Promise<void> {
  await connectNetworks(docker, id, objects(inputs["networksAdvanced"]));
  const container = docker.getContainer(id);
  for (const upload of objects(inputs["uploads"])) {
    await container.putArchive(await archiveOf(upload), { path: "/" }).catch((error: unknown) => {
      throw new Error(`Unable to upload volume content: ${messageOf(error)}`);
    });
  }
  if (!flag(inputs["start"])) return;
  await container.start().catch((error: unknown) => {
    throw new Error(`Unable to start container: ${messageOf(error)}`);
  });
  if (flag(inputs["wait"])) await waitUntilHealthy(docker, id, number(inputs["waitTimeout"]) ?? 60, signal);
}

async function create(
  inputs: Properties,
  { client, signal }: Operation<DockerHost>,
): Promise<{ id: string; outputs: Properties }> {
  const docker = await client.connect();
  const image = text(inputs["image"]) ?? "";
  await findImage(docker, image).catch((error: unknown) => {
    throw new Error(`Unable to create container with image ${image}: ${messageOf(error)}`);
  });
  const { id } = await docker.createContainer(creationOptions(inputs)).catch((error: unknown) => {
    throw new Error(`Unable to create container: ${messageOf(error)}`);
  });
  try {
    await setUp(docker, id, inputs, signal);
  } catch (error) {
    throw new PartlyCreatedError(messageOf(error), id, stateOf(await inspect(docker, id), inputs));
  }
  return { id, outputs: stateOf(await inspect(docker, id), inputs) };
}

async function read(
  { id, inputs }: Resource,
  { client }: Operation<DockerHost>,
): Promise<Resource | undefined> {
  const docker = await client.connect();
  try {
    const state = stateOf(await inspect(docker, id), inputs);
    const drifted = Object.entries(inputs).map(([key, value]) => [key, state[key] ?? value]);
    return { id, inputs: Object.fromEntries(drifted) as Properties, outputs: state };
  } catch (error) {
    if (isNotFound(error)) return undefined;
    throw error;
  }
}

async function update(
  old: Resource,
  inputs: Properties,
  { client }: Operation<DockerHost>,
): Promise<Properties> {
  const docker = await client.connect();
  const container = docker.getContainer(old.id);
  if (!flag(old.outputs["mustRun"]) && flag(inputs["mustRun"]) && flag(inputs["start"])) {
    await container.start().catch((error: unknown) => {
      throw new Error(`Unable to start container: ${messageOf(error)}`);
    });
  }
  const changes = changesBetween(old.outputs, inputs, { zeroIsAbsent: true });
  if (changes.some(({ property }) => updatedInPlace.some((name) => name === property))) {
    const options = {
      RestartPolicy: restartPolicy(inputs),
      CpuShares: number(inputs["cpuShares"]) ?? 0,
      Memory: bytesOf(inputs["memory"]),
      MemoryReservation: bytesOf(inputs["memoryReservation"]),
      CpusetCpus: text(inputs["cpuSet"]) ?? "",
      ...(number(inputs["memorySwap"]) === undefined ? {} : { MemorySwap: bytesOf(inputs["memorySwap"]) }),
    };
    await container.update(options).catch((error: unknown) => {
      throw new Error(`Unable to update a container: ${messageOf(error)}`);
    });
  }
  const kept: Properties = Object.fromEntries(
    Object.entries(old.outputs).filter(([key]) => sticky.includes(key) || computed.includes(key)),
  );
  return { ...kept, ...inputs };
}

async function remove({ id, inputs }: Resource, { client }: Operation<DockerHost>): Promise<void> {
  const docker = await client.connect();
  const container = docker.getContainer(id);
  const grace = Math.max(0, number(inputs["destroyGraceSeconds"]) ?? 0);
  await container.stop({ t: grace }).catch((error: unknown) => {
    // 304: it was not running.
    if (isNotFound(error) || (error instanceof Error && "statusCode" in error && error.statusCode === 304))
      return;
    throw new Error(`Error stopping container ${id}: ${messageOf(error)}`);
  });
  await container.remove({ v: inputs["removeVolumes"] !== false, force: true }).catch((error: unknown) => {
    if (isNotFound(error) || messageOf(error).includes("is already in progress")) return;
    throw new Error(`Error deleting container ${id}: ${messageOf(error)}`);
  });
}

/** A port of the host that the program leaves to the daemon is no difference. */
function comparableState(state: Properties, inputs: Properties): Properties {
  const isSame = (a: Properties, b: Properties): boolean =>
    ["internal", "protocol", "ip"].every((key) => a[key] === b[key]);
  const ports = objects(state["ports"]).map(({ external, ...port }) => {
    const wanted = objects(inputs["ports"]).find((entry) => isSame(entry, port));
    return wanted !== undefined && wanted["external"] === undefined
      ? port
      : { external: external ?? null, ...port };
  });
  return state["ports"] === undefined ? state : { ...state, ports };
}

const computed = ["bridge", "containerLogs", "exitCode", "networkDatas"];

const sticky = [
  "command",
  "entrypoints",
  "envs",
  "healthcheck",
  "hostname",
  "init",
  "ipcMode",
  "labels",
  "logDriver",
  "runtime",
  "securityOpts",
  "shmSize",
  "stopSignal",
  "stopTimeout",
  // An empty user or working directory is Docker's own default and changes nothing.
  "user",
  "workingDir",
];

/** `docker.Container`. */
export const container: ResourceType<DockerHost> = {
  inputs: ["mustRun", ...updatedInPlace, ...notedOnly, ...replacing],
  nested,
  required: ["image"],
  outputs: [...computed, ...sticky.filter((key) => !["envs", "labels", "user", "workingDir"].includes(key))],
  defaults,
  complete,
  autoName: true,
  forceNew: replacing,
  sets: [
    "capabilities",
    "devices",
    "dns",
    "dnsOpts",
    "dnsSearches",
    "envs",
    "groupAdds",
    "hosts",
    "labels",
    "mounts",
    "networksAdvanced",
    "ports",
    "securityOpts",
    "ulimits",
    "uploads",
    "volumes",
  ],
  sticky,
  diffsState: true,
  comparableState,
  deleteBeforeReplace: true,
  check,
  create,
  read,
  update,
  delete: remove,
};
