import assert from "node:assert/strict";
import { setTimeout as sleep } from "node:timers/promises";
import Docker from "dockerode";
import { text } from "node:stream/consumers";
import type { AgentConfiguration, PoolTemplate } from "../../scaler/configuration";
import type { HostState, Instance } from "../../scaler/hostApi";
import { labels } from "../../scaler/labels";
import { AgentProcess } from "./agentProcess";
import { DockerSocket } from "./dockerSocket";
import { importInstanceImage, INSTANCE_IMAGE } from "./instanceImage";

export const STACK = "agent-test";
export const BRIDGES = "s1-bridges";
export const JIBRIS = "jibris";
export const FIRST_PORT = 28100;
/** In the templates' files and environments: must never be in a log. */
export const SECRET = "secret-of-the-templates";

const NETWORK = "agent-test";
const WAIT_LIMIT_SECONDS = 120;
const REMOVAL_LIMIT_MILLISECONDS = 120_000;

/** How an instance of a pool is made here: with all that a template may hold. */
export function template(
  role: PoolTemplate["role"],
  ending: "gently" | "stubborn" | "at-once" = "gently",
): PoolTemplate {
  const port = "{{mediaPort}}";
  return {
    pool: role === "bridge" ? BRIDGES : JIBRIS,
    role,
    revision: "r1",
    stopGraceSeconds: 5,
    container: {
      Image: INSTANCE_IMAGE,
      Cmd: ["/instance", ending],
      User: "1000:1001",
      Env: ["NAME={{instance}}", `SECRET=${SECRET}`],
      Volumes: { "/fleet": {} },
      Labels: { "agent-test": "{{instance}}" },
      Healthcheck: { Test: ["CMD", "/bin/true"], Interval: 1e9, Timeout: 1e9, Retries: 2 },
      HostConfig: {
        NetworkMode: NETWORK,
        ReadonlyRootfs: true,
        Tmpfs: { "/tmp": "mode=1777" },
        ...(role === "bridge" ? { PortBindings: { [`${port}/udp`]: [{ HostPort: port }] } } : {}),
      },
      ...(role === "bridge" ? { ExposedPorts: { [`${port}/udp`]: {} } } : {}),
    },
    files: [
      {
        path: "deep/er/a.conf",
        content: `name={{instance}} port=${role === "bridge" ? port : "none"} ${SECRET}\n`,
        executable: false,
      },
      { path: "init", content: "#!/bin/sh\n", executable: true },
    ],
  };
}

/** A Docker host with the real agent on it. */
export class Bed {
  readonly docker: Docker;
  readonly socket: DockerSocket;
  configuration: Omit<AgentConfiguration, "listen">;
  private volumes = new Set<string>();

  private constructor(
    socketPath: string,
    readonly agent: AgentProcess,
  ) {
    this.docker = new Docker({ socketPath });
    this.socket = new DockerSocket(socketPath);
    this.configuration = {
      stack: STACK,
      host: "a",
      dockerSocket: this.socket.path,
      slots: { bridge: 3, jibri: 1 },
      publicAddress: "203.0.113.7",
      mediaPorts: { first: FIRST_PORT, last: FIRST_PORT + 3 },
      templates: [template("bridge"), template("jibri")],
    };
  }

  /** Once for all tests. */
  static async prepare(socketPath: string): Promise<void> {
    const docker = new Docker({ socketPath });
    await importInstanceImage(docker);
    const IPAM = { Config: [{ Subnet: "10.235.78.0/24" }] };
    await docker.createNetwork({ Name: NETWORK, IPAM, Labels: { "agent-test": "" } });
  }

  static async dismantle(socketPath: string): Promise<void> {
    await new Docker({ socketPath }).getNetwork(NETWORK).remove();
  }

  static async create(socketPath: string): Promise<Bed> {
    const bed = new Bed(socketPath, await AgentProcess.create("a"));
    bed.volumes = await bed.volumeNames();
    await bed.socket.open();
    return bed;
  }

  async start(changes: Partial<Bed["configuration"]> = {}): Promise<void> {
    this.configuration = { ...this.configuration, ...changes };
    await this.agent.start(this.configuration);
  }

  /** Removes all that a test may have left; fails where the agent told a secret. */
  async dispose(): Promise<void> {
    await this.agent.dispose();
    await this.socket.close();
    await this.removeContainers();
    assert.ok(!this.agent.output.includes(SECRET) && !this.agent.output.includes("token"), this.agent.output);
  }

  /** What the agent was about to remove when it ended may go meanwhile. */
  private async removeContainers(): Promise<void> {
    const limit = Date.now() + REMOVAL_LIMIT_MILLISECONDS;
    for (;;) {
      const left = await this.containers();
      if (left.length === 0) return;
      assert.ok(Date.now() < limit, `${left.length} containers cannot be removed`);
      for (const { Id } of left)
        await this.docker
          .getContainer(Id)
          .remove({ force: true, v: true })
          .catch((error: unknown) => {
            const { statusCode } = error as { statusCode?: number };
            if (statusCode !== 404 && statusCode !== 409) throw error;
          });
      await sleep(100);
    }
  }

  /** All of the tests', whoever made them. */
  containers(): Promise<Docker.ContainerInfo[]> {
    return this.docker.listContainers({ all: true, filters: { label: ["agent-test"] } });
  }

  /** Volumes that were not there when the test began. */
  async newVolumes(): Promise<string[]> {
    return [...(await this.volumeNames())].filter((name) => !this.volumes.has(name));
  }

  private async volumeNames(): Promise<Set<string>> {
    return new Set((await this.docker.listVolumes()).Volumes.map(({ Name }) => Name));
  }

  /** A container that is none of the agent's, and runs. */
  async foreign(name: string, own: Readonly<Record<string, string>>): Promise<string> {
    const container = await this.docker.createContainer({
      name,
      Image: INSTANCE_IMAGE,
      Cmd: ["/instance", "gently"],
      Labels: { "agent-test": "", ...own },
      HostConfig: { NetworkMode: NETWORK },
    });
    await container.start();
    return container.id;
  }

  /** Labels of a pool's instance. */
  ownLabels(instance: string, changes: Readonly<Record<string, string>> = {}): Record<string, string> {
    return {
      [labels.stack]: STACK,
      [labels.pool]: BRIDGES,
      [labels.role]: "bridge",
      [labels.node]: instance,
      ...changes,
    };
  }

  async launch(name: string, pool = BRIDGES): Promise<void> {
    const { version } = await this.agent.client.state();
    await this.agent.client.launch(name, { pool, version });
  }

  async instance(name: string): Promise<Instance | undefined> {
    return (await this.agent.client.state()).instances.find((one) => one.name === name);
  }

  /** Looks until it is so. */
  async until(what: string, isSo: (state: HostState) => boolean): Promise<HostState> {
    const limit = Date.now() + WAIT_LIMIT_SECONDS * 1000;
    for (;;) {
      const state = await this.agent.client.state();
      if (isSo(state)) return state;
      if (Date.now() > limit)
        assert.fail(`never came: ${what}\n${JSON.stringify(state)}\n${this.agent.output}`);
      await sleep(50);
    }
  }

  async untilIn(state: Instance["state"], name: string): Promise<Instance> {
    const of = ({ instances }: HostState): Instance | undefined =>
      instances.find((one) => one.name === name && one.state === state);
    const found = of(await this.until(`${name} ${state}`, (host) => of(host) !== undefined));
    assert(found);
    return found;
  }

  async untilGone(name: string): Promise<void> {
    await this.until(`${name} gone`, ({ instances }) => instances.every((one) => one.name !== name));
  }

  async launchUntilRunning(name: string, pool = BRIDGES): Promise<Instance> {
    await this.launch(name, pool);
    return this.untilIn("running", name);
  }

  /** What a command prints in an instance's container. */
  async inside(instance: string, ...command: string[]): Promise<string> {
    const container = this.docker.getContainer(`jitsi-${STACK}-${instance}`);
    const exec = await container.exec({ Cmd: command, AttachStdout: true, AttachStderr: true, Tty: true });
    return (await text(await exec.start({ Tty: true }))).replaceAll("\r\n", "\n").trim();
  }
}
