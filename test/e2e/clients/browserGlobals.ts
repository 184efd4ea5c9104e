import type { Agent } from "node:http";
import { WebSocket } from "ws";
import { agentFor, reasonOf, type Route } from "./agents";
import { exchange, plainHeaders, type HttpAnswer } from "./http";

/**
 * Strophe finds XMLHttpRequest and WebSocket among the globals and gives them nothing but a URL. These two replace them:
 * they find out by the URL's fragment, which is never sent, which session they work for, connect as that session's
 * route says, and tell it what a browser's script does not get to see.
 */
export interface SessionTraffic {
  route: Route;
  /** The headers of a BOSH answer or of the websocket's handshake. */
  onHeaders: (headers: Record<string, string>) => void;
  /** A request or socket failed, or was answered with an error status; Strophe may still try again. */
  onFault: (reason: string) => void;
}

const sessions = new Map<string, SessionTraffic & { agent: Agent }>();

/** The service URL to give to Strophe for that session. */
export function openTraffic(sessionId: string, service: URL, traffic: SessionTraffic): string {
  // Two connections: BOSH has one request waiting at the server while it sends another, and so does a browser.
  const agent = agentFor(service, traffic.route, { keepAlive: true, maxSockets: 4 });
  sessions.set(sessionId, { ...traffic, agent });
  return `${service.href}#${sessionId}`;
}

/** Ends what connections the session still has. */
export function closeTraffic(sessionId: string): void {
  sessions.get(sessionId)?.agent.destroy();
  sessions.delete(sessionId);
}

/** Puts both in their place. To be called after Strophe was loaded, which sets its own. */
export function installBrowserGlobals(): void {
  Object.assign(globalThis, { XMLHttpRequest: SessionXmlHttpRequest, WebSocket: SessionWebSocket });
}

function sessionOf(url: string): {
  session: (SessionTraffic & { agent: Agent }) | undefined;
  plainUrl: string;
} {
  const [plainUrl = "", sessionId = ""] = url.split("#");
  return { session: sessions.get(sessionId), plainUrl };
}

interface DomParser {
  parseFromString(source: string, mimeType: string): unknown;
}

/** The parser that Strophe put among the globals when it was loaded. */
function domParser(): new () => DomParser {
  return (globalThis as unknown as { DOMParser: new () => DomParser }).DOMParser;
}

/** BOSH requests may wait for a minute at the server; a limit well above only bounds what is lost altogether. */
const BOSH_TIMEOUT_SECONDS = 90;

/** As much of XMLHttpRequest as Strophe's BOSH transport uses. */
class SessionXmlHttpRequest {
  readyState = 0;
  status = 0;
  responseText = "";
  onreadystatechange: () => void = () => undefined;
  private url = "";
  private method = "";
  private readonly requestHeaders: Record<string, string> = {};
  private responseHeaders: Record<string, string> = {};
  private readonly abortion = new AbortController();

  open(method: string, url: string): void {
    this.method = method;
    this.url = url;
    this.readyState = 1;
  }

  get responseXML(): unknown {
    return this.responseText === ""
      ? null
      : new (domParser())().parseFromString(this.responseText, "text/xml");
  }

  setRequestHeader(name: string, value: string): void {
    this.requestHeaders[name] = value;
  }

  getAllResponseHeaders(): string {
    return Object.entries(this.responseHeaders)
      .map(([name, value]) => `${name}: ${value}\r\n`)
      .join("");
  }

  abort(): void {
    this.abortion.abort();
  }

  send(body: string): void {
    const { session, plainUrl } = sessionOf(this.url);
    // Strophe sends a failed request again by a timer that outlives the session.
    if (session === undefined) return;
    const request = {
      url: plainUrl,
      method: this.method,
      headers: { ...this.requestHeaders, "content-length": String(Buffer.byteLength(body)) },
      body,
      bodyPrefixBytes: Infinity,
      timeoutSeconds: BOSH_TIMEOUT_SECONDS,
    };
    exchange(request, session.agent, this.abortion.signal).then(
      ({ answer }) => this.complete(session, answer),
      (error: unknown) => this.fail(session, error as Error),
    );
  }

  private complete(session: SessionTraffic, answer: HttpAnswer): void {
    this.status = answer.status;
    this.responseHeaders = answer.headers;
    this.responseText = answer.bodyPrefix;
    session.onHeaders(answer.headers);
    if (answer.status !== 200) session.onFault(`BOSH request answered with HTTP status ${answer.status}`);
    this.finish();
  }

  private fail(session: SessionTraffic, error: Error): void {
    if (this.abortion.signal.aborted) return;
    session.onFault(`BOSH request failed: ${error.message}`);
    this.finish();
  }

  private finish(): void {
    this.readyState = 4;
    this.onreadystatechange();
  }
}

const HANDSHAKE_TIMEOUT_SECONDS = 15;

class SessionWebSocket extends WebSocket {
  constructor(url: string, protocols: string) {
    const { session, plainUrl } = sessionOf(url);
    if (session === undefined) throw new Error(`no session for ${url}`);
    super(plainUrl, protocols, {
      agent: session.agent,
      handshakeTimeout: HANDSHAKE_TIMEOUT_SECONDS * 1000,
    });
    this.on("upgrade", (response) => session.onHeaders(plainHeaders(response.headers)));
    this.on("error", (error) => session.onFault(`websocket failed: ${reasonOf(error)}`));
  }
}
