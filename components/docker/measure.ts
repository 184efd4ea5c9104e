import { arrangementSchema, dockerName, type ShardState } from "@jitsi-fleet/scaler";
import { runInContainer } from "@jitsi-fleet/scaler/engine/exec";
import type Docker from "dockerode";
import { stateInForce, type Measure, type Subject, type Unknown } from "../guard/objections";
import { stopRules } from "../guard/stopRules";
import { PROGRAM_FILE } from "../platform";
import type { DockerBefore } from "./before";
import { dockerClient, type Connection } from "./connection";
import { agentName, edgeName } from "./ports";

const LIMIT_SECONDS = 20;

/** How a fleet on Docker hosts is asked what it holds: on the hosts and under the names that the state has. */
export class DockerMeasure implements Measure {
  /** One measurement a subject and update: what is being replaced can't be asked twice. */
  private readonly held = new Map<string, Promise<string | undefined | Unknown>>();

  constructor(private readonly before: DockerBefore) {}

  private get stack(): string {
    return this.before.stack ?? "";
  }

  async inForce(shard: string): Promise<ShardState | "none" | Unknown> {
    const { edges } = this.before;
    if (edges.length === 0) return "none";
    return stateInForce(await Promise.all(edges.map((place) => this.stateAt(place, shard))));
  }

  holds(subject: Subject): Promise<string | undefined | Unknown> {
    const key = `${subject.role} ${subject.name}`;
    const holding = this.held.get(key) ?? this.measure(subject);
    this.held.set(key, holding);
    return holding;
  }

  private async stateAt(place: string, shard: string): Promise<ShardState | "none" | Unknown> {
    try {
      const engine = await this.engineOf(place);
      if ("unknown" in engine) return { unknown: `${edgeName(place)}: ${engine.unknown}` };
      const keeper = engine.client.getContainer(dockerName(this.stack, edgeName(place), "keeper"));
      const { exitCode, output } = await runInContainer(keeper, ["node", PROGRAM_FILE, "arrangement"]);
      if (exitCode !== 0) throw new Error(output.trim());
      return arrangementSchema.shape.shards.parse(JSON.parse(output))[shard]?.state ?? "none";
    } catch (error) {
      return { unknown: `${edgeName(place)}: ${reasonOf(error)}` };
    }
  }

  private async measure(subject: Subject): Promise<string | undefined | Unknown> {
    const { name, role } = subject;
    const { busy, command, container } = stopRules[role];
    const place = role === "shard" ? this.before.shards.get(name)?.place : name;
    if (place === undefined) return { unknown: "the state does not say where it is" };
    const engine = await this.engineOf(place);
    if ("unknown" in engine) return engine;
    const node = role === "shard" ? name : agentName(name);
    const called = dockerName(this.stack, node, container);
    try {
      const answer = await askContainer(engine.client.getContainer(called), command);
      if (answer === "never ran") return undefined;
      if (answer !== "absent") return busy(answer.said);
      // Absent is not empty: the host may be another one than it was. Unless an update that was interrupted took it away.
      return this.before.containers.has(called) && !this.isHalfDone(subject)
        ? {
            unknown:
              `the state has its container ${called}, and host ${place} has none. Where that is lost, ` +
              "take back what else you changed and run pulumi up, which makes it anew; where somebody took it out " +
              "since the state was written, pulumi refresh",
          }
        : undefined;
    } catch (error) {
      return { unknown: reasonOf(error) };
    }
  }

  /** Whether an update of a shard's containers was interrupted: the engine keeps what it deleted in the state until then. */
  private isHalfDone({ name, role }: Subject): boolean {
    const { revisions = {} } = (role === "shard" && this.before.shards.get(name)) || {};
    return new Set(Object.values(revisions)).size > 1;
  }

  /** A host's engine, where it answers. */
  private async engineOf(place: string): Promise<{ readonly client: Docker } | Unknown> {
    const connection = this.before.places.get(place);
    if (!connection) return { unknown: `the state does not say how its host ${place} is reached` };
    const client = dockerClient(connection, LIMIT_SECONDS);
    try {
      await client.ping();
      return { client };
    } catch (error) {
      const why = `its host ${place} does not answer at ${connection.address} (${reasonOf(error)})`;
      return { unknown: why, isOutOfReach: true };
    }
  }
}

/** Which engine answers at an address; undefined: none. An engine keeps its name for itself for as long as its files last. */
export async function engineAt(connection: Connection): Promise<string | undefined> {
  try {
    const info: unknown = await dockerClient(connection, LIMIT_SECONDS).info();
    return typeof info === "object" && info !== null && "ID" in info ? String(info.ID) : undefined;
  } catch {
    return undefined;
  }
}

export const reasonOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

/** Runs a command in a container and returns what it prints. Throws where it is there but cannot answer. */
async function askContainer(
  container: Docker.Container,
  command: readonly string[],
): Promise<"absent" | "never ran" | { readonly said: string }> {
  const inspection = await container.inspect().catch((error: unknown) => {
    if (isNotFound(error)) return undefined;
    throw error;
  });
  if (!inspection) return "absent";
  if (inspection.State.Status === "created") return "never ran";
  if (!inspection.State.Running)
    throw new Error(`its container ${inspection.Name.slice(1)} is ${inspection.State.Status}`);
  const { exitCode, output } = await runInContainer(container, command);
  if (exitCode !== 0) throw new Error(output.trim() || `the question ended with code ${exitCode}`);
  return { said: output };
}

/** Whether Docker says that there is no such thing. */
export const isNotFound = (error: unknown): boolean =>
  error instanceof Error && "statusCode" in error && error.statusCode === 404;
