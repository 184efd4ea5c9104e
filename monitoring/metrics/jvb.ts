import {
  above,
  AVERAGE,
  below,
  counter,
  flag,
  gauge,
  HOUR,
  LARGEST,
  MINUTE,
  on,
  page,
  ticket,
  type Metric,
} from "../metric";

const [number, growing, yesOrNo] = [gauge("jvb"), counter("jvb"), flag("jvb")];
const byShard = [["Shard"]] as const;

/** What a bridge says of its load, its media and itself. */
export const jvb = {
  bridge_stress: number("jitsi_jvb_stress", "How full a bridge is: 1 is as much as it can carry.", {
    unit: "ratio",
    over: LARGEST,
    dimensions: byShard,
    panels: [
      on("overview", "Fullest bridge", "shard"),
      on("shard", "Fullest bridge", "shard"),
      on("bridges", "Stress by bridge", "instance"),
    ],
    alarms: [page("bridge-full", above(0.9), "shard", 5 * MINUTE)],
  }),
  bridge_participants: number("jitsi_jvb_local_endpoints", "People on a bridge.", {
    dimensions: byShard,
    panels: [on("bridges", "People by bridge", "instance")],
  }),
  bridge_conferences: number("jitsi_jvb_conferences", "Conferences on a bridge.", {
    panels: [on("bridges", "Conferences by bridge", "instance")],
  }),
  bridge_healthy: yesOrNo("jitsi_jvb_healthy", "1 while a bridge finds itself well.", {
    dimensions: byShard,
    panels: [on("bridges", "Well", "instance")],
    alarms: [ticket("bridge-unhealthy", below(1), "instance", 5 * MINUTE)],
  }),
  bridge_draining: number("jitsi_jvb_drain_mode", "Bridges that take no new conference.", {
    panels: [on("bridges", "Draining and stopping")],
  }),
  bridge_stopping: number("jitsi_jvb_graceful_shutdown", "Bridges that end once they are empty.", {
    dimensions: [["Shard"]],
    panels: [on("bridges", "Draining and stopping")],
    alarms: [ticket("bridge-stopping-long", above(0), "instance", 24 * HOUR)],
  }),
  rtt: number("jitsi_jvb_average_rtt", "Round trip between browsers and bridge.", {
    unit: "milliseconds",
    over: AVERAGE,
    dimensions: byShard,
    panels: [on("overview", "Round trip", "shard"), on("bridges", "Round trip", "instance")],
    alarms: [ticket("round-trip-long", above(300), "shard", 10 * MINUTE)],
  }),
  loss_in: number("jitsi_jvb_incoming_loss_fraction", "Packets lost on the way to bridges.", {
    unit: "ratio",
    over: AVERAGE,
    dimensions: byShard,
    panels: [on("overview", "Packets lost", "shard"), on("bridges", "Lost on the way in", "instance")],
    alarms: [ticket("loss-in", above(0.05), "shard", 10 * MINUTE)],
  }),
  loss_out: number("jitsi_jvb_outgoing_loss_fraction", "Packets lost on the way to browsers.", {
    unit: "ratio",
    over: AVERAGE,
    dimensions: byShard,
    panels: [on("overview", "Packets lost", "shard"), on("bridges", "Lost on the way out", "instance")],
    alarms: [ticket("loss-out", above(0.05), "shard", 10 * MINUTE)],
  }),
  bitrate_in: number("jitsi_jvb_incoming_bitrate", "Media to bridges.", {
    unit: "bits/s",
    dimensions: byShard,
    panels: [on("bridges", "Media in", "instance"), on("overview", "Media")],
  }),
  bitrate_out: number("jitsi_jvb_outgoing_bitrate", "Media from bridges.", {
    unit: "bits/s",
    dimensions: byShard,
    panels: [on("bridges", "Media out", "instance"), on("overview", "Media")],
  }),
  relay_bitrate_out: number("jitsi_jvb_relay_outgoing_bitrate", "Media from bridge to bridge.", {
    unit: "bits/s",
    panels: [on("bridges", "Between bridges", "instance")],
  }),
  packets_out: number("jitsi_jvb_outgoing_packet_rate", "Packets a second from bridges.", {
    panels: [on("bridges", "Packets out", "instance")],
  }),
  bytes_sent: growing("jitsi_jvb_bytes_sent_total", "Traffic from bridges, which a cloud bills.", {
    unit: "bytes",
    dimensions: [[]],
    panels: [on("overview", "Traffic out")],
  }),
  ice_succeeded: growing("jitsi_jvb_ice_succeeded_total", "Media paths that came about.", {
    dimensions: byShard,
    panels: [on("bridges", "Media paths")],
  }),
  ice_failed: growing("jitsi_jvb_ice_failed_total", "Media paths that did not come about.", {
    dimensions: byShard,
    panels: [on("bridges", "Media paths"), on("overview", "Media paths that failed", "shard")],
  }),
  ice_relayed: growing("jitsi_jvb_ice_succeeded_relayed_total", "Media paths over a relay.", {
    panels: [on("bridges", "Media paths"), on("edge", "Users over the relay")],
  }),
  dtls_failed: growing("jitsi_jvb_endpoints_dtls_failed_total", "Media paths whose encryption failed.", {
    panels: [on("bridges", "Failures", "instance")],
  }),
  bridge_xmpp_disconnects: growing(
    "jitsi_jvb_xmpp_disconnects_total",
    "Times that a bridge lost its Prosody.",
    { panels: [on("bridges", "Failures", "instance")] },
  ),
  high_loss_participants: number(
    "jitsi_jvb_endpoints_with_high_outgoing_loss",
    "People who lose much of what is sent to them.",
    { panels: [on("bridges", "People with loss", "instance")] },
  ),
  queue_dropped: growing(
    "jitsi_jvb_queue_dropped_packets_total",
    "Packets that a bridge dropped since it could not keep up.",
    {
      dimensions: byShard,
      panels: [on("bridges", "Failures", "instance")],
      alarms: [ticket("bridge-drops-packets", above(0), "shard", 5 * MINUTE)],
    },
  ),
  bridge_heap: number("jitsi_jvb_jvm_heap_used", "Java memory that a bridge uses.", {
    unit: "bytes",
    over: LARGEST,
    panels: [on("bridges", "Java memory", "instance")],
  }),
  bridge_gc: growing("jitsi_jvb_jvm_gc_time", "Time that a bridge spent on collecting garbage.", {
    unit: "milliseconds",
    panels: [on("bridges", "Garbage collection", "instance")],
  }),
} satisfies Record<string, Metric>;
