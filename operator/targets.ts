import type { ShardState } from "@jitsi-fleet/scaler";
import { z } from "zod";

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
export type Step = Preview["steps"][number];

/** Why a preview failed, by what it printed. */
export function faultsOfPreview(printed: string): string[] {
  const { diagnostics } = failedPreviewSchema.parse(JSON.parse(printed));
  const errors = diagnostics.filter(({ severity }) => severity === "error");
  return [...new Set(errors.map(({ message }) => message.trim()))];
}

/** How a platform's stack is changed to give a shard a state. */
export interface StateChange {
  /** What of the stack knows the shard's state: patterns of URNs. */
  readonly patterns: readonly string[];
  /** Tells what is to be done of a preview's changes. */
  readonly choose: (changes: readonly Step[]) => Promise<Choice>;
}

export interface Choice {
  /** What does nothing but give the shard the state, in rounds: each is in force before the next begins. */
  readonly rounds: readonly (readonly Step[])[];
  /** What would bring more along to where the state acts. What only shows the state is in neither then. */
  readonly more: readonly Step[];
}

/**
 * What to update so that a shard's state comes into force, and nothing else does: URNs, in rounds. Throws where
 * another change would come along; components that would show one are left for the next whole update.
 */
export async function targetsOf({ steps }: Preview, shard: string, change: StateChange): Promise<string[][]> {
  const { more, rounds } = await change.choose(steps.filter(({ op }) => op !== "same"));
  if (more.length > 0)
    throw new Error(
      `More than the state of ${shard} waits to be brought to ${more.map(nameOf).join(", ")}: ` +
        "pulumi preview --diff shows it; bring it with pulumi up, or take it back, first",
    );
  return rounds.map((round) => round.map(({ urn }) => urn)).filter((round) => round.length > 0);
}

/** The resource's name. */
export const nameOf = ({ urn }: Step): string => urn.split("::").at(-1) ?? "";

/** A component's inputs with the shard in the state: what shows the states of all, or its own. */
export const inputsInState = (
  inputs: Readonly<Record<string, unknown>>,
  shard: string,
  state: ShardState,
): Record<string, unknown> =>
  "shards" in inputs
    ? { ...inputs, shards: { ...(inputs["shards"] as object), [shard]: state } }
    : { ...inputs, state };

const routesSchema = z.array(z.object({ node: z.string(), state: z.string() }).loose());

/** Where an edge sends users, with the shard in the state. */
export const routesWith = (routes: unknown, shard: string, state: ShardState): unknown[] =>
  routesSchema.parse(routes).map((route) => (route.node === shard ? { ...route, state } : route));
