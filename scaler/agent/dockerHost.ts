import { createHash } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import type { Logger } from "pino";
import type { AgentConfiguration, PoolTemplate } from "../configuration";
import type { Answer, HostState, Instance, LaunchRequest, Verb } from "../hostApi";
import { ask, askSpool } from "./ask";
import { isAlive, OwnContainers, type Birth, type OwnContainer, type Role } from "./containers";
import { Launch } from "./launch";
import { metricsPage, type InstancePage } from "./metricsPage";
import type { HostBackend, LaunchOutcome, RemoveOutcome, TellOutcome } from "./server";
import { Turns } from "./turns";

const BRIDGE_PORT = 8080;
const JIBRI_PORT = 2222;
const JIBRI_INTERNAL_PORT = 3333;
/** From SIGTERM to SIGKILL for an instance whose pool's settings are gone. */
const GRACE_WITHOUT_TEMPLATE_SECONDS = 60;
/** A machine's own launch: where it fails, the machine was started in vain. */
const OWN_TRIES = 6;

/** How each verb is told, and to whom. All are answered with 200. */
const tellings: Record<Verb, { role: Role; port: number; path: string; json?: string }> = {
  drain: { role: "bridge", port: BRIDGE_PORT, path: "/colibri/drain/enable" },
  undrain: { role: "bridge", port: BRIDGE_PORT, path: "/colibri/drain/disable" },
  retire: {
    role: "bridge",
    port: BRIDGE_PORT,
    path: "/colibri/shutdown",
    json: JSON.stringify({ "graceful-shutdown": "true" }),
  },
  // Not gracefully: Jicofo then moves everybody within seconds.
  evacuate: {
    role: "bridge",
    port: BRIDGE_PORT,
    path: "/colibri/shutdown",
    json: JSON.stringify({ "graceful-shutdown": "false" }),
  },
  fence: { role: "jibri", port: JIBRI_INTERNAL_PORT, path: "/jibri/api/internal/v1.0/gracefulShutdown" },
};

/** An instance as Docker and the agent's own memory have it. */
interface Known {
  readonly birth: Birth;
  readonly state: Instance["state"];
  /** Why a launch failed. */
  readonly failure?: string | undefined;
  /** None while its launch has not made one, or did not come to make one. */
  readonly container: OwnContainer | undefined;
}

/**
 * The instances of a stack's pools on this Docker host. What there is, is in the containers and their labels: memory
 * has only what is under way, failed launches, and whom it fenced, so that the agent may end at any moment.
 */
export class DockerHost implements HostBackend {
  readonly #containers: OwnContainers;
  /** Under way or failed. */
  readonly #launches = new Map<string, Launch>();
  readonly #removals = new Map<string, Promise<void>>();
  readonly #fenced = new Set<string>();
  readonly #turns = new Turns();
  #lastPort: number;

  constructor(
    private readonly configuration: AgentConfiguration,
    private readonly log: Logger,
  ) {
    const { dockerSocket, host, mediaPorts, registries = [], stack } = configuration;
    this.#containers = new OwnContainers(dockerSocket, stack, host, registries);
    this.#lastPort = mediaPorts.last;
  }

  ping(): Promise<void> {
    return this.#containers.ping();
  }

  async state(): Promise<HostState> {
    const known = await this.#turns.take(() => this.#look());
    const { host, templates, uploader } = this.configuration;
    const live = known.filter(
      ({ birth, container, state }) =>
        birth.role === "jibri" && (state === "launching" || (container && isAlive(container))),
    );
    const names = live.map(({ birth }) => birth.name);
    const [described, spool] = await Promise.all([
      Promise.all(known.map((one) => this.#describe(one))),
      uploader === undefined ? undefined : askSpool(uploader, names),
    ]);
    const instances = described.filter((one) => one !== undefined);
    return {
      host,
      time: new Date().toISOString(),
      version: versionOf(instances.map(({ name }) => name)),
      pools: templates.map(({ pool: name, role, revision }) => ({
        name,
        role,
        revision,
        room: this.#room(role, known),
      })),
      instances,
      ...(spool === undefined ? {} : { spool }),
    };
  }

  /** What the running instances tell Prometheus, each with whose it is. */
  async metrics(): Promise<string> {
    const known = await this.#turns.take(() => this.#look());
    const running = known.flatMap(({ container, state }) =>
      container && state === "running" ? [container] : [],
    );
    return metricsPage(await Promise.all(running.map((container) => this.#page(container))));
  }

  async #page(container: OwnContainer): Promise<InstancePage> {
    const { name, pool, role } = container.birth;
    const shard = this.configuration.templates.find((of) => of.pool === pool)?.shard;
    const [component, port] = role === "bridge" ? ["jvb", BRIDGE_PORT] : ["jibri", JIBRI_PORT];
    const answer = await askIn(container, port, "/metrics");
    return {
      labels: { component, pool, instance: name, ...(shard === undefined ? {} : { shard }) },
      text: "status" in answer && answer.status === 200 ? answer.body : undefined,
    };
  }

  /**
   * Launches the instance that the machine is for, unless its container is there, however it is: whether another is to
   * follow on one that ended, is the scaler's to say. What was half-made and never ran is made anew.
   * @throws when there is no template for it.
   */
  launchOwn({ instance: name, pool }: NonNullable<AgentConfiguration["own"]>): Promise<void> {
    return this.#turns.take(async () => {
      const template = this.configuration.templates.find((of) => of.pool === pool);
      if (!template) throw new Error(`own.pool is ${pool}, and there is no template of it in templates`);
      const container = await this.#containers.find(name);
      if (this.#launches.has(name) || (container && container.status !== "created")) return;
      if (container) await this.#containers.remove(container.id);
      const mediaPort = template.role === "bridge" ? this.#takePort(await this.#look()) : undefined;
      this.#begin({ name, pool, mediaPort }, template, OWN_TRIES);
    });
  }

  launch(name: string, { pool, version }: LaunchRequest): Promise<LaunchOutcome> {
    // In turn with other launches: each sees the slot, the port and the name that the one before it took.
    return this.#turns.take(async () => {
      const known = await this.#look();
      const names = known.map(({ birth }) => birth.name);
      if (names.includes(name)) return "accepted";
      const template = this.configuration.templates.find((of) => of.pool === pool);
      if (!template || !name.startsWith(`${pool}-`)) return "no such pool";
      if (version !== versionOf(names)) return "another version";
      const { role } = template;
      if (this.#room(role, known) === 0) return "no slot";
      this.#begin({ name, pool, mediaPort: role === "bridge" ? this.#takePort(known) : undefined }, template);
      return "accepted";
    });
  }

  #begin(as: Pick<Birth, "name" | "pool" | "mediaPort">, template: PoolTemplate, tries?: number): void {
    const { revision, role } = template;
    const birth = { ...as, role, revision, launchedAt: new Date().toISOString() };
    const forget = (): boolean => this.#launches.delete(as.name);
    this.#launches.set(as.name, new Launch(birth, template, this.#containers, this.log, forget, tries));
  }

  async tell(name: string, verb: Verb): Promise<TellOutcome> {
    const outcome = await this.#tell(name, verb);
    const line = { instance: name, verb };
    if (typeof outcome === "object") this.log.warn({ ...line, error: outcome.failed }, "not obeyed");
    else this.log.info({ ...line, outcome }, "told");
    return outcome;
  }

  async #tell(name: string, verb: Verb): Promise<TellOutcome> {
    const { json, path, port, role } = tellings[verb];
    const container = await this.#containers.find(name);
    const birth = container?.birth ?? this.#launches.get(name)?.birth;
    if (birth?.role !== role) return "absent";
    if (!container || !isAlive(container)) return { failed: `${name} does not run` };
    const answer = await askIn(container, port, path, "POST", json);
    if ("error" in answer) return { failed: `${name} did not obey ${verb}: ${answer.error}` };
    if (answer.status !== 200)
      return { failed: `${name} did not obey ${verb}: it answered with ${answer.status}` };
    if (verb === "fence") this.#fenced.add(name);
    return "done";
  }

  remove(name: string): Promise<RemoveOutcome> {
    // It goes with its machine.
    if (this.configuration.own) return Promise.resolve("absent");
    return this.#turns.take(async () => {
      if (this.#removals.has(name)) return "accepted";
      const launch = this.#launches.get(name);
      if (!launch && !(await this.#containers.find(name))) return "absent";
      if (launch && launch.failure === undefined) launch.cancel();
      const removal = this.#remove(name, launch).finally(() => this.#removals.delete(name));
      this.#removals.set(name, removal);
      return "accepted";
    });
  }

  async #remove(name: string, launch: Launch | undefined): Promise<void> {
    const began = Date.now();
    this.log.info({ instance: name }, "removing");
    try {
      await launch?.done;
      const container = await this.#containers.find(name);
      if (container) {
        if (isAlive(container)) await this.#containers.stop(container, this.#graceSeconds(container.birth));
        await this.#containers.remove(container.id);
      }
      this.#launches.delete(name);
      this.log.info({ instance: name, milliseconds: Date.now() - began }, "removed");
    } catch (error) {
      // Whoever looks next sees it as Docker has it then, and may ask again.
      this.log.error({ instance: name, error: (error as Error).message }, "removal failed");
    }
  }

  /** Resolves when no launch and no removal is under way any more, or after the limit. */
  async settle(limitSeconds: number): Promise<void> {
    const underWay = [...[...this.#launches.values()].map(({ done }) => done), ...this.#removals.values()];
    const limit = new AbortController();
    await Promise.race([
      Promise.all(underWay),
      sleep(limitSeconds * 1000, undefined, { signal: limit.signal }).catch(() => undefined),
    ]);
    limit.abort();
  }

  #graceSeconds({ pool }: Birth): number {
    const template = this.configuration.templates.find((of) => of.pool === pool);
    return template?.stopGraceSeconds ?? GRACE_WITHOUT_TEMPLATE_SECONDS;
  }

  /** All that there is, by name. Only in a turn: no launch begins meanwhile. */
  async #look(): Promise<Known[]> {
    // What ends while Docker lists is taken as it was before: else it might be in neither.
    const launches = new Map(this.#launches);
    const removals = new Set(this.#removals.keys());
    const containers = new Map((await this.#containers.list()).map((one) => [one.birth.name, one]));
    const births = new Map([...launches].map(([name, { birth }]) => [name, birth]));
    for (const [name, { birth }] of containers) births.set(name, birth);
    for (const name of this.#fenced) if (!births.has(name)) this.#fenced.delete(name);
    return [...births].map(([name, birth]) => {
      const container = containers.get(name);
      return { birth, container, ...stateOf(container, launches.get(name), removals.has(name)) };
    });
  }

  #room(role: Role, known: readonly Known[]): number {
    if (this.configuration.own) return 0;
    const holds = ({ birth, state }: Known): boolean =>
      birth.role === role && state !== "exited" && state !== "failed";
    const slots = this.configuration.slots[role] - known.filter(holds).length;
    return Math.max(0, role === "bridge" ? Math.min(slots, this.#freePorts(known).length) : slots);
  }

  /** Those that no container holds, running or not, and no launch: an exited one may be looked at for long. */
  #freePorts(known: readonly Known[]): number[] {
    const { first, last } = this.configuration.mediaPorts;
    const taken = new Set(known.map(({ birth }) => birth.mediaPort));
    return Array.from({ length: Math.max(0, last - first + 1) }, (_, index) => first + index).filter(
      (port) => !taken.has(port),
    );
  }

  /**
   * The next after the last one taken, round and round: packets to a bridge that is gone still come to its port for a
   * while, and a port that something else on the host holds is not tried twice in a row.
   */
  #takePort(known: readonly Known[]): number {
    const free = this.#freePorts(known);
    const port = free.find((of) => of > this.#lastPort) ?? free[0];
    if (port === undefined) throw new Error("no port is free where there is room for a bridge");
    this.#lastPort = port;
    return port;
  }

  /** Undefined when its container is gone. */
  async #describe({ birth, container, failure, state }: Known): Promise<Instance | undefined> {
    const { mediaPort, ...rest } = birth;
    // One that never ran has no health and no ending.
    const inspected =
      container && container.status !== "created" ? await this.#containers.inspect(container) : null;
    if (inspected === undefined) return undefined;
    const isUnhealthy = state === "running" && inspected?.health === "unhealthy";
    const detail =
      failure ??
      (state === "exited" ? inspected?.ending : isUnhealthy ? inspected.said || undefined : undefined);
    return {
      ...rest,
      state,
      ...(detail === undefined ? {} : { detail }),
      health: inspected?.health ?? "none",
      ...(mediaPort === undefined
        ? {}
        : { media: { address: this.configuration.publicAddress, port: mediaPort } }),
      fenced: this.#fenced.has(birth.name),
      ...(container && state === "running" ? await answersOf(container) : {}),
    };
  }
}

function stateOf(
  container: OwnContainer | undefined,
  launch: Launch | undefined,
  isLeaving: boolean,
): Pick<Known, "state" | "failure"> {
  if (isLeaving || launch?.isCancelled || container?.status === "removing") return { state: "stopping" };
  if (container && isAlive(container)) return { state: "running" };
  if (launch)
    return launch.failure === undefined
      ? { state: "launching" }
      : { state: "failed", failure: launch.failure };
  // The agent ended amid the launch. It is not taken up again: who asked for it has decided anew since.
  if (container?.status === "created")
    return { state: "failed", failure: "its launch did not come to its end" };
  return { state: "exited" };
}

/** What a running instance says of itself. */
async function answersOf(container: OwnContainer): Promise<Pick<Instance, "status" | "healthCheck">> {
  if (container.birth.role === "jibri")
    return { status: await askIn(container, JIBRI_PORT, "/jibri/api/v1.0/health") };
  const [status, healthCheck] = await Promise.all([
    askIn(container, BRIDGE_PORT, "/colibri/stats"),
    askIn(container, BRIDGE_PORT, "/about/health"),
  ]);
  return { status, healthCheck };
}

const askIn = async (
  { address }: OwnContainer,
  port: number,
  path: string,
  method: "GET" | "POST" = "GET",
  json?: string,
): Promise<Answer> =>
  address === undefined
    ? { error: "it has no address on its network" }
    : ask(`http://${address}:${port}${path}`, method, json);

/** Hash of which instances there are. */
const versionOf = (names: readonly string[]): string =>
  createHash("sha256")
    .update([...names].sort().join())
    .digest("hex")
    .slice(0, 16);
