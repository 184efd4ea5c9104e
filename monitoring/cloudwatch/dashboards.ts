import { dashboards, type Graph, type Line } from "../graphs";
import { dashboardNames, type DashboardName, type Unit } from "../metric";
import { metricName } from "./metricName";

const GRID = { columns: 24, sideBySide: 3, height: 6, heading: 1 } as const;
const PERIOD_SECONDS = 60;

const statistics = { sum: "Sum", max: "Maximum", min: "Minimum", average: "Average" } as const;

const labels: Readonly<Record<Unit, string>> = {
  count: "",
  ratio: "",
  percent: "%",
  bytes: "bytes",
  "bits/s": "bits/s",
  milliseconds: "ms",
  seconds: "s",
};

/**
 * A line as CloudWatch has it in a graph; none where its metric is not sent there, or not by what the line is for each of.
 * Telegraf sends one value for each series and minute, so that a minute's statistic is the one over series.
 */
function rowOf(namespace: string, { by, metric, name }: Line, index: number): unknown[] | undefined {
  const stat = statistics[metric.over.series];
  const label = name.replaceAll("_", " ");
  const has = (set: string): boolean => metric.dimensions.some((one) => one.join() === set);
  if (by === "shard" || by === "pool") {
    if (!has(by === "shard" ? "Shard" : "Pool")) return undefined;
    // New ones are found by themselves.
    const found = `{${namespace},${by}} MetricName="${metricName(name)}"`;
    const expression = `SEARCH('${found}', '${stat}', ${PERIOD_SECONDS})`;
    return [{ expression, id: `line${index}`, label: `${label} \${PROP('Dim.${by}')}` }];
  }
  return has("") ? [namespace, metricName(name), { stat, label, period: PERIOD_SECONDS }] : undefined;
}

interface Shown extends Graph {
  readonly rows: readonly unknown[][];
}

const shown = (namespace: string, graph: Graph): Shown[] => {
  const rows = graph.lines.flatMap((line, index) => {
    const row = rowOf(namespace, line, index);
    return row ? [row] : [];
  });
  return rows.length === 0 ? [] : [{ ...graph, rows }];
};

interface Place {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

const graphWidget = (region: string, { rows, title, unit }: Shown, place: Place): object => ({
  type: "metric",
  ...place,
  properties: {
    title,
    region,
    metrics: rows,
    view: "timeSeries",
    stacked: false,
    period: PERIOD_SECONDS,
    yAxis: { left: { label: labels[unit], showUnits: false } },
  },
});

const headings: Readonly<Record<DashboardName, string>> = {
  overview: "Overview",
  shard: "Shards",
  bridges: "Bridges and scaling",
  recordings: "Jibris and recordings",
  edge: "Edge",
  machines: "Machines",
};

/**
 * The body of the one dashboard, since AWS bills each beyond three: what CloudWatch has figures for, under a heading for
 * each of the catalogue's dashboards. `region`, `namespace`: where the metrics are.
 */
export function cloudwatchDashboard(
  region: string,
  namespace: string,
): { readonly widgets: readonly object[] } {
  const { columns, heading, height, sideBySide } = GRID;
  const width = columns / sideBySide;
  const widgets: object[] = [];
  let y = 0;
  for (const name of dashboardNames) {
    const graphs = dashboards[name].flatMap((graph) => shown(namespace, graph));
    if (graphs.length === 0) continue;
    const place = { x: 0, y, width: columns, height: heading };
    widgets.push({ type: "text", ...place, properties: { markdown: `## ${headings[name]}` } });
    y += heading;
    graphs.forEach((graph, index) => {
      const [column, row] = [index % sideBySide, Math.floor(index / sideBySide)];
      widgets.push(graphWidget(region, graph, { x: column * width, y: y + row * height, width, height }));
    });
    y += Math.ceil(graphs.length / sideBySide) * height;
  }
  return { widgets };
}
