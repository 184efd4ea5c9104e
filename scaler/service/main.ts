import { DockerFleet } from "../fleets/docker";
import { runScaler } from "./program";

/** The scaler of Docker hosts. */
runScaler(({ fleet }) => {
  if (fleet.kind !== "docker")
    throw new Error(`fleet.kind is ${fleet.kind}: this is the scaler of Docker hosts`);
  return new DockerFleet(fleet);
});
