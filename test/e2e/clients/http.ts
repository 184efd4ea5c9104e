import { randomBytes } from "node:crypto";
import * as http from "node:http";
import * as https from "node:https";
import { agentFor, reasonOf, type Route } from "./agents";
import { mapBounded } from "./concurrency";

export interface HttpRequest extends Route {
  url: string;
  /** Default GET. */
  method?: string;
  headers?: Record<string, string>;
  /** Sent instead of the URL's host. */
  hostHeader?: string;
  body?: string;
  /** Ask for a websocket with this subprotocol; the answer is then the handshake's, and the websocket is closed. */
  websocketProtocol?: string;
  /** How much of the answer's body to hand back; default 2000. */
  bodyPrefixBytes?: number;
  /** From the request to the end of the body; default 10. */
  timeoutSeconds?: number;
}

export interface HttpAnswer {
  status: number;
  /** Names in lower case; a repeated header's values joined with ", ". */
  headers: Record<string, string>;
  bodyPrefix: string;
  bodyBytes: number;
  milliseconds: number;
}

export interface HttpBatch {
  requests: HttpRequest[];
  /** Requests under way, and thereby connections, at the same time. */
  concurrency: number;
  /** The answer's headers to report, in this order. */
  pickHeaders?: string[];
}

/** One request of a batch: an answer (`status` above 0), or status 0 and why there was none. */
export interface CompactAnswer {
  status: number;
  /** The picked headers in the order asked for, null where there was none. */
  picked: (string | null)[];
  milliseconds: number;
  error?: string;
}

export interface HttpBatchResult {
  /** In the order of the requests. */
  answers: CompactAnswer[];
  /** Requests sent again because the server had closed the idle connection they went out on. */
  resent: number;
  seconds: number;
}

/** One HTTP exchange on a connection of its own. Rejects on a broken connection, a refused certificate or a time-out. */
export async function httpGet(request: HttpRequest): Promise<HttpAnswer> {
  const agent = agentFor(new URL(request.url), request, { keepAlive: false, maxSockets: 1 });
  try {
    return (await exchange(request, agent)).answer;
  } finally {
    agent.destroy();
  }
}

/** Many requests over few kept-alive connections. A request that fails is reported in its place. */
export async function httpBatch(batch: HttpBatch): Promise<HttpBatchResult> {
  const agents = new Map<string, http.Agent>();
  const picks = (batch.pickHeaders ?? []).map((name) => name.toLowerCase());
  let resent = 0;
  const started = performance.now();
  const one = async (request: HttpRequest): Promise<CompactAnswer> => {
    const url = new URL(request.url);
    const key = JSON.stringify([url.origin, request.address, request.insecureTls === true]);
    let agent = agents.get(key);
    if (agent === undefined) {
      agent = agentFor(url, request, { keepAlive: true, maxSockets: batch.concurrency });
      agents.set(key, agent);
    }
    const sent = performance.now();
    try {
      const outcome = await exchange({ ...request, bodyPrefixBytes: 0 }, agent);
      if (outcome.resent) resent += 1;
      const { status, headers, milliseconds } = outcome.answer;
      return { status, picked: picks.map((name) => headers[name] ?? null), milliseconds };
    } catch (error) {
      const milliseconds = Math.round(performance.now() - sent);
      return { status: 0, picked: [], milliseconds, error: (error as Error).message };
    }
  };
  try {
    const answers = await mapBounded(batch.requests, batch.concurrency, one);
    return { answers, resent, seconds: (performance.now() - started) / 1000 };
  } finally {
    for (const agent of agents.values()) agent.destroy();
  }
}

interface Exchange {
  answer: HttpAnswer;
  resent: boolean;
}

/**
 * One exchange over the agent's connections. As a browser does, a request is sent once more when the kept-alive
 * connection it went out on turns out to be closed by the server: that is no fault of the server's.
 */
export async function exchange(
  request: HttpRequest,
  agent: http.Agent,
  signal?: AbortSignal,
): Promise<Exchange> {
  try {
    return { answer: await exchangeOnce(request, agent, signal), resent: false };
  } catch (error) {
    if (!(error instanceof StaleConnectionError)) throw error;
    return { answer: await exchangeOnce(request, agent, signal), resent: true };
  }
}

class StaleConnectionError extends Error {}

function exchangeOnce(request: HttpRequest, agent: http.Agent, signal?: AbortSignal): Promise<HttpAnswer> {
  const url = new URL(request.url);
  const timeoutSeconds = request.timeoutSeconds ?? 10;
  const prefixLimit = request.bodyPrefixBytes ?? 2000;
  const started = performance.now();
  return new Promise((resolve, reject) => {
    const headers = { ...websocketHeaders(request.websocketProtocol), ...request.headers };
    if (request.hostHeader !== undefined) headers["host"] = request.hostHeader;
    const send = url.protocol === "https:" ? https.request : http.request;
    const outgoing = send(url, {
      method: request.method ?? "GET",
      headers,
      agent,
      ...(signal && { signal }),
    });
    const limit = setTimeout(() => {
      reject(new Error(`no answer from ${url.href} within ${timeoutSeconds} s`));
      outgoing.destroy();
    }, timeoutSeconds * 1000);
    const fail = (error: NodeJS.ErrnoException): void => {
      clearTimeout(limit);
      const stale = outgoing.reusedSocket && (error.code === "ECONNRESET" || error.code === "EPIPE");
      reject(stale ? new StaleConnectionError(error.message) : new Error(reasonOf(error), { cause: error }));
    };
    outgoing.on("error", fail);
    outgoing.on("upgrade", (incoming, socket) => {
      clearTimeout(limit);
      socket.destroy();
      resolve(answerOf(incoming, started));
    });
    outgoing.on("response", (incoming) => {
      const prefix: Buffer[] = [];
      let bodyBytes = 0;
      incoming.on("data", (chunk: Buffer) => {
        if (bodyBytes < prefixLimit) prefix.push(chunk.subarray(0, prefixLimit - bodyBytes));
        bodyBytes += chunk.length;
      });
      // A connection that breaks within the body ends here, not in the request's own "error".
      incoming.on("error", (error) => {
        clearTimeout(limit);
        reject(error);
      });
      incoming.on("end", () => {
        clearTimeout(limit);
        const bodyPrefix = Buffer.concat(prefix).toString("utf8");
        resolve({ ...answerOf(incoming, started), bodyPrefix, bodyBytes });
      });
    });
    outgoing.end(request.body);
  });
}

function answerOf(incoming: http.IncomingMessage, started: number): HttpAnswer {
  return {
    status: incoming.statusCode ?? 0,
    headers: plainHeaders(incoming.headers),
    bodyPrefix: "",
    bodyBytes: 0,
    milliseconds: Math.round(performance.now() - started),
  };
}

function websocketHeaders(protocol: string | undefined): Record<string, string> {
  if (protocol === undefined) return {};
  return {
    connection: "Upgrade",
    upgrade: "websocket",
    "sec-websocket-version": "13",
    "sec-websocket-key": randomBytes(16).toString("base64"),
    "sec-websocket-protocol": protocol,
  };
}

/** Node's headers with every value a single string. */
export function plainHeaders(headers: http.IncomingHttpHeaders): Record<string, string> {
  const plain: Record<string, string> = {};
  for (const [name, value] of Object.entries(headers)) {
    if (value !== undefined) plain[name] = Array.isArray(value) ? value.join(", ") : value;
  }
  return plain;
}
