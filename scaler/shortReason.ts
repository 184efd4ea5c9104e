const LONGEST = 200;

/** Why something failed, short: what a parser says of a wrong answer may be as long as the answer. */
export function shortReason(error: unknown): string {
  const reason = error instanceof Error ? error.message : String(error);
  return reason.length <= LONGEST ? reason : `${reason.slice(0, LONGEST)} …`;
}
