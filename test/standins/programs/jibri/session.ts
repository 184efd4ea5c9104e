/** What a Jibri is busy with, one at a time. */
export interface Session {
  readonly id: string;
  readonly activity: "recording" | "streaming";
  /** Where a recording lies. */
  readonly directory: string | null;
  /** Ends it; resolves when its finalize script has returned, with the exit code, or undefined when none was run. */
  stop(finalizeScript: string): Promise<number | undefined>;
}

/** A live stream: nothing of it is ever on disk, and nothing is finalized. */
export function stream(id: string): Session {
  return { id, activity: "streaming", directory: null, stop: () => Promise.resolve(undefined) };
}
