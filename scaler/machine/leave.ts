import { setTimeout as sleep } from "node:timers/promises";
import type Docker from "dockerode";
import { runInContainer } from "../engine/exec";
import type { MachineContainer } from "./manifest";

/** A keeper that has only just started may not have found its HAProxy yet. Each answer takes seconds at most. */
const ASKS = 10;
const PAUSE_SECONDS = 1;

/**
 * Has who sends users to a container send new ones elsewhere, and waits until that was noticed. It serves on meanwhile.
 * @returns why nobody was told, after the last attempt; undefined where all is well
 */
export async function leave(
  docker: Docker,
  { command, container, noticedSeconds }: NonNullable<MachineContainer["leave"]>,
  pauseSeconds = PAUSE_SECONDS,
): Promise<string | undefined> {
  for (let ask = 1; ; ask += 1) {
    const fault = await faultOf(docker, container, command);
    if (fault === undefined) break;
    if (ask === ASKS) return `Users were not sent elsewhere before, as ${container} did not do it: ${fault}`;
    await sleep(pauseSeconds * 1000);
  }
  await sleep(noticedSeconds * 1000);
  return undefined;
}

async function faultOf(
  docker: Docker,
  container: string,
  command: readonly string[],
): Promise<string | undefined> {
  try {
    const { exitCode, output } = await runInContainer(docker.getContainer(container), command);
    return exitCode === 0 ? undefined : output.trim() || `it ended with code ${exitCode}`;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}
