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

const pool = { pool: "pool" } as const;
const byPool = [["Pool"]] as const;

/** What the scaler has decided, and what it finds. */
export const scaler = {
  pool_desired: gauge("scaler")("jitsi_fleet_pool_desired_instances", "Instances that ought to serve.", {
    labels: pool,
    over: LARGEST,
    dimensions: byPool,
    panels: [on("bridges", "Desired and serving", "pool"), on("recordings", "Desired and serving", "pool")],
    isOptional: true,
  }),
  pool_serving: gauge("scaler")("jitsi_fleet_pool_serving_instances", "Instances that serve.", {
    labels: pool,
    over: LARGEST,
    dimensions: byPool,
    panels: [
      on("overview", "Serving", "pool"),
      on("bridges", "Desired and serving", "pool"),
      on("recordings", "Desired and serving", "pool"),
    ],
    alarms: [page("pool-empty", below(1), "pool", 5 * MINUTE)],
  }),
  pool_pending: gauge("scaler")("jitsi_fleet_pool_pending_instances", "Instances that are starting.", {
    labels: pool,
    over: LARGEST,
    dimensions: byPool,
    panels: [on("bridges", "Starting", "pool"), on("recordings", "Starting", "pool")],
  }),
  pool_instances: gauge("scaler")("jitsi_fleet_pool_instances", "Instances by what they are good for.", {
    labels: { pool: "pool", state: "state" },
    over: LARGEST,
    panels: [on("bridges", "States", "state"), on("recordings", "States", "state")],
  }),
  actions: counter("scaler")("jitsi_fleet_actions_total", "What the scaler did, by how it ended.", {
    labels: { kind: "state", result: "result" },
    panels: [on("bridges", "Actions", "state")],
    isOptional: true,
  }),
  actions_failed: counter("scaler")("jitsi_fleet_actions_total", "What the scaler tried in vain.", {
    where: { result: ["failed"] },
    labels: { kind: "state" },
    dimensions: [[]],
    panels: [on("bridges", "Actions that failed")],
    alarms: [ticket("actions-fail", above(5), "fleet", 10 * MINUTE)],
    isOptional: true,
  }),
  host_reachable: flag("scaler")("jitsi_fleet_host_reachable", "1 if the host's agent answers.", {
    labels: { host: "host" },
    dimensions: [[]],
    panels: [on("machines", "Agents answer", "host")],
    alarms: [page("host-silent", below(1), "host", 5 * MINUTE)],
    isOptional: true,
  }),
  recordings_waiting: gauge("scaler")("jitsi_fleet_recordings", "Recordings that wait for their upload.", {
    where: { state: ["waiting"] },
    labels: { host: "host" },
    over: { series: "sum", time: "max" },
    panels: [on("recordings", "Not in the store yet", "host"), on("overview", "Recordings on their way")],
    isOptional: true,
  }),
  recordings_failing: gauge("scaler")(
    "jitsi_fleet_recordings",
    "Recordings that the store has refused so far.",
    {
      where: { state: ["failing"] },
      labels: { host: "host" },
      over: { series: "sum", time: "max" },
      dimensions: [[]],
      panels: [on("recordings", "Refused by the store", "host")],
      alarms: [ticket("upload-fails", above(0), "fleet", 15 * MINUTE)],
      isOptional: true,
    },
  ),
  scaler_leads: gauge("scaler")("jitsi_fleet_scaler_leads", "Scalers that act: one does.", {
    over: { series: "sum", time: "max" },
    dimensions: [[]],
    panels: [on("overview", "Scalers that act"), on("bridges", "Scalers that act")],
    alarms: [
      page("scaler-silent", absent, "fleet", 5 * MINUTE),
      page("two-scalers", above(1), "fleet", 2 * MINUTE),
    ],
  }),
  look_seconds: gauge("scaler")("jitsi_fleet_look_seconds", "How long a look at the fleet took.", {
    where: { look: ["last"] },
    unit: "seconds",
    over: LARGEST,
    panels: [on("bridges", "Time for a look")],
  }),
} satisfies Record<string, Metric>;

/** What the agent of a host finds of its instances. */
export const agent = {
  instance_up: flag("agent")("jitsi_fleet_instance_up", "1 while a bridge or a Jibri tells its figures.", {
    labels: { instance: "instance", pool: "pool" },
    dimensions: [[], ["Pool"]],
    panels: [on("bridges", "All answer", "pool")],
    alarms: [ticket("instance-silent", below(1), "instance", 10 * MINUTE)],
    isOptional: true,
  }),
} satisfies Record<string, Metric>;

/** What the keeper beside each HAProxy finds of the edge and the shards. */
export const keeper = {
  edge_nodes: gauge("keeper")("jitsi_fleet_edge_nodes", "Nodes that the edge ought to have.", {
    over: LARGEST,
    panels: [on("edge", "Nodes")],
  }),
  edge_nodes_present: gauge("keeper")("jitsi_fleet_edge_nodes_present", "Nodes that hear one another.", {
    over: SMALLEST,
    dimensions: [[]],
    panels: [on("edge", "Nodes"), on("overview", "Edge nodes")],
    alarms: [page("edge-silent", absent, "fleet", 5 * MINUTE)],
  }),
  edge_leads: gauge("keeper")(
    "jitsi_fleet_edge_leads",
    "Nodes that decide: one does, unless the edge is parted.",
    {
      over: { series: "sum", time: "max" },
      dimensions: [[]],
      panels: [on("edge", "Nodes")],
      alarms: [page("edge-parted", above(1), "fleet", 2 * MINUTE)],
    },
  ),
  edge_obeys: flag("keeper")("jitsi_fleet_edge_haproxy_obeys", "1 while HAProxy is as it ought to be.", {
    dimensions: [[]],
    panels: [on("edge", "HAProxy obeys", "host")],
    alarms: [page("haproxy-disobeys", below(1), "host", 2 * MINUTE)],
  }),
  edge_settled: flag("keeper")("jitsi_fleet_edge_settled", "1 while what the settings want is in force.", {
    dimensions: [[]],
    panels: [on("edge", "Settings in force", "host")],
    alarms: [ticket("edge-unsettled", below(1), "host", 10 * MINUTE)],
  }),
  edge_held: gauge("keeper")("jitsi_fleet_edge_held", "1 while requests wait for a change.", {
    over: LARGEST,
    panels: [on("edge", "Gates closed", "host")],
  }),
  shard_up: flag("keeper")("jitsi_fleet_edge_shard_up", "1 for a shard that may hold rooms.", {
    labels: { shard: "shard" },
    dimensions: [["Shard"]],
    panels: [on("overview", "Shards up", "shard"), on("edge", "Shards up", "shard")],
    alarms: [page("shard-down", below(1), "shard", MINUTE)],
  }),
  shard_reached: flag("keeper")(
    "jitsi_fleet_edge_shard_reach",
    "1 where an edge node finds the shard well.",
    {
      labels: { shard: "shard" },
      panels: [on("edge", "Shards found well", "shard")],
    },
  ),
  split_rooms: gauge("keeper")("jitsi_fleet_split_rooms", "Rooms that are on several shards.", {
    over: LARGEST,
    dimensions: [[]],
    panels: [on("overview", "Split rooms"), on("edge", "Split rooms")],
    alarms: [
      page("room-split", above(0), "fleet", MINUTE),
      ticket("split-rooms-unknown", absent, "fleet", 15 * MINUTE),
    ],
    isOptional: true,
  }),
  certificate_expiry: gauge("keeper")(
    "jitsi_fleet_edge_certificate_expiry_timestamp_seconds",
    "When the certificate ends, in seconds since 1970.",
    {
      where: { by: ["acme"] },
      unit: "seconds",
      over: SMALLEST,
      panels: [on("edge", "Certificate ends", "host")],
      isOptional: true,
    },
  ),
  certificate_failures: gauge("keeper")(
    "jitsi_fleet_edge_certificate_failures",
    "Attempts in a row that brought no certificate.",
    {
      where: { by: ["acme"] },
      over: LARGEST,
      dimensions: [[]],
      panels: [on("edge", "Certificate", "host")],
      alarms: [ticket("certificate-fails", above(3), "fleet", HOUR)],
      isOptional: true,
    },
  ),
} satisfies Record<string, Metric>;
