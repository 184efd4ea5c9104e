import * as http from "node:http";
import * as https from "node:https";
import { isIP, type LookupFunction } from "node:net";

/** Where a connection really goes and how its certificate is judged, when the URL alone does not say. */
export interface Route {
  /**
   * Connect to this address instead of looking the URL's host up; the name in the URL is still sent as Host and SNI.
   * Several: where one refuses the connection the next is tried, as browsers do with a name of several addresses. The
   * URL's host must then be a name.
   */
  address?: string | readonly string[];
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
    ...destination(route.address ?? name, name),
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

/** So long an address that does not even refuse is waited for before the next one. */
const ATTEMPT_MILLISECONDS = 2000;

function destination(address: string | readonly string[], name: string) {
  if (typeof address === "string") return { host: address };
  const lookup: LookupFunction = (_name, _options, callback) =>
    callback(
      null,
      address.map((each) => ({ address: each, family: isIP(each) })),
    );
  return {
    host: name,
    lookup,
    autoSelectFamily: true,
    autoSelectFamilyAttemptTimeout: ATTEMPT_MILLISECONDS,
  };
}

/** Why a connection failed: each address's reason where several were tried. */
export function reasonOf(error: Error): string {
  if (!(error instanceof AggregateError)) return error.message;
  return error.errors.map((each: Error) => each.message).join(", ");
}
