import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { closeSync, openSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { Message } from "./program";

const GRACE_SECONDS = 5;

/** SIGTERM, and SIGKILL if that is not enough. Resolves when it is gone. */
export async function end(child: ChildProcess, graceSeconds = GRACE_SECONDS): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null || child.pid === undefined) return;
  const exited = once(child, "exit");
  child.kill("SIGTERM");
  const timer = setTimeout(() => child.kill("SIGKILL"), graceSeconds * 1000);
  await exited;
  clearTimeout(timer);
}

/** All that the lab has started: each with a log of its own, and none outlives the lab. */
export class Processes {
  readonly #children = new Set<ChildProcess>();
  readonly #failure = Promise.withResolvers<never>();
  #ending = false;

  constructor(
    private readonly logs: string,
    private readonly programs: string,
  ) {
    // Whoever does not look is not disturbed.
    this.#failure.promise.catch(() => undefined);
    // For every end that is not `endAll`; before whoever removes what they write to.
    process.prependOnceListener("exit", () => this.#children.forEach((child) => child.kill("SIGKILL")));
  }

  /** Starts one of the lab's own programs; `hear` gets what it tells. */
  program(kind: string, name: string, settings: object, hear: (message: Message) => void): ChildProcess {
    const env = { LAB_SETTINGS: JSON.stringify(settings) };
    const child = this.start(name, process.execPath, [join(this.programs, `${kind}.js`)], env, "ipc");
    child.on("message", (message) => hear(message as Message));
    return child;
  }

  /** In a group of its own: Ctrl-C is for the lab, which ends the rest. */
  start(
    name: string,
    command: string,
    args: readonly string[],
    env: Record<string, string> = {},
    channel: "ipc" | "ignore" = "ignore",
  ): ChildProcess {
    const log = openSync(this.logOf(name), "a");
    const child = spawn(command, args, {
      detached: true,
      env: { ...process.env, ...env },
      stdio: ["ignore", log, log, channel],
    });
    closeSync(log);
    this.#children.add(child);
    child.once("exit", () => this.#children.delete(child));
    child.once("error", () => this.#children.delete(child));
    return child;
  }

  /** The lab cannot do without it: `failed` rejects when it ends by itself. */
  need(name: string, child: ChildProcess): void {
    child.once("error", (error) => this.#failure.reject(error));
    child.once("exit", (code, signal) => {
      if (this.#ending) return;
      const last = readFileSync(this.logOf(name), "utf8").trimEnd().split("\n").slice(-10).join("\n");
      const how = code ?? signal ?? "nothing";
      this.#failure.reject(new Error(`${name} ended with ${how}; the last that it said:\n${last}`));
    });
  }

  /** Rejects when a part fails that the lab cannot do without; never resolves. */
  get failed(): Promise<never> {
    return this.#failure.promise;
  }

  get count(): number {
    return this.#children.size;
  }

  async endAll(): Promise<void> {
    this.#ending = true;
    await Promise.all([...this.#children].map((child) => end(child)));
  }

  private logOf(name: string): string {
    return join(this.logs, `${name}.log`);
  }
}

/** Resolves with the ports that a program listens on. */
export async function listening(child: ChildProcess): Promise<readonly number[]> {
  for (;;) {
    const [message] = (await once(child, "message", { signal: AbortSignal.timeout(20_000) })) as [Message];
    if (message.kind === "listening") return message.ports;
  }
}
