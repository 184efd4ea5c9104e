import type Docker from "dockerode";
import { runInContainer } from "../../scaler/engine/exec";
import { labels } from "../../scaler/labels";
import type { Faults } from "../standins/programs/httpServer";
import type { Advertised } from "../standins/programs/jvb/addresses";
import type { BridgeLoad } from "../standins/programs/jvb/statistics";

const CALL_SECONDS = 30;
/** A stop is answered when the finalize script has returned. */
const STOP_SECONDS = 120;
/** Of curl: the answer never came, and the connection ended. Of an exec: its container was killed. */
const PROGRAM_ENDED = [52, 56, 137];

/** What is needed of a Docker host; the lab's are such. */
export interface PoolHost {
  readonly name: string;
  /** Fails while the host is lost. */
  readonly docker: Docker;
}

export type PoolRole = "bridge" | "jibri";

/** A container that an agent launched. */
export interface PoolInstance {
  readonly host: string;
  readonly name: string;
  readonly pool: string;
  readonly role: PoolRole;
  /** As Docker says it: running, exited … */
  readonly state: string;
  readonly container: Docker.Container;
}

export type BridgeState = BridgeLoad &
  Faults & {
    /** How often it has looked at itself; before the first time it says that it is healthy. */
    readonly healthChecks: number;
    /** What it tells browsers. */
    readonly advertised: readonly Advertised[];
  };

export interface JibriState extends Faults {
  readonly activity: "idle" | "recording" | "streaming";
  readonly session: string | null;
  /** Within the container. */
  readonly recordingDirectory: string | null;
  readonly busyStatus: "IDLE" | "BUSY" | "EXPIRED";
  readonly lastFinalizeExitCode: number | null;
  readonly joinedBreweries: number;
  unhealthyReason: string | null;
  startFails: boolean;
  bytesPerWrite: number;
}

/** What tests change of a Jibri; the rest is what it does. */
export type JibriPatch = Partial<
  Pick<JibriState, "unhealthyReason" | "startFails" | "bytesPerWrite" | "delaySeconds" | "hang">
>;

export interface Call {
  readonly session: string;
  readonly room: string;
}

/** Whose it is, by a container's labels; undefined for what no agent launched. */
export function labelled(
  of: Record<string, string>,
): Pick<PoolInstance, "name" | "pool" | "role"> | undefined {
  const { [labels.node]: name, [labels.pool]: pool, [labels.role]: role } = of;
  if (name === undefined || pool === undefined) return undefined;
  return role === "bridge" || role === "jibri" ? { name, pool, role } : undefined;
}

const lostCodes = ["ENOENT", "ECONNREFUSED", "ECONNRESET", "EPIPE", "ERR_STREAM_PREMATURE_CLOSE"];

/** Whether a call failed because there is no Docker host that could have answered. */
export const isLost = (error: unknown): boolean =>
  lostCodes.includes((error as { code?: string }).code ?? "");

/** The bridges and Jibris that the agents of a stack's hosts launched, and what a test does to them. */
export class Pools {
  constructor(
    private readonly hosts: readonly PoolHost[],
    private readonly stack: string,
  ) {}

  /** Those on hosts that are not lost, ended ones included. */
  async instances(role?: PoolRole): Promise<PoolInstance[]> {
    const lists = await Promise.all(this.hosts.map((host) => this.instancesOn(host)));
    return lists.flat().filter((instance) => role === undefined || instance.role === role);
  }

  private async instancesOn({ name: host, docker }: PoolHost): Promise<PoolInstance[]> {
    const filters = { label: [`${labels.stack}=${this.stack}`, labels.pool] };
    const containers = await docker.listContainers({ all: true, filters }).catch((error: unknown) => {
      if (isLost(error)) return [];
      throw error;
    });
    return containers.flatMap(({ Id, Labels, State }) => {
      const of = labelled(Labels);
      return of === undefined ? [] : { host, ...of, state: State, container: docker.getContainer(Id) };
    });
  }

  /** What the bridge carries and does, whatever it tells of it. */
  async bridge(instance: PoolInstance): Promise<BridgeState> {
    return JSON.parse(await this.get(instance, "/test/state")) as BridgeState;
  }

  /** What the bridge tells of itself at /colibri/stats. */
  async statistics(instance: PoolInstance): Promise<Record<string, unknown>> {
    return JSON.parse(await this.get(instance, "/colibri/stats")) as Record<string, unknown>;
  }

  async setBridge(instance: PoolInstance, patch: Partial<BridgeState>): Promise<void> {
    await this.post(instance, "/test/state", patch);
  }

  async jibri(instance: PoolInstance): Promise<JibriState> {
    return JSON.parse(await this.get(instance, "/test/state")) as JibriState;
  }

  async setJibri(instance: PoolInstance, patch: JibriPatch): Promise<void> {
    await this.post(instance, "/test/state", patch);
  }

  startRecording(instance: PoolInstance, call: Call): Promise<void> {
    return this.startService(instance, call, { sinkType: "file" });
  }

  startStream(instance: PoolInstance, call: Call): Promise<void> {
    return this.startService(instance, call, { sinkType: "stream", youTubeStreamKey: "key" });
  }

  private async startService(instance: PoolInstance, { session, room }: Call, sink: object): Promise<void> {
    await this.post(instance, "/jibri/api/v1.0/startService", {
      sessionId: session,
      callParams: { callUrlInfo: { baseUrl: "https://meet.school.test", callName: room } },
      callLoginParams: { domain: "hidden.meet.jitsi", username: "recorder", password: "unused" },
      ...sink,
    });
  }

  /** Ends a recording or a stream: resolves when it is finalized. A Jibri that was told to go ends without an answer. */
  async stopRecording(instance: PoolInstance): Promise<void> {
    const { exitCode, said } = await this.curl(instance, "/jibri/api/v1.0/stopService", {}, STOP_SECONDS);
    if (!PROGRAM_ENDED.includes(exitCode)) succeeded(instance, exitCode, said);
  }

  private async get(instance: PoolInstance, path: string): Promise<string> {
    const { exitCode, said } = await this.curl(instance, path, undefined, CALL_SECONDS);
    return succeeded(instance, exitCode, said);
  }

  private async post(instance: PoolInstance, path: string, body: object): Promise<void> {
    const { exitCode, said } = await this.curl(instance, path, body, CALL_SECONDS);
    succeeded(instance, exitCode, said);
  }

  /** From inside the container: its networks are nobody else's. Without a body it is a GET. */
  private async curl(
    instance: PoolInstance,
    path: string,
    body: object | undefined,
    seconds: number,
  ): Promise<{ exitCode: number; said: string }> {
    const port = instance.role === "bridge" ? 8080 : 2222;
    const sent =
      body === undefined ? [] : ["-H", "Content-Type: application/json", "-d", JSON.stringify(body)];
    const { exitCode, output } = await runInContainer(instance.container, [
      "curl",
      "-sS",
      "--max-time",
      String(seconds),
      "-w",
      "%{http_code}",
      ...sent,
      `http://127.0.0.1:${port}${path}`,
    ]);
    return { exitCode, said: output };
  }
}

/** The answer's body; `said` ends with its status. */
function succeeded({ name }: PoolInstance, exitCode: number, said: string): string {
  if (exitCode !== 0 || !said.endsWith("200"))
    throw new Error(`${name}: curl ended with ${exitCode}: ${said}`);
  return said.slice(0, -3);
}
