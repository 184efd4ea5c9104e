import type { Logger } from "pino";
import { scalerConfiguration, type ScalerConfiguration } from "../configuration";
import type { decide } from "../core/decide";
import type { FleetPort } from "../fleets/port";
import { programLog } from "../log";
import { watchedConfiguration } from "../readConfiguration";
import { serveApi } from "./api";
import { Loop } from "./loop";
import { Metrics } from "./metrics";

/** From a signal to the end, whatever is under way. */
const STOP_LIMIT_SECONDS = 10;
const WATCH_SECONDS = 1;

/** Makes what the configuration says where instances come from. Throws where this program knows nothing of that. */
export type FleetMaker = (configuration: ScalerConfiguration, log: Logger) => FleetPort;

/**
 * Runs the scaler until SIGTERM or SIGINT; then it ends with the actions that are under way. What changes in its
 * configuration is in force at the next look; where that takes a new start it ends, and whoever started it starts it again.
 */
export async function runService(
  configuration: ScalerConfiguration,
  decideOn: typeof decide,
  fleetOf: FleetMaker,
): Promise<void> {
  const log = programLog({ stack: configuration.stack });
  const metrics = new Metrics();
  const fleet = fleetOf(configuration, log);
  const loop = new Loop(
    { decide: decideOn, log, onDeed: (deed) => metrics.count(deed) },
    { fleet, policy: configuration, tickSeconds: configuration.tickSeconds },
  );
  const api = await serveApi(configuration, loop, metrics);
  log.info("started");
  const watch = setInterval(
    watching(
      configuration,
      (now) => {
        if (!fleet.configure(now.fleet)) return false;
        loop.settings = { fleet, policy: now, tickSeconds: now.tickSeconds };
        return true;
      },
      log,
      () => loop.stop(),
    ),
    WATCH_SECONDS * 1000,
  );
  for (const signal of ["SIGTERM", "SIGINT"] as const)
    process.once(signal, () => {
      loop.stop();
      setTimeout(() => process.exit(0), STOP_LIMIT_SECONDS * 1000).unref();
    });
  await loop.run();
  clearInterval(watch);
  api.close();
  await fleet.close();
  log.info("ended");
}

/** Looks whether the configuration is another. One that is broken changes nothing, and is told of once. */
function watching(
  { listen, stack }: ScalerConfiguration,
  use: (configuration: ScalerConfiguration) => boolean,
  log: Logger,
  restart: () => void,
): () => void {
  const changed = watchedConfiguration(scalerConfiguration);
  const own = JSON.stringify([listen, stack]);
  return () => {
    try {
      const now = changed();
      if (!now) return;
      const isUsed = JSON.stringify([now.listen, now.stack]) === own && use(now);
      log.info(isUsed ? "the configuration is another now" : "the configuration takes a new start");
      if (!isUsed) restart();
    } catch (error) {
      log.error({ error: String(error) }, "the configuration is broken: the last one stays in force");
    }
  };
}
