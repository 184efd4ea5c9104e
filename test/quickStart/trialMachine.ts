import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync } from "node:fs";
import { tmpdir, userInfo } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import Docker from "dockerode";
import { cacheDir } from "../support/cache";

const START_SECONDS = 60;
const STOP_SECONDS = 30;
/** Where the stack `dev` puts recordings: a directory of the machine. */
const RECORDINGS = "/var/lib/jitsi-fleet";

export interface Outcome {
  readonly exitCode: number;
  /** Both streams, as a terminal shows them. */
  readonly output: string;
}

/**
 * A machine with a Docker engine as its user has it, fresh: the socket at its usual place, the engine's own bridge, the
 * public ports free. It is this machine in a network and a mount namespace of its own, and has no way to the internet.
 */
export class TrialMachine {
  readonly docker: Docker;

  private constructor(
    private readonly daemon: ChildProcess,
    private readonly folder: string,
  ) {
    this.docker = new Docker({ socketPath: TrialMachine.socketIn(folder) });
  }

  /** The same engine's socket, seen from outside. */
  private static socketIn = (folder: string): string => join(folder, "docker.sock");

  get socket(): string {
    return TrialMachine.socketIn(this.folder);
  }

  static async start(): Promise<TrialMachine> {
    const folder = mkdtempSync(join(tmpdir(), "fleet-trial-"));
    const log = openSync(join(folder, "dockerd.log"), "w");
    const script = [
      "set -e",
      "ip link set lo up",
      "mount --make-rprivate /",
      "mount -t tmpfs run /run",
      `mkdir -p ${RECORDINGS}`,
      `mount -t tmpfs recordings ${RECORDINGS}`,
      // Pulumi's local backend is below the user's home directory whatever HOME says.
      'mkdir -p "$2/.pulumi" "$0/pulumi"',
      'mount --bind "$0/pulumi" "$2/.pulumi"',
      'exec dockerd --host=unix:///run/docker.sock --host="unix://$0/docker.sock" --exec-root="$0/exec" --pidfile="$0/pid" --data-root="$1"',
    ].join("\n");
    const daemon = spawn(
      "unshare",
      ["--net", "--mount", "sh", "-c", script, folder, cacheDir("docker", "trial"), userInfo().homedir],
      { stdio: ["ignore", log, log] },
    );
    closeSync(log);
    const machine = new TrialMachine(daemon, folder);
    try {
      await machine.untilAnswered();
      await machine.removeEverythingButImages();
      return machine;
    } catch (error) {
      await machine.stop();
      throw error;
    }
  }

  private async untilAnswered(): Promise<void> {
    const limit = Date.now() + START_SECONDS * 1000;
    while (!(await this.docker.ping().then(Boolean, () => false))) {
      if (this.daemon.exitCode !== null || Date.now() > limit)
        throw new Error(
          `the trial's Docker engine did not come up within ${START_SECONDS} s:\n${readFileSync(join(this.folder, "dockerd.log"), "utf8").slice(-2000)}`,
        );
      await sleep(250);
    }
  }

  /** Before a program that speaks from this machine, in the working directory of whoever starts it. */
  get prefix(): readonly string[] {
    return this.enter("--net");
  }

  private enter(...namespaces: string[]): readonly string[] {
    return ["nsenter", `--target=${this.daemon.pid ?? 0}`, ...namespaces, "--"];
  }

  /** Runs a line in a shell on this machine, to its end. */
  async run(line: string, cwd: string, env: NodeJS.ProcessEnv, limitSeconds = 1200): Promise<Outcome> {
    const shell = ["sh", "-c", 'cd "$0" && eval "$1"', cwd, line];
    return runLine([...this.enter("--net", "--mount"), ...shell], cwd, env, limitSeconds);
  }

  async removeEverythingButImages(): Promise<void> {
    for (const { Id } of await this.docker.listContainers({ all: true }))
      await this.docker.getContainer(Id).remove({ force: true, v: true });
    await this.docker.pruneNetworks();
    for (const { Name } of (await this.docker.listVolumes()).Volumes)
      await this.docker.getVolume(Name).remove({ force: true });
  }

  async stop(): Promise<void> {
    if (this.daemon.exitCode === null) {
      await this.removeEverythingButImages().catch(() => undefined);
      const ended = once(this.daemon, "exit");
      this.daemon.kill("SIGTERM");
      const inTime = await Promise.race([
        ended.then(() => true),
        sleep(STOP_SECONDS * 1000, false, { ref: false }),
      ]);
      if (!inTime) this.daemon.kill("SIGKILL");
    }
    rmSync(this.folder, { recursive: true, force: true, maxRetries: 5 });
  }
}

/** Runs a command to its end, and by force where that takes too long. */
export async function runLine(
  [file = "", ...args]: readonly string[],
  cwd: string,
  env: NodeJS.ProcessEnv,
  limitSeconds: number,
): Promise<Outcome> {
  const child = spawn(file, args, { cwd, env, stdio: ["ignore", "pipe", "pipe"] });
  let output = "";
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding("utf8").on("data", (text: string) => (output += text));
  const limit = setTimeout(() => {
    output += `\n(ended after ${limitSeconds} s)`;
    child.kill("SIGKILL");
  }, limitSeconds * 1000);
  const [code] = (await once(child, "close")) as [number | null];
  clearTimeout(limit);
  return { exitCode: code ?? -1, output };
}
