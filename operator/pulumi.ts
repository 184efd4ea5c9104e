import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { text } from "node:stream/consumers";

/** A command that failed. What it printed may hold secrets: only what it said of its failure is told. */
export class PulumiError extends Error {
  constructor(
    command: readonly string[],
    code: number,
    said: string,
    readonly printed: string,
  ) {
    super(`pulumi ${command[0] ?? ""} ended with code ${code}:\n${said.trim()}`);
  }
}

/** The Pulumi CLI on the PATH, with the project in this directory and one of its stacks. */
export class Pulumi {
  /**
   * @param stack undefined: the one that is selected
   * @param environment beside this process's own: for the program
   */
  constructor(
    private readonly stack: string | undefined,
    private readonly environment: Readonly<Record<string, string>> = {},
  ) {}

  /** The same, with more in the program's environment. */
  with(environment: Readonly<Record<string, string>>): Pulumi {
    return new Pulumi(this.stack, { ...this.environment, ...environment });
  }

  /** Runs a command unseen and returns what it printed. Throws a PulumiError where it fails. */
  async read(command: readonly string[], ...values: readonly string[]): Promise<string> {
    const child = spawn("pulumi", this.args(["--non-interactive", ...command], values), {
      stdio: ["ignore", "pipe", "pipe"],
      env: this.env,
    });
    const [stdout, stderr, code] = await Promise.all([text(child.stdout), text(child.stderr), ended(child)]);
    if (code !== 0) throw new PulumiError(command, code, stderr, stdout);
    return stdout;
  }

  /** Runs a command for all to see. Returns its exit code. */
  async show(command: readonly string[]): Promise<number> {
    const child = spawn("pulumi", this.args(command), { stdio: "inherit", env: this.env });
    // Ctrl-C in a terminal reaches it by itself; twice would end it before it has put its state away.
    const interrupt = (): void => {
      if (!process.stdin.isTTY) child.kill("SIGINT");
    };
    process.on("SIGINT", interrupt);
    process.on("SIGTERM", interrupt);
    try {
      return await ended(child);
    } finally {
      process.off("SIGINT", interrupt);
      process.off("SIGTERM", interrupt);
    }
  }

  private get env(): NodeJS.ProcessEnv {
    return { ...process.env, ...this.environment };
  }

  private args(command: readonly string[], values: readonly string[] = []): string[] {
    const stack = this.stack === undefined ? [] : ["--stack", this.stack];
    return [...command, ...stack, ...(values.length > 0 ? ["--", ...values] : [])];
  }
}

/** Its exit code: 1 where a signal ended it. */
async function ended(child: ChildProcess): Promise<number> {
  try {
    const [code] = (await once(child, "close")) as [number | null];
    return code ?? 1;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT")
      throw new Error("There is no pulumi on the PATH. Install it: https://www.pulumi.com/docs/install/", {
        cause: error,
      });
    throw error;
  }
}
