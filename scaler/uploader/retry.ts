import { backOffSeconds, type Retry } from "../backOff";

/**
 * Spares a store that is down: once a second session fails in a row they wait for one another, as one. A session that
 * fails alone holds up none.
 */
export class StoreGate {
  readonly #failing = new Set<string>();
  #failures = 0;
  #opensAt = 0;

  constructor(private readonly retry: Retry) {}

  /** How many may be tried at once. @param now milliseconds of performance.now() */
  room(now: number, usual: number): number {
    if (this.#failing.size < 2) return usual;
    return now >= this.#opensAt ? 1 : 0;
  }

  failed(session: string, now: number): void {
    this.#failing.add(session);
    if (this.#failing.size < 2) return;
    this.#failures += 1;
    this.#opensAt = now + backOffSeconds(this.#failures, this.retry) * 1000;
  }

  succeeded(): void {
    this.#failing.clear();
    this.#failures = 0;
    this.#opensAt = 0;
  }
}
