import { setTimeout as sleep } from "node:timers/promises";
import { ownAddress } from "../askSelf";
import { AgentClient } from "../fleets/agentClient";
import { agentConfiguration } from "../configuration";
import { beat } from "../heartbeat";
import { programLog } from "../log";
import { readConfiguration } from "../readConfiguration";
import { runProgram } from "../runProgram";
import { DockerHost } from "./dockerHost";
import { serveHostApi } from "./server";

/** From a signal to the end, whatever is under way: Docker goes on with a stop, and a launch is found half-made. */
const STOP_LIMIT_SECONDS = 10;
const BEAT_SECONDS = 5;

/** Serves its API until SIGTERM or SIGINT. */
async function serve(): Promise<void> {
  const configuration = readConfiguration(agentConfiguration);
  const { host, listen, own, stack } = configuration;
  const log = programLog({ stack, host });
  const backend = new DockerHost(configuration, log);
  const server = await serveHostApi({ listen, backend, log, metrics: () => backend.metrics() });
  log.info({ port: server.port }, "started");
  const ending = new AbortController();
  let isLaunched = own === undefined;
  for (const signal of ["SIGTERM", "SIGINT"] as const) process.once(signal, () => ending.abort());
  while (!ending.signal.aborted) {
    // An agent that does not reach its Docker is not well, whatever else it does.
    await backend.ping().then(beat, (error: unknown) => log.error({ error: String(error) }, "no Docker"));
    if (own && !isLaunched)
      await backend.launchOwn(own).then(
        () => (isLaunched = true),
        (error: unknown) => log.error({ error: String(error) }, "its own instance was not launched"),
      );
    await sleep(BEAT_SECONDS * 1000, undefined, { signal: ending.signal }).catch(() => undefined);
  }
  await Promise.all([server.close(), backend.settle(STOP_LIMIT_SECONDS)]);
  log.info("ended");
}

/** Prints what the agent that runs here says of its host, asked as the scaler asks it. */
async function printState(): Promise<void> {
  const { host, listen } = readConfiguration(agentConfiguration);
  const { address, port, tls, token } = listen;
  const url = `${tls ? "https" : "http"}://${ownAddress(address)}:${port}`;
  const client = new AgentClient({ host, url, token, certificate: tls?.certificate });
  console.log(JSON.stringify(await client.state()));
}

/** The agent of a Docker host. `state`: what it sees there. */
runProgram({ "": serve, state: printState });
