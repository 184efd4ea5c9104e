/** What of a client of AWS's SDK it takes to see its answers. */
interface Client {
  readonly middlewareStack: {
    add(
      middleware: (next: (args: never) => Promise<{ response?: unknown }>) => (args: never) => Promise<never>,
      options: { step: "deserialize"; priority: "low"; name: string; override: boolean },
    ): void;
  };
}

/** Clocks that AWS keeps differ by less. */
export const CLOCK_TOLERANCE_SECONDS = 5;

/** How old what was said then is at a moment of the same clock. Negative: the clocks are two, and differ. */
export const ageSeconds = (then: string, atMilliseconds: number): number =>
  (atMilliseconds - Date.parse(then)) / 1000;

/**
 * Has a client note when AWS answered it last, by AWS's own clock, and returns how to ask for it. Ages of what AWS's
 * machines wrote down are counted by it: this machine's clock may be another. Undefined before its first answer.
 */
export function answerTimes(client: unknown): () => number | undefined {
  let latest: number | undefined;
  (client as Client).middlewareStack.add(
    (next) => async (args) => {
      const result = await next(args);
      const { headers } = (result.response ?? {}) as { headers?: Record<string, string> };
      const told = Date.parse(headers?.["date"] ?? "");
      if (!Number.isNaN(told)) latest = told;
      return result as never;
    },
    { step: "deserialize", priority: "low", name: "noteAnswerTime", override: true },
  );
  return () => latest;
}
