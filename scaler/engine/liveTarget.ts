import { z } from "zod";

/** What changes under a running process of a container, and how it is told (components/platform.ts, LiveConfiguration). */
export const liveTarget = z.object({
  container: z.string(),
  directory: z.string(),
  main: z.string(),
  check: z.array(z.string()),
  reloadSignal: z.literal("SIGUSR2"),
  settleSeconds: z.number(),
  run: z.string(),
  /** Whose process it is. */
  owner: z.object({ uid: z.number(), gid: z.number() }),
  settled: z.object({ container: z.string(), command: z.array(z.string()) }),
});
export type LiveTarget = z.output<typeof liveTarget>;

/** Where a container looks files up: `<directory>/current` leads to them. */
export const lookedUpTarget = z.object({ container: z.string(), directory: z.string() });
export type LookedUpTarget = z.output<typeof lookedUpTarget>;
