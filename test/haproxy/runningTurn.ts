import { execFileSync, spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import https from "node:https";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { Server } from "../../components/jitsi/haproxy";
import { TURN_PORT, turnConfiguration, turnContainer } from "../../components/jitsi/turn";
import { FLEET_DIRECTORY } from "../../components/platform";
import { freePort } from "../support/freePort";
import { EdgeUnderTest, type EdgeNodeUnderTest } from "./edgeUnderTest";

export interface RunningTurnArgs {
  readonly domain: string;
  readonly turnDomain: string;
  readonly secret: string;
  readonly bridgeAddresses: readonly string[];
  readonly servers: readonly Server[];
}

/** Where the container keeps its own files; the test's are elsewhere. */
const CONTAINER_DIRECTORY = "/var/lib/coturn";
/** Nobody else is to reach the test's relay. It has an IPv6 address to relay from, so that what it refuses is refused. */
const LOOPBACK = "listening-ip=127.0.0.1\nrelay-ip=127.0.0.1\nrelay-ip=::1\n";

/** The check of coturn comes at once, and HAProxy says how it went. */
const withSpokenCheck = (text: string): string =>
  text
    .replace("check inter 5s", "check inter 100ms")
    .replace("option tcp-check", "option tcp-check\n    option log-health-checks");

/** Real HAProxy with the meetings and TURN at one port, and real coturn behind it, as their containers run them. */
export class RunningTurn {
  readonly certificate: string;
  private readonly directory = mkdtempSync(join(tmpdir(), "fleet-turn-"));
  private readonly processes: ChildProcess[] = [];
  private edge: EdgeUnderTest | undefined;
  private ports = { https: 0, coturn: 0 };
  /** What HAProxy and coturn wrote. */
  output = "";

  constructor(private readonly args: RunningTurnArgs) {
    const names = [args.domain, args.turnDomain].map((name) => `DNS:${name}`).join();
    const subject = ["-subj", "/CN=fleet", "-addext", `subjectAltName=${names}`];
    const key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"];
    const pair = execFileSync(
      "openssl",
      ["req", "-x509", ...key, "-days", "2", ...subject, "-keyout", "-", "-out", "-"],
      { stdio: ["ignore", "pipe", "ignore"], encoding: "utf8" },
    );
    writeFileSync(join(this.directory, "certificate.pem"), pair);
    this.certificate = pair;
  }

  get port(): number {
    return this.ports.https;
  }

  async start(): Promise<void> {
    this.ports.coturn = await freePort();
    await this.startCoturn();
    await this.startHaproxy();
  }

  private async startCoturn(): Promise<void> {
    const relay = { ...this.args, domain: this.args.turnDomain };
    const fleet = join(this.directory, "fleet");
    const own = join(this.directory, "coturn");
    const here = (text: string): string =>
      text.replaceAll(FLEET_DIRECTORY, fleet).replaceAll(CONTAINER_DIRECTORY, own);
    mkdirSync(fleet);
    mkdirSync(own);
    const port = `tcp-proxy-port=${this.ports.coturn}`;
    const configuration = here(turnConfiguration(relay)).replace(`tcp-proxy-port=${TURN_PORT}`, port);
    writeFileSync(join(fleet, "turnserver.conf"), `${configuration}${LOOPBACK}`);
    const { command } = turnContainer({ image: "coturn", ...relay });
    this.run(...command.map(here));
    await this.until(() => this.isListening(this.ports.coturn));
  }

  private async startHaproxy(): Promise<void> {
    const edge = await EdgeUnderTest.create(1, this.certificate);
    const [node] = edge.nodes;
    if (!node) throw new Error("an edge of no node");
    this.edge = edge;
    const relay = { address: "127.0.0.1", port: this.ports.coturn };
    edge.configure({ servers: this.args.servers, turn: { domain: this.args.turnDomain, relay } });
    const file = join(node.current, "haproxy.cfg");
    writeFileSync(file, withSpokenCheck(readFileSync(file, "utf8")));
    node.startHaproxy((text) => (this.output += text));
    node.startKeeper();
    this.ports.https = node.ports.https;
    await edge.settled();
  }

  private get node(): EdgeNodeUnderTest {
    const [node] = this.edge?.nodes ?? [];
    if (!node) throw new Error("it was not started");
    return node;
  }

  /** What HAProxy says of its own configuration: nothing, if all is well. */
  check(): string {
    const args = ["-c", "-C", this.node.current, "-f", "haproxy.cfg"];
    return execFileSync("haproxy", args, { encoding: "utf8", stdio: "pipe" });
  }

  /** Has HAProxy take its configuration anew, and waits until the new process is the one that answers. */
  reload(): Promise<void> {
    return this.node.reload();
  }

  /** The processes' arguments and environments, in which no secret may stand. */
  shown(): string {
    const of = (pid: number | undefined, file: string): string =>
      readFileSync(`/proc/${pid}/${file}`, "utf8");
    return this.processes.map(({ pid }) => of(pid, "cmdline") + of(pid, "environ")).join("\n");
  }

  /** Asks the meetings. `from`: the user's address. */
  async get(
    path: string,
    { from = "127.0.0.1", name = this.args.domain }: { from?: string; name?: string } = {},
  ): Promise<{ status: number; body: string }> {
    const request = https.get({
      host: "127.0.0.1",
      localAddress: from,
      port: this.port,
      path,
      servername: name,
      // The certificate has no other name than the two.
      ...(name === "" ? { rejectUnauthorized: false } : { ca: this.certificate }),
      agent: false,
      timeout: 5000,
    });
    request.on("timeout", () => request.destroy(new Error(`${path}: no answer within 5 s`)));
    const [response] = (await once(request, "response")) as [NodeJS.ReadableStream & { statusCode?: number }];
    let body = "";
    for await (const chunk of response) body += String(chunk);
    return { status: response.statusCode ?? 0, body };
  }

  /** Waits, for 15 s at most, until a condition holds. */
  async until(condition: () => boolean | Promise<boolean>): Promise<void> {
    const limit = Date.now() + 120_000;
    const holds = async (): Promise<boolean> => condition();
    while (!(await holds().catch(() => false))) {
      if (Date.now() > limit) throw new Error(`not within 120 s; what was written:\n${this.output}`);
      await sleep(50);
    }
  }

  async stop(): Promise<void> {
    await this.edge?.stop();
    for (const child of this.processes) {
      if (child.exitCode !== null || child.signalCode !== null) continue;
      const ended = once(child, "exit");
      child.kill("SIGTERM");
      await ended;
    }
    rmSync(this.directory, { recursive: true });
  }

  private run(...[file = "", ...args]: string[]): void {
    const child = spawn(file, args, {
      stdio: ["ignore", "pipe", "pipe"],
      env: { PATH: process.env["PATH"] },
    });
    for (const stream of [child.stdout, child.stderr])
      stream.on("data", (chunk: Buffer) => (this.output += chunk.toString()));
    this.processes.push(child);
  }

  private async isListening(port: number): Promise<boolean> {
    const socket = connect(port, "127.0.0.1");
    try {
      await once(socket, "connect");
      return true;
    } finally {
      socket.destroy();
    }
  }
}
