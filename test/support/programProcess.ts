import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { bundle, type ProgramName } from "../../scaler/bundle";

const bundles = new Map<ProgramName, string>();

/** One run of a program to its end. */
export interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** One of the fleet's own programs, bundled into one file, as a process that tests may kill and start again. */
export class ProgramProcess {
  private readonly folder: string;
  private readonly file: string;
  private readonly heartbeat: string;
  private child: ChildProcess | undefined;
  /** All that it wrote, over all its lives. */
  output = "";

  /** @param environment What it gets besides what each program gets. */
  constructor(
    program: ProgramName,
    private readonly environment: Readonly<Record<string, string>> = {},
  ) {
    this.folder = mkdtempSync(join(tmpdir(), `fleet-${program}-`));
    this.file = join(this.folder, "configuration.json");
    this.heartbeat = join(this.folder, "alive");
    const text = bundles.get(program) ?? bundle(program);
    bundles.set(program, text);
    writeFileSync(join(this.folder, "program.js"), text);
  }

  /** Resolves at once: whether it answers, is another question. */
  startWith(configuration: object): void {
    writeFileSync(this.file, JSON.stringify(configuration));
    const child = this.spawn();
    for (const stream of [child.stdout, child.stderr])
      stream.on("data", (chunk: Buffer) => (this.output += chunk.toString()));
    this.child = child;
  }

  /** Another configuration, while it runs. */
  rewrite(configuration: object): void {
    writeFileSync(this.file, JSON.stringify(configuration));
  }

  get isRunning(): boolean {
    return this.child !== undefined && this.child.exitCode === null && this.child.signalCode === null;
  }

  /** Ends it, and says with what code it ended. */
  async end(signal: "SIGTERM" | "SIGKILL"): Promise<number | null> {
    const { child } = this;
    if (!child || !this.isRunning) return child?.exitCode ?? null;
    const ended = once(child, "close");
    child.kill(signal);
    await ended;
    return child.exitCode;
  }

  /** Runs the same program beside it on the same configuration, with arguments. */
  async run(...args: string[]): Promise<Ended> {
    const child = this.spawn(...args);
    const said = { stdout: "", stderr: "" };
    child.stdout.on("data", (chunk: Buffer) => (said.stdout += chunk.toString()));
    child.stderr.on("data", (chunk: Buffer) => (said.stderr += chunk.toString()));
    await once(child, "close");
    return { code: child.exitCode, ...said };
  }

  /** When it last said that it is well; 0 if it never did. */
  heartbeatMilliseconds(): number {
    return statSync(this.heartbeat, { throwIfNoEntry: false })?.mtimeMs ?? 0;
  }

  async dispose(): Promise<void> {
    await this.end("SIGKILL");
    rmSync(this.folder, { recursive: true, force: true });
  }

  private spawn(...args: string[]) {
    return spawn(process.execPath, ["program.js", ...args], {
      cwd: this.folder,
      env: {
        ...this.environment,
        PATH: process.env["PATH"],
        FLEET_CONFIGURATION: this.file,
        FLEET_HEARTBEAT: this.heartbeat,
      },
      stdio: ["ignore", "pipe", "pipe"],
    });
  }
}
