import type { IncomingMessage, RequestListener } from "node:http";
import type { AddressInfo } from "node:net";
import { text } from "node:stream/consumers";
import { z } from "zod";
import type { KeeperConfiguration } from "../configuration";
import { listening } from "../listening";
import { lookToken, tokenCheck } from "../tokenCheck";
import { instructionSchema, type Keeper } from "./keeper";
import type { AcmeCertificates } from "./certificates/acmeCertificates";
import type { KeeperMetrics } from "./metrics";
import type { ShardsPage } from "./shards";

const BODY_LIMIT_BYTES = 256 * 1024;

export interface KeeperApi {
  readonly port: number;
  readonly close: () => void;
}

/** What stands behind the API. */
export interface KeeperParts {
  readonly keeper: Keeper;
  readonly metrics: KeeperMetrics;
  /** Where the public certificate comes by ACME. */
  readonly certificates: AcmeCertificates | undefined;
  /** Has this node's HAProxy say that it leaves. */
  readonly leave: () => Promise<void>;
  /** What each shard holds just now; undefined while nothing is in force. */
  readonly shards: () => Promise<ShardsPage | undefined>;
}

interface Reply {
  readonly status: number;
  readonly body?: object | string;
}

/**
 * Serves a keeper, to who has the token; to others 401 and nothing. With what lookToken() makes of it: /v1/shards and
 * /metrics alone.
 *
 *   GET  /v1/view?asker=NODE   how this node is, for the others' keepers
 *   GET  /v1/arrangement       the shards as they are in force here: state, and whether each is up
 *   GET  /metrics              Prometheus
 *   GET  /v1/certificate       what another keeper needs to serve it and to take over: keys are in it
 *   POST /v1/challenges        the authority's challenges that this node is to answer, too
 *   GET  /v1/shards            those, and what each holds just now or why that is unknown
 *   POST /v1/instructions      what the leader says: 204 once it is done, 409 where it is not to be obeyed
 *   POST /v1/leave             who sends users to this node is to send new ones elsewhere: 204 once HAProxy says so
 *   GET  /v1/settled           200 once what the settings want is in force on this node, else 503 and why
 */
export async function serveKeeper(
  listen: KeeperConfiguration["listen"],
  parts: KeeperParts,
): Promise<KeeperApi> {
  const isAuthorized = tokenCheck(listen.token);
  const mayLook = tokenCheck(lookToken(listen.token));
  const onRequest: RequestListener = (request, response) => {
    const send = ({ body = "", status }: Reply): void => {
      const written = typeof body === "string" ? body : JSON.stringify(body);
      response.writeHead(status, status === 204 ? {} : { "Content-Length": Buffer.byteLength(written) });
      response.end(written);
    };
    const { authorization } = request.headers;
    const isLook = request.method === "GET" && ["/v1/shards", "/metrics"].includes(request.url ?? "");
    if (!isAuthorized(authorization) && !(isLook && mayLook(authorization))) {
      response.setHeader("Connection", "close");
      send({ status: 401 });
      return;
    }
    answer(request, parts).then(send, (error: unknown) => send({ status: 500, body: String(error) }));
  };
  const server = await listening(listen, onRequest);
  return {
    port: (server.address() as AddressInfo).port,
    close: () => {
      server.close();
      server.closeAllConnections();
    },
  };
}

async function answer(
  request: IncomingMessage,
  { certificates, keeper, leave, metrics, shards }: KeeperParts,
): Promise<Reply> {
  const { pathname, searchParams } = new URL(request.url ?? "/", "http://keeper");
  switch (`${request.method ?? ""} ${pathname}`) {
    case "GET /v1/view":
      keeper.heardOf(searchParams.get("asker") ?? "");
      return { status: 200, body: keeper.view };
    case "GET /v1/settled": {
      const open = keeper.unsettled;
      return open === undefined ? { status: 200, body: "settled" } : { status: 503, body: open };
    }
    case "GET /v1/arrangement":
      return inForce(keeper.view.topology?.shards);
    case "GET /v1/shards":
      return inForce(await shards());
    case "GET /metrics":
      return { status: 200, body: await metrics.page(keeper, certificates) };
    case "GET /v1/certificate":
      return certificates ? { status: 200, body: certificates.held() } : { status: 404 };
    case "POST /v1/challenges": {
      const challenges = z.record(z.string(), z.string()).safeParse(await jsonOf(request));
      if (!certificates || !challenges.success) return { status: certificates ? 400 : 404 };
      certificates.adoptChallenges(challenges.data);
      return { status: 204 };
    }
    case "POST /v1/leave":
      await leave();
      return { status: 204 };
    case "POST /v1/instructions":
      return obey(request, keeper);
    default:
      return { status: 404 };
  }
}

const inForce = (body: object | undefined): Reply =>
  body ? { status: 200, body } : { status: 503, body: "nothing is in force yet" };

async function obey(request: IncomingMessage, keeper: Keeper): Promise<Reply> {
  const parsed = instructionSchema.safeParse(await jsonOf(request));
  if (!parsed.success) return { status: 400, body: parsed.error.message };
  try {
    await keeper.obey(parsed.data);
    return { status: 204 };
  } catch (error) {
    return { status: 409, body: error instanceof Error ? error.message : String(error) };
  }
}

/** Undefined where the body is too large or no JSON. */
async function jsonOf(request: IncomingMessage): Promise<unknown> {
  if (Number(request.headers["content-length"] ?? Infinity) > BODY_LIMIT_BYTES) return undefined;
  try {
    return JSON.parse(await text(request)) as unknown;
  } catch {
    return undefined;
  }
}
