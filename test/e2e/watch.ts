import { constants } from "node:os";
import { PassThrough } from "node:stream";
import { setTimeout as sleep } from "node:timers/promises";
import { labels } from "../../scaler/labels";
import { isLost, labelled, type PoolHost, type PoolInstance } from "./pools";

const RECONNECT_MILLISECONDS = 100;
/** What Docker tells arrives so much later, at most. */
const SETTLE_MILLISECONDS = 300;
const LOG_END_SECONDS = 10;

const actions = ["create", "start", "kill", "die", "destroy"] as const;
type ContainerAction = (typeof actions)[number];

export type PoolEvent =
  | {
      /** Milliseconds since the epoch. */
      readonly time: number;
      readonly host: string;
      readonly action: ContainerAction;
      readonly name: string;
      readonly pool: string;
      readonly role: PoolInstance["role"];
      /** Of a kill: SIGTERM … */
      readonly signal?: string;
      /** Of a container that died. */
      readonly exitCode?: number;
    }
  | { readonly time: number; readonly host: string; readonly action: "lost" | "back" };

export interface Signal {
  readonly time: number;
  readonly host: string;
  readonly name: string;
  readonly signal: string;
}

/** Something that a bridge or a Jibri said it cut when it ended. */
export interface Cut {
  readonly time: number;
  readonly host: string;
  readonly name: string;
  /** `CUT 3 participants` or `CUT recording <session>`. */
  readonly line: string;
}

interface DockerEvent {
  readonly Action: string;
  readonly Actor: { readonly ID: string; readonly Attributes: Record<string, string> };
  readonly time: number;
  readonly timeNano: number;
}

type Stream = NodeJS.ReadableStream & { destroy(): unknown };
type Whose = Pick<PoolInstance, "name" | "pool" | "role">;

function signalName(number: string): string {
  const known = Object.entries(constants.signals).find(([, value]) => value === Number(number));
  return known?.[0] ?? number;
}

/** One host's events and logs, for as long as the watch lasts: a host that is lost is looked for until it is back. */
class HostWatch {
  readonly events: PoolEvent[] = [];
  readonly cuts: Cut[] = [];
  /** Logs that nobody can read any more. */
  readonly unread: string[] = [];
  /** The logs being read, by the container's id. */
  private readonly reading = new Map<string, Set<Promise<void>>>();
  private readonly dead = new Map<string, string>();
  private readonly known = new Set<string>();
  private readonly streams = new Set<Stream>();
  private readonly startedAt = Date.now();
  /** Docker remembers some events, in whole seconds; what is told twice is known. */
  private since = Math.floor(this.startedAt / 1000);
  private stopped = false;
  private connected = false;
  private firstTry!: () => void;
  private readonly firstTried = new Promise<void>((resolve) => (this.firstTry = resolve));
  private readonly running: Promise<void>;

  constructor(
    private readonly host: PoolHost,
    private readonly filter: readonly string[],
  ) {
    this.running = this.run();
    // Whoever stops the watch hears of it.
    this.running.catch(() => undefined);
  }

  /** Resolves when the host is being watched, or is lost. */
  started(): Promise<void> {
    return Promise.race([this.firstTried, this.running]);
  }

  async stop(): Promise<void> {
    this.stopped = true;
    for (const stream of this.streams) stream.destroy();
    await this.running;
  }

  /** Waits for the ends of the logs of all that is dead. */
  async settle(): Promise<void> {
    const logs = [...this.dead.keys()].flatMap((id) => [...(this.reading.get(id) ?? [])]);
    const late = sleep(LOG_END_SECONDS * 1000, true, { ref: false });
    if (await Promise.race([Promise.all(logs).then(() => false), late])) {
      const names = [...this.dead].filter(([id]) => this.reading.has(id)).map(([, name]) => name);
      throw new Error(`logs without an end on host ${this.host.name}: ${names.join(", ")}`);
    }
    if (this.unread.length > 0) throw new Error(`logs that were not read: ${this.unread.join(", ")}`);
  }

  private async run(): Promise<void> {
    let wasLost = false;
    for (;;) {
      try {
        await this.follow(() => {
          if (wasLost) this.note("back");
          this.connected = true;
          this.firstTry();
        });
      } catch (error) {
        if (!isLost(error)) throw error;
      }
      if (this.stopped) return;
      if (this.connected) this.note("lost");
      wasLost = true;
      this.connected = false;
      this.firstTry();
      await sleep(RECONNECT_MILLISECONDS);
    }
  }

  private note(action: "lost" | "back"): void {
    this.events.push({ time: Date.now(), host: this.host.name, action });
  }

  private async follow(connected: () => void): Promise<void> {
    const { docker } = this.host;
    const stream = await docker.getEvents({
      since: this.since,
      filters: { type: ["container"], event: [...actions], label: [...this.filter] },
    });
    // What begins from here on is among the events.
    const events = this.lines(stream as Stream);
    const containers = await docker.listContainers({ all: true, filters: { label: [...this.filter] } });
    for (const { Id, Labels } of containers) {
      const whose = labelled(Labels);
      if (whose !== undefined) this.readLog(Id, whose);
    }
    connected();
    for await (const line of events) this.take(JSON.parse(line) as DockerEvent);
  }

  private take({ Action, Actor: { ID, Attributes }, time, timeNano }: DockerEvent): void {
    const whose = labelled(Attributes);
    const action = actions.find((known) => known === Action);
    const at = timeNano / 1e6;
    const key = `${timeNano} ${Action} ${ID}`;
    if (whose === undefined || action === undefined || at < this.startedAt || this.known.has(key)) return;
    this.known.add(key);
    this.since = time;
    const { signal, exitCode } = Attributes;
    this.events.push({
      time: at,
      host: this.host.name,
      action,
      ...whose,
      ...(action === "kill" && signal !== undefined ? { signal: signalName(signal) } : {}),
      ...(action === "die" ? { exitCode: Number(exitCode) } : {}),
    });
    if (action === "start") {
      this.dead.delete(ID);
      this.readLog(ID, whose);
    }
    if (action === "die") this.dead.set(ID, whose.name);
  }

  /** Reads a container's log from its beginning to its end; lines that another reading saw are known. */
  private readLog(id: string, whose: Whose): void {
    const readings = this.reading.get(id) ?? new Set();
    this.reading.set(id, readings);
    const reading = this.cutsIn(id, whose)
      .catch((error: unknown) => {
        if (!isLost(error)) this.unread.push(`${whose.name} (${String(error)})`);
      })
      .finally(() => {
        readings.delete(reading);
        if (readings.size === 0) this.reading.delete(id);
      });
    readings.add(reading);
  }

  private async cutsIn(id: string, { name }: Whose): Promise<void> {
    const container = this.host.docker.getContainer(id);
    const log = await container.logs({ follow: true, stdout: true, stderr: true, timestamps: true });
    const text = new PassThrough();
    this.host.docker.modem.demuxStream(log, text, text);
    log.once("close", () => text.end());
    this.track(log as Stream);
    try {
      for await (const line of this.lines(text)) {
        const [, time = "", said] = /^(\S+) (CUT .*)/.exec(line) ?? [];
        if (said === undefined || this.known.has(`${id} ${line}`)) continue;
        this.known.add(`${id} ${line}`);
        this.cuts.push({ time: Date.parse(time), host: this.host.name, name, line: said });
      }
    } finally {
      this.streams.delete(log as Stream);
    }
  }

  /** Throws when the stream ends before its time, as a lost host's does. */
  private async *lines(stream: Stream): AsyncGenerator<string> {
    this.track(stream);
    try {
      let rest = "";
      for await (const chunk of stream.setEncoding("utf8")) {
        const lines = (rest + String(chunk)).split("\n");
        rest = lines.pop() ?? "";
        yield* lines;
      }
    } finally {
      this.streams.delete(stream);
    }
  }

  private track(stream: Stream): void {
    this.streams.add(stream);
    if (this.stopped) stream.destroy();
  }
}

/**
 * What becomes of a stack's bridges and Jibris from now on: every creation, start, signal and end on any host, and what
 * they say they cut. A host may be lost and come back meanwhile; what its programs lose by that they cannot say.
 */
export class Watch {
  private readonly hosts: readonly HostWatch[];

  private constructor(hosts: readonly PoolHost[], stack: string) {
    const filter = [`${labels.stack}=${stack}`, labels.pool];
    this.hosts = hosts.map((host) => new HostWatch(host, filter));
  }

  /** Resolves when every host is watched that is not lost. */
  static async start(hosts: readonly PoolHost[], stack: string): Promise<Watch> {
    const watch = new Watch(hosts, stack);
    await Promise.all(watch.hosts.map((host) => host.started()));
    return watch;
  }

  /** All that happened so far, in order. */
  timeline(): PoolEvent[] {
    return this.hosts.flatMap(({ events }) => events).sort((one, other) => one.time - other.time);
  }

  count(action: PoolEvent["action"]): number {
    return this.timeline().filter((event) => event.action === action).length;
  }

  /** The signals sent to containers, in order. */
  signals(): Signal[] {
    return this.timeline().flatMap((event) =>
      event.action === "kill"
        ? { time: event.time, host: event.host, name: event.name, signal: event.signal ?? "" }
        : [],
    );
  }

  /**
   * What was cut so far, in order.
   * @throws when the log of a container that ended was not read to its end: what it cut is unknown.
   */
  async cuts(): Promise<Cut[]> {
    await sleep(SETTLE_MILLISECONDS);
    await Promise.all(this.hosts.map((host) => host.settle()));
    return this.hosts.flatMap(({ cuts }) => cuts).sort((one, other) => one.time - other.time);
  }

  async stop(): Promise<void> {
    await Promise.all(this.hosts.map((host) => host.stop()));
  }
}
