import { spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { basename, join } from "node:path";
import { parse } from "yaml";
import { oversize } from "../components/settings/configurationSize";
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

/** How long a program may take unless told otherwise: on a machine that does nothing else, one takes ten seconds. */
export const DEFAULT_LIMIT_SECONDS = 600;

/**
 * Runs the program of a directory with a stack's settings, as the engine runs it for a preview of a new stack. Asks
 * nobody and needs neither an account nor the Pulumi CLI. Throws a PreviewError where the program refuses or fails, or is
 * not done within the limit.
 */
export async function preview(
  directory: string,
  stack: string,
  settings: StackSettings,
  limitSeconds = DEFAULT_LIMIT_SECONDS,
): Promise<Preview> {
  const name = basename(stack)
    .replace(/^Pulumi\./, "")
    .replace(/\.ya?ml$/, "");
  const tooLarge = oversize(settings.values);
  if (tooLarge !== undefined) throw new PreviewError(tooLarge);
  const monitor = new Monitor(settings.project, name, answersFor(regionOf(settings)));
  const address = await monitor.listen();
  try {
    const { end, printed } = await runProgram(directory, name, settings, address, limitSeconds);
    if (end !== 0) {
      const told = monitor.errors.map((text) => text.trimEnd());
      const said = told.length > 0 ? told : [printed.trimEnd()].filter((text) => text !== "");
      throw new PreviewError(
        [...(typeof end === "number" && said.length > 0 ? [] : [endText(end)]), ...said].join("\n"),
      );
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

/** How a program ended: its exit code, the signal that ended it, or the limit that struck. */
type End = number | NodeJS.Signals | { readonly limitSeconds: number };

function endText(end: End): string {
  if (typeof end === "object")
    return `The program was not done within ${end.limitSeconds} s and was ended. Give it longer: --limit ${2 * end.limitSeconds}`;
  return `The program ended ${typeof end === "number" ? `with code ${end}` : `by ${end}`} and said nothing why`;
}

/** Whether Pulumi is to translate the program: what it does unless the project says otherwise. */
function isTypescript(directory: string): boolean {
  const project = parse(readFileSync(join(directory, "Pulumi.yaml"), "utf8")) as {
    runtime?: { options?: { typescript?: boolean } } | string;
  };
  return typeof project.runtime !== "object" || project.runtime.options?.typescript !== false;
}

function runProgram(
  directory: string,
  stack: string,
  settings: StackSettings,
  address: string,
  limitSeconds: number,
): Promise<{ end: End; printed: string }> {
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
      PULUMI_NODEJS_TYPESCRIPT: String(isTypescript(directory)),
      // Types are the check's business, and take longer than all else here.
      PULUMI_NODEJS_TRANSPILE_ONLY: "true",
    },
  });
  let printed = "";
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding("utf8").on("data", (chunk: string) => (printed += chunk));
  let isOver = false;
  const limit = setTimeout(() => {
    isOver = true;
    child.kill("SIGKILL");
  }, limitSeconds * 1000);
  return new Promise((resolve, reject) => {
    child.once("error", reject);
    child.once("close", (code, signal) => {
      clearTimeout(limit);
      resolve({ end: isOver ? { limitSeconds } : (code ?? signal ?? 1), printed });
    });
  });
}
