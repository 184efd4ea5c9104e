import { setTimeout as sleep } from "node:timers/promises";
import type Docker from "dockerode";
import { ensureImages, imageName } from "../standins/build";
import { runInContainer } from "../../scaler/engine/exec";
import { EngineStack, type CliResult } from "../engine/workspace";
import type { CompactAnswer, HttpRequest } from "./clients/http";
import type { ClientsWorker } from "./clients/workerProcess";
import type { JoinAnswer, Resumption } from "./clients/xmpp";
import { startLab, type Lab, type LabHost } from "./lab/lab";
import { Pools } from "./pools";

export const DOMAIN = "meet.school.test";
export const STACK = "dev";
/** On a busy machine an answer takes long. */
const ANSWER_LIMIT_SECONDS = 120;
const ORIGIN = `https://${DOMAIN}`;

export interface Shard {
  name: string;
  host?: string;
  state?: "ready" | "drain" | "maint";
  release?: string;
}

/** A fleet brought up by the real engine on two real Docker hosts, and users in a network of their own. */
export class FleetUnderTest {
  /** Bridges and Jibris. */
  readonly pools: Pools;

  private constructor(
    readonly lab: Lab,
    readonly stack: EngineStack,
    readonly users: ClientsWorker,
  ) {
    this.pools = new Pools(this.hosts, STACK);
  }

  /** `more`: settings beside those that every fleet of the tests has. */
  static async create(more: (lab: Lab) => Record<string, unknown> = () => ({})): Promise<FleetUnderTest> {
    const lab = await startLab();
    try {
      await ensureImages([lab.hosts.a.socket, lab.hosts.b.socket]);
      const stack = await EngineStack.create({
        programDir: process.cwd(),
        stack: STACK,
        config: { ...settings(lab), ...more(lab) },
      });
      return new FleetUnderTest(lab, stack, lab.usersProcess());
    } catch (error) {
      await lab.stopAll();
      throw error;
    }
  }

  async end(): Promise<void> {
    await this.stack.dispose();
    await this.lab.stopAll();
  }

  get hosts(): readonly LabHost[] {
    return [this.lab.hosts.a, this.lab.hosts.b];
  }

  /** What the scaler says on a page of its API, asked on its own host. */
  async scaler<Page>(page: string): Promise<Page> {
    const argv = ["node", "/fleet/program.js", page];
    const { exitCode, output } = await runInContainer(this.container("a", "scaler", "scaler"), argv);
    if (exitCode !== 0) throw new Error(`the scaler's ${page}: ${output}`);
    return JSON.parse(output) as Page;
  }

  /** The pools as the scaler last saw them. */
  async outlook(): Promise<Readonly<Record<string, Outlook>>> {
    const pools = await this.scaler<(Outlook & { pool: string })[]>("pools");
    return Object.fromEntries(pools.map((pool) => [pool.pool, pool]));
  }

  /** The hosts whose edges users reach, as DNS would tell them. */
  edges: readonly string[] = ["a", "b"];
  private turn = 0;

  /** An edge, the next in turn unless it is named, and if it may be any: the others, should it refuse. */
  private edge(may: "this" | "any", first?: string): { address: string[]; insecureTls: true } {
    this.turn += 1;
    const at = first === undefined ? this.turn % this.edges.length : this.edges.indexOf(first);
    const inOrder = [...this.edges.slice(at), ...this.edges.slice(0, at)];
    const hosts = may === "any" ? inOrder : inOrder.slice(0, 1);
    return { address: hosts.map((host) => this.host(host).publicAddress), insecureTls: true };
  }

  /** A request as a client makes it: a websocket begins with a handshake. */
  private request(path: string, may: "this" | "any"): HttpRequest {
    const websocket = path.includes("/xmpp-websocket") ? { websocketProtocol: "xmpp" } : {};
    // One that is asked again elsewhere gives up as soon as a browser would; the others only if there is no answer at all.
    const patience = may === "this" ? { timeoutSeconds: ANSWER_LIMIT_SECONDS } : {};
    return { url: `${ORIGIN}${path}`, ...websocket, ...patience, ...this.edge(may) };
  }

  /**
   * Asks for paths, the edges in turn, and tells, for each, the status and the shard that answered.
   * @param may whether another edge does where one refuses, as for a browser
   */
  async ask(
    paths: readonly string[],
    { concurrency = 32, may = "this" }: { concurrency?: number; may?: "this" | "any" } = {},
  ): Promise<Answer[]> {
    const requests = paths.map((path) => this.request(path, may));
    const { answers } = await this.users.call("http.batch", {
      requests,
      concurrency,
      pickHeaders: ["x-jitsi-shard"],
    });
    return answers.map((answer, index) => ({
      path: paths[index] ?? "",
      shard: answer.picked[0] ?? undefined,
      ...answer,
    }));
  }

  /** The shard of each room, by its page. */
  async homes(rooms: readonly string[]): Promise<(string | undefined)[]> {
    return (await this.ask(rooms.map((room) => `/${room}`))).map(({ shard }) => shard);
  }

  join(transport: "bosh" | "websocket", room: string, nick: string): Promise<JoinAnswer> {
    return this.users.call("xmpp.join", {
      transport,
      origin: ORIGIN,
      room,
      nick,
      timeoutSeconds: ANSWER_LIMIT_SECONDS,
      ...this.edge("this"),
    });
  }

  /** Like `join`, as a browser does it: it goes on over another edge where one refuses, and resumes a broken websocket. */
  stay(transport: "bosh" | "websocket", room: string, nick: string, first: string): Promise<JoinAnswer> {
    const resumption = transport === "websocket" ? { resumeWithinSeconds: 30 } : {};
    const route = { ...this.edge("any", first), ...resumption };
    return this.users.call("xmpp.join", { transport, origin: ORIGIN, room, nick, ...route });
  }

  /** Waits until a session of `stay` was resumed for the first time. */
  resumed(session: string): Promise<Resumption> {
    return this.users.call("xmpp.awaitResumption", { session, times: 1, timeoutSeconds: 15 });
  }

  /** A room that lives on a shard, found by asking. */
  async roomOn(shard: string, prefix: string): Promise<string> {
    const rooms = Array.from({ length: 60 }, (_, index) => `${prefix}${index}`);
    const room = rooms[(await this.homes(rooms)).indexOf(shard)];
    if (room === undefined) throw new Error(`none of ${rooms.length} rooms lives on ${shard}`);
    return room;
  }

  /** Sets the shards the way an operator does: a value at a path each. */
  async setShards(shards: readonly Shard[]): Promise<void> {
    await this.stack.removeConfig("shards");
    await this.stack.setConfigs(Object.fromEntries(valuesAt("shards", shards)));
  }

  /** Sets the Docker hosts, likewise. */
  async setHosts(hosts: readonly { name: "a" | "b"; drained?: true }[]): Promise<void> {
    await this.stack.removeConfig("docker");
    const all = hosts.map(({ name, ...more }) => ({ ...hostSettings(this.host(name)), ...more }));
    await this.stack.setConfigs(Object.fromEntries(valuesAt("docker.hosts", all)));
  }

  host(name: string): LabHost {
    return name === "a" ? this.lab.hosts.a : this.lab.hosts.b;
  }

  container(host: string, ...parts: string[]): Docker.Container {
    return this.host(host).docker.getContainer(["jitsi", STACK, ...parts].join("-"));
  }

  /** What Docker tells of every container. */
  async inspections(): Promise<Docker.ContainerInspectInfo[]> {
    const lists = await Promise.all(
      this.hosts.map(async ({ docker }) => {
        const containers = await docker.listContainers({ all: true });
        return Promise.all(containers.map(({ Id }) => docker.getContainer(Id).inspect()));
      }),
    );
    return lists.flat();
  }

  /** Names of what the program declared: what is on the hosts but for what the scaler launched there. */
  async declared(): Promise<string[]> {
    const launched = (await this.pools.instances()).map(
      ({ host, name }) => `${host} container jitsi-${STACK}-${name}`,
    );
    const isUnnamed = (item: string): boolean => / volume [0-9a-f]{64}$/.test(item);
    return (await this.inventory()).filter((item) => !launched.includes(item) && !isUnnamed(item));
  }

  /** Names of what is on the hosts: containers, networks and volumes. */
  async inventory(): Promise<string[]> {
    const lists = await Promise.all(
      this.hosts.map(async ({ name, docker }) => {
        const [containers, networks, { Volumes }] = await Promise.all([
          docker.listContainers({ all: true }),
          docker.listNetworks(),
          docker.listVolumes(),
        ]);
        const own = networks.filter((network) => !["bridge", "host", "none"].includes(network.Name));
        return [
          ...containers.map(({ Names }) => `${name} container ${Names[0]?.slice(1) ?? ""}`),
          ...own.map(({ Name }) => `${name} network ${Name}`),
          ...Volumes.map(({ Name }) => `${name} volume ${Name}`),
        ];
      }),
    );
    return lists.flat().sort();
  }
}

/** A pool as the scaler tells of it. */
export interface Outlook {
  readonly desired: number | undefined;
  readonly states: Readonly<Record<string, number>>;
  readonly reason: string;
}

export interface Answer extends CompactAnswer {
  readonly path: string;
  readonly shard: string | undefined;
}

/** Users who ask for their rooms' pages over and over, until told to stop: what they saw. */
export class Traffic {
  private stopped = false;
  private readonly running: Promise<void>;
  readonly failures: string[] = [];
  /** Rooms that changed their shard. */
  readonly moved = new Set<string>();
  requests = 0;

  /** `may`: as for `ask`. */
  constructor(
    private readonly fleet: FleetUnderTest,
    private readonly homes: ReadonlyMap<string, string>,
    private readonly may: "this" | "any" = "this",
  ) {
    this.running = this.run();
  }

  private async run(): Promise<void> {
    const paths = [...this.homes.keys()].flatMap((room) => [
      `/${room}`,
      `/_unlock?room=${room}`,
      `/http-bind?room=${room}`,
    ]);
    while (!this.stopped) {
      for (const { path, status, shard, error } of await this.fleet.ask(paths, {
        concurrency: 8,
        may: this.may,
      })) {
        this.requests += 1;
        if (status !== 200) this.failures.push(`${path}: ${error ?? status}`);
        const room = /room=(.*)/.exec(path)?.[1] ?? path.slice(1);
        if (status === 200 && this.homes.get(room) !== shard) this.moved.add(room);
      }
    }
  }

  async stop(): Promise<void> {
    this.stopped = true;
    await this.running;
  }
}

/** Host a has every role, host b all but that of which there is one. */
function hostSettings({ name, socket, publicAddress, privateAddress }: LabHost) {
  const roles = ["edge", "shard", "bridge", "jibri", ...(name === "a" ? ["scaler"] : [])];
  return { name, address: `unix://${socket}`, publicAddress, privateAddress, roles };
}

/** What a value is made of, each with its path. */
function valuesAt(path: string, value: unknown): [path: string, value: string][] {
  if (typeof value !== "object" || value === null) return [[path, String(value)]];
  const at = (key: string): string => (Array.isArray(value) ? `${path}[${key}]` : `${path}.${key}`);
  return Object.entries(value).flatMap(([key, part]) => valuesAt(at(key), part));
}

function settings(lab: Lab): Record<string, unknown> {
  return {
    production: false,
    domain: DOMAIN,
    shards: [
      { name: "s1", host: "a" },
      { name: "s2", host: "b" },
    ],
    auth: { type: "open" },
    images: {
      registry: imageName("web", "r1").split("/")[0],
      release: "r1",
      haproxy: imageName("haproxy", "r1"),
      node: imageName("node", "r1"),
    },
    docker: {
      hosts: [hostSettings(lab.hosts.a), hostSettings(lab.hosts.b)],
    },
  };
}

/** Throws with what Pulumi printed unless it succeeded. */
export function succeeded(result: CliResult): CliResult {
  if (result.exitCode !== 0)
    throw new Error(`exit code ${result.exitCode}\n${result.stdout}\n${result.stderr}`);
  return result;
}

/** What an update or a destroy says that was refused: its diagnostics, since a failed test shows no more than that. */
export function refused({ exitCode, stdout, stderr }: CliResult): string {
  const said = `${stdout}\n${stderr}`;
  if (exitCode === 0) throw new Error(`it was not refused:\n${said}`);
  return said.slice(Math.max(0, said.lastIndexOf("Diagnostics:")));
}

/** What takes its seconds on a machine that is idle may take so many times as long on one that has other work. */
const BUSY_MACHINE = 5;

/** Waits until a condition holds, which takes so long on an idle machine, or throws with what it last said. */
export async function until(
  what: string,
  seconds: number,
  condition: () => boolean | Promise<boolean>,
): Promise<void> {
  const limitSeconds = seconds * BUSY_MACHINE;
  const limit = Date.now() + limitSeconds * 1000;
  let last: unknown;
  for (;;) {
    try {
      if (await condition()) return;
    } catch (error) {
      last = error;
    }
    if (Date.now() > limit) throw new Error(`not within ${limitSeconds} s: ${what}`, { cause: last });
    await sleep(500);
  }
}
