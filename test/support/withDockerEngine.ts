import { spawn } from "node:child_process";
import { once } from "node:events";
import { closeSync, openSync, readFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import Docker from "dockerode";
import { cacheDir } from "./cache";
import { noteLeftover } from "./leftovers";

/**
 * Runs a command beside a Docker engine, whose socket is in ENGINE_DOCKER_SOCKET and E2E_DOCKER_SOCKET, and ends with
 * the command's exit code. The machine's own engine is taken where one runs: a second would share its bridge and its
 * firewall chains. Else one is started, whose images stay in the cache; whatever else is left in it is removed first.
 */
const MACHINES_OWN = "/var/run/docker.sock";
const START_LIMIT_SECONDS = 300;
const STOP_LIMIT_SECONDS = 30;

interface Engine {
  readonly socket: string;
  stop(): Promise<void>;
}

async function startEngine(): Promise<Engine> {
  const directory = await mkdtemp(join(tmpdir(), "fleet-engine-"));
  noteLeftover("folder", directory);
  noteLeftover("mounts", cacheDir("docker", "engine"));
  const socket = join(directory, "docker.sock");
  const log = join(directory, "dockerd.log");
  const output = openSync(log, "w");
  const child = spawn(
    "dockerd",
    [
      `--data-root=${cacheDir("docker", "engine")}`,
      `--exec-root=${join(directory, "exec")}`,
      `--host=unix://${socket}`,
      `--pidfile=${join(directory, "pid")}`,
      "--bip=10.216.0.1/24",
      "--default-address-pool=base=10.217.0.0/16,size=24",
    ],
    // containerd writes its stacks among temporary files where it is ended while it is slow to answer.
    { stdio: ["ignore", output, output], env: { ...process.env, TMPDIR: directory } },
  );
  closeSync(output);
  const ended = once(child, "exit");
  const stop = async (): Promise<void> => {
    // The daemon would leave its networks' links on the machine.
    await removeEverythingButImages(new Docker({ socketPath: socket, timeout: 30_000 })).catch(
      () => undefined,
    );
    if (child.exitCode === null) child.kill("SIGTERM");
    const inTime = await Promise.race([
      ended.then(() => true),
      sleep(STOP_LIMIT_SECONDS * 1000, false, { ref: false }),
    ]);
    if (!inTime) child.kill("SIGKILL");
    await rm(directory, { recursive: true, force: true, maxRetries: 5 });
  };

  const limit = Date.now() + START_LIMIT_SECONDS * 1000;
  while (!(await answers(socket))) {
    if (child.exitCode !== null || Date.now() > limit) {
      const said = readFileSync(log, "utf8").slice(-2000);
      await stop();
      throw new Error(`dockerd did not come up within ${START_LIMIT_SECONDS} s:\n${said}`);
    }
    await sleep(250);
  }
  await removeEverythingButImages(new Docker({ socketPath: socket }));
  return { socket, stop };
}

const answers = (socketPath: string): Promise<boolean> =>
  new Docker({ socketPath, timeout: 5000 }).ping().then(
    () => true,
    () => false,
  );

/** What a run that was ended left behind. */
async function removeEverythingButImages(engine: Docker): Promise<void> {
  for (const { Id } of await engine.listContainers({ all: true }))
    await engine.getContainer(Id).remove({ force: true, v: true });
  await engine.pruneNetworks();
  for (const { Name } of (await engine.listVolumes()).Volumes)
    await engine.getVolume(Name).remove({ force: true });
}

async function main([command, ...args]: readonly string[]): Promise<number> {
  if (command === undefined) throw new Error("withDockerEngine COMMAND [ARGUMENT …]");
  // Interrupted, the command ends first, and then the engine.
  const ending = new AbortController();
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, () => ending.abort());
  const engine = (await answers(MACHINES_OWN))
    ? { socket: MACHINES_OWN, stop: () => Promise.resolve() }
    : await startEngine();
  try {
    if (ending.signal.aborted) return 1;
    const env = { ...process.env, ENGINE_DOCKER_SOCKET: engine.socket, E2E_DOCKER_SOCKET: engine.socket };
    const child = spawn(command, args, { stdio: "inherit", env });
    ending.signal.addEventListener("abort", () => child.kill("SIGTERM"));
    const [code] = (await once(child, "exit")) as [number | null];
    return code ?? 1;
  } finally {
    await engine.stop();
  }
}

main(process.argv.slice(2)).then(
  (code) => (process.exitCode = code),
  (error: unknown) => {
    console.error(error instanceof Error ? error.message : error);
    process.exitCode = 1;
  },
);
