import { setTimeout as sleep } from "node:timers/promises";
import type Docker from "dockerode";
import { archive } from "./archive";
import { runInContainer } from "./exec";
import { hashOf, leadsTo, link, removeOthers, running, write } from "./generations";
import type { LiveTarget } from "./liveTarget";

const RELOAD_LIMIT_SECONDS = 30;

/** The files of a live configuration by their name in its directory. */
export interface LiveFiles {
  /** A change of these is a reload. */
  readonly loud: Readonly<Record<string, string>>;
  /** Something else brings these to the running process: a change of them alone is no reload. */
  readonly quiet: Readonly<Record<string, string>>;
}

/**
 * Puts a live configuration in force: writes it beside the current one, checks it there with the program's own
 * check, leads `current` to it, and has the process reload gracefully. A configuration that fails its check never
 * reaches the process. Where only the quiet files are others, it leads `current` to them and waits until what brings
 * them to the process has done so. Repeating it with the same files changes nothing.
 * @param docker a client of the container's engine, whose calls may last 90 s: what waits for the quiet files does
 */
export async function applyLive(
  docker: Docker,
  target: LiveTarget,
  { loud, quiet }: LiveFiles,
): Promise<string> {
  const files = { ...loud, ...quiet };
  const beginning = `generation-${hashOf(loud)}-`;
  const generation = `${beginning}${hashOf(quiet)}`;
  const container = docker.getContainer(target.container);
  const { directory } = target;
  await running(container);
  const loaded = await leadsTo(container, `${directory}/loaded`);
  if (loaded === generation) return `${generation} is in force already`;

  if (loaded === undefined) await makeRunDirectory(container, target);
  await write(container, directory, generation, files);
  const checked = await runInContainer(container, target.check, { directory: `${directory}/${generation}` });
  if (checked.exitCode !== 0) {
    await runInContainer(container, ["rm", "-r", generation], { directory, user: "0:0" });
    throw new Error(
      `The new configuration of ${target.container} failed its check and was not applied:\n${checked.output}`,
    );
  }

  const isFirst = loaded === undefined;
  const isQuiet = !isFirst && loaded.startsWith(beginning);
  if (!isFirst && !isQuiet) await settled(container, target.settleSeconds);
  const before = await workers(container);
  await link(container, directory, "current", generation);
  if (!isFirst && !isQuiet) {
    await reload(container, target.reloadSignal);
    await newProcess(container, before);
  }
  if (!isFirst) await untilSettled(docker, target.settled);
  // Only now: a run that ended before it must reload when it is repeated.
  await link(container, directory, "loaded", generation);
  await removeOthers(container, directory, generation);
  return `${generation} ${isFirst ? "is the first" : isQuiet ? "is in force" : "was reloaded"}`;
}

/** The directory in which the process makes its sockets. */
async function makeRunDirectory(
  container: Docker.Container,
  { directory, owner, run }: LiveTarget,
): Promise<void> {
  const tar = await archive({ [`${run}/.keep`]: "" }, { ...owner, mode: 0o440 });
  await container.putArchive(tar, { path: directory });
}

/**
 * Waits until what is wanted is in force. Where nothing runs that could say so, it comes into force when that starts.
 * @throws what the one that was asked says is missing
 */
export async function untilSettled(
  docker: Docker,
  { command, container: name }: LiveTarget["settled"],
): Promise<void> {
  const container = docker.getContainer(name);
  const isRunning = await container.inspect().then(
    ({ State }) => State.Running,
    () => false,
  );
  if (!isRunning) return;
  const { exitCode, output } = await runInContainer(container, command);
  if (exitCode !== 0) throw new Error(`The settings are written, but ${name} says: ${output.trim()}`);
}

/**
 * Signals the container's own process from inside. Docker's own kill would do too, but takes whatever signal for a stop
 * by hand, and would not start the container again when its host comes back.
 */
async function reload(container: Docker.Container, signal: LiveTarget["reloadSignal"]): Promise<void> {
  const script = `kill -${signal.slice("SIG".length)} 1`;
  const { exitCode, output } = await runInContainer(container, ["/bin/sh", "-c", script]);
  if (exitCode !== 0) throw new Error(`The process could not be told to reload: ${output}`);
}

interface Process {
  readonly pid: string;
  readonly ageSeconds: number;
}

/** The processes but the container's own, as the host sees them: HAProxy's workers. Their numbers wrap: no order. */
async function workers(container: Docker.Container): Promise<Process[]> {
  const { State } = await container.inspect();
  const { Processes } = (await container.top({ ps_args: "-eo pid,etimes" })) as { Processes: string[][] };
  const all = Processes.map(([pid = "", age = "0"]) => ({ pid, ageSeconds: Number(age) }));
  return all.filter(({ pid }) => pid !== String(State.Pid));
}

/** Waits until the youngest process is old enough to be reloaded. */
async function settled(container: Docker.Container, settleSeconds: number): Promise<void> {
  const limit = Date.now() + (settleSeconds + 5) * 1000;
  for (;;) {
    const youngest = Math.min(...(await workers(container)).map((process) => process.ageSeconds));
    if (youngest >= settleSeconds || Date.now() > limit) return;
    await sleep(Math.min(1000, (settleSeconds - youngest) * 1000));
  }
}

/** Waits until a process is there that was not before. */
async function newProcess(container: Docker.Container, before: readonly Process[]): Promise<void> {
  const known = new Set(before.map((process) => process.pid));
  const limit = Date.now() + RELOAD_LIMIT_SECONDS * 1000;
  while (!(await workers(container)).some((process) => !known.has(process.pid))) {
    if (Date.now() > limit)
      throw new Error(
        `No process with the new configuration appeared within ${RELOAD_LIMIT_SECONDS} s of the reload; the old one serves on`,
      );
    await sleep(250);
  }
}
