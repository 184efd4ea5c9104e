import { spawn, spawnSync, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createConnection } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { edgeScript } from "../../components/jitsi/edgeScript";
import { ADMIN_SOCKET, haproxyConfiguration, type Server } from "../../components/jitsi/haproxy";
import { routingMap } from "../../components/jitsi/routingKey";
import { command } from "../../scaler/keeper/haproxy";
import { freePort } from "../../test/support/freePort";
import { selfSigned } from "../../test/support/selfSigned";

const CLOCK_TICKS_PER_SECOND = 100;
/** A process younger than 5 s loses its table at a reload (HAProxy 2.6). */
const YOUNG_MS = 7000;

/** The fleet's configuration; one that takes turns but sets the fleet's headers; one that only takes turns. */
export const CONTESTANTS = ["fleet", "headers", "bare"] as const;
export type Contestant = (typeof CONTESTANTS)[number];

export interface LoadArgs {
  /** Of a user each: what is asked in turn. */
  readonly users: readonly (readonly string[])[];
  /** Whether each user has a connection of their own, as many at a time as `connections`. Else those serve all users. */
  readonly isConnectionEach: boolean;
  readonly connections: number;
  readonly seconds: number;
  /** Before each request. */
  readonly pauseMs: number;
}

export interface Load {
  readonly requestsPerSecond: number;
  /** Of HAProxy's own user and system time. */
  readonly requestsPerCpuSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  /** The client's share of a core. */
  readonly clientCpu: number;
}

export interface Table {
  readonly rooms: number;
  /** What HAProxy's resident memory grew by. */
  readonly bytesPerRoom: number;
  /** From the signal until the new process has as many rooms. */
  readonly reloadSeconds: number;
}

export function installed(command: string): boolean {
  return spawnSync("which", [command]).status === 0;
}

/** HAProxy with the fleet's configuration and a bare one, on one core, and what they need around them. */
export class BenchedEdge {
  readonly #directory = mkdtempSync(join(tmpdir(), "fleet-bench-edge-"));
  readonly #processes: ChildProcess[] = [];
  readonly #edges = new Map<Contestant, { master: number; port: number }>();

  private constructor(private readonly haproxy: string) {}

  static async start(haproxy: string): Promise<BenchedEdge> {
    const bench = new BenchedEdge(haproxy);
    try {
      await bench.#start();
      return bench;
    } catch (error) {
      await bench.stop();
      throw error;
    }
  }

  async #start(): Promise<void> {
    writeFileSync(join(this.#directory, "certificate.pem"), selfSigned(), { mode: 0o600 });
    writeFileSync(join(this.#directory, "routing.map"), routingMap());

    const servers: Server[] = [];
    for (const number of [1, 2, 3])
      servers.push({
        name: `s${number}`,
        number,
        release: "r1",
        web: { address: "127.0.0.1", port: await freePort() },
      });
    this.#run("shards", shards(servers), 1);

    const own = {
      http: await freePort(),
      handover: await freePort(),
      peers: await freePort(),
      metrics: await freePort(),
    };
    // One node, whose keeper is played below: with others it would close its gates without one.
    const script = edgeScript({ statesFile: "states.map", handoverPort: own.handover, hasOthers: false });
    writeFileSync(join(this.#directory, "edge.lua"), script);
    const ports = { fleet: await freePort(), headers: await freePort(), bare: await freePort() };
    const fleet = haproxyConfiguration({
      ports: { ...own, https: ports.fleet },
      publicHttpsPort: ports.fleet,
      certificate: "certificate.pem",
      routing: { map: "routing.map", script: "edge.lua" },
      socketDirectory: this.#directory,
      node: "edge-1",
      others: [],
      servers,
      placedReleases: [],
      // All load comes from one address: it is counted, and never too much.
      limits: {
        connectionsPerAddress: 1_000_000,
        requestsPerAddressAndSecond: 1_000_000,
        requestSeconds: 10,
        roomsRemembered: 250_000,
      },
      proxyProtocolFrom: [],
      proxiedChecksFrom: [],
    })
      .replaceAll("bind :", "bind 127.0.0.1:")
      .replace("global\n", "global\n    nbthread 1\n");
    const headers = fleet.match(/^ +http-re(?:quest|sponse) set-header (?:X-Forwarded|Strict).*$/gm) ?? [];
    if (headers.length < 3) throw new Error("the configuration sets other headers: adapt the benchmark");
    const texts = {
      fleet,
      headers: bare(fleet, ports.headers, servers, headers),
      bare: bare(fleet, ports.bare, servers, []),
    };
    for (const name of CONTESTANTS)
      this.#edges.set(name, { master: this.#run(name, texts[name], 0), port: ports[name] });
    await Promise.all(Object.values(ports).map(listening));
    // What the keeper does once it has seen the process.
    for (const gate of ["fresh", "learning"])
      await command(this.#socket, `set server gate/${gate} state maint`);
  }

  get #socket(): string {
    return join(this.#directory, ADMIN_SOCKET);
  }

  #run(name: string, configuration: string, core: number): number {
    writeFileSync(join(this.#directory, `${name}.cfg`), configuration);
    const log = openSync(join(this.#directory, `${name}.log`), "w");
    const command = [this.haproxy, "-W", "-db", "-C", this.#directory, "-f", `${name}.cfg`];
    const child = spawn("taskset", ["-c", String(core), ...command], { stdio: ["ignore", "ignore", log] });
    this.#processes.push(child);
    return child.pid ?? 0;
  }

  /** Loads one of them for so many seconds, each connection as fast as it is answered and the pauses let it. */
  async load(which: Contestant, args: LoadArgs): Promise<Load> {
    const requests = args.users.flatMap((paths) =>
      paths.map((path, index) => {
        const isLast = args.isConnectionEach && index === paths.length - 1;
        const headers = path.includes("xmpp-websocket") ? "upgrade" : isLast ? "closing" : "nil";
        return `  { ${JSON.stringify(path)}, ${headers} },`;
      }),
    );
    const prepare = `local upgrade = { Connection = "Upgrade", Upgrade = "websocket", ["Sec-WebSocket-Version"] = "13",
  ["Sec-WebSocket-Key"] = "dGhlIHNhbXBsZSBub25jZQ==", ["Sec-WebSocket-Protocol"] = "xmpp" }
local closing = { Connection = "close" }
local all = {
${requests.join("\n")}
}
local made, at = {}, 0
init = function()
  for index, one in ipairs(all) do made[index] = wrk.format("GET", one[1], one[2]) end
end
request = function()
  at = at % #made + 1
  return made[at]
end
${args.pauseMs > 0 ? `delay = function() return ${args.pauseMs} end\n` : ""}`;
    return this.#wrk(which, prepare, args.connections, args.seconds);
  }

  /** Has the fleet's HAProxy learn so many rooms, then reloads it. */
  async fill(rooms: number): Promise<Table> {
    const started = Date.now();
    const { master } = this.#edge("fleet");
    const before = await this.#table();
    const residentBefore = residentBytes(worker(master));
    const prepare = `local room = 0
request = function()
  room = room + 1
  return wrk.format("GET", "/a-room-of-common-length-" .. room)
end
`;
    for (let tries = 0; (await this.#table()).used < before.used + rooms; tries++) {
      if (tries > 60) throw new Error(`the table has ${(await this.#table()).used} rooms, not ${rooms}`);
      await this.#wrk("fleet", prepare.replace("room = 0", `room = ${(await this.#table()).used}`), 32, 3);
    }
    const full = await this.#table();
    const bytesPerRoom = (residentBytes(worker(master)) - residentBefore) / (full.used - before.used);
    await sleep(Math.max(0, YOUNG_MS - (Date.now() - started)));
    const signalled = performance.now();
    process.kill(master, "SIGUSR2");
    for (;;) {
      const now = await this.#table().catch(() => undefined);
      if (now && now.pid !== full.pid && now.used >= full.used) break;
      if (performance.now() - signalled > 60_000)
        throw new Error(`60 s after the reload the new process has ${now?.used ?? 0} of ${full.used} rooms`);
      await sleep(20);
    }
    return { rooms: full.used, bytesPerRoom, reloadSeconds: (performance.now() - signalled) / 1000 };
  }

  #edge(which: Contestant): { master: number; port: number } {
    const edge = this.#edges.get(which);
    if (!edge) throw new Error(`${which} does not run`);
    return edge;
  }

  async #wrk(which: Contestant, script: string, connections: number, seconds: number): Promise<Load> {
    const { master, port } = this.#edge(which);
    writeFileSync(join(this.#directory, "load.lua"), script);
    const cpuBefore = cpuSeconds(worker(master));
    const args = [
      "-t1",
      `-c${connections}`,
      `-d${seconds}s`,
      "--latency",
      "-s",
      join(this.#directory, "load.lua"),
    ];
    const client = spawn("taskset", ["-c", "1", "wrk", ...args, `https://127.0.0.1:${port}`]);
    let text = "";
    client.stdout.on("data", (chunk: Buffer) => (text += chunk.toString()));
    const seen: { readonly at: number; readonly cpu: number }[] = [];
    const watch = setInterval(() => {
      const cpu = cpuSeconds(client.pid ?? 0);
      if (cpu > 0) seen.push({ at: performance.now(), cpu });
    }, 20);
    await once(client, "close");
    clearInterval(watch);
    const last = seen.at(-1) ?? { at: 0, cpu: 0 };
    // Not what it did before: making the requests.
    const first = seen.findLast(({ at }) => at <= last.at - seconds * 1000) ?? { at: 0, cpu: 0 };
    const cpu = cpuSeconds(worker(master)) - cpuBefore;
    const found = (pattern: RegExp): string => {
      const match = pattern.exec(text)?.[1];
      if (match === undefined) throw new Error(`wrk says nothing of ${pattern.source}:\n${text}`);
      return match;
    };
    if (/Non-2xx|Socket errors/.test(text)) throw new Error(`not every request was answered well:\n${text}`);
    const requests = Number(found(/(\d+) requests in/));
    return {
      requestsPerSecond: Number(found(/Requests\/sec:\s+([\d.]+)/)),
      requestsPerCpuSecond: requests / cpu,
      p50Ms: milliseconds(found(/50%\s+(\S+)/)),
      p99Ms: milliseconds(found(/99%\s+(\S+)/)),
      clientCpu: (last.cpu - first.cpu) / seconds,
    };
  }

  /** Asks the process that listens now. */
  async #table(): Promise<{ pid: number; used: number }> {
    const socket = createConnection(this.#socket);
    let text = "";
    socket.on("data", (chunk: Buffer) => (text += chunk.toString()));
    socket.write("show info; show table\n");
    await once(socket, "close");
    const used = /table: rooms,.*used:(\d+)/.exec(text)?.[1];
    return { pid: Number(/^Pid: (\d+)/m.exec(text)?.[1]), used: Number(used) };
  }

  async stop(): Promise<void> {
    for (const child of this.#processes)
      if (child.exitCode === null && child.kill("SIGTERM")) await once(child, "exit");
    rmSync(this.#directory, { recursive: true });
  }
}

/** Stand-ins for the shards' web servers. */
function shards(servers: readonly Server[]): string {
  const one = ({ name, web }: Server): string => `frontend ${name}
    bind ${web.address}:${web.port}
    http-request return status 200 content-type text/html string "<!DOCTYPE html>" hdr X-Jitsi-Shard ${name}
`;
  return `global
    nbthread 1
defaults
    mode http
    timeout client 90s
    timeout http-keep-alive 90s
${servers.map(one).join("")}`;
}

/** The fleet's own global and default settings, TLS among them, before servers that take turns. */
function bare(fleet: string, port: number, servers: readonly Server[], rules: readonly string[]): string {
  const start = fleet.indexOf("frontend metrics\n");
  if (start < 0) throw new Error("the configuration has no frontend metrics: adapt the benchmark");
  const shared = fleet.slice(0, start).replace(/^peers [\s\S]*?\n\n/m, "");
  const kept = shared.split("\n").filter((line) => !/localpeer|stats socket|lua|^ *\.(if|endif)/.test(line));
  return `${kept.join("\n")}
frontend https
    bind 127.0.0.1:${port} ssl crt certificate.pem alpn h2,http/1.1
${rules.join("\n")}
    default_backend shards

backend shards
    balance roundrobin
${servers.map(({ name, web }) => `    server ${name} ${web.address}:${web.port} check`).join("\n")}
`;
}

async function listening(port: number): Promise<void> {
  for (const limit = Date.now() + 15_000; Date.now() < limit;) {
    const socket = createConnection(port, "127.0.0.1");
    const open = await Promise.race([
      once(socket, "connect").then(() => true),
      once(socket, "error").then(() => false),
    ]).catch(() => false);
    socket.destroy();
    if (open) return;
    await sleep(50);
  }
  throw new Error(`nothing listens on port ${port} within 15 s`);
}

/** The youngest of the master's processes. */
function worker(master: number): number {
  const children = readFileSync(`/proc/${master}/task/${master}/children`, "utf8").trim().split(" ");
  return Math.max(...children.map(Number));
}

/** User and system time of a process; 0 when it is gone. */
function cpuSeconds(pid: number): number {
  try {
    const fields = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ")[1]?.split(" ") ?? [];
    return (Number(fields[11]) + Number(fields[12])) / CLOCK_TICKS_PER_SECOND;
  } catch {
    return 0;
  }
}

function residentBytes(pid: number): number {
  return Number(/^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1]) * 1024;
}

function milliseconds(time: string): number {
  const value = parseFloat(time);
  return time.endsWith("us") ? value / 1000 : time.endsWith("ms") ? value : value * 1000;
}
