import { spawn } from "node:child_process";
import { basename } from "node:path";
import { answersFor } from "./answers";
import { type DeclaredResource, Monitor } from "./monitor";
import type { StackSettings } from "./stackSettings";

/** What a program would have made. */
export interface Preview {
  readonly stack: string;
  readonly resources: readonly DeclaredResource[];
  readonly outputs: Readonly<Record<string, unknown>>;
}

/** Why there is no preview: what the program itself says. */
export class PreviewError extends Error {}

const timeLimitMs = 120_000;

/**
 * Runs the program of a directory with a stack's settings, as the engine runs it for a preview of a new stack. Asks
 * nobody and needs neither an account nor the Pulumi CLI.
 */
export async function preview(directory: string, stack: string, settings: StackSettings): Promise<Preview> {
  const name = basename(stack)
    .replace(/^Pulumi\./, "")
    .replace(/\.ya?ml$/, "");
  const monitor = new Monitor(settings.project, name, answersFor(regionOf(settings)));
  const address = await monitor.listen();
  try {
    const { code, printed } = await runProgram(directory, name, settings, address);
    if (code !== 0) {
      const told = monitor.errors.map((text) => text.trimEnd());
      throw new PreviewError([...told, ...(told.length > 0 ? [] : [printed.trimEnd()])].join("\n"));
    }
    return { stack: name, resources: monitor.resources, outputs: monitor.outputs };
  } finally {
    monitor.close();
  }
}

/** The region that the stack's settings name, where they name one. */
function regionOf({ project, values }: StackSettings): string {
  const [, region = "eu-central-1"] = /"region":"([a-z0-9-]+)"/.exec(values[`${project}:aws`] ?? "") ?? [];
  return region;
}

function runProgram(
  directory: string,
  stack: string,
  settings: StackSettings,
  address: string,
): Promise<{ code: number; printed: string }> {
  const run = require.resolve("@pulumi/pulumi/cmd/run", { paths: [directory] });
  const flags = ["--monitor", address, "--engine", address, "--project", settings.project, "--stack", stack];
  const argv = [
    "--stack-trace-limit=1",
    run,
    ...flags,
    "--organization",
    "organization",
    "--dry-run",
    "--pwd",
    directory,
    ".",
  ];
  const child = spawn(process.execPath, argv, {
    cwd: directory,
    stdio: ["ignore", "pipe", "pipe"],
    env: {
      ...process.env,
      PULUMI_CONFIG: JSON.stringify(settings.values),
      PULUMI_CONFIG_SECRET_KEYS: JSON.stringify(settings.secretKeys),
      PULUMI_NODEJS_TYPESCRIPT: "true",
      // Types are the check's business, and take longer than all else here.
      PULUMI_NODEJS_TRANSPILE_ONLY: "true",
    },
  });
  let printed = "";
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding("utf8").on("data", (chunk: string) => (printed += chunk));
  const limit = setTimeout(() => child.kill("SIGKILL"), timeLimitMs);
  return new Promise((resolve, reject) => {
    child.once("error", reject);
    child.once("close", (code) => {
      clearTimeout(limit);
      resolve({ code: code ?? 1, printed });
    });
  });
}
