import { applyLookedUp } from "@jitsi-fleet/scaler/engine/lookedUp";
import { dockerClient } from "../connection";
import { hostLookedUpTarget, readInput, runCommand } from "./input";

const LIMIT_SECONDS = 90;

/** Lays down what a container looks up while it runs. */
runCommand(async () => {
  const { target, connection, files } = await readInput(hostLookedUpTarget);
  return applyLookedUp(dockerClient(connection, LIMIT_SECONDS), target, files);
});
