import { pullIfAbsent } from "@jitsi-fleet/scaler/engine/pull";
import { dockerClient } from "../connection";
import { imagesTarget, readInput, runCommand } from "./input";

const LIMIT_SECONDS = 600;

/** Brings images into an engine by what their registries ask for. What is there is not asked for again. */
runCommand(async () => {
  const { target, connection, registries } = await readInput(imagesTarget);
  const docker = dockerClient(connection, LIMIT_SECONDS);
  for (const image of target.images) await pullIfAbsent(docker, image, registries);
  return `${target.images.length} images are there`;
});
