import { execFile, spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { copyFile, chmod, mkdtemp, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { cacheDir } from "../support/cache";

const run = promisify(execFile);

/** The release of the pinned image. */
export const TELEGRAF_VERSION = "1.37.0";
const MODULE = "github.com/influxdata/telegraf";
/** The plug-ins that the generated configuration names; each more would cost time to build. */
const PLUGINS = [
  ...["prometheus", "cpu", "mem", "net", "disk", "diskio", "system", "nstat", "docker"].map(
    (name) => `inputs.${name}`,
  ),
  ...["elasticsearch", "cloudwatch", "file"].map((name) => `outputs.${name}`),
  "processors.starlark",
  "aggregators.merge",
  "serializers.json",
];
const BUILD_LIMIT_MS = 30 * 60_000;

/** The path of a real Telegraf, built from its Go module once and kept in the cache. */
export async function telegrafBinary(): Promise<string> {
  const directory = cacheDir("telegraf", TELEGRAF_VERSION);
  const binary = join(directory, "telegraf");
  if (existsSync(binary)) return binary;
  const workshop = await mkdtemp(join(directory, "build-"));
  const options = { cwd: workshop, timeout: BUILD_LIMIT_MS, maxBuffer: 64 << 20 };
  try {
    await writeFile(
      join(workshop, "go.mod"),
      `module fleet/telegraf\ngo 1.25.3\nrequire ${MODULE} v${TELEGRAF_VERSION}\n`,
    );
    const { stdout } = await run("go", ["mod", "download", "-json", MODULE], options);
    const { Dir } = JSON.parse(stdout) as { Dir: string };
    // Its own sums: nothing is resolved anew.
    await copyFile(join(Dir, "go.sum"), join(workshop, "go.sum"));
    await chmod(join(workshop, "go.sum"), 0o644);
    const tags = ["custom", ...PLUGINS].join();
    const flags = ["-mod=mod", "-trimpath", "-ldflags=-s -w", "-tags", tags, "-o", "telegraf"];
    await run("go", ["build", ...flags, `${MODULE}/cmd/telegraf`], options);
    await rename(join(workshop, "telegraf"), binary);
  } finally {
    await rm(workshop, { recursive: true, force: true });
  }
  return binary;
}

/** Telegraf as a process, on a configuration. One that ends by itself is started again. */
export class RunningTelegraf {
  private child: ChildProcess | undefined;
  private isWanted = false;
  output = "";

  constructor(
    private readonly binary: string,
    private readonly file: string,
    private readonly env: NodeJS.ProcessEnv = {},
  ) {}

  start(): void {
    const child = spawn(this.binary, ["--config", this.file], {
      env: { PATH: process.env["PATH"], ...this.env },
      stdio: ["ignore", "pipe", "pipe"],
    });
    for (const stream of [child.stdout, child.stderr])
      stream.on("data", (chunk: Buffer) => (this.output += chunk.toString()));
    const end = (): void => void child.kill("SIGKILL");
    process.once("exit", end);
    child.once("exit", () => {
      process.off("exit", end);
      // As its container is: it ends where its store does not answer as it begins.
      if (this.isWanted) setTimeout(() => this.isWanted && this.start(), 1000);
    });
    this.isWanted = true;
    this.child = child;
  }

  async end(signal: "SIGKILL" | "SIGTERM"): Promise<void> {
    const { child } = this;
    this.isWanted = false;
    if (child?.exitCode !== null || child.signalCode !== null) return;
    const ended = once(child, "exit");
    child.kill(signal);
    await ended;
  }
}
