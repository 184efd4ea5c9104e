import { setTimeout as sleep } from "node:timers/promises";
import type Docker from "dockerode";
import { ensureImages, imageName, type Release } from "../standins/build";
import { EngineStack, type CliResult } from "../engine/workspace";
import type { CompactAnswer, HttpRequest } from "./clients/http";
import type { ClientsWorker } from "./clients/workerProcess";
import { startLab, type Lab, type LabHost } from "./lab/lab";

export const DOMAIN = "meet.school.test";
export const STACK = "dev";
const ORIGIN = `https://${DOMAIN}`;

export interface Shard {
  name: string;
  host: string;
  state?: "ready" | "drain" | "maint";
  release?: Release;
}

/** A fleet brought up by the real engine on two real Docker hosts, and users in a network of their own. */
export class FleetUnderTest {
  private constructor(
    readonly lab: Lab,
    readonly stack: EngineStack,
    readonly users: ClientsWorker,
  ) {}

  static async create(): Promise<FleetUnderTest> {
    const lab = await startLab();
    try {
      await ensureImages([lab.hosts.a.socket, lab.hosts.b.socket]);
      const stack = await EngineStack.create({
        programDir: process.cwd(),
        stack: STACK,
        config: settings(lab),
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

  /** Where a request reaches the edge, as DNS would tell the users. */
  private get edge(): { address: string; insecureTls: true } {
    return { address: this.lab.hosts.a.publicAddress, insecureTls: true };
  }

  /** A request as a client makes it: a websocket begins with a handshake. */
  private request(path: string): HttpRequest {
    const websocket = path.includes("/xmpp-websocket") ? { websocketProtocol: "xmpp" } : {};
    return { url: `${ORIGIN}${path}`, ...websocket, ...this.edge };
  }

  /** Asks for paths and tells, for each, the status and the shard that answered. */
  async ask(paths: readonly string[], concurrency = 32): Promise<Answer[]> {
    const requests = paths.map((path) => this.request(path));
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

  join(
    transport: "bosh" | "websocket",
    room: string,
    nick: string,
  ): Promise<{ session: string; shard: string | null }> {
    return this.users.call("xmpp.join", { transport, origin: ORIGIN, room, nick, ...this.edge });
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
    for (const [index, shard] of shards.entries())
      for (const [key, value] of Object.entries(shard))
        await this.stack.setConfig(`shards[${index}].${key}`, String(value));
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
      [this.lab.hosts.a.docker, this.lab.hosts.b.docker].map(async (docker) => {
        const containers = await docker.listContainers({ all: true });
        return Promise.all(containers.map(({ Id }) => docker.getContainer(Id).inspect()));
      }),
    );
    return lists.flat();
  }

  /** Names of what the stack has on the hosts: containers, networks and volumes. */
  async inventory(): Promise<string[]> {
    const hosts = [this.lab.hosts.a, this.lab.hosts.b];
    const lists = await Promise.all(
      hosts.map(async ({ name, docker }) => {
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

  constructor(
    private readonly fleet: FleetUnderTest,
    private readonly homes: ReadonlyMap<string, string>,
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
      for (const { path, status, shard, error } of await this.fleet.ask(paths, 8)) {
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

function settings(lab: Lab): Record<string, unknown> {
  const host = ({ name, socket, publicAddress, privateAddress }: LabHost, roles: string[]): unknown => ({
    name,
    address: `unix://${socket}`,
    publicAddress,
    privateAddress,
    roles,
  });
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
    },
    docker: {
      hosts: [
        host(lab.hosts.a, ["edge", "shard", "bridge", "jibri"]),
        host(lab.hosts.b, ["shard", "bridge", "jibri"]),
      ],
    },
  };
}

/** Throws with what Pulumi printed unless it succeeded. */
export function succeeded(result: CliResult): CliResult {
  if (result.exitCode !== 0)
    throw new Error(`exit code ${result.exitCode}\n${result.stdout}\n${result.stderr}`);
  return result;
}

/** Waits until a condition holds, or throws with what it last said. */
export async function until(what: string, seconds: number, condition: () => Promise<boolean>): Promise<void> {
  const limit = Date.now() + seconds * 1000;
  let last: unknown;
  for (;;) {
    try {
      if (await condition()) return;
    } catch (error) {
      last = error;
    }
    if (Date.now() > limit) throw new Error(`not within ${seconds} s: ${what}`, { cause: last });
    await sleep(500);
  }
}
