import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { setTimeout as sleep } from "node:timers/promises";
import type Docker from "dockerode";
import type { RegistryLogin } from "../../scaler/engine/registries";
import { freePort } from "./freePort";

const START_LIMIT_SECONDS = 120;
const USER = { username: "puller", password: "pass:word of the registry" };
/** What `htpasswd -B` makes of it. */
const HTPASSWD = `${USER.username}:$2b$04$SZMiixjdU2JaL1NP/6pjAuA4NggSaLZn2qj1tl/XpkmlKzdEBU6We\n`;

/** Docker's own registry (Debian's docker-registry), which lets in one user alone. What is in it goes with it. */
export class Registry {
  private readonly folder = mkdtempSync(join(tmpdir(), "fleet-registry-"));
  private child: ChildProcess | undefined;
  /** All that it wrote. */
  output = "";

  private constructor(readonly host: string) {}

  /** An engine takes it without TLS on loopback alone, unless its `insecure-registries` name it. */
  static async start(address = "127.0.0.1"): Promise<Registry> {
    const registry = new Registry(`${address}:${await freePort()}`);
    await registry.serve();
    return registry;
  }

  /** Whom it lets in. */
  get login(): RegistryLogin {
    return { host: this.host, ...USER };
  }

  /** Brings an engine's image into it; says its name from then on, which the engine has no more. */
  async push(docker: Docker, image: string, name: string): Promise<string> {
    const repo = `${this.host}/${name}`;
    await docker.getImage(image).tag({ repo, tag: "1" });
    const pushed = docker.getImage(`${repo}:1`);
    const said = await text(
      (await pushed.push({ authconfig: { ...USER, serveraddress: this.host } })) as NodeJS.ReadableStream & {
        [Symbol.asyncIterator](): AsyncIterator<string>;
      },
    );
    if (said.includes('"error"')) throw new Error(`${repo} was not pushed: ${said}`);
    await pushed.remove();
    return `${repo}:1`;
  }

  async stop(): Promise<void> {
    const { child } = this;
    if (child?.exitCode === null) {
      const ended = once(child, "exit");
      child.kill("SIGTERM");
      await ended;
    }
    rmSync(this.folder, { recursive: true });
  }

  private async serve(): Promise<void> {
    const [configuration, users] = ["config.yml", "htpasswd"].map((name) => join(this.folder, name));
    writeFileSync(users ?? "", HTPASSWD);
    // JSON is YAML.
    const settings = {
      version: "0.1",
      storage: { filesystem: { rootdirectory: this.folder } },
      http: { addr: this.host },
      auth: { htpasswd: { realm: "fleet", path: users } },
    };
    writeFileSync(configuration ?? "", JSON.stringify(settings));
    const child = spawn("docker-registry", ["serve", configuration ?? ""], {
      stdio: ["ignore", "pipe", "pipe"],
    });
    for (const stream of [child.stdout, child.stderr])
      stream.on("data", (chunk: Buffer) => (this.output += chunk.toString()));
    this.child = child;
    const limit = Date.now() + START_LIMIT_SECONDS * 1000;
    while (!(await this.answers())) {
      if (child.exitCode !== null || Date.now() > limit)
        throw new Error(`the registry does not answer:\n${this.output}`);
      await sleep(50);
    }
  }

  private answers(): Promise<boolean> {
    return fetch(`http://${this.host}/v2/`).then(
      ({ status }) => status === 401,
      () => false,
    );
  }
}
