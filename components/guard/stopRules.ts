import { hostInUse, shardInUse } from "@jitsi-fleet/scaler";
import { askOverHttp } from "../jitsi/ask";
import { PROGRAM_FILE } from "../platform";

/** What is asked before it is stopped: a shard, or all that the scaler started in a place. */
export const measurable = ["shard", "instances"] as const;
export type Measurable = (typeof measurable)[number];

/** How it is asked whether a stop would cut a call or a recording. */
export interface StopRule {
  /** The container that knows, by its name in the node. */
  readonly container: string;
  /** Prints the answer, inside that container. */
  readonly command: readonly string[];
  /** What would be cut, in words; undefined if nothing. Throws if the answer does not tell: unknown is not zero. */
  readonly busy: (answer: string) => string | undefined;
}

/**
 * What must be measured before each is stopped, replaced or reconfigured. Of other roles nothing need be: media flows past
 * the edge, whose one node could never be drained, and signalling resumes; while scaler and agents are away the fleet goes
 * on as it is.
 */
export const stopRules: Readonly<Record<Measurable, StopRule>> = {
  shard: { container: "jicofo", command: askOverHttp(8888, "/stats"), busy: shardInUse },
  instances: { container: "agent", command: ["node", PROGRAM_FILE, "state"], busy: hostInUse },
};
