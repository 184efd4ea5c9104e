import { shardStates, type ShardState } from "@jitsi-fleet/scaler";
import { parseArgs } from "node:util";

const DEFAULT_MINUTES = 120;

export const help = `npm run shard -- status [--json]
npm run shard -- drain SHARD [--wait [--minutes N]]
npm run shard -- ready SHARD
npm run shard -- maint SHARD
Says how the shards are, or sets the state of one and brings that in force: the setting shards[].state of the stack,
and a pulumi up of the edge's configuration alone. drain: its rooms stay, new ones go elsewhere. ready: it takes new
rooms. maint: it takes nothing; only from drain, and empty.

--json        status as JSON.
--wait        drain: until no conference, recording or stream is left on it.
--minutes N   --wait: gives up after N minutes (default ${DEFAULT_MINUTES}); the shard stays in drain.
--stack S     the stack (default: the one that is selected).

Exit code: 0 done; 1 refused, failed, or not empty in time; 2 for what is not asked like this.`;

/** Words that ask for nothing there is. */
export class UsageError extends Error {}

/** What the operator asks for. */
export type Asked =
  | { readonly what: "help" }
  | { readonly what: "status"; readonly stack: string | undefined; readonly json: boolean }
  | {
      readonly what: "set";
      readonly stack: string | undefined;
      readonly shard: string;
      readonly state: ShardState;
      /** How long to wait until the shard is empty; undefined: not at all. */
      readonly waitMinutes: number | undefined;
    };

/** Reads the command line. Throws a UsageError. */
export function readArguments(args: readonly string[]): Asked {
  const { positionals, values } = parsed(args);
  if (values.help) return { what: "help" };
  const [what, shard, ...more] = positionals;
  const refuse = (why: string): never => {
    throw new UsageError(why);
  };
  if (what === undefined) return refuse(`it is to be one of: status, ${shardStates.join(", ")}`);
  if (more.length > 0) return refuse(`"${more.join(" ")}" is one word too many`);
  if (values.json && what !== "status") return refuse("--json goes with status alone");
  if (values.wait && what !== "drain") return refuse("--wait goes with drain alone");
  if (values.minutes !== undefined && !values.wait) return refuse("--minutes goes with --wait alone");
  if (what === "status") {
    if (shard !== undefined) return refuse("status tells of all shards: name none");
    return { what, stack: values.stack, json: values.json };
  }
  const state = shardStates.find((known) => known === what);
  if (!state) return refuse(`"${what}" is none of: status, ${shardStates.join(", ")}`);
  if (shard === undefined) return refuse(`${state} takes the name of a shard`);
  const waitMinutes = values.wait ? minutesOf(values.minutes) : undefined;
  return { what: "set", stack: values.stack, shard, state, waitMinutes };
}

function minutesOf(text: string | undefined): number {
  if (text === undefined) return DEFAULT_MINUTES;
  if (!/^\d+(\.\d+)?$/.test(text) || Number(text) === 0)
    throw new UsageError(`--minutes is a number above 0, not "${text}"`);
  return Number(text);
}

function parsed(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      allowPositionals: true,
      options: {
        stack: { type: "string" },
        json: { type: "boolean", default: false },
        wait: { type: "boolean", default: false },
        minutes: { type: "string" },
        help: { type: "boolean", default: false },
      },
    });
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error));
  }
}
