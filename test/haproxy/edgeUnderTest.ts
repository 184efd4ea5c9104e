import { execFileSync, spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import type http from "node:http";
import https from "node:https";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import pino from "pino";
import { edgeScript } from "../../components/jitsi/edgeScript";
import { haproxyConfiguration, type HaproxyArgs, type Server } from "../../components/jitsi/haproxy";
import { routingMap } from "../../components/jitsi/routingKey";
import { mapFile } from "../../components/jitsi/placement";
import { keeperConfiguration, type KeeperConfiguration } from "../../scaler/configuration";
import type { AcmeOptions } from "../../scaler/keeper/certificates/options";
import { command } from "../../scaler/keeper/haproxy";
import { runKeeper } from "../../scaler/keeper/service";
import type { ShardState } from "../../scaler/keeper/topology";
import { SHARES_MAP, STATES_MAP, TENANTS_MAP } from "../../scaler/keeper/wanted";
import { freePort } from "../support/freePort";
import { selfSigned } from "../support/selfSigned";
import type { Seen } from "./standInShard";

export const TOKEN = "token-of-the-keepers-in-this-test";

/** What the operator wants of an edge: what the program writes beside HAProxy's configuration. */
export interface WantedOfEdge {
  readonly servers: readonly Server[];
  readonly states?: Readonly<Record<string, ShardState>>;
  readonly tenants?: Readonly<Record<string, string>>;
  readonly shares?: Readonly<Record<string, string>>;
  readonly limits?: Partial<HaproxyArgs["limits"]>;
  readonly proxyProtocolFrom?: readonly string[];
  readonly proxiedChecksFrom?: readonly string[];
  /** Whether the certificate comes by ACME. */
  readonly acme?: boolean;
  readonly turn?: HaproxyArgs["turn"];
  readonly placedReleases?: readonly string[];
}

export interface KeeperSettings extends Partial<Pick<KeeperConfiguration, "health" | "times">> {
  readonly acme?: Omit<AcmeOptions, "retry">;
}

type Ports = { -readonly [Port in keyof HaproxyArgs["ports"] | "keeper"]: number };

/** One node: real HAProxy with the program's configuration, and its keeper, on loopback. */
export class EdgeNodeUnderTest {
  readonly directory = mkdtempSync(join(tmpdir(), "fleet-edge-"));
  private readonly agent = new https.Agent({ keepAlive: true, maxSockets: 256, rejectUnauthorized: false });
  private process: ChildProcess | undefined;
  private lastSaid = "";
  private stopping: ChildProcess | undefined;
  private keeper: { readonly ending: AbortController; readonly done: Promise<void> } | undefined;

  constructor(
    readonly name: string,
    readonly ports: Ports,
    private readonly edge: EdgeUnderTest,
  ) {
    mkdirSync(this.current);
    writeFileSync(join(this.current, "certificate.pem"), edge.certificate);
  }

  get current(): string {
    return join(this.directory, "current");
  }

  get socket(): string {
    return join(this.directory, "admin.sock");
  }

  get master(): string {
    return join(this.directory, "master.sock");
  }

  /** The certificate that its keeper obtains. */
  private get obtained(): string {
    return join(this.directory, "obtained.pem");
  }

  private get challengeSocket(): string {
    return join(this.directory, "authority.sock");
  }

  /** Writes what the program would write. A running HAProxy takes the configuration at its next reload, a keeper the maps at once. */
  configure(wanted: WantedOfEdge): void {
    if (wanted.acme && !existsSync(this.obtained)) writeFileSync(this.obtained, this.edge.certificate);
    const write = (name: string, text: string): void => writeFileSync(join(this.current, name), text);
    const states = Object.fromEntries(
      wanted.servers.map(({ name }) => [name, wanted.states?.[name] ?? "ready"]),
    );
    writeFileSync(
      join(this.directory, "edge.lua"),
      edgeScript({
        statesFile: join(this.current, STATES_MAP),
        handoverPort: this.ports.handover,
        hasOthers: this.edge.nodes.length > 1,
      }),
    );
    write(STATES_MAP, mapFile(states));
    write(TENANTS_MAP, mapFile(wanted.tenants ?? {}));
    write(SHARES_MAP, mapFile(wanted.shares ?? {}));
    write("routing.map", routingMap());
    const text = haproxyConfiguration({
      ports: this.ports,
      publicHttpsPort: 443,
      certificate: wanted.acme ? this.obtained : "certificate.pem",
      ...(wanted.acme ? { challengeSocket: this.challengeSocket } : {}),
      routing: { map: "routing.map", script: join(this.directory, "edge.lua") },
      socketDirectory: this.directory,
      node: this.name,
      others: this.edge.nodes
        .filter(({ name }) => name !== this.name)
        .map(({ name, ports }) => ({
          name,
          peers: { address: "127.0.0.1", port: ports.peers },
          entry: { address: "127.0.0.1", port: ports.handover },
        })),
      servers: wanted.servers,
      placedReleases: wanted.placedReleases ?? [],
      limits: {
        connectionsPerAddress: 0,
        requestsPerAddressAndSecond: 0,
        requestSeconds: 10,
        roomsRemembered: 200_000,
        ...wanted.limits,
      },
      proxyProtocolFrom: wanted.proxyProtocolFrom ?? [],
      proxiedChecksFrom: wanted.proxiedChecksFrom ?? [],
      ...(wanted.turn ? { turn: wanted.turn } : {}),
    });
    // Only where it listens differs from what runs in production.
    write("haproxy.cfg", text.replaceAll("bind :", "bind 127.0.0.1:"));
  }

  check(binary = "haproxy"): void {
    execFileSync(binary, ["-c", "-C", this.current, "-f", "haproxy.cfg"], { stdio: "pipe" });
  }

  /** `hear` gets what it writes. */
  startHaproxy(hear?: (text: string) => void): void {
    const args = ["-W", "-db", "-S", this.master, "-C", this.current, "-f", "haproxy.cfg"];
    const output = process.env["FLEET_TEST_LOG"] ? "inherit" : "pipe";
    this.process = spawn("haproxy", args, { stdio: ["ignore", output, output] });
    for (const stream of [this.process.stdout, this.process.stderr])
      stream?.setEncoding("utf8").on("data", (text: string) => {
        this.lastSaid = text;
        hear?.(text);
      });
  }

  startKeeper({ acme, ...more }: KeeperSettings = {}): void {
    const configuration = keeperConfiguration.parse({
      stack: "test",
      node: this.name,
      order: this.edge.nodes.map(({ name }) => name),
      listen: { address: "127.0.0.1", port: this.ports.keeper, token: TOKEN },
      others: this.edge.nodes
        .filter(({ name }) => name !== this.name)
        .map(({ name, ports }) => ({ node: name, url: `http://127.0.0.1:${ports.keeper}` })),
      haproxy: { socket: this.socket, master: this.master, configuration: this.current },
      health: { intervalSeconds: 0.2, downAfterSeconds: 1, upAfterSeconds: 1 },
      ...(acme
        ? {
            certificates: {
              options: { ...acme, retry: { firstSeconds: 1, longestSeconds: 5 } },
              directory: join(this.directory, "acme"),
              file: this.obtained,
              challengeSocket: this.challengeSocket,
            },
          }
        : {}),
      roomsSeconds: 0.5,
      times: { tickSeconds: 0.1, settleSeconds: 0.5, leaseSeconds: 3, lostSeconds: 6 },
      ...more,
    });
    const ending = new AbortController();
    const log = pino({ base: { node: this.name }, level: process.env["FLEET_TEST_LOG"] ?? "silent" });
    this.keeper = { ending, done: runKeeper(configuration, log, ending.signal) };
  }

  async stopKeeper(): Promise<void> {
    this.keeper?.ending.abort();
    await this.keeper?.done;
    this.keeper = undefined;
  }

  /** HAProxy takes its configuration gracefully. Resolves once another process serves. */
  async reload(): Promise<void> {
    const before = await this.workerPid();
    this.process?.kill("SIGUSR2");
    await until("another process serves", 10, async () => (await this.workerPid()) !== before);
  }

  async workerPid(): Promise<string> {
    return /^Pid: (\d+)/m.exec(await command(this.socket, "show info"))?.[1] ?? "";
  }

  /** What its keeper says to whether all that is wanted is in force here. */
  async settledPage(): Promise<string> {
    const answer = await fetch(`http://127.0.0.1:${this.ports.keeper}/v1/settled`, {
      headers: { authorization: `Bearer ${TOKEN}` },
    });
    return `${answer.status} ${(await answer.text()).trim()}`;
  }

  /** For who waited for it in vain. */
  async describe(): Promise<string> {
    const end = this.process?.exitCode ?? this.process?.signalCode ?? "none";
    const page = await this.settledPage().catch(String);
    return `${this.name}: HAProxy's end: ${end}, it last said: ${this.lastSaid.trim()}; its keeper: ${page}`;
  }

  /** Whether HAProxy answers for rooms, and all that is wanted is in force here. */
  async isSettled(): Promise<boolean> {
    return (
      (await this.settledPage()).startsWith("200 ") &&
      !(await command(this.socket, "show servers state gate")).match(/ \d+ fresh 127\.0\.0\.1 2 /)
    );
  }

  get(
    path: string,
    headers: Record<string, string> = {},
    agent: https.Agent | false = this.agent,
  ): Promise<{ status: number; headers: http.IncomingHttpHeaders; body: string }> {
    return new Promise((resolve, reject) => {
      const request = https.get(
        {
          host: "127.0.0.1",
          port: this.ports.https,
          path,
          agent,
          headers,
          timeout: 15_000,
          rejectUnauthorized: false,
        },
        (response) => {
          let body = "";
          response.setEncoding("utf8");
          response.on("data", (chunk: string) => (body += chunk));
          response.on("error", reject);
          response.on("end", () =>
            resolve({ status: response.statusCode ?? 0, headers: response.headers, body }),
          );
        },
      );
      request.on("timeout", () => request.destroy(new Error(`${path}: no answer within 15 s`)));
      request.on("error", reject);
    });
  }

  async seen(path: string): Promise<Seen> {
    const { status, body } = await this.get(path);
    if (status !== 200) throw new Error(`${path}: ${status}`);
    return JSON.parse(body) as Seen;
  }

  async home(room: string): Promise<string> {
    return (await this.seen(`/${room}`)).shard;
  }

  async stop(): Promise<void> {
    this.agent.destroy();
    await this.stopKeeper();
    await this.stopHaproxy("SIGTERM");
    rmSync(this.directory, { recursive: true });
  }

  /** The grace is over: whoever is still connected is cut off. */
  endSessions(): void {
    this.stopping?.kill("SIGTERM");
  }

  async stopHaproxy(signal: NodeJS.Signals): Promise<void> {
    const { process: running } = this;
    this.process = undefined;
    if (!running || running.exitCode !== null || running.signalCode !== null) return;
    const ended = once(running, "exit");
    this.stopping = running;
    running.kill(signal);
    await ended;
  }
}

/** Nodes of one edge. */
export class EdgeUnderTest {
  readonly nodes: EdgeNodeUnderTest[] = [];

  private constructor(readonly certificate: Buffer | string) {}

  static async create(count: number, certificate: Buffer | string = selfSigned()): Promise<EdgeUnderTest> {
    const edge = new EdgeUnderTest(certificate);
    for (let number = 1; number <= count; number += 1) {
      const [http, https, handover, peers, metrics, keeper] = await Promise.all(
        Array.from({ length: 6 }, freePort),
      );
      const ports = { http, https, handover, peers, metrics, keeper } as Ports;
      edge.nodes.push(new EdgeNodeUnderTest(`edge-${number}`, ports, edge));
    }
    return edge;
  }

  /** Brings all nodes up and waits until they agree. */
  async start(wanted: WantedOfEdge, more: KeeperSettings = {}): Promise<void> {
    this.configure(wanted);
    for (const node of this.nodes) {
      node.check();
      node.startHaproxy();
      node.startKeeper(more);
    }
    await this.settled();
  }

  configure(wanted: WantedOfEdge): void {
    for (const node of this.nodes) node.configure(wanted);
  }

  async settled(seconds = 20): Promise<void> {
    await until("all nodes have what is wanted", seconds, async () => {
      const all = await Promise.all(this.nodes.map((node) => node.isSettled().catch(() => false)));
      return all.every(Boolean);
    }).catch(async (error: unknown) => {
      const told = await Promise.all(this.nodes.map((node) => node.describe()));
      throw new Error([String(error), ...told].join("\n"));
    });
  }

  async stop(): Promise<void> {
    for (const node of this.nodes) await node.stop();
  }
}

/** Waits until a condition holds, or throws. */
export async function until(
  what: string,
  seconds: number,
  condition: () => boolean | Promise<boolean>,
): Promise<void> {
  const limit = Date.now() + seconds * 1000;
  for (;;) {
    if (await holds(condition)) return;
    if (Date.now() > limit) throw new Error(`not within ${seconds} s: ${what}`);
    await sleep(50);
  }
}

async function holds(condition: () => boolean | Promise<boolean>): Promise<boolean> {
  try {
    return await condition();
  } catch {
    return false;
  }
}
