import { shardStates, type ShardState } from "@jitsi-fleet/scaler";
import { parseArgs } from "node:util";

const DEFAULT_MINUTES = 120;

export const help = `npm run shard -- status [--json]
npm run shard -- drain SHARD [--wait [--minutes N]]
npm run shard -- ready SHARD
npm run shard -- maint SHARD
npm run shard -- add SHARD [--host HOST | --zone ZONE]
npm run shard -- upgrade SHARD --release RELEASE
npm run shard -- remove SHARD
status says how the shards are. drain, ready and maint set the state of one and bring that in force: the setting
shards[].state of the stack, and a pulumi up of the edge's configuration alone. drain: its rooms stay, new ones go
elsewhere. ready: it takes new rooms. maint: it takes nothing; only from drain, and empty.
add, upgrade and remove write what shards is to be, and leave the rest to pulumi up. What is up is upgraded and removed
only in drain or maint, and empty.

--json        status as JSON.
--wait        drain: until no conference, recording or stream is left on it.
--minutes N   --wait: gives up after N minutes (default ${DEFAULT_MINUTES}); the shard stays in drain.
--host HOST   add: the Docker host it runs on (default: the one with the fewest shards).
--zone ZONE   add, on AWS: its zone (default: by its number).
--release R   upgrade: the release of its images.
--stack S     the stack (default: the one that is selected).

Exit code: 0 done; 1 refused, failed, or not empty in time; 2 for what is not asked like this.`;

/** What changes the list of shards. */
const changes = ["add", "upgrade", "remove"];
/** What an option goes with. */
const optionsOf = { json: "status", wait: "drain", host: "add", zone: "add", release: "upgrade" } as const;

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
    }
  | {
      readonly what: "add";
      readonly stack: string | undefined;
      readonly shard: string;
      /** Where it runs; neither: for the command to choose. */
      readonly place: { readonly host?: string; readonly zone?: string };
    }
  | {
      readonly what: "upgrade";
      readonly stack: string | undefined;
      readonly shard: string;
      readonly release: string;
    }
  | { readonly what: "remove"; readonly stack: string | undefined; readonly shard: string };

/** Reads the command line. Throws a UsageError. */
export function readArguments(args: readonly string[]): Asked {
  const { positionals, values } = parsed(args);
  if (values.help) return { what: "help" };
  const [what, shard, ...more] = positionals;
  const choices = ["status", ...shardStates, ...changes];
  if (what === undefined) throw new UsageError(`it is to be one of: ${choices.join(", ")}`);
  if (!choices.includes(what)) throw new UsageError(`"${what}" is none of: ${choices.join(", ")}`);
  if (more.length > 0) throw new UsageError(`"${more.join(" ")}" is one word too many`);
  for (const [option, goesWith] of Object.entries(optionsOf))
    if (values[option as keyof typeof optionsOf] && what !== goesWith)
      throw new UsageError(`--${option} goes with ${goesWith} alone`);
  const { host, release, stack, zone } = values;
  if (what === "status") {
    if (shard !== undefined) throw new UsageError("status tells of all shards: name none");
    return { what, stack, json: values.json };
  }
  if (shard === undefined) throw new UsageError(`${what} takes the name of a shard`);
  if (what === "add") {
    if (host !== undefined && zone !== undefined)
      throw new UsageError("--host and --zone exclude each other");
    return { what, stack, shard, place: { ...(host && { host }), ...(zone && { zone }) } };
  }
  if (what === "remove") return { what, stack, shard };
  if (what === "upgrade") {
    if (!release) throw new UsageError("upgrade takes --release, the release that the shard is to have");
    return { what, stack, shard, release };
  }
  if (values.minutes !== undefined && !values.wait) throw new UsageError("--minutes goes with --wait alone");
  const waitMinutes = values.wait ? minutesOf(values.minutes) : undefined;
  return {
    what: "set",
    stack,
    shard,
    state: shardStates.find((known) => known === what) ?? "ready",
    waitMinutes,
  };
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
        host: { type: "string" },
        zone: { type: "string" },
        release: { type: "string" },
        help: { type: "boolean", default: false },
      },
    });
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error));
  }
}
