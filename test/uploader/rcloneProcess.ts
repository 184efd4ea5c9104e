import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { createServer, request as httpRequest, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { freePort } from "../support/freePort";

export const RCLONE_USER = "uploader";
export const RCLONE_PASSWORD = "rclones-password-of-the-tests";

/** A request of the uploader to rclone: `operations/copyfile`, or `read` for a file that is read back. */
export interface RcloneRequest {
  readonly command: string;
  readonly body: string;
}

/**
 * The real rclone's remote control as a process, and before it a door at which tests see each request of the
 * uploader, and may hold it up.
 */
export class RcloneProcess {
  private child: ChildProcess | undefined;
  private door: Server | undefined;
  private port = 0;
  output = "";
  readonly requests: RcloneRequest[] = [];
  /** Runs before a request is passed on. */
  before: (request: RcloneRequest) => Promise<void> | void = () => undefined;
  /** Runs before an answer is passed back. */
  after: (request: RcloneRequest) => Promise<void> | void = () => undefined;

  constructor(private readonly store: { readonly environment: Readonly<Record<string, string>> }) {}

  /** Where the uploader finds it. */
  get url(): string {
    return `http://127.0.0.1:${(this.door?.address() as AddressInfo).port}`;
  }

  async start(): Promise<void> {
    if (!this.door) await this.#openDoor();
    this.port = await freePort();
    const child = spawn("rclone", ["rcd"], {
      // Nothing of the machine's own: an AWS_CA_BUNDLE, say, is more than rclone 1.60 can take.
      env: {
        PATH: process.env["PATH"],
        RCLONE_CONFIG: "",
        RCLONE_RC_ADDR: `127.0.0.1:${this.port}`,
        RCLONE_RC_USER: RCLONE_USER,
        RCLONE_RC_PASS: RCLONE_PASSWORD,
        ...this.store.environment,
      },
      stdio: ["ignore", "pipe", "pipe"],
    });
    for (const stream of [child.stdout, child.stderr])
      stream.on("data", (chunk: Buffer) => (this.output += chunk.toString()));
    this.child = child;
    for (let tries = 0; ; tries++) {
      if (
        await fetch(`http://127.0.0.1:${this.port}/`).then(
          () => true,
          () => false,
        )
      )
        return;
      if (tries === 200) throw new Error(`rclone does not listen:\n${this.output}`);
      await sleep(50);
    }
  }

  async kill(): Promise<void> {
    const { child } = this;
    if (child?.exitCode !== null || child.signalCode !== null) return;
    const ended = once(child, "exit");
    child.kill("SIGKILL");
    await ended;
  }

  /** Forgets what was asked and what was to be done about it. */
  reset(): void {
    this.requests.length = 0;
    this.before = this.after = () => undefined;
  }

  async dispose(): Promise<void> {
    await this.kill();
    this.door?.close();
    this.door?.closeAllConnections();
  }

  async #openDoor(): Promise<void> {
    const door = createServer((incoming, outgoing) => {
      const chunks: Buffer[] = [];
      incoming.on("data", (chunk: Buffer) => chunks.push(chunk));
      incoming.on("end", () => {
        const body = Buffer.concat(chunks);
        const path = incoming.url ?? "";
        const seen = {
          command: incoming.method === "GET" ? "read" : path.slice(1),
          body: incoming.method === "GET" ? decodeURIComponent(path) : body.toString(),
        };
        this.requests.push(seen);
        const pass = async (): Promise<void> => {
          await this.before(seen);
          const { headers, method } = incoming;
          const upstream = httpRequest({ host: "127.0.0.1", port: this.port, method, path, headers });
          outgoing.on("close", () => upstream.destroy());
          upstream.on("error", () => outgoing.destroy());
          upstream.on("response", (answer) => {
            void (async () => {
              await this.after(seen);
              outgoing.writeHead(answer.statusCode ?? 500, answer.headers);
              answer.pipe(outgoing);
            })();
          });
          upstream.end(body);
        };
        void pass();
      });
    });
    door.listen(0, "127.0.0.1");
    await once(door, "listening");
    this.door = door;
  }
}
