import { distance } from "fastest-levenshtein";

/** The choice that `word` was probably meant to be, or undefined if none is near. */
export function didYouMean(word: string, choices: readonly string[]): string | undefined {
  const limit = Math.min(word.length - 1, Math.max(2, Math.floor(word.length / 3)));
  const near = choices
    .map((choice) => ({ choice, distance: distance(word.toLowerCase(), choice.toLowerCase()) }))
    .filter((candidate) => candidate.distance <= limit)
    .sort((a, b) => a.distance - b.distance);
  return near[0]?.choice;
}
