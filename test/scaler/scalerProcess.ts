import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { z } from "zod";
import { bundleService } from "../../scaler/bundle";
import type { scalerConfiguration } from "../../scaler/configuration";
import { freePort } from "../support/freePort";

const TOKEN = "the-scalers-token-of-the-tests";

/** The real scaler, bundled into one file, as a process that tests may kill and start again. */
export class ScalerProcess {
  private readonly folder = mkdtempSync(join(tmpdir(), "fleet-scaler-"));
  private child: ChildProcess | undefined;
  private port = 0;
  /** All that it wrote, over all its lives. */
  output = "";

  constructor(private readonly configuration: Omit<z.input<typeof scalerConfiguration>, "listen">) {
    writeFileSync(join(this.folder, "scaler.js"), bundleService());
  }

  async start(): Promise<void> {
    this.port = await freePort();
    const file = join(this.folder, "configuration.json");
    const listen = { address: "127.0.0.1", port: this.port, token: TOKEN };
    writeFileSync(file, JSON.stringify({ ...this.configuration, listen }));
    const child = spawn(process.execPath, ["scaler.js"], {
      cwd: this.folder,
      env: { PATH: process.env["PATH"], FLEET_CONFIGURATION: file },
      stdio: ["ignore", "pipe", "pipe"],
    });
    for (const stream of [child.stdout, child.stderr])
      stream.on("data", (chunk: Buffer) => (this.output += chunk.toString()));
    this.child = child;
  }

  get isRunning(): boolean {
    return this.child !== undefined && this.child.exitCode === null && this.child.signalCode === null;
  }

  /** Ends it, and says with what code it ended. */
  async end(signal: "SIGTERM" | "SIGKILL"): Promise<number | null> {
    const { child } = this;
    if (!child || !this.isRunning) return child?.exitCode ?? null;
    const ended = once(child, "exit");
    child.kill(signal);
    await ended;
    return child.exitCode;
  }

  /** Asks its API, with a token or, for null, without one. */
  ask(path: string, token: string | null = TOKEN): Promise<Response> {
    return fetch(`http://127.0.0.1:${this.port}${path}`, {
      headers: token === null ? {} : { Authorization: `Bearer ${token}` },
    });
  }

  async dispose(): Promise<void> {
    await this.end("SIGKILL");
    rmSync(this.folder, { recursive: true, force: true });
  }
}
