/** The longest delay that a timer of Node can have is 24.8 days. */
const LONGEST_DELAY_MS = 86_400_000;

/** Emulated time, which runs `scale` times as fast as the wall's, and timers in it that all end with `stop`. */
export class Clock {
  private readonly started = Date.now();
  private readonly timers = new Set<NodeJS.Timeout>();
  private isStopped = false;

  constructor(readonly scale = 1) {}

  /** Emulated seconds since the epoch; equal to the wall's where the scale is 1. */
  now(): number {
    return (this.started + (Date.now() - this.started) * this.scale) / 1000;
  }

  /** Acts after so many emulated seconds. Calling what it returns prevents that. */
  after(seconds: number, act: () => void): () => void {
    if (this.isStopped) return () => undefined;
    const due = Date.now() + (seconds * 1000) / this.scale;
    let timer: NodeJS.Timeout;
    const arm = (): void => {
      timer = setTimeout(
        () => {
          this.timers.delete(timer);
          if (Date.now() < due - 1) arm();
          else act();
        },
        Math.min(Math.max(due - Date.now(), 0), LONGEST_DELAY_MS),
      );
      this.timers.add(timer);
    };
    arm();
    return () => {
      clearTimeout(timer);
      this.timers.delete(timer);
    };
  }

  stop(): void {
    this.isStopped = true;
    for (const timer of this.timers) clearTimeout(timer);
    this.timers.clear();
  }
}
