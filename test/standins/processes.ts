import { spawn } from "node:child_process";
import { chownSync, cpSync, existsSync, mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { standinPrograms } from "./programs";

export type Environment = Record<string, string>;

/** A stand-in that runs as a plain process of this machine. */
export interface StandinProcess {
  /** Settles at its end with its exit code; null when a signal ended it. */
  exited: Promise<number | null>;
  /** What it has printed so far. */
  output(): string;
  signal(signal: NodeJS.Signals): void;
  /** Ends it, gently at first, and resolves when it is gone. */
  stop(): Promise<void>;
}

const gentleStopMilliseconds = 3000;
/** Prosody refuses to run as root. */
const unprivilegedUid = 1000;

export function start(
  command: string,
  args: string[],
  environment: Environment,
  uid?: number,
): StandinProcess {
  const child = spawn(command, args, {
    env: { PATH: process.env["PATH"] ?? "", ...environment },
    stdio: ["ignore", "pipe", "pipe"],
    ...(uid === undefined ? {} : { uid, gid: uid }),
  });
  let printed = "";
  const note = (part: Buffer): void => void (printed += part.toString());
  child.stdout.on("data", note);
  child.stderr.on("data", note);
  const exited = new Promise<number | null>((resolve, reject) => {
    child.once("error", reject);
    child.once("exit", resolve);
  });
  return {
    exited,
    output: () => printed,
    signal: (signal) => void child.kill(signal),
    async stop() {
      child.kill("SIGTERM");
      const insist = setTimeout(() => child.kill("SIGKILL"), gentleStopMilliseconds);
      await exited;
      clearTimeout(insist);
    },
  };
}

/** Starts the program of a role with this very Node; `environment` is all that it sees besides PATH. */
export async function startProgram(
  role: "jicofo" | "jvb" | "jibri",
  environment: Environment,
): Promise<StandinProcess> {
  const main = join(await standinPrograms(), role, "main.js");
  return start(process.execPath, ["--no-warnings", main], environment);
}

/** Starts this machine's Prosody with the configuration that the image's own `/init` makes of the environment. */
export function startProsody(environment: Environment): StandinProcess {
  const root = mkdtempSync(join(tmpdir(), "standin-prosody-"));
  const image = join(__dirname, "images", "prosody");
  for (const directory of ["run", "config", "var/lib/prosody"]) {
    mkdirSync(join(root, directory), { recursive: true });
  }
  cpSync(image, join(root, "image"), { recursive: true });
  const uid = process.getuid?.() === 0 ? unprivilegedUid : undefined;
  if (uid !== undefined) {
    for (const directory of ["", "run", "var/lib/prosody"]) chownSync(join(root, directory), uid, uid);
  }
  const prosody = start(
    "/bin/sh",
    [join(root, "image", "init")],
    { ...environment, ROOT: root, PLUGINS: join(root, "image", "prosody-plugins") },
    uid,
  );
  return {
    ...prosody,
    async stop() {
      await prosody.stop();
      if (existsSync(root)) rmSync(root, { recursive: true });
    },
  };
}

/** TCP ports of the loopback address that nobody listens on. */
export async function freePorts(count: number): Promise<number[]> {
  const servers = await Promise.all(
    Array.from(
      { length: count },
      () =>
        new Promise<ReturnType<typeof createServer>>((resolve) => {
          const server = createServer().listen(0, "127.0.0.1", () => resolve(server));
        }),
    ),
  );
  const ports = servers.map((server) => (server.address() as { port: number }).port);
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
  return ports;
}

/**
 * Asks until the answer is right.
 * @throws what was last wrong, when it is still wrong at the limit.
 */
export async function eventually<T>(limitSeconds: number, ask: () => T | Promise<T>): Promise<T> {
  const end = Date.now() + limitSeconds * 1000;
  for (;;) {
    try {
      return await ask();
    } catch (error) {
      if (Date.now() > end) throw error;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }
}
