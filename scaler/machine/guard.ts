import type Docker from "dockerode";
import { runInContainer } from "../engine/exec";
import { shardInUse } from "../inUse";
import { listens } from "./listens";
import type { MachineManifest } from "./manifest";

/**
 * A shard is empty only once it was found so at every look for this long: the edge has heard of the drain by then, and
 * whoever was on the way has arrived.
 */
const EMPTY_SECONDS = 60;

/** Since when a shard is found empty, for the change that waits for it. Seconds since the epoch. */
export interface EmptySince {
  readonly bundle: string;
  readonly since: number;
}

export interface Verdict {
  /** Why nothing may be stopped now, and what to do; undefined: go on. */
  readonly objection: string | undefined;
  readonly emptySince?: EmptySince | undefined;
}

/** Whether the machine's containers may be stopped now. What can't be measured may not. */
export async function verdictOn(
  docker: Docker,
  manifest: Pick<MachineManifest, "guard" | "name">,
  bundle: string,
  before: EmptySince | undefined,
  now: number,
): Promise<Verdict> {
  const { guard, name } = manifest;
  switch (guard.kind) {
    case "none":
      return { objection: undefined };
    case "edge":
      return { objection: await objectionOfEdge(name, guard.others) };
    case "shard": {
      const remedy = `Set shard ${name} to drain (its place in shards[], state drain) and run pulumi up; it is changed by itself once its last conference is over. To cut them all the same: pulumi config set allowCutCalls true`;
      if (guard.state === "ready") return { objection: `shard ${name} is in state ready. ${remedy}` };
      const busy = await askShard(docker, guard).catch(
        (error: unknown) => `cannot be measured: ${error instanceof Error ? error.message : String(error)}`,
      );
      if (busy !== undefined) return { objection: `shard ${name} ${busy}. ${remedy}` };
      const emptySince = before?.bundle === bundle && before.since <= now ? before : { bundle, since: now };
      const rest = EMPTY_SECONDS - (now - emptySince.since);
      return {
        objection:
          rest > 0 ? `shard ${name} is empty, and is looked at for ${Math.ceil(rest)} s more` : undefined,
        emptySince,
      };
    }
  }
}

/** What a shard holds, in words; undefined if nothing. */
async function askShard(
  docker: Docker,
  { command, container: asked }: Extract<MachineManifest["guard"], { kind: "shard" }>,
): Promise<string | undefined> {
  const container = docker.getContainer(asked);
  const { State } = await container.inspect();
  if (!State.Running) throw new Error(`its container ${asked} is ${State.Status}`);
  const { exitCode, output } = await runInContainer(container, command);
  if (exitCode !== 0) throw new Error(output.trim() || `the question ended with code ${exitCode}`);
  const busy = shardInUse(output);
  return busy === undefined ? undefined : `holds ${busy}`;
}

/** Media flows past the edge and signalling resumes on another node, if there is one. */
async function objectionOfEdge(
  name: string,
  others: Extract<MachineManifest["guard"], { kind: "edge" }>["others"],
): Promise<string | undefined> {
  if (others.length === 0) return undefined;
  const serving = await Promise.all(others.map(({ address, port }) => listens(address, port)));
  if (serving.includes(true)) return undefined;
  const names = others.map((other) => other.name).join(", ");
  return `${name} is the only node of the edge that serves: ${names} cannot be reached. It is changed by itself once one of them serves`;
}
