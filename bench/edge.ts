import { parseArgs } from "node:util";
import { BenchedEdge, CONTESTANTS, installed, type Contestant, type Load } from "./edge/processes";
import { readOptions } from "../scripts/readOptions";

/**
 * What the edge's routing costs: HAProxy with the program's configuration beside a bare one that only takes turns,
 * and beside one that also sets the same headers, all with the same TLS, in the same run, turn and turn about. Then the memory that a room takes, and how
 * long a reload takes to hand a full table over.
 */
const help = `npm run bench:edge [-- --rounds 8] [--seconds 3] [--connections 32] [--rooms 2000] [--tenants]
  [--table 200000] [--haproxy haproxy] [--json]
Loads HAProxy by wrk (Debian's package wrk) with what a client asks for as it joins: page, config.js, http-bind,
websocket handshake and keep-alive. HAProxy runs on one core with one thread; the client and the stand-in shards,
HAProxies that answer at once with 15 bytes, share another. A handshake is answered 200, not 101: the connection must
go on.
Twice: joins, where each user comes over a TLS connection of their own, as browsers do, and asks for five files of the
page as well, each request 3 ms after the answer before; and calls, where 32 connections that are never closed carry
all users' requests, so that nothing but a request itself costs anything.
Three stand side by side: fleet, the program's configuration; headers, round robin that sets the same headers; bare,
round robin alone.
--tenants: every room below a tenant. --encoded: every name in Unicode. --table 0: no table and no reload.`;

const { values } = readOptions(help, () =>
  parseArgs({
    options: {
      rounds: { type: "string", default: "8" },
      seconds: { type: "string", default: "3" },
      connections: { type: "string", default: "32" },
      rooms: { type: "string", default: "2000" },
      tenants: { type: "boolean", default: false },
      encoded: { type: "boolean", default: false },
      table: { type: "string", default: "200000" },
      haproxy: { type: "string", default: "haproxy" },
      json: { type: "boolean", default: false },
      help: { type: "boolean", default: false },
    },
  }),
);

function median(numbers: readonly number[]): number {
  return [...numbers].sort((a, b) => a - b)[Math.floor(numbers.length / 2)] ?? NaN;
}

/** What a page loads, of its version: from a browser's cache but for the first time. */
const FILES = [
  "/css/all.css?v=9457",
  "/libs/lib-jitsi-meet.min.js?v=9457",
  "/libs/app.bundle.min.js?v=9457",
  "/images/watermark.svg",
  "/lang/main-de.json?v=9457",
];

const PAUSE_MS = 3;

/** The paths of a room's life, in the order a client asks for them. */
function paths(room: number): string[] {
  const name = values.encoded ? `r%C3%A4um%20${room}` : `meeting-room-${room}`;
  const at = values.tenants ? `/tenant-${room % 50}` : "";
  return [
    `${at}/${name}`,
    `${at}/config.js?room=${name}`,
    `${at}/http-bind?room=${name}`,
    `${at}/xmpp-websocket?room=${name}`,
    `${at}/_unlock?room=${name}`,
  ];
}

const rows = ["requestsPerSecond", "requestsPerCpuSecond", "p50Ms", "p99Ms", "clientCpu"] as const;

function summary(loads: readonly Load[]): Record<(typeof rows)[number], number> {
  const of = (row: (typeof rows)[number]): number => median(loads.map((load) => load[row]));
  return {
    requestsPerSecond: of("requestsPerSecond"),
    requestsPerCpuSecond: of("requestsPerCpuSecond"),
    p50Ms: of("p50Ms"),
    p99Ms: of("p99Ms"),
    clientCpu: of("clientCpu"),
  };
}

interface Comparison {
  readonly loads: Readonly<Record<Contestant, ReturnType<typeof summary>>>;
  /** The fleet's requests per CPU second by another's. */
  readonly perCpuSecond: Readonly<Record<Exclude<Contestant, "fleet">, Ratio>>;
}
interface Ratio {
  readonly median: number;
  readonly least: number;
  readonly most: number;
}

async function compared(edge: BenchedEdge, isConnectionEach: boolean): Promise<Comparison> {
  const users = Array.from({ length: Number(values.rooms) }, (_, room) =>
    isConnectionEach ? [...FILES, ...paths(room)] : paths(room),
  );
  const connections = Number(values.connections);
  const load = {
    users,
    isConnectionEach,
    connections,
    seconds: Number(values.seconds),
    // A handshake costs the client as much as HAProxy: it must not be what all wait for.
    pauseMs: isConnectionEach ? PAUSE_MS : 0,
  };
  const taken: Record<Contestant, Load[]> = { fleet: [], headers: [], bare: [] };
  for (const one of CONTESTANTS) await edge.load(one, { ...load, seconds: 1 });
  for (let round = 0; round < Number(values.rounds); round++)
    for (const one of round % 2 === 0 ? CONTESTANTS : CONTESTANTS.toReversed())
      taken[one].push(await edge.load(one, load));
  // Round by round, as what else the machine does changes from one to the next.
  const against = (other: Contestant): Ratio => {
    const ratios = taken.fleet.map(
      (fleet, round) => fleet.requestsPerCpuSecond / (taken[other][round]?.requestsPerCpuSecond ?? NaN),
    );
    return { median: median(ratios), least: Math.min(...ratios), most: Math.max(...ratios) };
  };
  return {
    loads: { fleet: summary(taken.fleet), headers: summary(taken.headers), bare: summary(taken.bare) },
    perCpuSecond: { headers: against("headers"), bare: against("bare") },
  };
}

function print(heading: string, { loads, perCpuSecond }: Comparison): void {
  const cell = (value: number): string => value.toFixed(value >= 100 ? 0 : 2).padStart(10);
  console.log(heading);
  console.log(["".padEnd(22), ...CONTESTANTS.map((one) => one.padStart(10))].join(""));
  for (const row of rows)
    console.log([row.padEnd(22), ...CONTESTANTS.map((one) => cell(loads[one][row]))].join(""));
  for (const [other, { median, least, most }] of Object.entries(perCpuSecond))
    console.log(
      `fleet / ${other}, requests per CPU second, round by round: ${median.toFixed(3)} (${least.toFixed(3)} to ${most.toFixed(3)})`,
    );
  if (Math.max(...CONTESTANTS.map((one) => loads[one].clientCpu)) > 0.7)
    console.log(
      "The client was busy for more than 70 % of a core: latencies and requests a second are its own too.",
    );
}

async function main(): Promise<void> {
  if (values.help) {
    console.log(help);
    return;
  }
  for (const [command, brings] of Object.entries({ wrk: "wrk", taskset: "util-linux" }))
    if (!installed(command)) throw new Error(`${command} is missing. On Debian: apt-get install ${brings}`);

  const edge = await BenchedEdge.start(values.haproxy);
  try {
    const joins = await compared(edge, true);
    const calls = await compared(edge, false);
    const table = Number(values.table) > 0 ? await edge.fill(Number(values.table)) : undefined;
    if (values.json) {
      console.log(JSON.stringify({ joins, calls, table }));
      return;
    }
    print("joins: a TLS connection for each user", joins);
    print("calls: connections that are never closed", calls);
    if (table)
      console.log(
        `${table.rooms} rooms: ${table.bytesPerRoom.toFixed(0)} B each; a reload hands them over in ${table.reloadSeconds.toFixed(2)} s`,
      );
  } finally {
    await edge.stop();
  }
}

main().catch((error: unknown) => {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
});
