import { randomBytes } from "node:crypto";
import { mkdirSync, writeFileSync } from "node:fs";
import https from "node:https";
import { join } from "node:path";
import type { z } from "zod";
import { edgeScript } from "../components/jitsi/edgeScript";
import { haproxyConfiguration, type Server } from "../components/jitsi/haproxy";
import { mapFile } from "../components/jitsi/placement";
import { settingsSchema } from "../components/settings/schema";
import { bundle } from "../scaler/bundle";
import type { keeperConfiguration } from "../scaler/configuration";
import { SHARES_MAP, STATES_MAP, TENANTS_MAP } from "../scaler/keeper/wanted";
import { routingMap } from "../components/jitsi/routingKey";
import { freePort } from "../test/support/freePort";
import { selfSigned } from "../test/support/selfSigned";
import type { Processes } from "./processes";

const NODE = "edge-lab";

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
    const at = (name: string): string => join(directory, name);
    writeFileSync(join(directory, "certificate.pem"), selfSigned(), { mode: 0o600 });
    const ports = {
      http: await freePort(),
      https: await freePort(),
      handover: await freePort(),
      peers: await freePort(),
      metrics: await freePort(),
    };
    const edge = settingsSchema.shape.edge.parse({});
    const script = edgeScript({ statesFile: at(STATES_MAP), handoverPort: ports.handover, hasOthers: false });
    writeFileSync(at("edge.lua"), script);
    writeFileSync(at("routing.map"), routingMap());
    writeFileSync(at(STATES_MAP), mapFile(Object.fromEntries(servers.map(({ name }) => [name, "ready"]))));
    for (const map of [TENANTS_MAP, SHARES_MAP]) writeFileSync(at(map), "");
    const text = haproxyConfiguration({
      ports,
      publicHttpsPort: ports.https,
      certificate: "certificate.pem",
      routing: { map: at("routing.map"), script: at("edge.lua") },
      socketDirectory: directory,
      node: NODE,
      others: [],
      servers,
      placedReleases: [],
      limits: edge.limits,
      proxyProtocolFrom: [],
      proxiedChecksFrom: [],
    });
    // Only where it listens differs from what runs in production.
    writeFileSync(at("haproxy.cfg"), text.replaceAll("bind :", "bind 127.0.0.1:"));
    const args = ["-W", "-db", "-S", at("master.sock"), "-C", directory, "-f", "haproxy.cfg"];
    processes.need("haproxy", processes.start("haproxy", "haproxy", args));
    await Edge.keep(directory, processes);
    return new Edge(ports.https);
  }

  /** The real keeper, as a process of its own. */
  private static async keep(directory: string, processes: Processes): Promise<void> {
    const configuration: z.input<typeof keeperConfiguration> = {
      stack: "lab",
      node: NODE,
      order: [NODE],
      others: [],
      listen: { address: "127.0.0.1", port: await freePort(), token: randomBytes(24).toString("hex") },
      haproxy: {
        socket: join(directory, "admin.sock"),
        master: join(directory, "master.sock"),
        configuration: directory,
      },
    };
    const file = join(directory, "keeper.json");
    writeFileSync(file, JSON.stringify(configuration), { mode: 0o600 });
    const program = join(directory, "keeper.js");
    writeFileSync(program, bundle("keeper"));
    const keeper = processes.start("keeper", process.execPath, [program], { FLEET_CONFIGURATION: file });
    processes.need("keeper", keeper);
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
