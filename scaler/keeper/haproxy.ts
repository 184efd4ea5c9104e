import { connect } from "node:net";
import { text } from "node:stream/consumers";
import { LEAVING } from "./leaving";
import { takesNewRooms, type Arrangement, type Hold, type ShardState, type Topology } from "./topology";

/**
 * HAProxy's runtime interface, and what is said in it. Names as the program's configuration has them
 * (components/jitsi/haproxy.ts): a backend `gate` of servers that are up while closed, and backends of shards.
 */

const ANSWER_LIMIT_SECONDS = 2;
/** For all sessions of a process. */
const SESSIONS_LIMIT_SECONDS = 8;
/** A line of commands must fit into HAProxy's buffer of 16 KiB. */
const AT_ONCE = 100;
/** By then both the process before this one and the other nodes were asked for their tables, or have not answered. */
const LEARNED_SECONDS = 12;

/** Nobody listens: there is no process, and the next one begins with its gates closed. */
export class NoProcessError extends Error {}

/** Sends commands to HAProxy's socket and returns what it prints. Throws a NoProcessError where there is none. */
export async function command(
  socket: string,
  lines: string,
  limitSeconds = ANSWER_LIMIT_SECONDS,
): Promise<string> {
  const connection = connect(socket);
  connection.setTimeout(limitSeconds * 1000, () =>
    connection.destroy(new Error(`HAProxy did not answer within ${limitSeconds} s`)),
  );
  connection.end(`${lines}\n`);
  try {
    return await text(connection);
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    if (code === "ENOENT" || code === "ECONNREFUSED") throw new NoProcessError(`no HAProxy at ${socket}`);
    throw error;
  }
}

interface ServerLine {
  readonly backend: string;
  readonly name: string;
  readonly id: number;
  readonly address: string;
  readonly port: number;
  readonly isRunning: boolean;
  readonly admin: ShardState;
}

/** A process as it says it is. */
export interface Look {
  readonly pid: number;
  readonly uptimeSeconds: number;
  /** Whether it has the tables of who was there before it. */
  readonly hasLearned: boolean;
  /** Shards that it knows, and where they answer. */
  readonly shards: Readonly<Record<string, { readonly address: string; readonly port: number }>>;
  /** Whether a keeper has opened it before. */
  readonly isFresh: boolean;
  readonly servers: readonly ServerLine[];
}

export async function look(socket: string): Promise<Look> {
  // Another weight each time tells HAProxy's own watch that a keeper is there.
  looks += 1;
  const sign = `set server ${GATE}/always weight ${1 + (looks % 200)}`;
  const printed = await command(socket, `${sign}; show info; show servers state; show peers`);
  const number = (key: string): number => Number(new RegExp(`^${key}: (\\d+)`, "m").exec(printed)?.[1]);
  const servers = parseServers(printed);
  // Bits 0 and 1: no more to be learned from the process before, from the other nodes.
  const flags = Number(/ flags=(0x[0-9a-f]+)/.exec(printed)?.[1] ?? 0);
  const ofShards = servers.filter(isOfShard);
  return {
    pid: number("Pid"),
    uptimeSeconds: number("Uptime_sec"),
    hasLearned: (flags & 3) === 3 || number("Uptime_sec") > LEARNED_SECONDS,
    shards: Object.fromEntries(ofShards.map(({ address, name, port }) => [name, { address, port }])),
    isFresh: servers.some(({ backend, isRunning, name }) => backend === GATE && name === FRESH && isRunning),
    servers,
  };
}

let looks = 0;

const isOfShard = ({ backend }: ServerLine): boolean => /^(rooms|assets)/.test(backend);

const GATE = "gate";
const FRESH = "fresh";
const FORCED_MAINTENANCE = 0x01;
const FORCED_DRAIN = 0x08;

function parseServers(printed: string): ServerLine[] {
  const lines = printed.split("\n");
  const header =
    lines
      .find((line) => line.startsWith("# be_id"))
      ?.slice(2)
      .split(" ") ?? [];
  const rows = lines.filter((line) => /^\d+ \S+ \d+ /.test(line)).map((line) => line.split(" "));
  return rows.map((row) => {
    const of = (column: string): string => row[header.indexOf(column)] ?? "";
    const admin = Number(of("srv_admin_state"));
    return {
      backend: of("be_name"),
      name: of("srv_name"),
      id: Number(of("srv_id")),
      address: of("srv_addr"),
      port: Number(of("srv_port")),
      isRunning: Number(of("srv_op_state")) === 2,
      admin: (admin & FORCED_MAINTENANCE) !== 0 ? "maint" : (admin & FORCED_DRAIN) !== 0 ? "drain" : "ready",
    };
  });
}

/** What is in force in a process that a keeper commanded before this one. */
export const arrangementOf = ({ servers }: Look): Arrangement => ({
  shards: Object.fromEntries(
    servers
      .filter(isOfShard)
      .map(({ admin, isRunning, name }) => [name, { state: admin, up: isRunning || admin === "maint" }]),
  ),
  tenants: {},
  shares: {},
});

/**
 * What must be said to a process that is as looked at, so that it is as it should be; nothing if it is. In this order:
 * gates are closed before states change and opened after, that of a fresh process last.
 */
export function corrections({ hasLearned, servers }: Look, topology: Topology, hold: Hold): string[] {
  const states = servers
    .filter(isOfShard)
    .flatMap((server) => statesOf(server, topology.shards[server.name] ?? { state: "drain", up: true }));
  // What it does not know it cannot route: another node must. Nor may it place rooms, by a ring that is not the others'.
  const unknown = Object.entries(topology.shards)
    .filter(([name]) => !servers.some((server) => server.name === name))
    .map(([, shard]) => shard);
  const ids = new Map(servers.filter(isOfShard).map(({ id, name }) => [name, id]));
  const closed = new Set([
    ...(hold.placing || unknown.some(takesNewRooms) ? ["placing"] : []),
    ...(hasLearned ? [] : ["learning"]),
    ...hold.shards.map((name) => `shard-${ids.get(name) ?? 0}`),
    ...(unknown.some(({ state }) => state !== "maint") ? ["foreign"] : []),
    "always",
  ]);
  const gates = servers.filter(
    // HAProxy's own watch over the keeper has the lease.
    ({ backend, isRunning, name }) => backend === GATE && name !== "lease" && isRunning !== closed.has(name),
  );
  const turn = (name: string, state: ShardState): string => `set server ${GATE}/${name} state ${state}`;
  const opened = gates.filter(({ isRunning }) => isRunning).map(({ name }) => name);
  return [
    ...gates.filter(({ isRunning }) => !isRunning).map(({ name }) => turn(name, "ready")),
    ...states,
    ...opened.filter((name) => name !== FRESH).map((name) => turn(name, "maint")),
    ...opened.filter((name) => name === FRESH).map((name) => turn(name, "maint")),
  ];
}

const leaverOf = ({ servers }: Look): ServerLine | undefined =>
  servers.find(({ backend }) => backend === LEAVING);

/** Whether a process can say that its node leaves. */
export const knowsLeaving = (seen: Look): boolean => leaverOf(seen) !== undefined;

/** What must be said to a process so that it says whether its node leaves; nothing if it does. */
export function leavingLines(seen: Look, isLeaving: boolean): string[] {
  const leaver = leaverOf(seen);
  if (!leaver || leaver.isRunning === isLeaving) return [];
  return [`set server ${LEAVING}/${leaver.name} state ${isLeaving ? "ready" : "maint"}`];
}

/** How often the HAProxy of a container was reloaded since it started. Throws where its master does not tell. */
export async function reloadsOf(master: string): Promise<number> {
  const printed = await command(master, "show proc");
  const [, reloads] = /^\d+\s+master\s+(\d+)/m.exec(printed) ?? [];
  if (reloads === undefined)
    throw new Error(`HAProxy's master does not tell how often it was reloaded: ${printed.trim()}`);
  return Number(reloads);
}

function statesOf(
  { admin, backend, isRunning, name }: ServerLine,
  wanted: Topology["shards"][string],
): string[] {
  const server = `set server ${backend}/${name}`;
  return [
    ...(admin === wanted.state ? [] : [`${server} state ${wanted.state}`]),
    // What is in maintenance is not running, whatever its health.
    ...(wanted.state === "maint" || (admin !== "maint" && isRunning === wanted.up)
      ? []
      : [`${server} health ${wanted.up ? "up" : "down"}`]),
  ];
}

/** Replaces a map's content at one stroke. */
export async function replaceMap(
  socket: string,
  file: string,
  entries: Readonly<Record<string, string>>,
): Promise<void> {
  // A fleet of one release has none.
  const version = /version created: (\d+)/.exec(await command(socket, `prepare map ${file}`))?.[1];
  if (version === undefined) return;
  for (const [key, value] of Object.entries(entries))
    await command(socket, `add map @${version} ${file} ${key} ${value}`);
  await command(socket, `commit map @${version} ${file}`);
}

/**
 * Ends the sessions that processes before the present one still have with shards: they hear of no change any more, and
 * would keep people in rooms that come back elsewhere. Through the master, which alone reaches them; one by one, since
 * a process that was reloaded obeys no command about a server.
 */
export async function cutOldSessions(master: string, shards: readonly string[]): Promise<void> {
  const processes = await command(master, "show proc");
  const old = processes.slice(processes.indexOf("# old workers"));
  const pids = [...old.matchAll(/^(\d+)\s+worker/gm)].map(([, pid]) => pid ?? "");
  for (const pid of pids) {
    const sessions = (await command(master, `@!${pid} show sess`, SESSIONS_LIMIT_SECONDS)).split("\n");
    const cut = sessions.flatMap((line) => {
      const [, id, shard = ""] = /^(0x[0-9a-f]+): .* be=rooms\S* srv=(\S+) /.exec(line) ?? [];
      return id !== undefined && shards.includes(shard) ? [`@!${pid} shutdown session ${id}`] : [];
    });
    for (let first = 0; first < cut.length; first += AT_ONCE)
      await command(master, cut.slice(first, first + AT_ONCE).join("; "), SESSIONS_LIMIT_SECONDS);
  }
}
