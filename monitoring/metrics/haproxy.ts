import { above, below, counter, gauge, LARGEST, MINUTE, on, SMALLEST, ticket, type Metric } from "../metric";

const [number, growing] = [gauge("haproxy"), counter("haproxy")];

/** What each node of the edge says of its connections and tables. */
export const haproxy = {
  edge_sessions: number("haproxy_frontend_current_sessions", "Connections of users.", {
    where: { proxy: ["https"] },
    dimensions: [[]],
    panels: [on("overview", "Connections"), on("edge", "Connections", "host")],
  }),
  edge_answers: growing("haproxy_frontend_http_responses_total", "Answers by their code.", {
    labels: { proxy: "proxy", code: "code" },
    panels: [on("edge", "Answers", "code")],
  }),
  edge_errors: growing(
    "haproxy_frontend_http_responses_total",
    "Answers that say that the fleet is at fault.",
    {
      where: { code: ["5xx"] },
      labels: { proxy: "proxy" },
      dimensions: [[]],
      panels: [on("overview", "Failed answers"), on("edge", "Failed answers", "host")],
    },
  ),
  redispatches: growing(
    "haproxy_backend_redispatch_warnings_total",
    "Requests that went to another shard since theirs did not take them.",
    {
      labels: { proxy: "proxy" },
      dimensions: [[]],
      panels: [on("edge", "Redispatches", "host")],
      alarms: [ticket("redispatches", above(4), "fleet", MINUTE)],
    },
  ),
  rooms_remembered: number("haproxy_sticktable_used", "Rooms in the table that keeps each on its shard.", {
    where: { name: ["rooms"] },
    over: LARGEST,
    dimensions: [[]],
    panels: [on("edge", "Rooms remembered", "host")],
  }),
  rooms_remembered_at_most: number("haproxy_sticktable_size", "Rooms for which that table has room.", {
    where: { name: ["rooms"] },
    over: LARGEST,
    panels: [on("edge", "Rooms remembered", "host")],
  }),
  peers_connected: number("haproxy_process_connected_peers", "Nodes of the edge that share the table.", {
    over: SMALLEST,
    dimensions: [[]],
    panels: [on("edge", "Peers", "host")],
  }),
  peers_active: number("haproxy_process_active_peers", "Nodes of the edge that ought to share it.", {
    over: LARGEST,
    panels: [on("edge", "Peers", "host")],
  }),
  edge_idle: number("haproxy_process_idle_time_percent", "How idle HAProxy is.", {
    unit: "percent",
    over: SMALLEST,
    dimensions: [[]],
    panels: [on("edge", "Idle", "host")],
    alarms: [ticket("edge-busy", below(10), "host", 10 * MINUTE)],
  }),
} satisfies Record<string, Metric>;
