import { text } from "../environment";
import type { MetricValues } from "../openMetrics";
import type { Room } from "./census";
import { bridgeBrewery, jibriBrewery, type Bridge, type Fleet, type Jibri } from "./fleet";

/** What this Jicofo has counted since its start. */
export interface Totals {
  conferences: number;
  participants: number;
  conferenceRequests: number;
}

export interface Health {
  success: boolean;
  status: number;
  message: string | null;
}

const authDomain = text("XMPP_AUTH_DOMAIN", "auth.meet.jitsi");
const strategy = text("OCTO_BRIDGE_SELECTION_STRATEGY", "SingleBridgeSelectionStrategy");
const overloadStress = 0.8;
export const version = text("RELEASE", "1.1.SNAPSHOT");
export const focusJid = `focus@${authDomain}`;

const sizeSteps = [0, 1, 2, 3, 5, 10, 20, 50, 100, 200, 300, 400, 500];
const queueSteps = [0, 1, 4, 16, 64, 256, 1024, 4096, 16384];

/** A histogram as Jicofo prints it: `1_to_2` counts the values from 1 up to but not 2. */
function buckets(steps: number[], values: number[]): Record<string, number> {
  const counted = steps.map((from, index) => {
    const to = steps[index + 1];
    const count = values.filter((value) => value >= from && (to === undefined || value < to)).length;
    return [`${from}_to_${to ?? "max"}`, count] as const;
  });
  return { ...Object.fromEntries(counted), p99_upper_bound: -1, p999_upper_bound: -1 };
}

function is(bridge: Bridge, flag: string): boolean {
  return bridge.statistics[flag] === "true";
}

function isAvailable(jibri: Jibri): boolean {
  return jibri.busyStatus === "idle" && jibri.healthStatus === "healthy";
}

function bridgeSelectorCounts(fleet: Fleet): Record<string, number> {
  return {
    bridge_count: fleet.bridges.length,
    operational_bridge_count: fleet.operationalBridges.length,
    in_shutdown_bridge_count: fleet.bridges.filter((bridge) => is(bridge, "graceful_shutdown")).length,
    lost_bridges: fleet.lostBridges,
    bridge_version_count: new Set(fleet.bridges.map((bridge) => bridge.statistics["version"])).size,
  };
}

function jingleQueue(sessions: number): Record<string, unknown> {
  return {
    added_packets: sessions,
    removed_packets: sessions,
    dropped_packets: 0,
    duration_s: process.uptime(),
    average_remove_rate_pps: sessions / process.uptime(),
    queue_size_at_remove: {
      average_queue_size_at_remove: 0,
      max_queue_size_at_remove: 0,
      min_queue_size_at_remove: 0,
      total_value: 0,
      total_count: sessions,
      discarded: 0,
      buckets: buckets(queueSteps, Array<number>(sessions).fill(0)),
    },
  };
}

/** The body of `/stats`. */
export function stats(fleet: Fleet, rooms: Room[], totals: Totals, health: Health): Record<string, unknown> {
  const sizes = rooms.map((room) => room.participants);
  const participants = sizes.reduce((sum, size) => sum + size, 0);
  const largest = Math.max(0, ...sizes);
  const sessions = totals.participants;
  return {
    total_participants: totals.participants,
    total_conferences_created: totals.conferences,
    conferences: rooms.length,
    conferences_with_visitors: 0,
    bridge_failures: { participants_moved: fleet.participantsMoved, bridges_removed: 0 },
    participant_notifications: { ice_failed: 0, request_restart: 0 },
    largest_conference: largest,
    participants,
    visitors: 0,
    conference_sizes: {
      average: rooms.length === 0 ? "NaN" : participants / rooms.length,
      max: largest,
      min: 0,
      total_value: participants,
      total_count: rooms.length,
      discarded: 0,
      buckets: buckets(sizeSteps, sizes),
    },
    endpoint_pairs: sizes.reduce((sum, size) => sum + size * size, 0),
    jibri: {
      total_sip_call_failures: 0,
      total_live_streaming_failures: 0,
      total_recording_failures: 0,
      live_streaming_active: 0,
      recording_active: 0,
      sip_call_active: 0,
    },
    queues: sessions === 0 ? {} : { "jingle-iq-queue": jingleQueue(sessions) },
    bridge_selector: bridgeSelectorCounts(fleet),
    jibri_detector: { count: fleet.jibris.length, available: fleet.jibris.filter(isAvailable).length },
    sip_jibri_detector: { count: 0, available: 0 },
    jigasi: {},
    threads: 30,
    jingle: {
      sent: sessions === 0 ? {} : { SESSION_INITIATE: sessions, SOURCEADD: sessions },
      received: sessions === 0 ? {} : { SESSION_ACCEPT: sessions },
    },
    version,
    slow_health_check: 0,
    healthy: health.success,
    health: {
      success: health.success,
      hardFailure: true,
      responseCode: null,
      sticky: false,
      message: health.message,
    },
  };
}

/** A conference as `/debug/conference/<jid>` and `/debug?full=true` print it, without its members. */
export function conferenceDebug(room: Room): Record<string, unknown> {
  return {
    name: room.jid,
    meeting_id: "00000000-0000-0000-0000-000000000000",
    config: { rtcstatsEnabled: true, startAudioMuted: null, startVideoMuted: null },
    chat_room: {
      room_jid: room.jid,
      my_occupant_jid: `${room.jid}/focus`,
      members: {},
      audio_senders_count: 0,
      video_senders_count: 0,
      lobby_enabled: false,
      participants_soft_limit: -1,
      moderators: [],
      visitors_enabled: "null",
      visitors_live: false,
      av_moderation: {},
    },
    participants: {},
    chat_room_role_manager: { class: "AutoOwnerRoleManager", owner: "null" },
    started: true,
    start_audio_muted: false,
    start_video_muted: false,
    colibri_session_manager: {},
    conference_properties: { "support-terminate-restart": "true", "bridge-count": "1" },
    include_in_statistics: true,
    conference_sources: {},
    audio_limit_reached: false,
    video_limit_reached: false,
    visitor_count: 0,
    visitor_codecs: { count: 0, ranks: {}, aggregate: [] },
    participant_count: room.participants,
    jibri_count: 0,
    jigasi_count: 0,
    transcriber_count: 0,
  };
}

function bridgeDebug(bridge: Bridge): Record<string, unknown> {
  const stress = Number(bridge.statistics["stress_level"]);
  return {
    "corrected-stress": stress,
    drain: is(bridge, "drain"),
    endpoints: bridge.endpoints,
    "endpoint-restart-requests": 0,
    "failing-ice": false,
    "graceful-shutdown": is(bridge, "graceful_shutdown"),
    healthy: is(bridge, "healthy"),
    operational: is(bridge, "healthy"),
    overloaded: stress >= overloadStress,
    region: bridge.statistics["region"] ?? "null",
    "relay-id": bridge.statistics["relay_id"] ?? "null",
    release: "null",
    "shutting-down": is(bridge, "shutting_down"),
    stress,
    version: bridge.statistics["version"] ?? "null",
  };
}

/** Jicofo's word for "never". */
const never = "-1000000000-01-01T00:00:00Z";

/** The body of `/debug`. */
export function debug(fleet: Fleet, rooms: Room[], full: boolean): Record<string, unknown> {
  return {
    focus_manager: Object.fromEntries(
      rooms.map((room) => [room.jid, full ? conferenceDebug(room) : room.participants]),
    ),
    bridge_selector: {
      strategy,
      bridge: Object.fromEntries(
        fleet.bridges.map((bridge) => [`${bridgeBrewery}/${bridge.nickname}`, bridgeDebug(bridge)]),
      ),
    },
    jibri_detector: {
      is_sip: false,
      brewery_jid: jibriBrewery,
      ...Object.fromEntries(
        fleet.jibris.map((jibri) => [
          jibri.nickname,
          {
            health_status: jibri.healthStatus,
            busy_status: jibri.busyStatus,
            reports_available: isAvailable(jibri),
            last_failed: never,
            last_selected: never,
          },
        ]),
      ),
    },
    sip_jibri_detector: null,
    jigasi_detector: null,
    av_moderation: { address: "null" },
    conference_iq_handler: {
      breakout_address: "null",
      focus_auth_jid: focusJid,
      jigasi_enabled: false,
      auth_authority: "null",
    },
  };
}

export function metricValues(fleet: Fleet, rooms: Room[], totals: Totals, health: Health): MetricValues {
  const selector = bridgeSelectorCounts(fleet);
  const sizes = rooms.map((room) => room.participants);
  const perBridge = (value: (bridge: Bridge) => number): { labels: string; value: number }[] =>
    fleet.bridges.map((bridge) => ({ labels: `jvb="${bridge.nickname}"`, value: value(bridge) }));
  return {
    bridge_endpoints: perBridge((bridge) => bridge.endpoints),
    bridge_failing_ice: perBridge(() => 0),
    bridge_selector_bridge_count: selector["bridge_count"] ?? 0,
    bridge_selector_bridge_count_in_shutdown: selector["in_shutdown_bridge_count"] ?? 0,
    bridge_selector_bridge_count_operational: selector["operational_bridge_count"] ?? 0,
    bridge_selector_bridge_version_count: selector["bridge_version_count"] ?? 0,
    bridge_selector_lost_bridges_total: fleet.lostBridges,
    conference_requests_total: totals.conferenceRequests,
    conferences: rooms.length,
    conferences_created_total: totals.conferences,
    healthy: health.success,
    jibri_instances: fleet.jibris.length,
    jibri_instances_available: fleet.jibris.filter(isAvailable).length,
    largest_conference: Math.max(0, ...sizes),
    participants_current: sizes.reduce((sum, size) => sum + size, 0),
    participants_moved_total: fleet.participantsMoved,
    participants_pairs: sizes.reduce((sum, size) => sum + size * size, 0),
    participants_total: totals.participants,
    version_info: [{ labels: `version="${version}"`, value: 1 }],
  };
}
