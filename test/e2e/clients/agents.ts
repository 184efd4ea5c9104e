import * as http from "node:http";
import * as https from "node:https";
import { isIP } from "node:net";

/** Where a connection really goes and how its certificate is judged, when the URL alone does not say. */
export interface Route {
  /** Connect to this address instead of looking the URL's host up; the name in the URL is still sent as Host and SNI. */
  address?: string;
  /** Which of this machine's addresses to come from, for users that are to be told apart by it. */
  localAddress?: string;
  /** Accept any certificate: the tests' own edge has a self-signed one. */
  insecureTls?: boolean;
}

export interface AgentOptions {
  keepAlive: boolean;
  /** Connections at the same time. */
  maxSockets: number;
}

/** An agent that connects as the route says. Its user destroys it. */
export function agentFor(url: URL, route: Route, options: AgentOptions): http.Agent | https.Agent {
  const name = url.hostname.replace(/^\[|\]$/g, "");
  const connection = {
    ...options,
    host: route.address ?? name,
    ...(route.localAddress !== undefined && { localAddress: route.localAddress }),
  };
  if (url.protocol !== "https:" && url.protocol !== "wss:") return new http.Agent(connection);
  return new https.Agent({
    ...connection,
    // An IP address may not be sent as SNI.
    servername: isIP(name) === 0 ? name : "",
    rejectUnauthorized: route.insecureTls !== true,
  });
}
