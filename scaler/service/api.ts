import type { RequestListener } from "node:http";
import type { ScalerConfiguration } from "../configuration";
import { seenBy } from "../core/sight";
import { listening } from "../listening";
import { tokenCheck } from "../tokenCheck";
import type { Loop } from "./loop";
import type { Metrics } from "./metrics";

/** A look older than three ticks and this is a scaler that hangs. */
const LATE_SECONDS = 15;

export interface Api {
  readonly close: () => void;
}

/**
 * Serves what the scaler sees and does, to who has the token; to others 401 and nothing.
 *
 *   GET /v1/pools       each pool: its policy, what it ought to be and why
 *   GET /v1/instances   each bridge and Jibri, how good the evidence is, what is wrong with it, who sees it
 *   GET /v1/hosts       what each host's agent says, recordings that wait there among it
 *   GET /v1/decisions   the last 200 actions, newest first, with reasons and how they ended
 *   GET /v1/health      200 while the fleet is looked at, else 503
 *   GET /metrics        Prometheus
 */
export async function serveApi(
  configuration: ScalerConfiguration,
  loop: Loop,
  metrics: Metrics,
): Promise<Api> {
  const { listen } = configuration;
  const pages: Readonly<Record<string, () => unknown>> = {
    "/v1/pools": () => {
      const { bridgePools, jibriPool } = loop.settings.policy;
      const pools = [...bridgePools, ...(jibriPool ? [jibriPool] : [])];
      return (loop.look?.outlook ?? []).map((outlook) => ({
        ...outlook,
        policy: pools.find(({ name }) => name === outlook.pool)?.policy,
      }));
    },
    "/v1/instances": () => {
      const { bridges, focuses, jibris } = loop.look?.fleet ?? { bridges: [], focuses: [], jibris: [] };
      return [...bridges, ...jibris.map((jibri) => ({ ...jibri, seenBy: seenBy(jibri, focuses) }))];
    },
    "/v1/hosts": () =>
      Object.entries(loop.look?.reports ?? {}).map(([host, report]) =>
        "error" in report
          ? { host, error: report.error }
          : { host, pools: report.pools, recordings: report.spool ?? null },
      ),
    "/v1/decisions": () => loop.deeds,
  };

  const isAuthorized = tokenCheck(listen.token);
  const answer: RequestListener = (request, response) => {
    const reply = (status: number, type: string, body: string): void => {
      response.writeHead(status, { "Content-Type": type, "Content-Length": Buffer.byteLength(body) });
      response.end(body);
    };
    if (!isAuthorized(request.headers.authorization)) {
      response.writeHead(401, { Connection: "close", "Content-Length": 0 });
      response.end();
      return;
    }
    const path = request.url ?? "";
    const page = pages[path];
    if (request.method !== "GET") reply(405, "text/plain", "everything here is read with GET\n");
    else if (page) reply(200, "application/json", JSON.stringify(page()));
    else if (path === "/metrics")
      metrics.page(loop.look).then(
        (text) => reply(200, "text/plain; version=0.0.4", text),
        (error: unknown) => reply(500, "text/plain", String(error)),
      );
    else if (path === "/v1/health") {
      const ageSeconds = loop.look ? (Date.now() - loop.look.atMilliseconds) / 1000 : Infinity;
      if (ageSeconds < 3 * loop.settings.tickSeconds + LATE_SECONDS) reply(200, "text/plain", "OK\n");
      else reply(503, "text/plain", "the fleet is not looked at\n");
    } else
      reply(404, "text/plain", `there are ${[...Object.keys(pages), "/v1/health", "/metrics"].join(", ")}\n`);
  };
  const server = await listening(listen, answer);
  return {
    close: () => {
      server.close();
      server.closeAllConnections();
    },
  };
}
