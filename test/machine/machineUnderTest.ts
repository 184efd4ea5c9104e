import Docker from "dockerode";
import { execFile, spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { run } from "../standins/run";
import { METADATA_ADDRESS } from "../support/aws/metadata";
import { noteLeftover } from "../support/leftovers";
import { baseOf, type Suite } from "./base";
import type { Surroundings } from "./surroundings";

const execute = promisify(execFile);

export interface Ended {
  readonly code: number;
  readonly output: string;
}

/**
 * Stands in for systemctl, since no systemd runs: it notes what is asked of it, and to start Docker it does so. What a
 * timer would run, the test runs.
 */
const systemctl = `#!/bin/bash
echo "$*" >>/var/log/systemctl.log
[[ $* == *docker* ]] || exit 0
[[ -S /run/docker.sock ]] && docker version >/dev/null 2>&1 && exit 0
setsid dockerd --pidfile /run/dockerd.pid --cgroup-parent /fleet-machine >>/var/log/dockerd.log 2>&1 9>&- </dev/null &
for _ in {1..300}; do
  docker version >/dev/null 2>&1 && exit 0
  sleep 0.2
done
exit 1
`;

/**
 * A machine: a system of its own on an untouched base, in namespaces of its own for processes, mounts and the network.
 * What it reaches is its Surroundings, on the other end of its one link; the metadata at its usual address.
 */
export class MachineUnderTest {
  #folder = "";
  readonly #namespace: string;
  readonly #link: string;
  #holder: ChildProcess | undefined;
  #pid = "";

  /** @param number of it among the machines of a test run: its link is 10.218.<number>.0/24 */
  constructor(private readonly number: number) {
    this.#namespace = `fleet-machine-${number}`;
    this.#link = `fleetm${number}`;
  }

  /** Where the test listens for it. */
  get gateway(): string {
    return `10.218.${this.number}.1`;
  }

  get address(): string {
    return `10.218.${this.number}.2`;
  }

  get socket(): string {
    return join(this.#folder, "run/docker.sock");
  }

  get docker(): Docker {
    return new Docker({ socketPath: this.socket, timeout: 60_000 });
  }

  /** The test's end of the link, before anything of the machine. */
  async plugIn(): Promise<void> {
    await this.#unplug();
    this.#folder = mkdtempSync(join(tmpdir(), "fleet-machine-"));
    const namespace = this.#namespace;
    noteLeftover("folder", this.#folder);
    noteLeftover("namespace", namespace);
    await run("ip", ["netns", "add", namespace], 10);
    await run(
      "ip",
      ["link", "add", this.#link, "type", "veth", "peer", "name", "eth0", "netns", namespace],
      10,
    );
    await run("ip", ["address", "add", `${this.gateway}/24`, "dev", this.#link], 10);
    await run("ip", ["link", "set", this.#link, "up"], 10);
    await run("ip", ["-n", namespace, "address", "add", `${this.address}/24`, "dev", "eth0"], 10);
    for (const device of ["lo", "eth0"]) await run("ip", ["-n", namespace, "link", "set", device, "up"], 10);
    await run("ip", ["-n", namespace, "route", "add", "default", "via", this.gateway], 10);
  }

  /** Puts the machine on its base, and boots it, as far as a system without systemd does. */
  async start(suite: Suite, { metadataPort, proxyPort }: Surroundings): Promise<void> {
    for (const name of ["upper", "work", "root", "run", "docker"]) mkdirSync(join(this.#folder, name));
    await this.#leadToMetadata(metadataPort);
    this.#write("usr/local/sbin/systemctl", systemctl, 0o755);
    this.#write(
      "etc/apt/apt.conf.d/proxy",
      `Acquire::http::Proxy "http://${this.gateway}:${proxyPort}";\n`,
      0o644,
    );
    await this.boot(await baseOf(suite));
  }

  /** As on EC2 with a hop limit of one: its answers reach the machine itself, and die on the way into a container's network. */
  async #leadToMetadata(port: number): Promise<void> {
    const asked = ["-d", METADATA_ADDRESS, "-p", "tcp", "--dport", "80"];
    const led = [...asked, "-j", "DNAT", "--to-destination", `${this.gateway}:${port}`];
    const answered = ["-s", this.gateway, "-p", "tcp", "--sport", String(port)];
    for (const rule of [
      ["nat", "OUTPUT", ...led],
      ["nat", "PREROUTING", ...led],
      ["mangle", "PREROUTING", ...answered, "-j", "TTL", "--ttl-set", "1"],
    ]) {
      const [table = "", chain = "", ...rest] = rule;
      await run(
        "nsenter",
        [`--net=/run/netns/${this.#namespace}`, "iptables", "-t", table, "-A", chain, ...rest],
        10,
      );
    }
  }

  async boot(base: string): Promise<void> {
    const at = (name: string): string => join(this.#folder, name);
    const root = at("root");
    await run("mount", ["-t", "tmpfs", "-o", "mode=755", "tmpfs", at("run")], 10);
    const script = `set -e
mount --make-rprivate /
mount -t overlay -o lowerdir=${base},upperdir=${at("upper")},workdir=${at("work")} overlay ${root}
mount --rbind /dev ${root}/dev
mount -t proc proc ${root}/proc
mount -t sysfs sysfs ${root}/sys
mount --rbind /sys/fs/cgroup ${root}/sys/fs/cgroup
mount --bind ${at("run")} ${root}/run
mkdir -p ${root}/var/lib/docker
mount --bind ${at("docker")} ${root}/var/lib/docker
mount -t tmpfs tmpfs ${root}/tmp
# Not chroot: whatever enters one of its containers later would come out at the test's own root.
cd ${root}
mkdir -p .test
pivot_root . .test
umount --lazy .test
echo up
exec sleep infinity`;
    const namespaces = ["--mount", "--pid", "--uts", "--ipc", "--fork", "--kill-child"];
    const holder = spawn(
      "nsenter",
      [`--net=/run/netns/${this.#namespace}`, "unshare", ...namespaces, "bash", "-c", script],
      {
        stdio: ["ignore", "pipe", "pipe"],
      },
    );
    this.#holder = holder;
    let fault = "";
    holder.stderr.setEncoding("utf8").on("data", (text: string) => (fault += text));
    const isUp = await Promise.race([
      once(holder.stdout, "data").then(() => true),
      once(holder, "exit").then(() => false),
    ]);
    if (!isUp) throw new Error(`the machine did not boot: ${fault}`);
    const { stdout } = await execute("pgrep", ["--parent", String(holder.pid)]);
    this.#pid = stdout.trim();
    this.base = base;
  }

  private base = "";

  /** As by a power cut: what is on disk stays. Docker starts at the boot. */
  async reboot(): Promise<void> {
    await this.#halt();
    await this.boot(this.base);
    const { code, output } = await this.run(["systemctl", "start", "docker"]);
    if (code !== 0) throw new Error(output);
  }

  /** Runs a command on it, as root. */
  async run(
    argv: readonly string[],
    limitSeconds = 60,
    environment: Record<string, string> = {},
  ): Promise<Ended> {
    const inside = [
      "--target",
      this.#pid,
      "--mount",
      "--pid",
      "--net",
      "--uts",
      "--ipc",
      "--root",
      "--wd=/",
      "--",
    ];
    const path = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
    const all = [
      "env",
      "-i",
      `PATH=${path}`,
      "HOME=/root",
      "LANG=C.UTF-8",
      ...Object.entries(environment).map(([key, value]) => `${key}=${value}`),
      ...argv,
    ];
    const child = spawn("nsenter", [...inside, ...all], { stdio: ["ignore", "pipe", "pipe"] });
    let output = "";
    for (const stream of [child.stdout, child.stderr])
      stream.setEncoding("utf8").on("data", (text: string) => (output += text));
    const timer = setTimeout(() => child.kill("SIGKILL"), limitSeconds * 1000);
    // Not "close": what it leaves behind may hold its streams.
    const [code] = (await once(child, "exit")) as [number | null];
    clearTimeout(timer);
    if (code === null)
      throw new Error(`${argv.join(" ")} did not end within ${limitSeconds} s:\n${output.slice(-2000)}`);
    return { code, output };
  }

  read(path: string): string {
    return readFileSync(this.#seen(path), "utf8");
  }

  write(path: string, content: string): void {
    writeFileSync(this.#seen(path), content);
  }

  /** A path of the machine, as the test sees it while the machine runs. */
  #seen(path: string): string {
    return join(`/proc/${this.#pid}/root`, path);
  }

  /** Files on its disk, Docker's own among them, in which a text is. What is in memory is no disk. */
  async filesWith(secret: string): Promise<string[]> {
    const folders = ["upper", "docker/containers", "docker/volumes"].map((name) => join(this.#folder, name));
    const { stdout } = await execute("grep", ["-rlF", "--", secret, ...folders]).catch((error: unknown) => {
      if ((error as { code?: number }).code === 1) return { stdout: "" };
      throw error;
    });
    return stdout
      .trim()
      .split("\n")
      .filter(Boolean)
      .map((path) => path.slice(this.#folder.length));
  }

  async stop(): Promise<void> {
    await this.#halt();
    await this.#unplug();
    rmSync(this.#folder, { recursive: true, force: true, maxRetries: 5 });
  }

  async #halt(): Promise<void> {
    const holder = this.#holder;
    this.#holder = undefined;
    if (holder?.exitCode === null) {
      const ended = once(holder, "exit");
      // Its first process: all others of the machine end with it.
      process.kill(Number(this.#pid), "SIGKILL");
      await ended;
    }
    await run("umount", ["--lazy", join(this.#folder, "run")], 10).catch(() => undefined);
  }

  async #unplug(): Promise<void> {
    await run("ip", ["link", "delete", this.#link], 10).catch(() => undefined);
    await run("ip", ["netns", "delete", this.#namespace], 10).catch(() => undefined);
  }

  #write(path: string, content: string, mode: number): void {
    const file = join(this.#folder, "upper", path);
    mkdirSync(join(file, ".."), { recursive: true });
    writeFileSync(file, content, { mode });
  }
}
