/** A list of the living that is older says nothing. */
const VALID_SECONDS = 60;

/** Which Jibris live, as the host's agent tells with each question. */
export class LiveInstances {
  #names: ReadonlySet<string> = new Set();
  #toldAt = -Infinity;

  tell(names: readonly string[]): void {
    this.#names = new Set(names);
    this.#toldAt = performance.now();
  }

  /** Known to be dead: if nobody told of late, none is. */
  isDead(instance: string): boolean {
    return performance.now() - this.#toldAt < VALID_SECONDS * 1000 && !this.#names.has(instance);
  }
}
