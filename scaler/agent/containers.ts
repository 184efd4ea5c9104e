import Docker from "dockerode";
import { pull } from "../engine/pull";
import type { RegistryLogin } from "../engine/registries";
import { dockerName, labels } from "../labels";
import { wordsOf } from "../words";

export type Role = "bridge" | "jibri";

/** What an instance is from its launch on: kept in its container's labels. */
export interface Birth {
  readonly name: string;
  readonly pool: string;
  readonly role: Role;
  readonly revision: string;
  /** ISO 8601. */
  readonly launchedAt: string;
  /** Bridges only: the host's UDP port. */
  readonly mediaPort: number | undefined;
}

/** A container of the agent's, as Docker's list tells it. */
export interface OwnContainer {
  readonly id: string;
  readonly birth: Birth;
  /** Docker's word: created, running, paused, restarting, removing, exited or dead. */
  readonly status: string;
  /** On its network, while it runs. */
  readonly address: string | undefined;
}

/** The container's own health check, and how it ended if it did. */
export interface Inspected {
  readonly health: "starting" | "healthy" | "unhealthy" | "none";
  readonly ending: string;
  /** What the health check last printed. */
  readonly said: string;
}

const LOOK_LIMIT_SECONDS = 2;
const CHANGE_LIMIT_SECONDS = 30;
const PULL_LIMIT_SECONDS = 600;

/** Whether a container's processes are there: it has an address, and must be stopped before it is removed. */
export const isAlive = ({ status }: OwnContainer): boolean =>
  status === "running" || status === "paused" || status === "restarting";

/**
 * The agent's only way to Docker. It finds the containers of its stack's pools alone, by their labels, and all that it
 * does to one it does to the id that it found or made: what is not of a pool is not within reach, whatever its name.
 * Every call ends within a limit; what it throws says what Docker did not do.
 */
export class OwnContainers {
  readonly #docker: Docker;

  constructor(
    socketPath: string,
    private readonly stack: string,
    private readonly host: string,
    private readonly logins: readonly RegistryLogin[],
  ) {
    this.#docker = new Docker({ socketPath });
  }

  async ping(): Promise<void> {
    await within(LOOK_LIMIT_SECONDS, "answer", () => this.#docker.ping());
  }

  list(): Promise<OwnContainer[]> {
    return this.#find([]);
  }

  async find(instance: string): Promise<OwnContainer | undefined> {
    const [container] = await this.#find([`${labels.node}=${instance}`]);
    return container;
  }

  async #find(label: readonly string[]): Promise<OwnContainer[]> {
    const filters = { label: [`${labels.stack}=${this.stack}`, labels.pool, ...label] };
    const found = await within(LOOK_LIMIT_SECONDS, "list containers", (abortSignal) =>
      this.#docker.listContainers(withQuery({ all: true, filters }, abortSignal)),
    );
    return found.flatMap((info) => {
      const birth = birthOf(info);
      if (!birth) return [];
      const { Id: id, State: status } = info;
      return [{ id, birth, status, address: addressOf(info) }];
    });
  }

  /** Undefined when it is gone. */
  async inspect({ id }: OwnContainer): Promise<Inspected | undefined> {
    try {
      const { State } = await within(LOOK_LIMIT_SECONDS, "inspect a container", (abortSignal) =>
        this.#docker.getContainer(id).inspect(withQuery({}, abortSignal)),
      );
      const because = [...(State.OOMKilled ? ["out of memory"] : []), ...(State.Error ? [State.Error] : [])];
      return {
        health: healthOf(State.Health?.Status),
        ending: [`ended with exit code ${State.ExitCode}`, ...because].join(": "),
        said: lastSaid(State.Health?.Log),
      };
    } catch (error) {
      if (statusOf(error) === 404) return undefined;
      throw error;
    }
  }

  /** Pulls an image that is not there. The signal ends it early. */
  async ensureImage(image: string, cancelled: AbortSignal): Promise<void> {
    try {
      await within(CHANGE_LIMIT_SECONDS, "inspect an image", () => this.#docker.getImage(image).inspect());
      return;
    } catch (error) {
      if (statusOf(error) !== 404) throw error;
    }
    await within(PULL_LIMIT_SECONDS, `pull ${image}`, (abortSignal) =>
      pull(this.#docker, image, this.logins, AbortSignal.any([abortSignal, cancelled])),
    );
  }

  /** Fails where the name is taken, by whomever. */
  async create(body: Record<string, unknown>, birth: Birth): Promise<string> {
    const own = body["Labels"] as Record<string, string> | undefined;
    const Labels = { ...own, ...labelsOf(birth, this.stack, this.host) };
    const container = await within(CHANGE_LIMIT_SECONDS, "create the container", (abortSignal) =>
      this.#docker.createContainer({
        ...withQuery({ name: dockerName(this.stack, birth.name) }, abortSignal),
        _body: { ...body, Labels },
      } as Docker.ContainerCreateOptions),
    );
    return container.id;
  }

  /** Unpacks a tar at a path, also into a container that never ran. */
  async put(id: string, path: string, archive: Buffer): Promise<void> {
    await within(CHANGE_LIMIT_SECONDS, "put files into the container", (abortSignal) =>
      this.#docker.getContainer(id).putArchive(archive, withQuery({ path }, abortSignal)),
    );
  }

  async start(id: string): Promise<void> {
    await within(CHANGE_LIMIT_SECONDS, "start the container", (abortSignal) =>
      this.#docker.getContainer(id).start(withQuery({}, abortSignal)),
    );
  }

  /** SIGTERM, and SIGKILL after the grace. Resolves once it has ended; so it does where it has already. */
  async stop({ id }: OwnContainer, graceSeconds: number): Promise<void> {
    try {
      await within(graceSeconds + CHANGE_LIMIT_SECONDS, "stop the container", (abortSignal) =>
        this.#docker.getContainer(id).stop(withQuery({ t: graceSeconds, signal: "SIGTERM" }, abortSignal)),
      );
    } catch (error) {
      if (statusOf(error) !== 304 && statusOf(error) !== 404) throw error;
    }
  }

  /** With its unnamed volumes. Docker refuses it for one that runs, and so nothing is ever cut here. */
  async remove(id: string): Promise<void> {
    try {
      await within(CHANGE_LIMIT_SECONDS, "remove the container", (abortSignal) =>
        this.#docker.getContainer(id).remove(withQuery({ v: true }, abortSignal)),
      );
    } catch (error) {
      if (statusOf(error) !== 404) throw error;
    }
  }
}

/**
 * dockerode writes all options into the query, the signal and a container's body among them, and into the body too,
 * which Docker refuses for a start: unless they are told apart so.
 */
function withQuery<Query extends object>(query: Query, abortSignal: AbortSignal): Query {
  return { _query: query, _body: {}, abortSignal } as unknown as Query;
}

/** dockerode takes no signal for some calls: the wait for them ends all the same. */
async function within<Outcome>(
  seconds: number,
  deed: string,
  call: (signal: AbortSignal) => Promise<Outcome>,
): Promise<Outcome> {
  const signal = AbortSignal.timeout(seconds * 1000);
  const late = new Promise<never>((_, reject) =>
    signal.addEventListener("abort", () => reject(new Error("too late")), { once: true }),
  );
  try {
    return await Promise.race([call(signal), late]);
  } catch (error) {
    const why = signal.aborted ? `no answer within ${seconds} s` : (error as Error).message.trim();
    throw new DockerError(`Docker did not ${deed}: ${why}`, error);
  }
}

class DockerError extends Error {
  readonly statusCode: number | undefined;

  constructor(message: string, cause: unknown) {
    super(message, { cause });
    this.statusCode = (cause as { statusCode?: number }).statusCode;
  }
}

const statusOf = (error: unknown): number | undefined =>
  error instanceof DockerError ? error.statusCode : undefined;

function labelsOf(birth: Birth, stack: string, host: string): Record<string, string> {
  return {
    [labels.stack]: stack,
    [labels.role]: birth.role,
    [labels.node]: birth.name,
    [labels.place]: host,
    [labels.pool]: birth.pool,
    [labels.revision]: birth.revision,
    [labels.launchedAt]: birth.launchedAt,
    ...(birth.mediaPort === undefined ? {} : { [labels.mediaPort]: String(birth.mediaPort) }),
  };
}

/** Undefined for what is none of the agent's. */
function birthOf({ Created, Labels }: Docker.ContainerInfo): Birth | undefined {
  const { [labels.node]: name, [labels.pool]: pool, [labels.role]: role } = Labels;
  if (!name || !pool || (role !== "bridge" && role !== "jibri")) return undefined;
  const port = Labels[labels.mediaPort];
  return {
    name,
    pool,
    role,
    revision: Labels[labels.revision] ?? "",
    launchedAt: Labels[labels.launchedAt] ?? new Date(Created * 1000).toISOString(),
    mediaPort: port === undefined ? undefined : Number(port),
  };
}

function addressOf({ HostConfig, NetworkSettings }: Docker.ContainerInfo): string | undefined {
  const networks: Record<string, { IPAddress: string } | undefined> = NetworkSettings.Networks;
  const first = networks[HostConfig.NetworkMode] ?? Object.values(networks)[0];
  return first?.IPAddress || undefined;
}

/** Docker says null where the check has not run yet. */
const lastSaid = (log: readonly { readonly Output: string }[] | null | undefined): string =>
  wordsOf(log?.at(-1)?.Output ?? "");

function healthOf(status: string | undefined): Inspected["health"] {
  return status === "starting" || status === "healthy" || status === "unhealthy" ? status : "none";
}
