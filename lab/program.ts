/** What the lab's programs (bridge, Jibri, shard) have in common. */
import { once } from "node:events";
import { createServer, type IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";

/** What a program tells the lab that started it. */
export type Message =
  | { readonly kind: "listening"; readonly ports: readonly number[] }
  /** What it carries from now on: whoever is on it when it ends, is cut. Participants by room; 1 for a recording. */
  | { readonly kind: "carrying"; readonly rooms: Readonly<Record<string, number>> }
  | { readonly kind: "recorded"; readonly session: string; readonly sha256: string };

/** How a bridge or a Jibri makes itself known to a shard: the stand-in for its presence in the brewery. */
export type Presence = { readonly name: string } & (
  | { readonly kind: "gone" }
  | {
      readonly kind: "bridge";
      readonly url: string;
      readonly draining: boolean;
      readonly retiring: boolean;
    }
  | { readonly kind: "jibri"; readonly url: string; readonly idle: boolean }
);
export const PRESENCE_SECONDS = 0.5;

/** How full a bridge may get before a conference's next joiners are sent to another, as a share of its capacity. */
export const OVERLOAD = 0.8;

export interface Asked {
  readonly path: string;
  readonly query: URLSearchParams;
  readonly body: string;
  /** By HAProxy, for a user. */
  readonly forwarded: boolean;
}
export interface Answered {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
}
type Handler = (asked: Asked) => Answered | Promise<Answered>;

export const json = (body: unknown): Answered => ({
  status: 200,
  headers: { "content-type": "application/json" },
  body: JSON.stringify(body),
});
export const empty = (status: number): Answered => ({ status });

/** The settings that the lab gave this program. */
export const settings = (): unknown => JSON.parse(process.env.LAB_SETTINGS ?? "{}");

export function tellLab(message: Message): void {
  process.send?.(message);
}

async function bodyOf(request: IncomingMessage): Promise<string> {
  let text = "";
  for await (const chunk of request.setEncoding("utf8")) text += chunk as string;
  return text;
}

/** Serves handlers by "METHOD /path", the longest that begins the request's, on a free port of loopback. */
export async function serve(handlers: Readonly<Record<string, Handler>>): Promise<number> {
  const beginnings = Object.keys(handlers).sort((a, b) => b.length - a.length);
  const server = createServer((request, response) => {
    const answer = async (): Promise<Answered> => {
      const { pathname, searchParams } = new URL(request.url ?? "/", "http://lab");
      const asked = `${request.method} ${pathname}`;
      const handler = handlers[beginnings.find((beginning) => asked.startsWith(beginning)) ?? ""];
      if (!handler) return empty(404);
      const forwarded = request.headers["x-forwarded-for"] !== undefined;
      return handler({ path: pathname, query: searchParams, body: await bodyOf(request), forwarded });
    };
    answer()
      .catch((error: unknown): Answered => {
        console.error(request.method, request.url, error);
        return { status: 500, body: String(error) };
      })
      .then(({ status, headers, body }) => {
        if (request.method !== "GET" && request.url !== "/lab/brewery")
          console.log(new Date().toISOString(), request.method, request.url, status);
        response.writeHead(status, headers).end(body);
      })
      .catch((error: unknown) => console.error(error));
  });
  // HAProxy keeps connections: whoever closes one first may meet a request on it.
  server.keepAliveTimeout = 120_000;
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return (server.address() as AddressInfo).port;
}

export function post(url: string, body: unknown = {}, limitSeconds = 2): Promise<Response> {
  return fetch(url, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(body),
    signal: AbortSignal.timeout(limitSeconds * 1000),
  });
}

/** Tells shards who is there, now and then; returns what to call when something changed. */
export function announce(shards: readonly string[], presence: () => Presence): () => Promise<void> {
  const tell = async (): Promise<void> => {
    const told = presence();
    await Promise.allSettled(shards.map((shard) => post(`${shard}/lab/brewery`, told)));
  };
  setInterval(() => void tell(), PRESENCE_SECONDS * 1000);
  return tell;
}

// Nothing outlives the lab. Ctrl-C is the lab's to answer.
process.on("disconnect", () => process.exit());
process.on("SIGINT", () => undefined);
