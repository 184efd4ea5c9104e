import { shortReason } from "./shortReason";

/** What a program said, as one short line: markup, line breaks and control characters are left out. */
export const wordsOf = (said: string): string =>
  shortReason(
    said
      .replace(/<[^<>]*>/g, " ")
      .replace(/[\s\p{C}]+/gu, " ")
      .trim(),
  );
