import { setTimeout as sleep } from "node:timers/promises";
import type { Logger } from "pino";
import { backOffSeconds } from "../backOff";
import type { PoolTemplate } from "../configuration";
import type { Birth, OwnContainers } from "./containers";
import { archiveOf, fillBody } from "./fill";

/** Where a template's files go: the template mounts an unnamed volume there. */
const FILES_FOLDER = "/fleet";
const RETRY = { firstSeconds: 2, longestSeconds: 60 };

/** A launch that was accepted: under way, failed, or come to its end. */
export class Launch {
  readonly #cancelled = new AbortController();
  /** Why it failed; undefined while it is under way. */
  failure: string | undefined;
  /** Resolves when it came to its end, well or not. */
  readonly done: Promise<void>;

  constructor(
    readonly birth: Birth,
    template: PoolTemplate,
    containers: OwnContainers,
    log: Logger,
    /** Called at once when nothing is left to be remembered of it: it succeeded or was cancelled. */
    onOver: () => void,
    /** How often it is tried before it counts as failed. */
    tries = 1,
  ) {
    const began = Date.now();
    const line = { instance: birth.name, pool: birth.pool, mediaPort: birth.mediaPort };
    log.info(line, "launching");
    const { signal } = this.#cancelled;
    const once = (): Promise<void> => carryOut(birth, template, containers, log, signal);
    const failed = (error: unknown): void =>
      log.warn({ ...line, error: String(error) }, "launch failed: again");
    this.done = repeatedly(once, tries, failed, signal).then(
      () => {
        log.info({ ...line, milliseconds: Date.now() - began }, "launched");
        onOver();
      },
      (error: unknown) => {
        if (this.isCancelled) {
          log.info(line, "launch cancelled");
          onOver();
          return;
        }
        this.failure = error instanceof Error ? error.message : String(error);
        log.error({ ...line, error: this.failure }, "launch failed");
      },
    );
  }

  get isCancelled(): boolean {
    return this.#cancelled.signal.aborted;
  }

  /** Ends it before its next step. One whose last step is under way runs then. */
  cancel(): void {
    this.#cancelled.abort();
  }
}

async function repeatedly(
  run: () => Promise<void>,
  tries: number,
  onFailure: (error: unknown) => void,
  cancelled: AbortSignal,
): Promise<void> {
  for (let failures = 1; failures < tries; failures += 1)
    try {
      await run();
      return;
    } catch (error) {
      cancelled.throwIfAborted();
      onFailure(error);
      await sleep(backOffSeconds(failures, RETRY) * 1000, undefined, { signal: cancelled });
    }
  return run();
}

async function carryOut(
  birth: Birth,
  template: PoolTemplate,
  containers: OwnContainers,
  log: Logger,
  cancelled: AbortSignal,
): Promise<void> {
  const filling = { instance: birth.name, mediaPort: birth.mediaPort };
  const body = fillBody(template, filling);
  const archive = await archiveOf(template, filling);
  await containers.ensureImage(String(body["Image"]), cancelled);
  cancelled.throwIfAborted();
  const id = await containers.create(body, birth);
  try {
    cancelled.throwIfAborted();
    if (template.files.length > 0) await containers.put(id, FILES_FOLDER, archive);
    cancelled.throwIfAborted();
    await containers.start(id);
  } catch (error) {
    // What stays of it is told as failed, and may be removed later.
    await containers
      .remove(id)
      .catch((left: unknown) => log.error({ instance: birth.name, error: String(left) }, "left half-made"));
    throw error;
  }
}
