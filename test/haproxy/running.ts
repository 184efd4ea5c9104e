import { execFileSync, spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import http from "node:http";
import https from "node:https";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { freePort } from "../support/freePort";
import { haproxyConfiguration, type Server } from "../../components/jitsi/haproxy";

/** What a stand-in shard saw of a request. */
export interface Seen {
  readonly shard: string;
  readonly path: string;
  readonly forwardedFor: string | undefined;
}

/** A web server that stands in for a shard's: it says its name, and is as healthy as it is told. */
export class StandInShard {
  healthy = true;
  readonly server: http.Server;

  constructor(readonly name: string) {
    this.server = http.createServer((request, response) => {
      if (request.url === "/_health") return void response.writeHead(this.healthy ? 200 : 500).end();
      const forwardedFor = request.headers["x-forwarded-for"];
      const seen: Seen = {
        shard: name,
        path: request.url ?? "",
        forwardedFor: Array.isArray(forwardedFor) ? forwardedFor.join() : forwardedFor,
      };
      response.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify(seen));
    });
  }

  async listen(): Promise<number> {
    this.server.listen(0, "127.0.0.1");
    await once(this.server, "listening");
    return (this.server.address() as AddressInfo).port;
  }
}

/** Real HAProxy with the program's configuration, on loopback, before stand-in shards. */
export class RunningHaproxy {
  private readonly directory = mkdtempSync(join(tmpdir(), "fleet-haproxy-"));
  private readonly agent = new https.Agent({ keepAlive: true, rejectUnauthorized: false });
  private process: ChildProcess | undefined;
  private ports: { http: number; https: number; peer: number } | undefined;

  async start(servers: readonly Server[]): Promise<void> {
    this.ports = { http: await freePort(), https: await freePort(), peer: await freePort() };
    const pair = execFileSync(
      "openssl",
      [
        "req",
        "-x509",
        "-newkey",
        "ec",
        "-pkeyopt",
        "ec_paramgen_curve:P-256",
        "-nodes",
        "-days",
        "2",
        "-subj",
        "/CN=localhost",
        "-keyout",
        "-",
        "-out",
        "-",
      ],
      { stdio: ["ignore", "pipe", "ignore"] },
    );
    writeFileSync(join(this.directory, "certificate.pem"), pair);
    this.configure(servers);
    this.process = spawn("haproxy", ["-W", "-db", "-C", this.directory, "-f", "haproxy.cfg"], {
      stdio: "ignore",
    });
    await this.until(async () => (await this.get("/libs/up.js")).status === 200);
  }

  /** Writes the configuration; with `reload`, the running process takes it gracefully. */
  configure(servers: readonly Server[]): void {
    const { http: httpPort, https: httpsPort, peer } = this.ports ?? { http: 0, https: 0, peer: 0 };
    const text = haproxyConfiguration({
      httpPort,
      httpsPort,
      publicHttpsPort: 443,
      certificate: "certificate.pem",
      peerName: "edge-1",
      servers,
    });
    // Only the test's ports differ from what runs in production.
    writeFileSync(join(this.directory, "haproxy.cfg"), text.replace("127.0.0.1:1024", `127.0.0.1:${peer}`));
  }

  check(): void {
    execFileSync("haproxy", ["-c", "-C", this.directory, "-f", "haproxy.cfg"], { stdio: "pipe" });
  }

  reload(): void {
    this.process?.kill("SIGUSR2");
  }

  get(
    path: string,
    headers: Record<string, string> = {},
  ): Promise<{ status: number; headers: http.IncomingHttpHeaders; body: string }> {
    return new Promise((resolve, reject) => {
      const request = https.get(
        { host: "127.0.0.1", port: this.ports?.https, path, agent: this.agent, headers, timeout: 5000 },
        (response) => {
          let body = "";
          response.setEncoding("utf8");
          response.on("data", (chunk: string) => (body += chunk));
          response.on("end", () =>
            resolve({ status: response.statusCode ?? 0, headers: response.headers, body }),
          );
        },
      );
      request.on("timeout", () => request.destroy(new Error(`${path}: no answer within 5 s`)));
      request.on("error", reject);
    });
  }

  async seen(path: string): Promise<Seen> {
    const { status, body } = await this.get(path);
    if (status !== 200) throw new Error(`${path}: ${status}`);
    return JSON.parse(body) as Seen;
  }

  /** Waits, for 15 s at most, until a condition holds. */
  async until(condition: () => Promise<boolean>): Promise<void> {
    const limit = Date.now() + 15_000;
    for (;;) {
      if (await condition().catch(() => false)) return;
      if (Date.now() > limit) throw new Error("not within 15 s");
      await sleep(100);
    }
  }

  async stop(): Promise<void> {
    this.agent.destroy();
    if (this.process && this.process.exitCode === null) {
      this.process.kill("SIGTERM");
      await once(this.process, "exit");
    }
    rmSync(this.directory, { recursive: true });
  }
}
