import { spawn } from "node:child_process";

export interface ProcessOutcome {
  /** null when a signal ended it. */
  exitCode: number | null;
  stdout: string;
  stderr: string;
}

export interface RunOptions {
  stdin?: string;
  /** Default 30. */
  timeoutSeconds?: number;
}

/**
 * Runs a program to its end. Rejects when it cannot be started or does not end in time; then it and what it started are
 * killed. An exit code other than 0 is an outcome like any other.
 */
export function run(argv: readonly string[], options: RunOptions = {}): Promise<ProcessOutcome> {
  const [file = "", ...args] = argv;
  const timeoutSeconds = options.timeoutSeconds ?? 30;
  return new Promise((resolve, reject) => {
    // A process group of its own, so that all of it can be killed.
    const child = spawn(file, args, { stdio: ["pipe", "pipe", "pipe"], detached: true });
    let [stdout, stderr] = ["", ""];
    const limit = setTimeout(() => {
      if (child.pid !== undefined) process.kill(-child.pid, "SIGKILL");
      reject(new Error(`"${argv.join(" ")}" did not end within ${timeoutSeconds} s: ${stderr.slice(-2000)}`));
    }, timeoutSeconds * 1000);
    child.stdout.setEncoding("utf8").on("data", (text: string) => (stdout += text));
    child.stderr.setEncoding("utf8").on("data", (text: string) => (stderr += text));
    // A program need not read its input.
    child.stdin.on("error", () => undefined);
    child.stdin.end(options.stdin ?? "");
    child.on("error", (error) => {
      clearTimeout(limit);
      reject(error);
    });
    child.on("close", (exitCode) => {
      clearTimeout(limit);
      resolve({ exitCode, stdout, stderr });
    });
  });
}

/** As `run`, but an exit code other than 0 rejects with what the program said. Returns its output. */
export async function runOrFail(argv: readonly string[], options: RunOptions = {}): Promise<string> {
  const { exitCode, stdout, stderr } = await run(argv, options);
  if (exitCode === 0) return stdout;
  throw new Error(`"${argv.join(" ")}" failed with ${exitCode ?? "a signal"}: ${stderr || stdout}`);
}
