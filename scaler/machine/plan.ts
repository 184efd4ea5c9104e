/** A container as the bundle wants it, or as it is there. */
export interface Wanted {
  readonly name: string;
  readonly dockerName: string;
  /** Changes with whatever replaces the container. */
  readonly revision: string;
}

export interface Present {
  readonly dockerName: string;
  readonly revision: string | undefined;
  /** Whether its processes are there, paused or about to be started again included. */
  readonly isRunning: boolean;
}

export interface Plan {
  /** What becomes of each wanted container, in the order in which they start. */
  readonly steps: readonly {
    readonly name: string;
    readonly deed: "keep" | "start" | "create" | "replace";
  }[];
  /** By Docker's name: of the node, and wanted no longer. */
  readonly removed: readonly string[];
  /** Whether something that runs is stopped. */
  readonly stopsSomething: boolean;
}

/** What a bundle changes on its machine. Whatever is as wanted is left alone, also where compose would judge otherwise. */
export function planOf(wanted: readonly Wanted[], present: readonly Present[]): Plan {
  const there = new Map(present.map((one) => [one.dockerName, one]));
  const steps = wanted.map(({ dockerName, name, revision }) => {
    const one = there.get(dockerName);
    if (!one) return { name, deed: "create" as const };
    if (one.revision !== revision) return { name, deed: "replace" as const };
    return { name, deed: one.isRunning ? ("keep" as const) : ("start" as const) };
  });
  const names = new Set(wanted.map(({ dockerName }) => dockerName));
  const removed = present.filter(({ dockerName }) => !names.has(dockerName)).map((one) => one.dockerName);
  const replaces = steps.some(({ deed }) => deed === "replace");
  return {
    steps,
    removed,
    // All of the node: a shard whose Prosody has ended may have people on its other parts.
    stopsSomething: (replaces || removed.length > 0) && present.some(({ isRunning }) => isRunning),
  };
}
