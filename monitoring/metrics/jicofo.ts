import {
  above,
  absent,
  below,
  counter,
  flag,
  gauge,
  HOUR,
  LARGEST,
  MINUTE,
  on,
  page,
  SMALLEST,
  ticket,
  type Metric,
} from "../metric";

const [number, growing, yesOrNo] = [gauge("jicofo"), counter("jicofo"), flag("jicofo")];
const byShard = [["Shard"], []] as const;

/** What a shard's Jicofo says of its conferences, bridges and Jibris. */
export const jicofo = {
  participants: number("jitsi_jicofo_participants_current", "People in conferences.", {
    dimensions: byShard,
    panels: [
      on("overview", "People"),
      on("overview", "People by shard", "shard"),
      on("shard", "People", "shard"),
    ],
    alarms: [ticket("shard-crowded", above(5000), "shard", 5 * MINUTE)],
  }),
  visitors: number("jitsi_jicofo_visitors_current", "People who only watch.", {
    panels: [on("shard", "People", "shard")],
    isOptional: true,
  }),
  conferences: number("jitsi_jicofo_conferences", "Conferences that are on.", {
    dimensions: byShard,
    panels: [
      on("overview", "Conferences"),
      on("overview", "Conferences by shard", "shard"),
      on("shard", "Conferences", "shard"),
    ],
    alarms: [page("jicofo-silent", absent, "shard", 5 * MINUTE)],
  }),
  largest_conference: number("jitsi_jicofo_largest_conference", "People in the largest conference.", {
    over: LARGEST,
    panels: [on("overview", "Largest conference"), on("shard", "Conferences", "shard")],
  }),
  conferences_created: growing("jitsi_jicofo_conferences_created_total", "Conferences begun.", {
    panels: [on("shard", "Begun and joined", "shard")],
  }),
  joins: growing("jitsi_jicofo_participants_total", "People who joined.", {
    dimensions: [["Shard"]],
    panels: [on("overview", "Joins"), on("shard", "Begun and joined", "shard")],
  }),
  joins_without_media: growing(
    "jitsi_jicofo_participants_ice_failed_total",
    "People whose browser said that no media path came about.",
    { panels: [on("overview", "Joins without media"), on("shard", "Failures", "shard")] },
  ),
  media_restarts: growing(
    "jitsi_jicofo_participants_restart_requested_total",
    "Browsers that asked for their media session anew.",
    { panels: [on("shard", "Failures", "shard")] },
  ),
  participants_moved: growing("jitsi_jicofo_participants_moved_total", "People moved to another bridge.", {
    panels: [on("bridges", "Moved to another bridge", "shard")],
  }),
  rate_limited_selections: growing(
    "jitsi_jicofo_bridge_selection_rate_limited_total",
    "Choices of a bridge that waited since there were too many at once.",
    {
      dimensions: [["Shard"]],
      panels: [on("shard", "Failures", "shard")],
      alarms: [ticket("selection-limited", above(0), "shard", 5 * MINUTE)],
      isOptional: true,
    },
  ),
  jicofo_healthy: yesOrNo("jitsi_jicofo_healthy", "1 while Jicofo finds itself well.", {
    dimensions: [["Shard"]],
    panels: [on("overview", "Jicofo well", "shard"), on("shard", "Well", "shard")],
    alarms: [page("jicofo-unhealthy", below(1), "shard", 2 * MINUTE)],
  }),
  sessions_offered: growing(
    "jitsi_jicofo_jingle_session_initiate_sent_total",
    "Media sessions offered to browsers. The join objective counts from here.",
    { dimensions: [["Shard"]], panels: [on("shard", "Sessions", "shard")], isOptional: true },
  ),
  sessions_accepted: growing(
    "jitsi_jicofo_jingle_session_accept_received_total",
    "Media sessions that browsers took.",
    { dimensions: [["Shard"]], panels: [on("shard", "Sessions", "shard")], isOptional: true },
  ),
  bridges_known: number("jitsi_jicofo_bridge_selector_bridge_count", "Bridges that Jicofo knows.", {
    over: LARGEST,
    panels: [on("shard", "Bridges", "shard")],
  }),
  bridges_operational: number(
    "jitsi_jicofo_bridge_selector_bridge_count_operational",
    "Bridges that Jicofo gives conferences to.",
    {
      over: SMALLEST,
      dimensions: [["Shard"]],
      panels: [on("overview", "Bridges in use", "shard"), on("shard", "Bridges", "shard")],
      alarms: [page("no-bridge", below(1), "shard", 5 * MINUTE)],
    },
  ),
  bridges_in_shutdown: number(
    "jitsi_jicofo_bridge_selector_bridge_count_in_shutdown",
    "Bridges that end once they are empty.",
    { over: LARGEST, panels: [on("shard", "Bridges", "shard")] },
  ),
  bridge_versions: number(
    "jitsi_jicofo_bridge_selector_bridge_version_count",
    "Versions of bridges side by side.",
    {
      over: LARGEST,
      dimensions: [["Shard"]],
      panels: [on("bridges", "Versions", "shard")],
      alarms: [ticket("bridge-versions", above(1), "shard", 2 * HOUR)],
      isOptional: true,
    },
  ),
  bridges_lost: growing(
    "jitsi_jicofo_bridge_selector_lost_bridges_total",
    "Bridges that Jicofo lost without their leave.",
    {
      dimensions: [["Shard"]],
      panels: [on("overview", "Bridges lost", "shard"), on("bridges", "Lost", "shard")],
      alarms: [page("bridges-lost", above(4), "shard", MINUTE)],
    },
  ),
  bridges_failing_ice: number(
    "jitsi_jicofo_bridge_failing_ice",
    "Bridges to which no media path comes about.",
    {
      labels: { jvb: "instance" },
      over: { series: "sum", time: "max" },
      dimensions: [["Shard"]],
      panels: [on("bridges", "Failing ICE", "instance")],
      alarms: [ticket("bridge-failing-ice", above(0), "shard", 10 * MINUTE)],
      isOptional: true,
    },
  ),
  jicofo_xmpp_disconnects: growing(
    "jitsi_jicofo_xmpp_disconnects_total",
    "Times that Jicofo lost its Prosody.",
    {
      dimensions: [["Shard"]],
      panels: [on("shard", "Failures", "shard")],
      alarms: [ticket("jicofo-disconnects", above(2), "shard", 5 * MINUTE)],
    },
  ),
  participant_seconds: growing("jitsi_jicofo_endpoint_seconds", "Time that people spent in conferences.", {
    unit: "seconds",
    dimensions: [[]],
    panels: [on("overview", "Time in conferences")],
    isOptional: true,
  }),
  jibris_known: number("jitsi_jicofo_jibri_instances", "Jibris that the shard's Jicofo sees.", {
    over: LARGEST,
    panels: [on("recordings", "Jibris that each shard sees", "shard")],
  }),
  jibris_available: number(
    "jitsi_jicofo_jibri_instances_available",
    "Jibris that the shard's Jicofo can give a recording to.",
    {
      over: SMALLEST,
      dimensions: [["Shard"]],
      panels: [on("overview", "Free Jibris", "shard"), on("recordings", "Free for each shard", "shard")],
      alarms: [page("no-free-jibri", below(1), "shard", 5 * MINUTE)],
    },
  ),
  recordings_active: number("jitsi_jicofo_jibri_recording_active", "Recordings that are on.", {
    dimensions: [["Shard"]],
    panels: [on("overview", "Recordings"), on("recordings", "On", "shard")],
  }),
  streams_active: number("jitsi_jicofo_jibri_live_streaming_active", "Live streams that are on.", {
    panels: [on("recordings", "On", "shard")],
  }),
  recording_failures: growing("jitsi_jicofo_jibri_recording_failures_total", "Recordings that failed.", {
    dimensions: [["Shard"]],
    panels: [on("overview", "Recordings that failed"), on("recordings", "Failures", "shard")],
    alarms: [ticket("recording-failed", above(0), "shard", 5 * MINUTE)],
  }),
  stream_failures: growing("jitsi_jicofo_jibri_live_streaming_failures_total", "Live streams that failed.", {
    dimensions: [["Shard"]],
    panels: [on("recordings", "Failures", "shard")],
    alarms: [ticket("stream-failed", above(0), "shard", 5 * MINUTE)],
  }),
  recordings_refused: growing(
    "jitsi_jicofo_jibri_no_instance_failures_total",
    "Recordings that nobody was free for.",
    {
      dimensions: [["Shard"]],
      panels: [on("overview", "Recordings refused"), on("recordings", "Failures", "shard")],
      alarms: [page("recording-refused", above(0), "shard", 5 * MINUTE)],
    },
  ),
} satisfies Record<string, Metric>;
