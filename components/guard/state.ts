import * as pulumi from "@pulumi/pulumi";
import { z } from "zod";

/** A resource as the state has it. Secrets are in clear. */
export interface StateResource {
  readonly urn: string;
  readonly type: string;
  readonly name: string;
  readonly outputs: Readonly<Record<string, unknown>>;
}

const answerSchema = z.object({
  outputs: z
    .record(z.string(), z.object({ type: z.string(), outputs: z.record(z.string(), z.unknown()).nullish() }))
    .nullish(),
});

/** What the engine's own provider calls the question. It takes no resource, and a preview asks it too. */
const QUESTION = "pulumi:pulumi:readStackResourceOutputs";

/** The stack's state as this update finds it: what was declared before, and was brought in force as far as it went. */
export class State {
  constructor(readonly resources: readonly StateResource[]) {}

  ofType(type: string): readonly StateResource[] {
    return this.resources.filter((resource) => resource.type === type);
  }

  /** A generated password of a name; undefined where there is none yet. */
  password(name: string): string | undefined {
    const found = this.ofType("random:index/randomPassword:RandomPassword").find((one) => one.name === name);
    return z.object({ result: z.string() }).safeParse(found?.outputs).data?.result;
  }
}

/** Reads the state of this stack. Throws where that cannot be: what is not known is not taken for empty. */
export async function readState(): Promise<State> {
  const stack = pulumi.getStack();
  // A backend of one's own with the old layout knows stacks by their bare name.
  const names = [`${pulumi.getOrganization()}/${pulumi.getProject()}/${stack}`, stack];
  let failure: unknown;
  for (const stackName of names)
    try {
      const answer: unknown = await pulumi.runtime.invoke(QUESTION, { stackName });
      return stateOf(answer);
    } catch (error) {
      failure ??= error;
    }
  throw new pulumi.RunError(
    `The state of stack ${stack} cannot be read, so that nobody knows what this update would change: ` +
      (failure instanceof Error ? failure.message : String(failure)),
  );
}

/** The state in the engine's answer. */
export function stateOf(answer: unknown): State {
  const { outputs } = answerSchema.parse(answer ?? {});
  return new State(
    Object.entries(outputs ?? {}).map(([urn, { outputs: own, type }]) => ({
      urn,
      type,
      name: urn.split("::").at(-1) ?? "",
      outputs: own ?? {},
    })),
  );
}
