import { execFileSync, spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { cacheDir } from "./cache";

/** An S3 emulator that many projects test with. */
const VERSION = "5.2.5";
const START_LIMIT_SECONDS = 300;

export interface MotoOptions {
  /** To listen on; by default loopback. */
  readonly address?: string;
  readonly port: number;
  /** Before its command line: to run it in a network namespace, say. */
  readonly prefix?: readonly string[];
}

/**
 * moto's server as a child process. It takes any credentials, and keeps what is stored in memory: pause and resume it
 * for a store that does not answer; after stop and start it is empty.
 */
export class Moto {
  private child: ChildProcess | undefined;

  constructor(private readonly options: MotoOptions) {}

  /** Has it in the cache: what start() else does first. */
  static install(): void {
    installed();
  }

  get url(): string {
    return `http://${this.#address}:${this.options.port}`;
  }

  get #address(): string {
    return this.options.address ?? "127.0.0.1";
  }

  /** Resolves once it listens. */
  async start(): Promise<void> {
    const server = [join(installed(), "moto_server"), "-H", this.#address, "-p", String(this.options.port)];
    // env: a command that runs the rest of its line, as a prefix is.
    const child = spawn("env", [...(this.options.prefix ?? []), ...server], {
      env: { PATH: process.env["PATH"] },
      stdio: ["ignore", "pipe", "pipe"],
    });
    this.child = child;
    // What throws before its stop shall not leave it running.
    const end = (): void => void child.kill("SIGKILL");
    process.once("exit", end);
    child.once("exit", () => process.off("exit", end));
    let output = "";
    let isUp = false;
    for (const stream of [child.stdout, child.stderr])
      stream.on("data", (chunk: Buffer) => {
        // Later it writes a line a request.
        if (isUp) return;
        output += chunk.toString();
        isUp = output.includes("Running on");
      });
    const limit = Date.now() + START_LIMIT_SECONDS * 1000;
    while (!output.includes("Running on")) {
      if (child.exitCode !== null || Date.now() > limit) {
        await this.stop();
        throw new Error(`moto did not start:\n${output}`);
      }
      await sleep(50);
    }
  }

  /** What connects then waits for an answer. */
  pause(): void {
    this.child?.kill("SIGSTOP");
  }

  resume(): void {
    this.child?.kill("SIGCONT");
  }

  async stop(): Promise<void> {
    const { child } = this;
    if (child?.exitCode !== null || child.signalCode !== null) return;
    const ended = once(child, "exit");
    child.kill("SIGKILL");
    await ended;
  }

  async createBucket(bucket: string): Promise<void> {
    await this.#request("PUT", `/${bucket}`);
  }

  /** The names of all objects of a bucket, sorted. */
  async keys(bucket: string): Promise<string[]> {
    const text = await (await this.#request("GET", `/${bucket}?list-type=2&encoding-type=url`)).text();
    return [...text.matchAll(/<Key>([^<]*)<\/Key>/g)]
      .flatMap(([, key]) => (key === undefined ? [] : [key]))
      .map((key) => decodeURIComponent(key.replaceAll("+", " ")))
      .sort();
  }

  async get(bucket: string, key: string): Promise<Buffer> {
    return Buffer.from(await (await this.#request("GET", pathOf(bucket, key))).arrayBuffer());
  }

  async put(bucket: string, key: string, content: Buffer): Promise<void> {
    await this.#request("PUT", pathOf(bucket, key), content);
  }

  async #request(method: string, path: string, body?: Buffer): Promise<Response> {
    const response = await fetch(this.url + path, {
      method,
      // It wants to see some signature.
      headers: {
        Authorization: "AWS4-HMAC-SHA256 Credential=test/20200101/us-east-1/s3/aws4_request",
      },
      ...(body === undefined ? {} : { body: new Uint8Array(body) }),
    });
    if (!response.ok) throw new Error(`moto: ${method} ${path}: ${response.status} ${await response.text()}`);
    return response;
  }
}

const pathOf = (bucket: string, key: string): string =>
  `/${bucket}/${key.split("/").map(encodeURIComponent).join("/")}`;

/** The folder of moto's commands, in the cache; the first time pip brings them. */
function installed(): string {
  const directory = cacheDir("python", `moto-${VERSION}`);
  const commands = join(directory, "bin");
  const stamp = join(directory, "installed");
  if (!existsSync(stamp)) {
    execFileSync("python3", ["-m", "venv", "--clear", directory], { stdio: "inherit" });
    execFileSync(join(commands, "pip"), ["install", "--quiet", `moto[server]==${VERSION}`], {
      stdio: "inherit",
      env: { ...process.env, PIP_DISABLE_PIP_VERSION_CHECK: "1" },
    });
    writeFileSync(stamp, "");
  }
  return commands;
}
