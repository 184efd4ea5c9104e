import type { Bridge, Jibri } from "./fleet";

/** Different ones in a pool's reason. */
const MOST = 3;

/** What is wrong with instances, in words: those with the same trouble together. */
export function troublesOf(instances: readonly (Bridge | Jibri)[]): string[] {
  const byTrouble = new Map<string, string[]>();
  for (const { name, trouble } of instances)
    if (trouble !== undefined) byTrouble.set(trouble, [...(byTrouble.get(trouble) ?? []), name]);
  const told = [...byTrouble].map(([trouble, names]) =>
    names.length === 1 ? `${names[0]}: ${trouble}` : `${names.length} instances: ${trouble}`,
  );
  return told.length <= MOST ? told : [...told.slice(0, MOST), `${told.length - MOST} other troubles`];
}

/** A reason with what keeps instances from serving. */
export const withTroubles = (why: string, troubles: readonly string[]): string =>
  [why, ...troubles].join("; ");
