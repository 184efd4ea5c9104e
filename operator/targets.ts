import { STATES_MAP, type ShardState } from "@jitsi-fleet/scaler";
import { isDeepStrictEqual } from "node:util";
import { z } from "zod";
import { QUIET_FILES_VARIABLE, ROUTES_VARIABLE } from "../components/docker/commands/input";

/** What of a stack knows a shard's state: the edge's configuration, and the components that show it. */
export const patternsOf = (shard: string): readonly string[] => [
  "**::edge-*-haproxy-configuration",
  "**::jitsi-fleet:index:Edge::edge",
  `**::jitsi-fleet:index:Shard::${shard}`,
];

const inputs = z.object({ inputs: z.record(z.string(), z.unknown()).optional() }).optional();
/** A preview as Pulumi prints it with --json. */
export const previewSchema = z.object({
  steps: z.array(
    z.object({
      op: z.string(),
      urn: z.string(),
      diffReasons: z.array(z.string()).nullish(),
      oldState: inputs,
      newState: inputs,
    }),
  ),
});
/** One that failed. */
const failedPreviewSchema = z.object({
  diagnostics: z.array(z.object({ severity: z.string(), message: z.string() })),
});
export type Preview = z.output<typeof previewSchema>;
type Step = Preview["steps"][number];

const isConfiguration = ({ urn }: Step): boolean => urn.endsWith("-haproxy-configuration");

/** Why a preview failed, by what it printed. */
export function faultsOfPreview(printed: string): string[] {
  const { diagnostics } = failedPreviewSchema.parse(JSON.parse(printed));
  const errors = diagnostics.filter(({ severity }) => severity === "error");
  return [...new Set(errors.map(({ message }) => message.trim()))];
}

/**
 * What to update so that a shard's state comes into force, and nothing else does: URNs. Throws where the edge's
 * configuration would bring another change along; components that would are left for the next whole update.
 */
export function targetsOf({ steps }: Preview, shard: string, state: ShardState): string[] {
  const changes = steps.filter(({ op }) => op !== "same");
  const others = changes.filter((step) => isConfiguration(step) && !isThatAlone(step, shard, state));
  if (others.length > 0)
    throw new Error(
      `More than the state of ${shard} waits to be brought to ${others.map(({ urn }) => urn.split("::").at(-1) ?? "").join(", ")}: ` +
        "pulumi preview --diff shows it; bring it with pulumi up, or take it back, first",
    );
  return changes.filter((step) => isThatAlone(step, shard, state)).map(({ urn }) => urn);
}

/** Whether a step does nothing but give the shard the state. */
function isThatAlone(step: Step, shard: string, state: ShardState): boolean {
  const [before, after] = [step.oldState?.inputs, step.newState?.inputs];
  if (step.op !== "update" || !before || !after) return false;
  // Secrets look all alike; that they differ is told.
  if (isConfiguration(step) && step.diffReasons?.some((reason) => reason !== "environment")) return false;
  return isDeepStrictEqual(given(before, shard, state), given(after, shard, state));
}

const environmentSchema = z.record(z.string(), z.string());
const routesSchema = z.array(z.object({ node: z.string(), state: z.string() }).loose());

/** A resource's inputs with the state in each of the places that it has there. */
function given(inputs: Readonly<Record<string, unknown>>, shard: string, state: ShardState): unknown {
  if ("environment" in inputs) {
    const {
      [QUIET_FILES_VARIABLE]: files,
      [ROUTES_VARIABLE]: routes,
      ...rest
    } = environmentSchema.parse(inputs["environment"]);
    return {
      ...inputs,
      environment: rest,
      files: withoutStates(files ?? "{}"),
      routes: routesSchema
        .parse(JSON.parse(routes ?? "[]"))
        .map((route) => (route.node === shard ? { ...route, state } : route)),
    };
  }
  if ("shards" in inputs) return { ...inputs, shards: { ...(inputs["shards"] as object), [shard]: state } };
  return { ...inputs, state };
}

/** The states are among the routes. */
function withoutStates(files: string): unknown {
  const { [STATES_MAP]: states, ...rest } = environmentSchema.parse(JSON.parse(files));
  return { ...rest, hasStates: states !== undefined };
}
