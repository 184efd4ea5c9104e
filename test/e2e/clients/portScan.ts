import { randomBytes } from "node:crypto";
import { createSocket } from "node:dgram";
import { createConnection, isIPv6 } from "node:net";
import { mapBounded } from "./concurrency";
import { decodeStunMessage, encodeBindingRequest, type StunMessage } from "./stun";

export interface PortScan {
  address: string;
  /** Ports and ranges, as in "80,443,10000-10100". */
  ports: string;
  /** Ports asked at the same time; default 400. */
  concurrency?: number;
  /**
   * How long a port may stay silent; default 1000 for TCP, 1500 for UDP. Silent ports are asked a second time, with
   * twice the patience: a packet may be lost, and a busy machine is late.
   */
  patienceMilliseconds?: number;
  /** For the whole scan; default 120. */
  timeoutSeconds?: number;
}

/** Every port asked is in exactly one of open, refused and silent. */
export interface TcpScanResult {
  /** The connection was accepted. */
  open: number[];
  /** Number of ports whose connection was reset. */
  refused: number;
  /** Neither, written as `ports` is: dropped packets, or no way to the host. */
  silent: string;
  /** Error codes seen on silent ports, with their number. */
  errors: Record<string, number>;
  seconds: number;
}

export interface StunAnswerer {
  port: number;
  software: string | null;
  mapped: StunMessage["mapped"];
}

/** Every port asked is in exactly one of answered, refused and silent. */
export interface UdpScanResult {
  /** Answered the STUN binding request. */
  answered: StunAnswerer[];
  /** Number of ports the host called closed by ICMP. */
  refused: number;
  /** Neither: something that speaks no STUN listens there, or packets are dropped. */
  silent: string;
  seconds: number;
}

const DEFAULT_CONCURRENCY = 400;

/** Asks each port for a TCP connection and closes it at once. Rejects when the whole scan takes too long. */
export async function scanTcp(scan: PortScan): Promise<TcpScanResult> {
  const open: number[] = [];
  const errors: Record<string, number> = {};
  let refused = 0;
  const { silent, seconds } = await scanAll(scan, 1000, async (port, patience, isLastTry) => {
    const outcome = await knock(scan.address, port, patience);
    if (outcome === "open") open.push(port);
    else if (outcome === "ECONNREFUSED") refused += 1;
    else {
      if (isLastTry) errors[outcome] = (errors[outcome] ?? 0) + 1;
      return "silent";
    }
    return "settled";
  });
  return { open: open.sort((a, b) => a - b), refused, silent, errors, seconds };
}

function knock(address: string, port: number, patienceMilliseconds: number): Promise<string> {
  return new Promise((resolve) => {
    const socket = createConnection({ host: address, port, autoSelectFamily: false });
    const cancel = patiently(patienceMilliseconds, () => settle("no answer"));
    const settle = (outcome: string): void => {
      cancel();
      // A reset instead of an orderly close: tens of thousands of sockets in TIME_WAIT would outlive the scan.
      if (outcome === "open") socket.resetAndDestroy();
      else socket.destroy();
      resolve(outcome);
    };
    socket.on("connect", () => settle("open"));
    socket.on("error", (error: NodeJS.ErrnoException) => settle(error.code ?? error.message));
  });
}

/** Sends each UDP port a STUN binding request. Rejects when the whole scan takes too long. */
export async function scanUdp(scan: PortScan): Promise<UdpScanResult> {
  const answered: StunAnswerer[] = [];
  let refused = 0;
  const { silent, seconds } = await scanAll(scan, 1500, async (port, patience) => {
    const outcome = await askStun(scan.address, port, patience);
    if (outcome === "silent") return "silent";
    if (outcome === "refused") refused += 1;
    else answered.push({ port, software: outcome.software, mapped: outcome.mapped });
    return "settled";
  });
  return { answered: answered.sort((a, b) => a.port - b.port), refused, silent, seconds };
}

function askStun(
  address: string,
  port: number,
  patienceMilliseconds: number,
): Promise<StunMessage | "refused" | "silent"> {
  const transactionId = randomBytes(12);
  return new Promise((resolve, reject) => {
    const socket = createSocket(isIPv6(address) ? "udp6" : "udp4");
    const cancel = patiently(patienceMilliseconds, () => settle("silent"));
    const close = (): void => {
      cancel();
      socket.close();
    };
    const settle = (outcome: StunMessage | "refused" | "silent"): void => {
      close();
      resolve(outcome);
    };
    socket.on("message", (datagram) => {
      const message = decodeStunMessage(datagram);
      if (message?.transactionId.equals(transactionId) === true) settle(message);
    });
    socket.on("error", (error: NodeJS.ErrnoException) => {
      if (error.code === "ECONNREFUSED") settle("refused");
      else {
        close();
        reject(error);
      }
    });
    // Connected, so that the socket learns of an ICMP "port unreachable".
    socket.connect(port, address, () => socket.send(encodeBindingRequest(transactionId)));
  });
}

/**
 * A timer for something that may have come already when the event loop was held up: it lets the loop look at its sockets
 * once more before it gives up. Returns how to cancel it.
 */
function patiently(milliseconds: number, giveUp: () => void): () => void {
  let immediate: NodeJS.Immediate | undefined;
  const timer = setTimeout(() => {
    immediate = setImmediate(giveUp);
  }, milliseconds);
  return () => {
    clearTimeout(timer);
    clearImmediate(immediate);
  };
}

type Ask = (port: number, patienceMilliseconds: number, isLastTry: boolean) => Promise<"settled" | "silent">;

async function scanAll(
  scan: PortScan,
  defaultPatienceMilliseconds: number,
  ask: Ask,
): Promise<{ silent: string; seconds: number }> {
  const started = performance.now();
  const timeoutSeconds = scan.timeoutSeconds ?? 120;
  const patienceMilliseconds = scan.patienceMilliseconds ?? defaultPatienceMilliseconds;
  let ports = parsePorts(scan.ports);
  for (const attempt of [1, 2]) {
    const silent: number[] = [];
    await mapBounded(ports, scan.concurrency ?? DEFAULT_CONCURRENCY, async (port) => {
      if (performance.now() - started > timeoutSeconds * 1000) {
        throw new Error(
          `scan of ${scan.address} ports ${scan.ports}: not finished after ${timeoutSeconds} s`,
        );
      }
      if ((await ask(port, attempt * patienceMilliseconds, attempt === 2)) === "silent") silent.push(port);
    });
    ports = silent;
  }
  return { silent: formatPorts(ports), seconds: (performance.now() - started) / 1000 };
}

/** "80,443,8000-8010" as numbers. Throws on anything that is no port or range of ports. */
export function parsePorts(text: string): number[] {
  return text.split(",").flatMap((part) => {
    const match = /^(\d+)(?:-(\d+))?$/.exec(part.trim());
    const first = Number(match?.[1]);
    const last = Number(match?.[2] ?? match?.[1]);
    if (!(first >= 1 && last >= first && last <= 65535))
      throw new Error(`not a port or a range of ports: "${part}"`);
    return Array.from({ length: last - first + 1 }, (_, offset) => first + offset);
  });
}

/** The inverse of `parsePorts`, in order and with neighbours joined to ranges; "" for none. */
export function formatPorts(ports: readonly number[]): string {
  const ranges: [number, number][] = [];
  for (const port of [...ports].sort((a, b) => a - b)) {
    const range = ranges.at(-1);
    if (range !== undefined && port === range[1] + 1) range[1] = port;
    else ranges.push([port, port]);
  }
  return ranges.map(([first, last]) => (first === last ? String(first) : `${first}-${last}`)).join(",");
}
