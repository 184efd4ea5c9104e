/** Stand-in for a Jibri: both HTTP APIs, the breweries of all its shards, recordings and streams of nothing. */
import { existsSync, readFileSync } from "node:fs";

import { xml } from "@xmpp/client";

import { Brewery } from "../brewery";
import { flag, number, scaledMilliseconds, text, xmppServers } from "../environment";
import {
  applyPatch,
  json,
  serve,
  testControl,
  type Answer,
  type ControlledState,
  type Faults,
  type Request,
} from "../httpServer";
import { recordedMetrics } from "../openMetrics";
import { addedFlags, openPage, type Browser } from "./page";
import { Recording } from "./recording";
import { stream, type Session } from "./session";

/** An exit takes this long, most of it waiting for the task that reports the status. */
const exitSeconds = 5;
const shutdownExitCode = 255;
/** Of a Java program that SIGTERM or SIGINT ended. */
const signalExitCodes = { SIGTERM: 143, SIGINT: 130 };
const presenceSeconds = 60;

type BusyStatus = "IDLE" | "BUSY" | "EXPIRED";

interface Controlled extends ControlledState {
  /** Null: healthy. */
  unhealthyReason: string | null;
  /** startService fails as without Chrome: 500, and idle again. */
  startFails: boolean;
  /** How fast a recording grows: so much each second. */
  bytesPerWrite: number;
}

const faults: Faults = { delaySeconds: 0, hang: false };
const controlled: Controlled = { unhealthyReason: null, startFails: false, bytesPerWrite: 4096 };
const counts = { started: 0, stopped: 0, refusedBusy: 0 };
let busyStatus: BusyStatus = "IDLE";
let session: Session | undefined;
let stopping: Promise<void> | undefined;
/** Run once, at the next moment without a session. */
let whenIdle: (() => void) | undefined;
let lastFinalizeExitCode: number | null = null;
let exiting = false;

const customConfFile = text("STANDIN_CUSTOM_JIBRI_CONF", "/run/jibri/config/custom-jibri.conf");
const customConf = existsSync(customConfFile) ? readFileSync(customConfFile, "utf8") : "";
const browser: Browser = {
  flags: addedFlags(customConf),
  acceptsAnyCertificate: flag("IGNORE_CERTIFICATE_ERRORS"),
};

/**
 * Where the two APIs listen: on the loopback address unless custom-jibri.conf says otherwise. A full HOCON parser would
 * know more ways to write the key than its own line does.
 */
function apiHost(api: "external" | "internal"): string {
  const setting = new RegExp(`\\b${api}-api-host\\s*[=:]\\s*"?([^"\\s}]+)`).exec(customConf);
  return setting?.[1] ?? "127.0.0.1";
}

/** As XmppApi.kt: a client's id is its server's host name, without the port. */
const environments = xmppServers().filter(({ host }, index, all) => {
  const isKnown = all.findIndex((other) => other.host === host) < index;
  if (isKnown) console.error("Not adding a new MUC client, ID already exists.");
  return !isKnown;
});

const breweries = environments.map(
  (server) =>
    new Brewery({
      server,
      domain: text("XMPP_AUTH_DOMAIN", "auth.meet.jitsi"),
      username: text("JIBRI_XMPP_USER", "jibri"),
      password: text("JIBRI_XMPP_PASSWORD"),
      rooms: [
        `${text("JIBRI_BREWERY_MUC", "jibribrewery")}@${text("XMPP_INTERNAL_MUC_DOMAIN", "internal-muc.meet.jitsi")}`,
      ],
      nickname: text("JIBRI_INSTANCE_ID", text("HOSTNAME")),
      presence: () => [
        xml(
          "jibri-status",
          { xmlns: "http://jitsi.org/protocol/jibri" },
          xml("busy-status", { status: busyStatus.toLowerCase() }),
          xml("health-status", {
            xmlns: "http://jitsi.org/protocol/health",
            status: controlled.unhealthyReason === null ? "healthy" : "unhealthy",
          }),
        ),
      ],
    }),
);

function announce(): void {
  for (const brewery of breweries) brewery.announce();
}

function setBusyStatus(status: BusyStatus): void {
  busyStatus = status;
  announce();
}

function exitSoon(code: number): void {
  exiting = true;
  setTimeout(() => {
    void Promise.all(breweries.map((brewery) => brewery.leave())).then(() => process.exit(code));
  }, scaledMilliseconds(exitSeconds));
}

function executeWhenIdle(action: () => void): void {
  if (session === undefined) action();
  else whenIdle = action;
}

/** Stops a session once, however often it is asked to; resolves when it is finalized. */
function stopSession(): Promise<void> {
  const current = session;
  if (current === undefined) return Promise.resolve();
  stopping ??= (async () => {
    counts.stopped += 1;
    lastFinalizeExitCode =
      (await current.stop(text("JIBRI_FINALIZE_RECORDING_SCRIPT_PATH", "/path/to/finalize"))) ?? null;
    session = undefined;
    stopping = undefined;
    if (whenIdle !== undefined) {
      whenIdle();
      // The real one exits here, before it tells anybody that it is idle.
      return new Promise<void>(() => undefined);
    }
    setBusyStatus(flag("JIBRI_SINGLE_USE_MODE") ? "EXPIRED" : "IDLE");
    return undefined;
  })();
  return stopping;
}

interface StartParams {
  sessionId?: string;
  sinkType?: string;
  youTubeStreamKey?: string;
  callParams?: { callUrlInfo?: { baseUrl?: string; callName?: string } };
  callLoginParams?: object;
}

/** Its browser opens the conference at the public URL. Without one, as when a test starts it alone, there is no page. */
async function joined(room: string): Promise<void> {
  const publicUrl = text("PUBLIC_URL");
  if (publicUrl !== "") await openPage(`${publicUrl}/${room}`, browser);
}

function newSession(sessionId: string, { sinkType, callParams }: StartParams): Session {
  if (String(sinkType).toUpperCase() === "STREAM") return stream(sessionId);
  const { baseUrl = "", callName = "" } = callParams?.callUrlInfo ?? {};
  return new Recording(
    text("JIBRI_RECORDING_DIR", "/storage/recordings"),
    sessionId,
    `${baseUrl}/${callName}`,
    callName,
    () => controlled.bytesPerWrite,
    () => joined(callName),
    (error) => {
      console.error("call not joined:", error);
      void stopSession();
    },
  );
}

function startService(request: Request): Answer | Promise<Answer> {
  const failed: Answer = { status: 500 };
  const refused = (reason: string): Answer => ({
    status: 412,
    headers: { "Content-Type": "text/plain; charset=UTF-8" },
    body: reason,
  });
  let params: StartParams;
  try {
    params = JSON.parse(request.body) as StartParams;
  } catch {
    return failed;
  }
  const { sessionId, youTubeStreamKey, callParams, callLoginParams } = params;
  const sinkType = String(params.sinkType).toUpperCase();
  if (sessionId === undefined || callParams?.callUrlInfo === undefined) return failed;
  // SIP calls have no stand-in.
  if (sinkType !== "FILE" && sinkType !== "STREAM") return failed;
  if (sinkType === "STREAM" && youTubeStreamKey === undefined) return refused("Stream key missing");
  if (callLoginParams === undefined) return refused("Call login params missing");
  // A Jibri on its way out holds the lock that a start waits for, until it is gone.
  if (exiting) return new Promise<Answer>(() => undefined);
  if (session !== undefined) {
    counts.refusedBusy += 1;
    return refused("Jibri is currently busy");
  }
  if (controlled.startFails) return failed;
  try {
    session = newSession(sessionId, params);
  } catch (error) {
    console.error("recording not started:", error);
    return failed;
  }
  counts.started += 1;
  setBusyStatus("BUSY");
  return { status: 200 };
}

function health(): Answer {
  const healthStatus = controlled.unhealthyReason === null ? "HEALTHY" : "UNHEALTHY";
  const details =
    controlled.unhealthyReason === null
      ? {}
      : { JibriManager: { healthStatus, detail: controlled.unhealthyReason } };
  return { ...json({ status: { busyStatus, health: { healthStatus, details } } }), chunked: true };
}

const metrics = recordedMetrics("jitsi_jibri_", "jibri_metrics.http");

function metricsPage(): Answer {
  return {
    status: 200,
    headers: { "Content-Type": "application/openmetrics-text; version=1.0.0; charset=utf-8" },
    body: metrics.openMetrics({
      // By its own description: whether the instance is in use.
      recording: session !== undefined,
      sessions_started_total: counts.started,
      sessions_stopped_total: counts.stopped,
      busy_total: counts.refusedBusy,
      // Zero until the first change of status, as recorded.
      healthy: counts.started > 0 && controlled.unhealthyReason === null,
      xmpp_closed_on_error_total: breweries.reduce((sum, brewery) => sum + brewery.disconnects, 0),
    }),
  };
}

const control = testControl(
  () => ({
    ...controlled,
    ...faults,
    lastFinalizeExitCode,
    busyStatus,
    activity: session?.activity ?? "idle",
    session: session?.id ?? null,
    recordingDirectory: session?.directory ?? null,
    joinedBreweries: breweries.reduce((sum, brewery) => sum + brewery.joinedRooms, 0),
  }),
  (body) => {
    const { delaySeconds, hang, ...patch } = body as Record<string, unknown>;
    applyPatch(faults as unknown as Record<string, number | boolean>, {
      ...(delaySeconds === undefined ? {} : { delaySeconds }),
      ...(hang === undefined ? {} : { hang }),
    });
    applyPatch(controlled, patch);
    announce();
  },
);

async function externalApi(request: Request): Promise<Answer> {
  const controlAnswer = control(request);
  if (controlAnswer !== undefined) return controlAnswer;
  switch (`${request.method} ${request.path}`) {
    case "GET /jibri/api/v1.0/health":
      return health();
    case "POST /jibri/api/v1.0/startService":
      return startService(request);
    case "POST /jibri/api/v1.0/stopService":
      await stopSession();
      return { status: 200 };
    case "GET /metrics":
      return flag("JIBRI_ENABLE_PROMETHEUS") ? metricsPage() : { status: 404 };
    default:
      return { status: 404 };
  }
}

function internalApi(request: Request): Answer {
  const actions: Record<string, () => void> = {
    "/jibri/api/internal/v1.0/gracefulShutdown": () => executeWhenIdle(() => exitSoon(shutdownExitCode)),
    "/jibri/api/internal/v1.0/notifyConfigChanged": () => executeWhenIdle(() => exitSoon(0)),
    "/jibri/api/internal/v1.0/shutdown": () => {
      whenIdle = () => exitSoon(shutdownExitCode);
      if (session === undefined) whenIdle();
      else void stopSession();
    },
  };
  const action = actions[request.path];
  if (action === undefined) return { status: 404 };
  if (request.method !== "POST") return { status: 405 };
  action();
  return { status: 200 };
}

setInterval(announce, scaledMilliseconds(presenceSeconds));
serve(
  { host: apiHost("external"), port: number("JIBRI_HTTP_API_EXTERNAL_PORT", 2222), sendDate: false },
  faults,
  externalApi,
);
serve(
  { host: apiHost("internal"), port: number("JIBRI_HTTP_API_INTERNAL_PORT", 3333), sendDate: false },
  faults,
  internalApi,
);
// There is no shutdown hook in a Jibri: what it was busy with ends there and then, without its finalization.
for (const [signal, code] of Object.entries(signalExitCodes)) {
  process.once(signal, () => {
    if (session !== undefined) console.log(`CUT recording ${session.id}`);
    process.exit(code);
  });
}
