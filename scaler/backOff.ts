/** Of what is tried again after a failure. */
export interface Retry {
  readonly firstSeconds: number;
  readonly longestSeconds: number;
}

/**
 * How long to wait after a number of failures in a row, in seconds: exponential, and by chance up to half less, so
 * that not all come at once.
 */
export function backOffSeconds(failures: number, retry: Retry): number {
  const whole = Math.min(retry.longestSeconds, retry.firstSeconds * 2 ** Math.min(failures - 1, 30));
  return whole * (0.5 + Math.random() / 2);
}
