import { spawn, type ChildProcessByStdio } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { createInterface } from "node:readline";
import type { Readable, Writable } from "node:stream";
import { withTimeLimit } from "./concurrency";
import type { CommandName, Commands, Request, WorkerEvent, WorkerLine } from "./protocol";

export interface ClientsWorker {
  readonly pid: number;
  /** Every event so far, oldest first. */
  readonly events: readonly WorkerEvent[];
  /**
   * Has the worker do something. Rejects with the worker's reason, when the worker ends, and when there is no answer
   * within that many seconds (default 150: above the limits of all commands).
   */
  call<C extends CommandName>(
    command: C,
    args: Commands[C]["args"],
    timeoutSeconds?: number,
  ): Promise<Commands[C]["result"]>;
  onEvent(listener: (event: WorkerEvent) => void): void;
  /** Ends the worker and with it every session; harmless when it has ended. */
  close(): Promise<void>;
}

const DEFAULT_CALL_SECONDS = 150;
const CLOSE_SECONDS = 5;
const STDERR_TAIL_BYTES = 4000;

/**
 * Starts a worker.
 * @param prefix the command that puts it into a network namespace: its last argument precedes the program
 */
export function startWorker(prefix: readonly string[] = []): ClientsWorker {
  const root = join(__dirname, "..", "..", "..");
  const program = [process.execPath, join(root, "scripts", "built.cjs"), "test/e2e/clients/worker.ts"];
  const [file = "", ...args] = [...prefix, ...program];
  return new WorkerProcess(spawn(file, args, { stdio: ["pipe", "pipe", "pipe"] }));
}

interface PendingCall {
  resolve: (result: unknown) => void;
  reject: (error: Error) => void;
}

class WorkerProcess implements ClientsWorker {
  readonly events: WorkerEvent[] = [];
  private readonly pending = new Map<number, PendingCall>();
  private readonly listeners: ((event: WorkerEvent) => void)[] = [];
  private readonly ended: Promise<unknown>;
  private over = false;
  private stderrTail = "";
  private calls = 0;

  constructor(private readonly child: ChildProcessByStdio<Writable, Readable, Readable>) {
    this.ended = once(child, "close").catch(
      (error: unknown) => (this.stderrTail += (error as Error).message),
    );
    void this.ended.then(() => this.failAll());
    child.stderr.setEncoding("utf8").on("data", (text: string) => {
      this.stderrTail = (this.stderrTail + text).slice(-STDERR_TAIL_BYTES);
    });
    // A write to a worker that has just ended; `ended` tells the callers.
    child.stdin.on("error", () => undefined);
    createInterface({ input: child.stdout }).on("line", (line) =>
      this.onLine(JSON.parse(line) as WorkerLine),
    );
  }

  get pid(): number {
    return this.child.pid ?? 0;
  }

  call<C extends CommandName>(
    command: C,
    args: Commands[C]["args"],
    timeoutSeconds = DEFAULT_CALL_SECONDS,
  ): Promise<Commands[C]["result"]> {
    if (this.over) return Promise.reject(this.endError());
    this.calls += 1;
    const id = this.calls;
    const request = { id, command, args } as Request;
    const answer = new Promise<Commands[C]["result"]>((resolve, reject) => {
      this.pending.set(id, { resolve: resolve as (result: unknown) => void, reject });
    });
    this.child.stdin.write(`${JSON.stringify(request)}\n`);
    return withTimeLimit(answer, timeoutSeconds, command).finally(() => this.pending.delete(id));
  }

  onEvent(listener: (event: WorkerEvent) => void): void {
    this.listeners.push(listener);
  }

  async close(): Promise<void> {
    if (this.over) return;
    this.child.stdin.end();
    try {
      await withTimeLimit(this.ended, CLOSE_SECONDS, "the worker's end");
    } catch {
      this.child.kill("SIGKILL");
      await withTimeLimit(this.ended, CLOSE_SECONDS, "the worker's end after SIGKILL");
    }
  }

  private onLine(line: WorkerLine): void {
    if ("event" in line) {
      this.events.push(line);
      for (const listener of this.listeners) listener(line);
    } else if (line.ok) {
      this.pending.get(line.id)?.resolve(line.result);
    } else {
      this.pending.get(line.id)?.reject(new Error(line.error));
    }
  }

  private failAll(): void {
    this.over = true;
    for (const { reject } of this.pending.values()) reject(this.endError());
    this.pending.clear();
  }

  private endError(): Error {
    const { exitCode, signalCode } = this.child;
    return new Error(
      `the worker has ended (${signalCode ?? `exit code ${exitCode ?? "none"}`}): ${this.stderrTail}`,
    );
  }
}
