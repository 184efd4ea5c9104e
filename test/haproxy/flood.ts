import { execFileSync, spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { connect, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { freePort } from "../support/freePort";
import { until, type EdgeNodeUnderTest } from "./edgeUnderTest";
import type { Server } from "../../components/jitsi/haproxy";

/** Many clients of one node, each with a connection that it keeps. They come in at its handover port, which is without TLS. */
export class Flood {
  private constructor(private readonly clients: readonly RawClient[]) {}

  static async open(node: EdgeNodeUnderTest, clients: number): Promise<Flood> {
    const all = Array.from({ length: clients }, () => new RawClient(node.ports.handover));
    await Promise.all(all.map((client) => client.open()));
    return new Flood(all);
  }

  /** Asks for all paths at once, spread over the clients: the shard of each, in their order. */
  async ask(paths: readonly string[]): Promise<string[]> {
    const { length } = this.clients;
    const shares = this.clients.map((client, index) =>
      client.ask(paths.filter((_, at) => at % length === index)),
    );
    const answers = await Promise.all(shares);
    return paths.map((_, at) => answers[at % length]?.[Math.floor(at / length)] ?? "");
  }

  close(): void {
    for (const client of this.clients) client.close();
  }
}

/** Far above what an idle machine needs: others may have its processors. */
const ANSWER_LIMIT_SECONDS = 75;
const answerHead = /^HTTP\/1\.1 (\d{3})[^]*?\r\n\r\n/;

/** A connection that is opened again when the server has closed it: what was not answered by then is asked again. */
class RawClient {
  private received = "";
  private notify: () => void = () => undefined;
  private socket: Socket | undefined;

  constructor(private readonly port: number) {}

  async open(): Promise<Socket> {
    const socket = connect(this.port, "127.0.0.1");
    socket.setEncoding("latin1");
    await once(socket, "connect");
    socket.on("data", (data: string) => {
      this.received += data;
      this.notify();
    });
    socket.on("error", () => undefined);
    socket.on("close", () => this.notify());
    socket.write("PROXY TCP4 192.0.2.1 192.0.2.2 1024 443\r\n");
    this.received = "";
    this.socket = socket;
    return socket;
  }

  async ask(paths: readonly string[]): Promise<string[]> {
    const shards: string[] = [];
    const limit = Date.now() + ANSWER_LIMIT_SECONDS * 1000;
    while (shards.length < paths.length) {
      const socket = this.socket?.writable ? this.socket : await this.open();
      const open = paths.slice(shards.length);
      socket.write(open.map((path) => `GET ${path} HTTP/1.1\r\nHost: edge.test\r\n\r\n`).join(""));
      while (shards.length < paths.length) {
        for (let taken = this.take(); taken !== undefined; taken = this.take()) shards.push(taken);
        if (shards.length === paths.length || socket.destroyed) break;
        if (Date.now() > limit) throw new Error(`${shards.length} of ${paths.length} answers in time`);
        await new Promise<void>((resolve) => {
          const timer = setTimeout(resolve, 1000);
          this.notify = () => {
            clearTimeout(timer);
            resolve();
          };
        });
      }
    }
    return shards;
  }

  /** The shard of the next answer, if all of it is there. */
  private take(): string | undefined {
    const [head, status] = answerHead.exec(this.received) ?? [];
    if (head === undefined) return undefined;
    const length = Number(/content-length: (\d+)/i.exec(head)?.[1] ?? 0);
    if (this.received.length < head.length + length) return undefined;
    this.received = this.received.slice(head.length + length);
    return status === "200" ? (/x-jitsi-shard: (\S+)/i.exec(head)?.[1] ?? "none") : `status ${status ?? ""}`;
  }

  close(): void {
    this.socket?.destroy();
  }
}

/** Shards that answer faster than a Node process could: a HAProxy that stands in for their web servers. */
export class FastStandInShards {
  private readonly directory = mkdtempSync(join(tmpdir(), "fleet-shards-"));

  private constructor(
    readonly servers: readonly Server[],
    private process: ChildProcess | undefined,
  ) {}

  static async start(count: number): Promise<FastStandInShards> {
    const servers: Server[] = [];
    for (let number = 1; number <= count; number += 1)
      servers.push({
        name: `s${number}`,
        number,
        release: "r1",
        web: { address: "127.0.0.1", port: await freePort() },
      });
    const shards = new FastStandInShards(servers, undefined);
    const file = join(shards.directory, "shards.cfg");
    const frontends = servers.map(
      ({ name, web }) =>
        `frontend ${name}\n    bind 127.0.0.1:${web.port}\n    http-request return status 200 content-type text/plain string ${name}\n`,
    );
    writeFileSync(
      file,
      `defaults\n    mode http\n    timeout client 1m\n    timeout server 1m\n    timeout connect 1s\n${frontends.join("")}`,
    );
    execFileSync("haproxy", ["-c", "-f", file], { stdio: "pipe" });
    shards.process = spawn("haproxy", ["-db", "-f", file], { stdio: "ignore" });
    const port = servers[0]?.web.port ?? 0;
    await until("the stand-in shards answer", 5, async () => (await fetch(`http://127.0.0.1:${port}/`)).ok);
    return shards;
  }

  async stop(): Promise<void> {
    if (this.process) {
      const ended = once(this.process, "exit");
      this.process.kill("SIGTERM");
      await ended;
    }
    rmSync(this.directory, { recursive: true });
  }
}
