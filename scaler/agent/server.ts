import { once } from "node:events";
import type { IncomingMessage, ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import type { Logger } from "pino";
import type { AgentConfiguration } from "../configuration";
import { listening } from "../listening";
import { tokenCheck } from "../tokenCheck";
import { launchRequestSchema, verbs, type HostState, type LaunchRequest, type Verb } from "../hostApi";

/** What became of a launch. `accepted` too for an instance that is there already. */
export type LaunchOutcome = "accepted" | "no such pool" | "another version" | "no slot";
/** What became of a verb. `absent`: no such instance, or a verb of the other role. */
export type TellOutcome = "done" | "absent" | { readonly failed: string };
export type RemoveOutcome = "accepted" | "absent";

/** What stands behind the API: a Docker host, or a lab's imitation of one. What it throws is answered with 503. */
export interface HostBackend {
  state(): Promise<HostState>;
  launch(name: string, request: LaunchRequest): Promise<LaunchOutcome>;
  tell(name: string, verb: Verb): Promise<TellOutcome>;
  remove(name: string): Promise<RemoveOutcome>;
}

export interface HostApiServer {
  readonly port: number;
  /** Stops listening; resolves when the requests in flight are answered, after 10 s at the latest. */
  close(): Promise<void>;
}

const BODY_LIMIT_BYTES = 64 * 1024;
const CLOSE_LIMIT_SECONDS = 10;

interface Reply {
  readonly status: number;
  /** An object is sent as JSON, a text as it is. */
  readonly body?: string | object;
  readonly allow?: string;
}

/**
 * Serves a host's API (hostApi.ts) over TLS, or plain where none is configured. Port 0 takes a free one.
 * @throws when the address cannot be listened at or the certificate is none.
 */
export async function serveHostApi(options: {
  readonly listen: AgentConfiguration["listen"];
  readonly backend: HostBackend;
  readonly log: Logger;
  /** The text of /metrics; none: there is no such page. */
  readonly metrics?: () => Promise<string>;
}): Promise<HostApiServer> {
  const { listen, backend, log, metrics } = options;
  const isAuthorized = tokenCheck(listen.token);
  let closing = false;
  const onRequest = (request: IncomingMessage, response: ServerResponse): void => {
    // An answer to the unknown says nothing, and reads nothing.
    if (!isAuthorized(request.headers.authorization)) {
      send(response, { status: 401 }, { close: true });
      return;
    }
    answer(request, backend, metrics).then(
      (reply) => send(response, reply, { close: closing || !request.complete }),
      (error: unknown) => {
        log.error({ method: request.method, path: request.url, error: messageOf(error) }, "request failed");
        send(response, { status: 503, body: messageOf(error) }, { close: true });
      },
    );
  };
  const server = await listening(listen, onRequest, { keepAliveTimeout: 30_000 });
  return {
    port: (server.address() as AddressInfo).port,
    close: async () => {
      closing = true;
      const closed = once(server, "close");
      server.close();
      server.closeIdleConnections();
      const atLast = setTimeout(() => server.closeAllConnections(), CLOSE_LIMIT_SECONDS * 1000);
      await closed;
      clearTimeout(atLast);
    },
  };
}

const INSTANCE_NAME = "[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?";
const instancePath = new RegExp(`^/v1/instances/(${INSTANCE_NAME})$`);
const verbPath = new RegExp(`^/v1/instances/(${INSTANCE_NAME})/(${verbs.join("|")})$`);

async function answer(
  request: IncomingMessage,
  backend: HostBackend,
  metrics: (() => Promise<string>) | undefined,
): Promise<Reply> {
  const { method, url = "" } = request;
  const read = url === "/v1/state" ? () => backend.state() : url === "/metrics" ? metrics : undefined;
  if (read)
    return method === "GET"
      ? { status: 200, body: await read() }
      : { status: 405, body: `${url} is read with GET`, allow: "GET" };

  const name = instancePath.exec(url)?.[1];
  if (name !== undefined) {
    if (method === "PUT") return launch(name, request, backend);
    if (method === "DELETE")
      return (await backend.remove(name)) === "accepted" ? { status: 202 } : { status: 404 };
    return {
      status: 405,
      body: "an instance is launched with PUT, removed with DELETE",
      allow: "PUT, DELETE",
    };
  }

  const [, instance, verb] = verbPath.exec(url) ?? [];
  if (instance === undefined) return { status: 404 };
  if (method !== "POST") return { status: 405, body: "an instance is told with POST", allow: "POST" };
  const outcome = await backend.tell(instance, verb as Verb);
  if (outcome === "done") return { status: 204 };
  return outcome === "absent" ? { status: 404 } : { status: 502, body: outcome.failed };
}

const launchReplies: Record<LaunchOutcome, Reply> = {
  accepted: { status: 202 },
  "no such pool": { status: 404, body: "no such pool here, or the name is none of the pool's" },
  "another version": { status: 409, body: "the instances are others than the version's: look again" },
  "no slot": { status: 507, body: "no slot or no port is free" },
};

async function launch(name: string, request: IncomingMessage, backend: HostBackend): Promise<Reply> {
  const body = await bodyOf(request);
  if (body === undefined) return { status: 413, body: `the body is above ${BODY_LIMIT_BYTES} bytes` };
  const parsed = launchRequestSchema.safeParse(jsonOf(body));
  if (!parsed.success) return { status: 400, body: 'the body is no {"pool": …, "version": …}' };
  return launchReplies[await backend.launch(name, parsed.data)];
}

/** Undefined when it is too large. */
async function bodyOf(request: IncomingMessage): Promise<string | undefined> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of request.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
    length += chunk.length;
    if (length > BODY_LIMIT_BYTES) return undefined;
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString("utf8");
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function send(
  response: ServerResponse,
  { status, body, allow }: Reply,
  { close }: { readonly close: boolean },
): void {
  const text = typeof body === "object" ? JSON.stringify(body) : (body ?? "");
  response.writeHead(status, {
    ...(body === undefined
      ? {}
      : { "Content-Type": typeof body === "object" ? "application/json" : "text/plain; charset=utf-8" }),
    // A 204 has no length.
    ...(status === 204 ? {} : { "Content-Length": Buffer.byteLength(text) }),
    ...(allow === undefined ? {} : { Allow: allow }),
    ...(close ? { Connection: "close" } : {}),
  });
  response.end(text);
}

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));
