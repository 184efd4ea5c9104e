import * as pulumi from "@pulumi/pulumi";
import { Refusals } from "./guard/refusals";
import { readState } from "./guard/state";
import type { Platform } from "./platform";
import type { Settings } from "./settings";

/** Set by `npm run shard`: its updates bring shards' states alone, whatever else waits in the settings. */
export const STATES_ONLY_VARIABLE = "JITSI_FLEET_STATES_ONLY";

/**
 * What is asked before anything is declared: whether the update would cut a call, measured by what the state says is there.
 * Throws a RefusedError with all that speaks against it; in a preview it warns. Returns where the fleet is to be declared.
 */
export async function preflight(settings: Settings): Promise<Platform> {
  const stack = pulumi.getStack();
  const refusals = new Refusals(settings.allowCutCalls);
  const scope = process.env[STATES_ONLY_VARIABLE] === "1" ? "states" : "all";
  const state = await readState();
  // The platform that is used is loaded alone: the other, with its SDK, takes a tenth of a preview.
  /* eslint-disable @typescript-eslint/no-require-imports */
  if (settings.platform === "aws") {
    const { awsPreflight } = require("./aws/preflight") as typeof import("./aws/preflight");
    return awsPreflight(settings, stack, state, refusals, scope);
  }
  const { dockerPreflight } = require("./docker/preflight") as typeof import("./docker/preflight");
  return dockerPreflight(settings, stack, state, refusals, scope);
  /* eslint-enable @typescript-eslint/no-require-imports */
}
