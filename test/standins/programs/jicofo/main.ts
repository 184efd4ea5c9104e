/** Stand-in for Jicofo: it logs in as the focus, sees the bridges and Jibris, and counts Prosody's own rooms. */
import { flag, number, scaledMilliseconds, text } from "../environment";
import { applyPatch, json, serve, testControl, type Answer, type Faults, type Request } from "../httpServer";
import { recordedMetrics } from "../openMetrics";
import { census, type Room } from "./census";
import { bridgeBrewery, Fleet, type Bridge } from "./fleet";
import {
  conferenceDebug,
  debug,
  focusJid,
  metricValues,
  stats,
  version,
  type Health,
  type Totals,
} from "./reports";

/** What health says without Prosody: nothing new at first, then the failed ping, then that the bridges are gone. */
const pingFailedSeconds = 8;
const bridgesGoneSeconds = 22;
const censusSeconds = 1;

const fleet = new Fleet();
const totals: Totals = { conferences: 0, participants: 0, conferenceRequests: 0 };
const faults: Faults = { delaySeconds: 0, hang: false };
let rooms: Room[] = [];

/** Counts the rooms anew; without Prosody the last count stays until the bridges are given up. */
async function measure(): Promise<Room[]> {
  let counted: Room[];
  try {
    counted = await census();
  } catch {
    if (fleet.bridges.length === 0) rooms = [];
    return rooms;
  }
  const before = new Map(rooms.map((room) => [room.jid, room.participants]));
  for (const room of counted) {
    if (!before.has(room.jid)) totals.conferences += 1;
    totals.participants += Math.max(0, room.participants - (before.get(room.jid) ?? 0));
  }
  rooms = counted;
  return rooms;
}

function health(): Health {
  const since = fleet.disconnectedSince;
  const elapsed = since === undefined ? 0 : Date.now() - since;
  const pingFailed =
    elapsed > scaledMilliseconds(pingFailedSeconds) && elapsed < scaledMilliseconds(bridgesGoneSeconds);
  if (pingFailed) {
    const message = "XMPP ping failed: did not receive xmpp ping response for client";
    return { success: false, status: 503, message };
  }
  if (fleet.operationalBridges.length > 0) return { success: true, status: 200, message: null };
  const message = `No operational bridges available (total bridge count: ${fleet.bridges.length})`;
  return { success: false, status: 500, message };
}

function plain(status: number, body: string): Answer {
  return { status, headers: { "Content-Type": "text/plain; charset=UTF-8" }, body };
}

function chunkedJson(value: unknown): Answer {
  return { ...json(value), chunked: true };
}

class Refused extends Error {
  constructor(
    readonly status: number,
    message: string,
  ) {
    super(message);
  }
}

function parameter(request: Request, name: string): string {
  const value = request.query.get(name);
  if (value === null) throw new Refused(400, `Bad request: Missing parameter: ${name}`);
  return value;
}

function bridgeOf(request: Request): Bridge {
  const jid = parameter(request, "bridge");
  if (!/^[^@/\s]+@[^@/\s]+(\/.+)?$/.test(jid)) {
    throw new Refused(400, "Bad request: Invalid parameter: bridge ID");
  }
  const prefix = `${bridgeBrewery}/`;
  const bridge = jid.startsWith(prefix) ? fleet.bridge(jid.slice(prefix.length)) : undefined;
  if (bridge === undefined) throw new Refused(500, "Not found: Bridge not found");
  return bridge;
}

function numberOf(request: Request, name: string, fallback: number): number {
  const given = request.query.get(name);
  if (given === null) return fallback;
  const value = Number(given);
  if (Number.isNaN(value)) throw new Refused(500, `For input string: "${given}"`);
  return value;
}

function requireConference(jid: string): void {
  if (!rooms.some((room) => room.jid === jid)) throw new Refused(500, "Not found: Conference not found");
}

/** The three moves, by the last part of their path. */
const moves: Record<string, (request: Request) => Answer> = {
  "move-endpoint": (request) => {
    const conference = parameter(request, "conference");
    parameter(request, "endpoint");
    requireConference(conference);
    const target = request.query.has("bridge") ? bridgeOf(request) : undefined;
    const [from] = fleet.bridges
      .filter((bridge) => bridge.nickname !== target?.nickname)
      .sort((one, other) => other.endpoints - one.endpoints);
    return chunkedJson(from === undefined ? { movedEndpoints: 0, conferences: 0 } : fleet.move(from, 1));
  },
  "move-endpoints": (request) => {
    const bridge = bridgeOf(request);
    const conference = request.query.get("conference");
    if (conference !== null) requireConference(conference);
    return chunkedJson(fleet.move(bridge, numberOf(request, "numEndpoints", 1)));
  },
  "move-fraction": (request) => {
    const bridge = bridgeOf(request);
    const fraction = numberOf(request, "fraction", 0.1);
    return chunkedJson(fleet.move(bridge, Math.ceil(bridge.endpoints * fraction)));
  },
};

function move(request: Request, name: string): Answer {
  const make = moves[name];
  if (make === undefined) return { status: 404 };
  if (request.method !== "GET") return { status: 405 };
  try {
    return make(request);
  } catch (error) {
    if (error instanceof Refused) return plain(error.status, error.message);
    throw error;
  }
}

function conferenceRequest(request: Request): Answer {
  if (request.method !== "POST") return { status: 405 };
  let room: unknown;
  try {
    room = (JSON.parse(request.body) as Record<string, unknown>)["room"];
  } catch {
    return { status: 400 };
  }
  if (typeof room !== "string") return { status: 400 };
  totals.conferenceRequests += 1;
  return chunkedJson({
    room,
    ready: true,
    focusJid,
    properties: { "visitors-supported": "false", authentication: "false" },
  });
}

const metrics = recordedMetrics(
  "jitsi_jicofo_",
  "jicofo_metrics_with_jibri.http",
  "jicofo_metrics_json.http",
);

const reports: Record<string, (request: Request) => Answer | Promise<Answer>> = {
  "/about/version": () => chunkedJson({ name: "JiCoFo", version, os: "Linux" }),
  "/stats": async () => json(stats(fleet, await measure(), totals, health())),
  "/debug": async (request) => json(debug(fleet, await measure(), request.query.get("full") === "true")),
  "/debug/conferences": async () => json((await measure()).map((room) => room.jid)),
  "/rtcstats": () => json({}),
  "/pin": () => chunkedJson([]),
  "/metrics": async (request) => {
    const values = metricValues(fleet, await measure(), totals, health());
    if (request.headers.accept === "application/json") return json(metrics.json(values));
    return {
      status: 200,
      headers: { "Content-Type": "application/openmetrics-text; version=1.0.0; charset=utf-8" },
      body: metrics.openMetrics(values),
    };
  },
};
if (flag("JICOFO_ENABLE_HEALTH_CHECKS")) {
  reports["/about/health"] = () => {
    const { status, message } = health();
    return plain(status, message ?? "OK");
  };
}

const control = testControl(
  () => ({ ...faults }),
  (body) => applyPatch(faults as unknown as Record<string, number | boolean>, body),
);

async function answer(request: Request): Promise<Answer> {
  const controlled = control(request);
  if (controlled !== undefined) return controlled;
  if (request.path.startsWith("/move-endpoints/")) {
    await measure();
    return move(request, request.path.slice("/move-endpoints/".length));
  }
  if (request.path === "/conference-request/v1") return conferenceRequest(request);
  const conference = "/debug/conference/";
  if (request.path.startsWith(conference)) {
    const jid = decodeURIComponent(request.path.slice(conference.length));
    const room = (await measure()).find((known) => known.jid === jid);
    return json(room === undefined ? {} : conferenceDebug(room));
  }
  const report = reports[request.path];
  if (report === undefined) return { status: 404 };
  return request.method === "GET" ? report(request) : { status: 405 };
}

setInterval(() => void measure(), scaledMilliseconds(censusSeconds));
serve(
  {
    host: flag("JICOFO_ENABLE_REST") ? "0.0.0.0" : "127.0.0.1",
    port: number("STANDIN_HTTP_PORT", 8888),
    sendDate: false,
  },
  faults,
  answer,
);
console.log(`Jicofo stand-in ${version} for ${text("XMPP_SERVER", "xmpp.meet.jitsi")}`);
for (const signal of ["SIGTERM", "SIGINT"] as const) {
  process.once(signal, () => void fleet.leave().then(() => process.exit(0)));
}
