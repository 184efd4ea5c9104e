import pino from "pino";
import type { ScalerConfiguration } from "../configuration";
import type { decide } from "../core/decide";
import { DockerFleet } from "../fleets/docker";
import { serveApi } from "./api";
import { Loop } from "./loop";
import { Metrics } from "./metrics";

/** From a signal to the end, whatever is under way. */
const STOP_LIMIT_SECONDS = 10;

/** Runs the scaler until SIGTERM or SIGINT; then it ends with the actions that are under way. */
export async function runService(configuration: ScalerConfiguration, decideOn: typeof decide): Promise<void> {
  const { bridgePools, fleet: fleetConfiguration, jibriPool, tickSeconds } = configuration;
  if (fleetConfiguration.kind !== "docker") throw new Error("TODO");
  const log = pino({ base: { stack: configuration.stack } });
  const metrics = new Metrics();
  const fleet = new DockerFleet(fleetConfiguration);
  const loop = new Loop(
    { decide: decideOn, log, onDeed: (deed) => metrics.count(deed) },
    { fleet, policy: { bridgePools, jibriPool }, tickSeconds },
  );
  const api = await serveApi(configuration, loop, metrics);
  log.info("started");
  for (const signal of ["SIGTERM", "SIGINT"] as const)
    process.once(signal, () => {
      loop.stop();
      setTimeout(() => process.exit(0), STOP_LIMIT_SECONDS * 1000).unref();
    });
  await loop.run();
  api.close();
  log.info("ended");
}
