import { readFileSync } from "node:fs";
import { join } from "node:path";
import { shardStates, type ShardState, type Wanted } from "./topology";

/** The files beside HAProxy's configuration, in its map format: a key and a value a line. */
export const STATES_MAP = "states.map";
export const TENANTS_MAP = "tenants.map";
export const SHARES_MAP = "shares.map";

/** What the operator wants, as the settings left it in the directory of the configuration in force. Throws where it is not readable. */
export function readWanted(directory: string): Wanted {
  const states = Object.entries(readMap(join(directory, STATES_MAP))).map(([shard, state]) => {
    if (!(shardStates as readonly string[]).includes(state))
      throw new Error(`${STATES_MAP}: shard ${shard} has the state ${state}, which is none`);
    return [shard, state as ShardState] as const;
  });
  return {
    states: Object.fromEntries(states),
    tenants: readMap(join(directory, TENANTS_MAP)),
    shares: readMap(join(directory, SHARES_MAP)),
  };
}

function readMap(file: string): Record<string, string> {
  const lines = readFileSync(file, "utf8").split("\n");
  return Object.fromEntries(
    lines.flatMap((line) => {
      const [key, value] = line.split(" ");
      return key && value ? [[key, value]] : [];
    }),
  );
}
