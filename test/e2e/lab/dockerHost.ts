import Docker from "dockerode";
import { spawn } from "node:child_process";
import { closeSync, existsSync, mkdirSync, openSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { cacheDir } from "../../support/cache";
import { noteLeftover } from "../../support/leftovers";
import { withTimeLimit } from "../clients/concurrency";
import { inNamespace, namespaceInode, plugIn, unplug, type HostPlace, type Layout } from "./network";
import { endByForce, findProcesses, type Marks } from "./remains";

const START_SECONDS = 240;
const SHUTDOWN_SECONDS = 20;
const KILL_SECONDS = 10;
const CLEAN_SECONDS = 60;
const LOG_TAIL_BYTES = 4000;

/** A Docker host of the lab: a network namespace with a Docker engine in it. */
export interface LabHost {
  readonly name: "a" | "b";
  readonly namespace: string;
  /** Path of the engine's unix socket, the same after a loss. */
  readonly socket: string;
  readonly publicAddress: string;
  readonly privateAddress: string;
  /** The engine's API; fails while the host is lost. */
  readonly docker: Docker;
  /** The host is lost, as by a power cut: every process killed at once, its links gone; what is on disk stays. */
  stop(): Promise<void>;
  /** The host is back: its engine runs, and containers with a restart policy have been started. */
  start(): Promise<void>;
}

/**
 * A host's life. Everything that waits has a limit and rejects with the end of the engine's log.
 * The images lie in the cache and stay; containers, networks and volumes end with the lab.
 */
export class DockerHost implements LabHost {
  readonly name: "a" | "b";
  readonly namespace: string;
  readonly socket: string;
  readonly publicAddress: string;
  readonly privateAddress: string;
  readonly docker: Docker;
  readonly marks: Omit<Marks, "namespaces">;
  private readonly runFolder: string;
  private readonly dataRoot: string;
  private readonly log: string;

  constructor(
    private readonly layout: Layout,
    private readonly place: HostPlace,
    labFolder: string,
  ) {
    this.name = place.name;
    this.namespace = place.namespace;
    this.publicAddress = place.publicAddress;
    this.privateAddress = place.privateAddress;
    this.runFolder = join(labFolder, place.name);
    this.socket = join(this.runFolder, "docker.sock");
    this.log = join(this.runFolder, "dockerd.log");
    this.dataRoot = cacheDir("docker", place.namespace);
    this.docker = new Docker({ socketPath: this.socket });
    this.marks = {
      cgroupParents: [`/${place.namespace}`],
      folders: [this.runFolder, this.dataRoot],
    };
  }

  get isRunning(): boolean {
    return namespaceInode(this.namespace) !== undefined;
  }

  async start(): Promise<void> {
    if (this.isRunning) throw new Error(`host ${this.name} already runs`);
    for (const parent of this.marks.cgroupParents) noteLeftover("cgroup", parent);
    for (const folder of this.marks.folders) noteLeftover("mounts", folder);
    await plugIn(this.layout, this.place);
    mkdirSync(this.runFolder, { recursive: true });
    const log = openSync(this.log, "a");
    const argv = [...inNamespace(this.namespace), "dockerd", ...this.daemonOptions()];
    const [file = "", ...args] = argv;
    // Detached: a Ctrl-C in the tests' terminal must not end it before the containers are cleaned up.
    const env = { ...process.env, TMPDIR: this.runFolder };
    const daemon = spawn(file, args, { detached: true, stdio: ["ignore", log, log], env });
    closeSync(log);
    let failure: string | undefined;
    daemon.on("error", (error) => {
      failure = error.message;
    });
    daemon.on("exit", (code, signal) => {
      failure = signal ?? `exit code ${code ?? "unknown"}`;
    });
    daemon.unref();
    const giveUpAt = Date.now() + START_SECONDS * 1000;
    while (!(await this.answers())) {
      if (failure !== undefined) throw this.error(`dockerd ended at its start (${failure})`);
      if (Date.now() > giveUpAt) throw this.error(`dockerd did not answer within ${START_SECONDS} s`);
      await sleep(50);
    }
  }

  async stop(): Promise<void> {
    if (!this.isRunning) throw new Error(`host ${this.name} is lost already`);
    await this.clearAway();
  }

  /** Ends the host for good, in good order: containers, volumes and networks are removed, images stay. */
  async shutDown(): Promise<void> {
    // A lost host still has its containers on disk.
    if (!this.isRunning) await this.start();
    await this.removeEverythingButImages();
    const pid = this.daemonPid();
    if (pid !== undefined) {
      process.kill(pid, "SIGTERM");
      const giveUpAt = Date.now() + SHUTDOWN_SECONDS * 1000;
      while (existsSync(`/proc/${pid}`) && Date.now() < giveUpAt) await sleep(50);
    }
    await this.clearAway();
  }

  /** Ends up without a container, without a volume and without a network that is not Docker's own. */
  async removeEverythingButImages(): Promise<void> {
    const giveUpAt = Date.now() + CLEAN_SECONDS * 1000;
    for (;;) {
      const { things, removals } = await this.everythingButImages();
      if (things.length === 0) return;
      if (Date.now() > giveUpAt) {
        throw this.error(`${things.join(", ")} still there after ${CLEAN_SECONDS} s of removing`);
      }
      // What fails now, because another removal is under way or a network is still in use, is tried again.
      for (const remove of removals) await remove();
    }
  }

  private async everythingButImages(): Promise<{ things: string[]; removals: (() => Promise<unknown>)[] }> {
    const containers = await this.docker.listContainers({ all: true });
    const { Volumes: volumes } = await this.docker.listVolumes();
    const networks = (await this.docker.listNetworks()).filter(
      ({ Name }) => !["bridge", "host", "none"].includes(Name),
    );
    const force = { force: true, v: true };
    return {
      things: [
        ...containers.map(({ Id }) => `container ${Id.slice(0, 12)}`),
        ...volumes.map(({ Name }) => `volume ${Name}`),
        ...networks.map(({ Name }) => `network ${Name}`),
      ],
      // One kind after the other: a container holds its volumes and networks.
      removals: [
        () => Promise.allSettled(containers.map(({ Id }) => this.docker.getContainer(Id).remove(force))),
        () =>
          Promise.allSettled(volumes.map(({ Name }) => this.docker.getVolume(Name).remove({ force: true }))),
        () => Promise.allSettled(networks.map(({ Id }) => this.docker.getNetwork(Id).remove())),
      ],
    };
  }

  /** Kills whatever belongs to the host and takes its mounts, cgroups and links away. Nothing of it may be there. */
  async clearAway(): Promise<void> {
    // The daemon first: it would start containers again, and write down that they ended.
    const pid = this.daemonPid();
    if (pid !== undefined) process.kill(pid, "SIGKILL");
    await endByForce(this.currentMarks(), KILL_SECONDS);
    await unplug(this.layout, this.place);
    // As after a reboot, nothing is left in /run; the log is kept for errors until the lab ends.
    for (const name of ["exec", "dockerd.pid", "docker.sock"]) {
      rmSync(join(this.runFolder, name), { recursive: true, force: true });
    }
  }

  private daemonOptions(): string[] {
    return [
      ["--host", `unix://${this.socket}`],
      ["--data-root", this.dataRoot],
      ["--exec-root", join(this.runFolder, "exec")],
      ["--pidfile", join(this.runFolder, "dockerd.pid")],
      ["--bip", this.place.dockerBridgeAddress],
      ["--default-address-pool", `base=${this.place.dockerPool},size=24`],
      // By the parent one finds a host's containers; two daemons share the machine's cgroups.
      ["--cgroup-parent", `/${this.namespace}`],
      ["--exec-opt", "native.cgroupdriver=cgroupfs"],
      ["--live-restore=false"],
      ["--iptables=true"],
      ["--log-level", "warn"],
    ].flat();
  }

  private async answers(): Promise<boolean> {
    try {
      await withTimeLimit(this.docker.ping(), 2, "ping");
      return true;
    } catch {
      return false;
    }
  }

  /** Undefined when no daemon runs: the number in a file left behind may be somebody else's by now. */
  private daemonPid(): number | undefined {
    const file = join(this.runFolder, "dockerd.pid");
    if (!existsSync(file)) return undefined;
    const pid = Number(readFileSync(file, "utf8"));
    return findProcesses(this.currentMarks()).includes(pid) ? pid : undefined;
  }

  private currentMarks(): Marks {
    const inode = namespaceInode(this.namespace);
    return { ...this.marks, namespaces: inode === undefined ? [] : [inode] };
  }

  private error(what: string): Error {
    const log = existsSync(this.log) ? readFileSync(this.log, "utf8").slice(-LOG_TAIL_BYTES) : "no log";
    return new Error(`Docker host ${this.name}: ${what}\n${log}`);
  }
}
