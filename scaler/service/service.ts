import pino from "pino";
import { AgentClient } from "../hosts/client";
import type { ScalerConfiguration } from "../configuration";
import type { decide } from "../core/decide";
import { serveApi } from "./api";
import { Loop } from "./loop";
import { Metrics } from "./metrics";

/** From a signal to the end, whatever is under way. */
const STOP_LIMIT_SECONDS = 10;

/** Runs the scaler until SIGTERM or SIGINT; then it ends with the actions that are under way. */
export async function runService(configuration: ScalerConfiguration, decideOn: typeof decide): Promise<void> {
  const { agentCertificate, agentToken, agents, bridgePools, jibriPool, tickSeconds } = configuration;
  const log = pino({ base: { stack: configuration.stack } });
  const metrics = new Metrics();
  const loop = new Loop({
    hosts: agents.map(({ host, url, drained }) => ({
      client: new AgentClient({ host, url, token: agentToken, certificate: agentCertificate }),
      drained,
    })),
    policy: { bridgePools, jibriPool },
    tickSeconds,
    decide: decideOn,
    log,
    onDeed: (deed) => metrics.count(deed),
  });
  const api = await serveApi(configuration, loop, metrics);
  log.info({ agents: agents.map(({ host }) => host) }, "started");
  for (const signal of ["SIGTERM", "SIGINT"] as const)
    process.once(signal, () => {
      loop.stop();
      setTimeout(() => process.exit(0), STOP_LIMIT_SECONDS * 1000).unref();
    });
  await loop.run();
  api.close();
  log.info("ended");
}
