import { STATES_MAP, type ShardState } from "@jitsi-fleet/scaler";
import { isDeepStrictEqual } from "node:util";
import { z } from "zod";
import { QUIET_FILES_VARIABLE, ROUTES_VARIABLE } from "../components/docker/commands/input";
import { routesWith, inputsInState, type StateChange, type Step } from "./targets";

/** On Docker hosts: the edge's configuration, and the components that show the state. */
export const dockerChange = (shard: string, state: ShardState): StateChange => ({
  patterns: [
    "**::edge-*-haproxy-configuration",
    "**::jitsi-fleet:index:Edge::edge",
    `**::jitsi-fleet:index:Shard::${shard}`,
  ],
  choose: (changes) => {
    const isAlone = (step: Step): boolean => isThatAlone(step, shard, state);
    return Promise.resolve({
      rounds: [changes.filter(isAlone)],
      more: changes.filter((step) => isConfiguration(step) && !isAlone(step)),
    });
  },
});

const isConfiguration = ({ urn }: Step): boolean => urn.endsWith("-haproxy-configuration");

/** Whether a step does nothing but give the shard the state. */
function isThatAlone(step: Step, shard: string, state: ShardState): boolean {
  const [before, after] = [step.oldState?.inputs, step.newState?.inputs];
  if (step.op !== "update" || !before || !after) return false;
  // Secrets look all alike; that they differ is told.
  if (isConfiguration(step) && step.diffReasons?.some((reason) => reason !== "environment")) return false;
  return isDeepStrictEqual(given(before, shard, state), given(after, shard, state));
}

const environmentSchema = z.record(z.string(), z.string());

/** A resource's inputs with the state in each of the places that it has there. */
function given(inputs: Readonly<Record<string, unknown>>, shard: string, state: ShardState): unknown {
  if (!("environment" in inputs)) return inputsInState(inputs, shard, state);
  const {
    [QUIET_FILES_VARIABLE]: files,
    [ROUTES_VARIABLE]: routes,
    ...rest
  } = environmentSchema.parse(inputs["environment"]);
  return {
    ...inputs,
    environment: rest,
    files: withoutStates(files ?? "{}"),
    routes: routesWith(JSON.parse(routes ?? "[]"), shard, state),
  };
}

/** The states are among the routes. */
function withoutStates(files: string): unknown {
  const { [STATES_MAP]: states, ...rest } = environmentSchema.parse(JSON.parse(files));
  return { ...rest, hasStates: states !== undefined };
}
