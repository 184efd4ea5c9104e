import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { noteLeftover } from "../../support/leftovers";
import { startWorker, type ClientsWorker } from "../clients/workerProcess";
import type { PortScan, TcpScanResult, UdpScanResult } from "../clients/portScan";
import { run, type ProcessOutcome, type RunOptions } from "./commands";
import { DockerHost, type LabHost } from "./dockerHost";
import {
  createSwitches,
  deleteNamespace,
  inNamespace,
  layoutFor,
  namespaceInode,
  namespacesOf,
} from "./network";
import { describeRemains, endByForce, type Marks } from "./remains";

export type { ProcessOutcome } from "./commands";
export type { LabHost } from "./dockerHost";

export interface LabOptions {
  /** Appended to the names of namespaces and folders, so that labs of several runs stand side by side; default "". */
  suffix?: string;
}

/** Ports as in "1-65535" or "80,443"; what is left out is not scanned. */
export interface PortScanRequest {
  tcp?: string;
  udp?: string;
  /** For each of the two scans; default 120. */
  timeoutSeconds?: number;
}

export interface PortScanResult {
  tcp?: TcpScanResult;
  udp?: UdpScanResult;
}

/**
 * Two Docker hosts, joined by a private network, and an internet with users. The machine's own network namespace has no
 * way to any of them but the engines' sockets.
 */
export interface Lab {
  readonly hosts: { readonly a: LabHost; readonly b: LabHost };
  readonly users: { readonly namespace: string; readonly addresses: readonly string[] };
  /** Runs a program among the users, to its end. Rejects when it does not end in time (default 30 s). */
  inUsersNamespace(argv: readonly string[], options?: RunOptions): Promise<ProcessOutcome>;
  /** A new worker with the protocol clients among the users; `stopAll` closes it if nobody did before. */
  usersProcess(): ClientsWorker;
  /** Which ports of an address answer when asked by the users or by a host. */
  portScan(from: "users" | "a" | "b", address: string, ports: PortScanRequest): Promise<PortScanResult>;
  /** Ends the lab. Rejects, naming it, if anything is left: a namespace (and so a link), process, mount or cgroup. */
  stopAll(): Promise<void>;
}

const PROGRAMS = ["dockerd", "containerd", "ip", "iptables", "nsenter", "sysctl", "umount"];

/**
 * Brings the lab up: some seconds. What an earlier run with the same suffix left behind is cleared away first.
 * Rejects when not root, when programs are missing, and while another process has a lab with that suffix.
 */
export async function startLab(options: LabOptions = {}): Promise<Lab> {
  const suffix = options.suffix ?? "";
  if (!/^[a-z0-9-]{0,8}$/.test(suffix))
    throw new Error(`suffix "${suffix}": up to 8 of a-z, 0-9 and "-" would be right`);
  if (process.getuid?.() !== 0)
    throw new Error("the lab makes network namespaces and Docker hosts: it must run as root");
  requirePrograms();
  const lab = new RunningLab(suffix);
  await lab.bringUp();
  return lab;
}

class RunningLab implements Lab {
  readonly hosts: { readonly a: DockerHost; readonly b: DockerHost };
  readonly users: Lab["users"];
  private readonly layout;
  private readonly folder: string;
  private readonly workers: ClientsWorker[] = [];

  constructor(suffix: string) {
    this.layout = layoutFor(suffix);
    this.folder = `/run/jitsi-fleet-lab${suffix}`;
    const { a, b } = this.layout.hosts;
    this.hosts = {
      a: new DockerHost(this.layout, a, this.folder),
      b: new DockerHost(this.layout, b, this.folder),
    };
    this.users = { namespace: this.layout.usersNamespace, addresses: this.layout.usersAddresses };
  }

  async bringUp(): Promise<void> {
    this.takeOwnership();
    try {
      await this.clearAway();
      await createSwitches(this.layout);
      await this.onBothHosts(async (host) => {
        await host.start();
        await host.removeEverythingButImages();
      });
    } catch (error) {
      await this.clearAway();
      rmSync(this.folder, { recursive: true, force: true });
      throw error;
    }
  }

  inUsersNamespace(argv: readonly string[], options: RunOptions = {}): Promise<ProcessOutcome> {
    return run([...inNamespace(this.users.namespace), ...argv], options);
  }

  usersProcess(): ClientsWorker {
    return this.startWorkerIn(this.users.namespace);
  }

  async portScan(
    from: "users" | "a" | "b",
    address: string,
    request: PortScanRequest,
  ): Promise<PortScanResult> {
    const worker = this.startWorkerIn(from === "users" ? this.users.namespace : this.hosts[from].namespace);
    const scan = (ports: string): PortScan => ({
      address,
      ports,
      ...(request.timeoutSeconds !== undefined && { timeoutSeconds: request.timeoutSeconds }),
    });
    // Above the scan's own limit, which has the better message.
    const callSeconds = (request.timeoutSeconds ?? 120) + 30;
    try {
      const result: PortScanResult = {};
      if (request.tcp !== undefined)
        result.tcp = await worker.call("scan.tcp", scan(request.tcp), callSeconds);
      if (request.udp !== undefined)
        result.udp = await worker.call("scan.udp", scan(request.udp), callSeconds);
      return result;
    } finally {
      await worker.close();
    }
  }

  async stopAll(): Promise<void> {
    await Promise.all(this.workers.map((worker) => worker.close()));
    const failures = await this.settle((host) => host.shutDown());
    await this.clearAway();
    rmSync(this.folder, { recursive: true, force: true });
    // A namespace without a name, a process and a mount does not exist any more, nor do its links; `clearAway` has seen
    // to the two latter. The kernel may have given its number to somebody else's by now.
    const remains = [...this.namespacesLeft(), ...describeRemains(this.marks())];
    if (remains.length > 0) failures.push(`left behind: ${remains.join(", ")}`);
    if (failures.length > 0) throw new Error(`the lab did not end cleanly: ${failures.join("; ")}`);
  }

  private startWorkerIn(namespace: string): ClientsWorker {
    const worker = startWorker(inNamespace(namespace));
    this.workers.push(worker);
    return worker;
  }

  private namespacesLeft(): string[] {
    const left = namespacesOf(this.layout).filter((name) => namespaceInode(name) !== undefined);
    return left.map((name) => `namespace ${name}`);
  }

  private async onBothHosts(work: (host: DockerHost) => Promise<void>): Promise<void> {
    const failures = await this.settle(work);
    if (failures.length > 0) throw new Error(failures.join("; "));
  }

  /** Does the work on both hosts at the same time, to the end of both; returns what failed. */
  private async settle(work: (host: DockerHost) => Promise<void>): Promise<string[]> {
    const outcomes = await Promise.allSettled([this.hosts.a, this.hosts.b].map(work));
    return outcomes.flatMap((outcome) =>
      outcome.status === "rejected" ? [(outcome.reason as Error).message] : [],
    );
  }

  private marks(): Marks {
    const { a, b } = this.hosts;
    return {
      namespaces: namespacesOf(this.layout).flatMap((name) => namespaceInode(name) ?? []),
      cgroupParents: [...a.marks.cgroupParents, ...b.marks.cgroupParents],
      folders: [...a.marks.folders, ...b.marks.folders],
    };
  }

  /** Ends by force whatever there is of a lab with these names, whoever started it. */
  private async clearAway(): Promise<void> {
    await endByForce(this.marks(), 10);
    for (const host of [this.hosts.a, this.hosts.b]) await host.clearAway();
    for (const namespace of namespacesOf(this.layout)) await deleteNamespace(namespace);
  }

  private takeOwnership(): void {
    const file = join(this.folder, "owner");
    const owner = existsSync(file) ? readFileSync(file, "utf8") : "";
    const [pid = ""] = owner.split(" ");
    if (pid !== "" && owner === identityOf(Number(pid))) {
      throw new Error(`process ${pid} has a lab with the suffix "${this.layout.suffix}": choose another one`);
    }
    noteLeftover("folder", this.folder);
    mkdirSync(this.folder, { recursive: true });
    writeFileSync(file, identityOf(process.pid) ?? "");
  }
}

/** A process id may be used again; with the time of its start it is unique. */
function identityOf(pid: number): string | undefined {
  try {
    // The fields after the command's name in brackets; the 20th of them is the start time.
    const fields = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ").at(-1)?.split(" ");
    return `${pid} ${fields?.[19] ?? ""}`;
  } catch {
    return undefined;
  }
}

function requirePrograms(): void {
  const folders = (process.env["PATH"] ?? "").split(":");
  const missing = PROGRAMS.filter((name) => !folders.some((folder) => existsSync(join(folder, name))));
  if (missing.length > 0) {
    throw new Error(
      `the lab needs ${missing.join(", ")}: on Debian, apt-get install docker.io iproute2 iptables util-linux procps`,
    );
  }
}
