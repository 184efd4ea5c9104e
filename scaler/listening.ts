import { once } from "node:events";
import {
  createServer as createHttpServer,
  type RequestListener,
  type Server,
  type ServerOptions,
} from "node:http";
import { createServer as createHttpsServer } from "node:https";

/** Where a program of the fleet serves its API. */
export interface Listen {
  readonly address: string;
  readonly port: number;
  readonly tls?: { readonly certificate: string; readonly privateKey: string } | undefined;
}

const MAX_CONNECTIONS = 100;
/** A request from its first byte to its last; an answer may take longer. */
const LIMITS = { headersTimeout: 5000, requestTimeout: 10_000, connectionsCheckingInterval: 1000 };

/**
 * Serves over TLS, or plain where none is configured. Port 0 takes a free one.
 * @throws when the address cannot be listened at or the certificate is none.
 */
export async function listening(
  { address, port, tls }: Listen,
  onRequest: RequestListener,
  more: Pick<ServerOptions, "keepAliveTimeout"> = {},
): Promise<Server> {
  const limits = { ...LIMITS, ...more };
  const server = tls
    ? createHttpsServer(
        { ...limits, cert: tls.certificate, key: tls.privateKey, minVersion: "TLSv1.2" },
        onRequest,
      )
    : createHttpServer(limits, onRequest);
  server.maxConnections = MAX_CONNECTIONS;
  server.listen(port, address);
  await once(server, "listening");
  return server;
}
