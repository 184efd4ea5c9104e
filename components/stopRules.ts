import { parseBridgeStats, parseJibriStatus, parseJicofoStats } from "@jitsi-fleet/scaler";
import { askOverHttp } from "./jitsi/ask";
import type { Role } from "./platform";

/** How a node is asked whether a stop would cut a call or a recording. */
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

const counted = (count: number, one: string): string[] =>
  count === 0 ? [] : [`${count} ${one}${count === 1 ? "" : "s"}`];
const listed = (parts: readonly string[]): string | undefined =>
  parts.length === 0 ? undefined : parts.join(", ");

/** What must be measured before containers of each role are stopped, replaced or reconfigured; none: nothing. */
export const stopRules: Readonly<Record<Role, StopRule | undefined>> = {
  // Media flows past the edge, and signalling resumes: its one node could never be drained.
  edge: undefined,
  shard: {
    container: "jicofo",
    command: askOverHttp(8888, "/stats"),
    busy: (answer) => {
      const { conferences, recordings, streams } = parseJicofoStats(answer);
      return listed([
        ...counted(conferences, "conference"),
        ...counted(recordings, "recording"),
        ...counted(streams, "stream"),
      ]);
    },
    remedy: (shard) =>
      `Add another shard if the others are full, set ${shard} to drain (its place in shards[], state drain), run pulumi up, ` +
      `and change it once its last conference is over`,
  },
  bridge: {
    container: "jvb",
    command: askOverHttp(8080, "/colibri/stats"),
    busy: (answer) => listed(counted(parseBridgeStats(answer).participants, "participant")),
    remedy: () => "Wait until its conferences are over",
  },
  jibri: {
    container: "jibri",
    command: askOverHttp(2222, "/jibri/api/v1.0/health"),
    busy: (answer) => (parseJibriStatus(answer) === "BUSY" ? "a recording or stream" : undefined),
    remedy: () => "Wait until its recording is over and uploaded",
  },
};
