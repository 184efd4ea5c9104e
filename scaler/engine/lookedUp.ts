import type Docker from "dockerode";
import { hashOf, leadsTo, link, removeOthers, running, write } from "./generations";
import type { LookedUpTarget } from "./liveTarget";

/**
 * Lays files down for a container that looks them up again whenever it needs them: all of them in one step. Repeating it
 * with the same files changes nothing.
 */
export async function applyLookedUp(
  docker: Docker,
  { container: name, directory }: LookedUpTarget,
  files: Readonly<Record<string, string>>,
): Promise<string> {
  const container = docker.getContainer(name);
  await running(container);
  const generation = `generation-${hashOf(files)}`;
  if ((await leadsTo(container, `${directory}/current`)) === generation)
    return `${generation} is in force already`;
  await write(container, directory, generation, files);
  await link(container, directory, "current", generation);
  await removeOthers(container, directory, generation);
  return `${generation} is in force`;
}
