import {
  counted,
  hostStateSchema,
  listed,
  parseBridgeStats,
  parseJibriHealth,
  shardInUse,
} from "@jitsi-fleet/scaler";
import { askOverHttp } from "./jitsi/ask";
import { PROGRAM_FILE } from "./platform";

/** What is asked before it is stopped: a node, or all that the scaler started in a place. */
export const stoppable = ["edge", "shard", "scaler", "agent", "instances"] as const;
export type Stoppable = (typeof stoppable)[number];

/** How it is asked whether a stop would cut a call or a recording. */
export interface StopRule {
  /** The container that knows, by its name in the node. */
  readonly container: string;
  /** Prints the answer, inside that container. */
  readonly command: readonly string[];
  /** What would be cut, in words; undefined if nothing. Throws if the answer does not tell: unknown is not zero. */
  readonly busy: (answer: string) => string | undefined;
  /** What to do to be let through. */
  readonly remedy: (node: string) => string;
}

type HostState = ReturnType<typeof hostStateSchema.parse>;

/** The answer of an instance that runs. Throws where it gave none. */
function answerOf({ name, status }: HostState["instances"][number]): string {
  if (status && "body" in status && status.status === 200) return status.body;
  const why = status === undefined ? "was not asked" : "error" in status ? status.error : `${status.status}`;
  throw new Error(`${name} does not say whether it is in use: ${why}`);
}

/** What the bridges and Jibris of a host carry, and the recordings there that are in no store yet. */
function inUse(answer: string): string | undefined {
  const { instances, spool } = hostStateSchema.parse(JSON.parse(answer));
  const running = instances.filter(({ state }) => state === "running" || state === "stopping");
  const participants = running
    .filter(({ role }) => role === "bridge")
    .reduce((sum, bridge) => sum + parseBridgeStats(answerOf(bridge)).participants, 0);
  const recording = running.filter(
    (instance) => instance.role === "jibri" && parseJibriHealth(answerOf(instance)).busy === "BUSY",
  );
  if (spool && "error" in spool) throw new Error(`its uploader does not answer: ${spool.error}`);
  const unsaved = spool?.items.filter(({ state }) => state !== "recording") ?? [];
  return listed([
    ...counted(participants, "participant"),
    ...counted(recording.length, "recording or stream"),
    ...counted(unsaved.length, "recording").map((count) => `${count} not in the store yet`),
  ]);
}

/** What must be measured before each is stopped, replaced or reconfigured; none: nothing. */
export const stopRules: Readonly<Record<Stoppable, StopRule | undefined>> = {
  // Media flows past the edge, and signalling resumes: its one node could never be drained.
  edge: undefined,
  shard: {
    container: "jicofo",
    command: askOverHttp(8888, "/stats"),
    busy: shardInUse,
    remedy: (shard) =>
      `Add another shard if the others are full, set ${shard} to drain (its place in shards[], state drain), run pulumi up, ` +
      `and change it once its last conference is over`,
  },
  // The fleet goes on as it is while they are away, and they take up what they find.
  scaler: undefined,
  agent: undefined,
  instances: {
    container: "agent",
    command: ["node", PROGRAM_FILE, "state"],
    busy: inUse,
    remedy: () =>
      "To take a host out, set its drained to true first (docker.hosts[].drained), run pulumi up, and wait until its " +
      "bridges and Jibris have moved; to take the whole fleet down, wait until its conferences are over",
  },
};
