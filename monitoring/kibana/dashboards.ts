import { dashboards, type Graph, type Line } from "../graphs";
import type { DashboardName } from "../metric";
import { fieldOf, indexPattern, tagOf } from "../elasticsearch/template";

export const DATA_VIEW = "jitsi-fleet-metrics";

/** The body of `POST /api/data_views/data_view`, which makes the view or writes it anew. */
export const dataView = {
  override: true,
  data_view: {
    id: DATA_VIEW,
    title: indexPattern("*"),
    name: "Jitsi fleet: metrics",
    timeFieldName: "@timestamp",
  },
} as const;

const titles: Readonly<Record<DashboardName, string>> = {
  overview: "Jitsi fleet: overview",
  shard: "Jitsi fleet: shards",
  bridges: "Jitsi fleet: bridges and scaling",
  recordings: "Jitsi fleet: Jibris and recordings",
  edge: "Jitsi fleet: edge",
  machines: "Jitsi fleet: machines",
};

/** The path of a dashboard in Kibana's API. PUT makes it or replaces it wholly. */
export const dashboardPath = (name: DashboardName): string => `/api/dashboards/jitsi-fleet-${name}`;

/** Kibana's grid has 48 columns; so many graphs side by side. */
const GRID = { columns: 48, sideBySide: 3, height: 10 } as const;
/** Lines of a graph at most: more than that nobody reads. */
const LINES = 20;

const terms = (field: string): object => ({
  operation: "terms",
  fields: [field],
  limit: LINES,
  rank_by: { type: "alphabetical", direction: "asc" },
});

function breakdown({ by, question }: Line): object {
  if (question.added !== undefined)
    return { breakdown_by: { ...terms(tagOf(question.added)), collapse_by: "sum" } };
  return by === undefined ? {} : { breakdown_by: terms(tagOf(by)) };
}

const layer = (line: Line): object => ({
  type: "line",
  data_source: { type: "data_view_reference", ref_id: DATA_VIEW },
  x: { operation: "date_histogram", field: "@timestamp" },
  y: [
    {
      operation: line.question.statistic,
      field: fieldOf(line.name),
      label: line.name.replaceAll("_", " "),
    },
  ],
  ...breakdown(line),
});

const hidden = { title: { visible: false } } as const;

const panel = ({ lines, title }: Graph, index: number): object => ({
  type: "vis",
  grid: {
    x: (index % GRID.sideBySide) * (GRID.columns / GRID.sideBySide),
    y: Math.floor(index / GRID.sideBySide) * GRID.height,
    w: GRID.columns / GRID.sideBySide,
    h: GRID.height,
  },
  config: {
    type: "xy",
    title,
    axis: { x: hidden, y: hidden },
    legend: { position: "bottom", visibility: "visible", layout: { type: "list" } },
    // What is missing is missing: no line goes over it.
    styling: { fitting: { type: "none" } },
    layers: lines.map(layer),
  },
});

/** The body of a dashboard, in the shape of Kibana 9.5. */
export const dashboardBody = (name: DashboardName): object => ({
  title: titles[name],
  description:
    "Generated from the metric catalogue of jitsi-fleet: a change here is lost at the next update.",
  time_range: { from: "now-3h", to: "now" },
  refresh_interval: { pause: false, value: 30_000 },
  pinned_panels: [
    {
      type: "options_list_control",
      width: "medium",
      grow: true,
      config: { title: "Shard", data_view_id: DATA_VIEW, field_name: tagOf("shard") },
    },
  ],
  panels: dashboards[name].map(panel),
});
