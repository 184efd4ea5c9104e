import { labels } from "@jitsi-fleet/scaler";
import type Docker from "dockerode";
import { dockerClient } from "../connection";
import { readInput, runCommand, sweepTarget } from "./input";

/** From SIGTERM to SIGKILL for what has no grace of its own. */
const GRACE_SECONDS = 60;
const AT_ONCE = 8;

/**
 * Ends and removes what is left of a stack's pools on a host: the agent first, so that nothing is launched meanwhile.
 * Recordings stay in their volume. Repeating it changes nothing.
 */
runCommand(async () => {
  const { target, connection } = await readInput(sweepTarget);
  const docker = dockerClient(connection, 2 * GRACE_SECONDS);
  const agent = docker.getContainer(target.agent);
  await unless([304, 404], agent.stop());
  try {
    const instances = await docker.listContainers({
      all: true,
      filters: { label: [`${labels.stack}=${target.stack}`, labels.pool] },
    });
    for (let next = 0; next < instances.length; next += AT_ONCE)
      await Promise.all(instances.slice(next, next + AT_ONCE).map(({ Id }) => end(docker.getContainer(Id))));
    return `${instances.length} instances ended`;
  } catch (error) {
    // Who asks before the next try, asks the agent.
    await unless([304, 404], agent.start());
    throw error;
  }
});

async function end(container: Docker.Container): Promise<void> {
  await unless([304, 404], container.stop());
  await unless([404], container.remove({ v: true }));
}

/** Passes over answers by which Docker says that it is so already. */
async function unless(statuses: readonly number[], call: Promise<unknown>): Promise<void> {
  await call.catch((error: unknown) => {
    const status = error instanceof Error && "statusCode" in error ? error.statusCode : undefined;
    if (!statuses.includes(Number(status))) throw error;
  });
}
