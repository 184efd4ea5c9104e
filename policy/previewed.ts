import type { Preview } from "../preview/run";
import { rules, type Violation } from "./rules";

/** What of a preview's resources does not hold, of all rules. */
export function violationsIn({ resources }: Preview): (Violation & { readonly rule: string })[] {
  const all = resources.map(({ ignoreChanges, inputs, name, type }) => ({
    type,
    name,
    props: inputs,
    ignoreChanges,
  }));
  return rules.flatMap(({ check, name: rule }) => check(all).map((violation) => ({ ...violation, rule })));
}
