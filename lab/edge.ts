import { execFileSync } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import https from "node:https";
import { join } from "node:path";
import { haproxyConfiguration, type Server } from "../components/jitsi/haproxy";
import { freePort } from "../test/support/freePort";
import type { Processes } from "./processes";

export interface EdgeAnswer {
  readonly status: number;
  /** What X-Jitsi-Shard says. */
  readonly shard: string;
  readonly body: string;
}

/** Real HAProxy with the program's own configuration, on loopback, and its users' way in. */
export class Edge {
  readonly #agent = new https.Agent({ keepAlive: true, maxSockets: 64, rejectUnauthorized: false });

  private constructor(private readonly port: number) {}

  static async start(directory: string, servers: readonly Server[], processes: Processes): Promise<Edge> {
    mkdirSync(directory);
    const subject = ["-x509", "-nodes", "-days", "2", "-subj", "/CN=localhost"];
    const key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-keyout", "-", "-out", "-"];
    const pair = execFileSync("openssl", ["req", ...subject, ...key], {
      stdio: ["ignore", "pipe", "ignore"],
    });
    writeFileSync(join(directory, "certificate.pem"), pair, { mode: 0o600 });
    const [httpPort, httpsPort, peerPort] = [await freePort(), await freePort(), await freePort()];
    const text = haproxyConfiguration({
      httpPort,
      httpsPort,
      publicHttpsPort: httpsPort,
      certificate: "certificate.pem",
      peerName: "edge-1",
      servers,
    });
    // Only where it listens differs from what runs in production.
    const onLoopback = text
      .replaceAll("bind :", "bind 127.0.0.1:")
      .replace("127.0.0.1:1024", `127.0.0.1:${peerPort}`);
    writeFileSync(join(directory, "haproxy.cfg"), onLoopback);
    const haproxy = processes.start("haproxy", "haproxy", [
      "-W",
      "-db",
      "-C",
      directory,
      "-f",
      "haproxy.cfg",
    ]);
    processes.need("haproxy", haproxy);
    return new Edge(httpsPort);
  }

  get url(): string {
    return `https://localhost:${this.port}`;
  }

  /** With a body it is a POST. Rejects when there is no answer within 5 s. */
  ask(path: string, body?: unknown): Promise<EdgeAnswer> {
    return new Promise((resolve, reject) => {
      const request = https.request(
        {
          host: "127.0.0.1",
          port: this.port,
          path,
          agent: this.#agent,
          method: body === undefined ? "GET" : "POST",
          timeout: 5000,
        },
        (response) => {
          let text = "";
          response.setEncoding("utf8");
          response.on("data", (chunk: string) => (text += chunk));
          response.on("error", reject);
          response.on("end", () =>
            resolve({
              status: response.statusCode ?? 0,
              shard: String(response.headers["x-jitsi-shard"] ?? ""),
              body: text,
            }),
          );
        },
      );
      request.on("timeout", () => request.destroy(new Error(`${path}: no answer within 5 s`)));
      request.on("error", reject);
      request.end(body === undefined ? undefined : JSON.stringify(body));
    });
  }
}
