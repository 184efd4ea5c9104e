/** Stand-in for a Jitsi Videobridge: the REST calls, the brewery and a STUN answer; no media. */
import { xml } from "@xmpp/client";

import { flag, number, scaledMilliseconds, text } from "../environment";
import { applyPatch, json, serve, testControl, type Answer, type Faults, type Request } from "../httpServer";
import { loadMove, loadMoveOf } from "../loadMove";
import { recordedMetrics } from "../openMetrics";
import { addressFault, mappedAddresses, ownAddresses, toldToBrowsers } from "./addresses";
import { errorPage, ownHeaders } from "./jettyAnswers";
import { MucClients } from "./mucClients";
import {
  initialLoad,
  statistics,
  type BridgeLoad,
  type Sampled,
  type Shutdown,
  type Statistics,
} from "./statistics";
import { answerStun } from "./stun";

const participantSampleSeconds = 5;
const stressSampleSeconds = 10;
const firstStressSampleSeconds = 8;
const presenceSeconds = 5;
const shuttingDownSeconds = 60;
/** The first check of its health comes after that; until then it says that it is healthy. */
const healthCheckSeconds = 60;
const gracefulLimitSeconds = 24 * 3600;

const relays = flag("ENABLE_OCTO");
const identity = {
  relayId: relays ? text("JVB_OCTO_RELAY_ID", text("JVB_OCTO_BIND_ADDRESS")) : undefined,
  region: relays ? text("JVB_OCTO_REGION", "europe") : undefined,
  version: text("RELEASE", "2.3.SNAPSHOT"),
};
const stunPort = number("JVB_PORT", 10000);
const mapped = mappedAddresses(text("JVB_ADVERTISE_IPS"), stunPort);
const own = ownAddresses().map((address) => ({ address, port: stunPort }));
const tellsPrivate = flag("JVB_ADVERTISE_PRIVATE_CANDIDATES", "1");

const faults: Faults = { delaySeconds: 0, hang: false };
const load: BridgeLoad = { ...initialLoad };
const sampled: Sampled = { participants: 0, octoEndpoints: 0, stress: 0 };
const totals = { conferencesCreated: 0, conferencesCompleted: 0, participants: 0 };
const shutdown: Shutdown = { graceful: false, shuttingDown: false };
let drain = false;
/** As its last check found; null: it has one. */
let missingAddress: string | null = null;
let healthChecks = 0;
let frozen: Statistics | undefined;

const mucClients: MucClients = new MucClients({
  presence: () => [
    xml(
      "stats",
      { xmlns: "http://jitsi.org/protocol/colibri" },
      ...Object.entries(currentStatistics()).map(([name, value]) =>
        xml("stat", { name, value: String(value) }),
      ),
    ),
  ],
  onMessage: (from, message, reply) => {
    const move = loadMoveOf(message);
    if (move === undefined) return;
    if (move.target === undefined) {
      changeLoad({
        participants: load.participants + move.participants,
        conferences: load.conferences + move.conferences,
      });
      return;
    }
    const participants = Math.min(move.participants, load.participants);
    if (participants === 0) return;
    const all = participants === load.participants;
    const conferences = all ? load.conferences : Math.min(move.conferences, load.conferences);
    changeLoad({
      participants: load.participants - participants,
      // A conference that is moved in part is on both bridges.
      conferences: all ? 0 : load.conferences,
    });
    reply(
      { room: from.room, nickname: move.target },
      loadMove({ participants, conferences, target: undefined }),
    );
  },
});

function currentStatistics(): Statistics {
  const told = { ...load, unhealthyReason: unhealthyReason() };
  return frozen ?? statistics(told, sampled, totals, mucClients.counts, shutdown, drain, identity);
}

const unhealthyReason = (): string | null => load.unhealthyReason ?? missingAddress;

function sampleParticipants(): void {
  sampled.participants = load.participants;
  sampled.octoEndpoints = load.octoEndpoints;
}

function changeLoad(patch: unknown): void {
  const before = { ...load };
  applyPatch(load, patch);
  totals.participants += Math.max(0, load.participants - before.participants);
  totals.conferencesCreated += Math.max(0, load.conferences - before.conferences);
  totals.conferencesCompleted += Math.max(0, before.conferences - load.conferences);
  if (!load.statisticsFrozen) frozen = undefined;
  else frozen ??= statistics(before, sampled, totals, mucClients.counts, shutdown, drain, identity);
  if (shutdown.graceful && load.participants === 0) shutDownSoon();
  mucClients.announce();
}

async function end(): Promise<void> {
  // Before the farewell, at which Jicofo moves them: their media has stopped.
  if (load.participants > 0) console.log(`CUT ${load.participants} participants`);
  await mucClients.leave();
  process.exit(0);
}

/** The last minute: Jicofo moves whoever is left. */
function shutDownSoon(): void {
  if (shutdown.shuttingDown) return;
  shutdown.shuttingDown = true;
  setTimeout(() => void end(), scaledMilliseconds(shuttingDownSeconds));
}

function startShutdown(graceful: boolean): void {
  if (graceful) {
    shutdown.graceful = true;
    if (load.participants === 0) shutDownSoon();
    else setTimeout(() => void end(), scaledMilliseconds(gracefulLimitSeconds));
  } else {
    shutDownSoon();
  }
  mucClients.announce();
}

const metrics = recordedMetrics("jitsi_jvb_", "jvb2_conf_metrics.http", "jvb_metrics_json.http");

function metricsPage(request: Request): Answer {
  const told = currentStatistics();
  const values = {
    active_endpoints: Number(told["local_active_endpoints"]),
    conferences: Number(told["conferences"]),
    conferences_completed_total: totals.conferencesCompleted,
    conferences_created_total: totals.conferencesCreated,
    conferences_inactive: Number(told["inactive_conferences"]),
    conferences_with_relay: Number(told["octo_conferences"]),
    current_endpoints: Number(told["endpoints"]),
    current_visitors: Number(told["visitors"]),
    drain_mode: told["drain"] === true,
    endpoints_inactive: Number(told["inactive_endpoints"]),
    endpoints_relayed: Number(told["octo_endpoints"]),
    endpoints_sending_audio: Number(told["endpoints_sending_audio"]),
    endpoints_sending_video: Number(told["endpoints_sending_video"]),
    endpoints_total: totals.participants,
    graceful_shutdown: told["graceful_shutdown"] === true,
    healthy: told["healthy"] === true,
    incoming_bitrate: Number(told["bit_rate_download"]),
    incoming_packet_rate: Number(told["packet_rate_download"]),
    largest_conference: Number(told["largest_conference"]),
    local_endpoints: Number(told["local_endpoints"]),
    muc_clients_configured: Number(told["muc_clients_configured"]),
    muc_clients_connected: Number(told["muc_clients_connected"]),
    mucs_connected: Number(told["mucs_configured"]),
    mucs_joined: Number(told["mucs_joined"]),
    outgoing_bitrate: Number(told["bit_rate_upload"]),
    outgoing_packet_rate: Number(told["packet_rate_upload"]),
    region_info: [{ labels: `region="${identity.region ?? ""}"`, value: 1 }],
    shutting_down: told["shutting_down"] === true,
    stress: Number(told["stress_level"]),
  };
  if (request.headers.accept === "application/json") return json(metrics.json(values), ownHeaders);
  return {
    status: 200,
    headers: { ...ownHeaders, "Content-Type": "application/openmetrics-text;charset=utf-8;version=1.0.0" },
    body: metrics.openMetrics(values),
    chunked: true,
  };
}

function health(): Answer {
  const reason = unhealthyReason();
  if (reason === null) return { status: 200, headers: ownHeaders };
  return {
    status: 500,
    reason: "Server Error",
    headers: { ...ownHeaders, "Content-Type": "application/json" },
    body: reason,
  };
}

function shutdownCall(request: Request): Answer {
  const type = request.headers["content-type"];
  if (type === undefined) return errorPage(request, 500);
  if (!type.startsWith("application/json")) return errorPage(request, 415);
  const refused = (reason: string): Answer => ({
    status: 400,
    headers: { ...ownHeaders, "Content-Type": "text/plain" },
    body: reason,
  });
  let body: unknown;
  try {
    body = JSON.parse(request.body);
  } catch (error) {
    return refused(String(error));
  }
  const graceful = (body as Record<string, unknown> | null)?.["graceful-shutdown"];
  if (graceful === undefined) {
    return refused(
      "Missing required creator property 'graceful-shutdown' (index 0)\n" +
        " at [Source: REDACTED (`StreamReadFeature.INCLUDE_SOURCE_IN_LOCATION` disabled); line: 1, column: " +
        `${request.body.length}] (through reference chain: org.jitsi.videobridge.rest.root.colibri.shutdown` +
        '.Shutdown$ShutdownJson["graceful-shutdown"])',
    );
  }
  startShutdown(graceful === true || graceful === "true");
  return { status: 200, headers: ownHeaders };
}

function changeMucClients(
  request: Request,
  change: (properties: Record<string, unknown>) => boolean,
): Answer {
  try {
    return change(JSON.parse(request.body) as Record<string, unknown>)
      ? { status: 200, headers: ownHeaders }
      : { status: 400, headers: ownHeaders };
  } catch {
    return { status: 400, headers: ownHeaders };
  }
}

function setDrain(on: boolean): Answer {
  drain = on;
  mucClients.announce();
  return { status: 200, headers: ownHeaders };
}

type Resource = Record<string, (request: Request) => Answer>;

const resources: Record<string, Resource> = {
  "/about/health": { GET: health },
  "/about/version": { GET: () => json({ name: "JVB", version: identity.version, os: "Linux" }, ownHeaders) },
  "/metrics": { GET: metricsPage },
  "/stats": { GET: () => json({ conferences: {} }, ownHeaders) },
  "/debug": {
    GET: () =>
      json(
        {
          shutdown_state: shutdown.shuttingDown
            ? "SHUTTING_DOWN"
            : shutdown.graceful
              ? "GRACEFUL_SHUTDOWN"
              : "RUNNING",
          drain,
          time: Date.now(),
          load_management: {
            state: sampled.stress >= 1 ? "OVERLOADED" : "NOT_OVERLOADED",
            stress: String(sampled.stress),
            reducer_enabled: "false",
          },
          conferences: {},
          health: {
            success: unhealthyReason() === null,
            hardFailure: true,
            responseCode: null,
            message: unhealthyReason(),
          },
        },
        ownHeaders,
      ),
  },
  "/colibri/drain": { GET: () => json({ drain }, ownHeaders) },
  "/colibri/drain/enable": { POST: () => setDrain(true) },
  "/colibri/drain/disable": { POST: () => setDrain(false) },
  "/colibri/v2/conferences": { GET: (request) => errorPage(request, 501) },
};

if (flag("COLIBRI_REST_ENABLED")) {
  resources["/colibri/stats"] = {
    GET: (request) =>
      load.statisticsRefused ? errorPage(request, 500) : json(currentStatistics(), ownHeaders),
  };
  resources["/colibri/muc-client/list"] = { GET: () => json(mucClients.ids, ownHeaders) };
  resources["/colibri/muc-client/add"] = {
    POST: (request) => changeMucClients(request, (properties) => mucClients.add(properties)),
  };
  resources["/colibri/muc-client/remove"] = {
    POST: (request) => changeMucClients(request, ({ id }) => mucClients.remove(String(id))),
  };
  if (flag("SHUTDOWN_REST_ENABLED")) resources["/colibri/shutdown"] = { POST: shutdownCall };
}

const control = testControl(
  () => ({
    ...load,
    ...faults,
    healthChecks,
    advertised: toldToBrowsers([...mapped, ...own], tellsPrivate),
  }),
  (body) => {
    const { delaySeconds, hang, ...patch } = body as Record<string, unknown>;
    applyPatch(faults as unknown as Record<string, number | boolean>, {
      ...(delaySeconds === undefined ? {} : { delaySeconds }),
      ...(hang === undefined ? {} : { hang }),
    });
    changeLoad(patch);
  },
);

function answer(request: Request): Answer {
  const controlled = control(request);
  if (controlled !== undefined) return controlled;
  const resource = resources[request.path];
  if (resource === undefined) return errorPage(request, 404);
  const respond = resource[request.method];
  if (respond !== undefined) return respond(request);
  const verbs = "GET" in resource ? ["HEAD", "GET", "OPTIONS"] : ["POST", "OPTIONS"];
  if (request.method === "OPTIONS") {
    return {
      status: 200,
      headers: { ...ownHeaders, "Content-Type": "text/plain", Allow: verbs.join(",") },
      body: verbs.join(", "),
    };
  }
  return errorPage(request, 405, { Allow: verbs.join(",") });
}

setInterval(() => {
  healthChecks += 1;
  if (!flag("JVB_REQUIRE_VALID_ADDRESS")) return;
  missingAddress = addressFault([...mapped, ...own].map(({ address }) => address));
  mucClients.announce();
}, scaledMilliseconds(healthCheckSeconds));
setInterval(sampleParticipants, scaledMilliseconds(participantSampleSeconds));
setTimeout(() => {
  sampled.stress = load.stress;
  setInterval(() => (sampled.stress = load.stress), scaledMilliseconds(stressSampleSeconds));
}, scaledMilliseconds(firstStressSampleSeconds));
// Not scaled: what changes is announced at once, and a presence is long.
setInterval(() => mucClients.announce(), presenceSeconds * 1000);

answerStun(stunPort, text("JVB_MUC_NICKNAME", text("HOSTNAME")));
serve({ host: "0.0.0.0", port: number("STANDIN_HTTP_PORT", 8080), sendDate: true }, faults, answer);
for (const signal of ["SIGTERM", "SIGINT"] as const) process.once(signal, () => void end());
