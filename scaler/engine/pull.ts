import type Docker from "dockerode";
import { text } from "node:stream/consumers";
import { authOf, pullFault, type RegistryLogin } from "./registries";

/**
 * Brings an image into the engine, unless it is there.
 * @throws naming the image, what the engine says, and the setting at fault where its registry lets nobody in
 */
export async function pullIfAbsent(
  docker: Docker,
  image: string,
  logins: readonly RegistryLogin[] = [],
): Promise<void> {
  try {
    await docker.getImage(image).inspect();
    return;
  } catch (error) {
    if ((error as { statusCode?: number }).statusCode !== 404) throw error;
  }
  await pull(docker, image, logins).catch((error: unknown) => {
    throw new Error(`Docker did not pull ${image}: ${(error as Error).message}`, { cause: error });
  });
}

/** The signal ends it early. @throws what the engine says, as pullFault() tells it */
export async function pull(
  docker: Docker,
  image: string,
  logins: readonly RegistryLogin[],
  abortSignal?: AbortSignal,
): Promise<void> {
  const authconfig = authOf(image, logins);
  try {
    const progress = await docker.pull(image, {
      ...(authconfig === undefined ? {} : { authconfig }),
      ...(abortSignal === undefined ? {} : { abortSignal }),
    });
    // Docker answers 200 at once: whether it failed is in the last of its lines, one JSON each.
    const said = await text(progress);
    const last = JSON.parse(said.trim().split("\n").at(-1) ?? "{}") as { error?: string };
    if (last.error !== undefined) throw new Error(last.error);
  } catch (error) {
    throw new Error(pullFault(image, logins, (error as Error).message.trim()), { cause: error });
  }
}
