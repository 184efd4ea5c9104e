import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";

export interface Request {
  method: string;
  path: string;
  query: URLSearchParams;
  headers: IncomingMessage["headers"];
  body: string;
}

export interface Answer {
  status: number;
  /** The reason phrase, where the real server's is not the usual one. */
  reason?: string;
  headers?: Record<string, string>;
  body?: string;
  /** Without a Content-Length, as the real program sends this answer. */
  chunked?: boolean;
}

export type Handler = (request: Request) => Answer | Promise<Answer>;

/** What a test can do to every answer except those under /test. */
export interface Faults {
  delaySeconds: number;
  /** Requests are taken and never answered. */
  hang: boolean;
}

/** The state a test reads and patches at `/test/state`: plain values, each of one type for life. */
export type ControlledState = Record<string, string | number | boolean | null>;

export function json(value: unknown, headers: Record<string, string> = {}): Answer {
  return {
    status: 200,
    headers: { ...headers, "Content-Type": "application/json" },
    body: JSON.stringify(value),
  };
}

/**
 * Applies a patch to a state in place. A test that misspells a name must not pass by doing nothing.
 * @throws when the patch is no object, names an unknown key or changes a type.
 */
export function applyPatch(state: ControlledState, patch: unknown): void {
  if (typeof patch !== "object" || patch === null) throw new Error("the patch must be an object");
  for (const [key, value] of Object.entries(patch) as [string, string | number | boolean | null][]) {
    const current = state[key];
    if (current === undefined) {
      throw new Error(`unknown key ${key}: there are ${Object.keys(state).join(", ")}`);
    }
    // Null stands for "no text", the one alternative that a key may have.
    const kind = (of: unknown): string => (of === null ? "string" : typeof of);
    if (kind(value) !== kind(current)) throw new Error(`${key} must be a ${kind(current)}`);
  }
  Object.assign(state, patch);
}

/** Answers `/test/state`: GET reads, POST patches with a JSON object and reads. */
export function testControl(
  read: () => Record<string, unknown>,
  patch: (body: unknown) => void,
): (request: Request) => Answer | undefined {
  return (request) => {
    if (request.path !== "/test/state") return undefined;
    if (request.method === "POST") {
      try {
        patch(JSON.parse(request.body));
      } catch (error) {
        return { status: 400, headers: { "Content-Type": "text/plain" }, body: String(error) };
      }
    }
    return json(read());
  };
}

async function receive(incoming: IncomingMessage): Promise<Request> {
  const url = new URL(incoming.url ?? "/", "http://localhost");
  const parts: Buffer[] = [];
  for await (const part of incoming) parts.push(part as Buffer);
  return {
    method: incoming.method ?? "GET",
    path: url.pathname,
    query: url.searchParams,
    headers: incoming.headers,
    body: Buffer.concat(parts).toString(),
  };
}

function reply(response: ServerResponse, answer: Answer): void {
  const body = Buffer.from(answer.body ?? "");
  if (answer.reason !== undefined) response.statusMessage = answer.reason;
  response.writeHead(answer.status, {
    ...answer.headers,
    ...(answer.chunked === true ? {} : { "Content-Length": body.length }),
  });
  response.end(body);
}

/** Listens and answers; every answer except those under /test suffers the faults. */
export function serve(
  listen: { host: string; port: number; sendDate: boolean },
  faults: Faults,
  handle: Handler,
): Server {
  const server = createServer((incoming, response) => {
    response.sendDate = listen.sendDate;
    void receive(incoming)
      .then(async (request) => {
        if (!request.path.startsWith("/test/")) {
          if (faults.hang) return;
          await new Promise((resolve) => setTimeout(resolve, faults.delaySeconds * 1000));
        }
        reply(response, await handle(request));
      })
      .catch((error: unknown) => {
        console.error("request failed", error);
        response.destroy();
      });
  });
  server.listen(listen.port, listen.host);
  return server;
}
