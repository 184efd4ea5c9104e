import { once } from "node:events";
import { createServer } from "node:http";
import type { UploaderConfiguration } from "../configuration";
import type { LiveInstances } from "./live";
import type { UploadLoop } from "./loop";

export interface Api {
  readonly close: () => void;
}

/**
 * Serves the host's agent:
 *
 *   GET /v1/spool?live=<instance>,…   what is on the volume (hostApi.ts); 500 {error} if it could not be looked at
 */
export async function serveApi(
  { listen }: UploaderConfiguration,
  loop: UploadLoop,
  live: LiveInstances,
): Promise<Api> {
  const server = createServer(
    { headersTimeout: 5000, requestTimeout: 10_000, connectionsCheckingInterval: 1000 },
    (request, response) => {
      const reply = (status: number, type: string, body: string): void => {
        response.writeHead(status, { "Content-Type": type, "Content-Length": Buffer.byteLength(body) });
        response.end(body);
      };
      const [path, query] = (request.url ?? "").split("?", 2);
      if (request.method !== "GET") reply(404, "text/plain", "everything here is read with GET\n");
      else if (path === "/v1/spool") {
        const names = new URLSearchParams(query).get("live");
        if (names !== null) live.tell(names.split(",").filter((name) => name !== ""));
        try {
          reply(200, "application/json", JSON.stringify(loop.state()));
        } catch (error) {
          const told = error instanceof Error ? error.message : String(error);
          reply(500, "application/json", JSON.stringify({ error: told }));
        }
      } else reply(404, "text/plain", "there is /v1/spool\n");
    },
  );
  server.maxConnections = 100;
  server.listen(listen.port, listen.address);
  await once(server, "listening");
  return {
    close: () => {
      server.close();
      server.closeAllConnections();
    },
  };
}
