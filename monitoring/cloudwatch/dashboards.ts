import { dashboards, type Graph, type Line } from "../graphs";
import type { DashboardName, Unit } from "../metric";
import { metricName, NAMESPACE } from "./namespace";

const GRID = { columns: 24, sideBySide: 3, height: 6 } as const;
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
function rowOf({ by, metric, name }: Line, index: number): unknown[] | undefined {
  const stat = statistics[metric.over.series];
  const label = name.replaceAll("_", " ");
  const has = (set: string): boolean => metric.dimensions.some((one) => one.join() === set);
  if (by === "shard" || by === "pool") {
    if (!has(by === "shard" ? "Shard" : "Pool")) return undefined;
    // New ones are found by themselves.
    const found = `{${NAMESPACE},${by}} MetricName="${metricName(name)}"`;
    const expression = `SEARCH('${found}', '${stat}', ${PERIOD_SECONDS})`;
    return [{ expression, id: `line${index}`, label: `${label} \${PROP('Dim.${by}')}` }];
  }
  return has("") ? [NAMESPACE, metricName(name), { stat, label, period: PERIOD_SECONDS }] : undefined;
}

interface Shown extends Graph {
  readonly rows: readonly unknown[][];
}

const shown = (graph: Graph): Shown[] => {
  const rows = graph.lines.flatMap((line, index) => {
    const row = rowOf(line, index);
    return row ? [row] : [];
  });
  return rows.length === 0 ? [] : [{ ...graph, rows }];
};

const widget =
  (region: string) =>
  ({ rows, title, unit }: Shown, index: number): object => ({
    type: "metric",
    x: (index % GRID.sideBySide) * (GRID.columns / GRID.sideBySide),
    y: Math.floor(index / GRID.sideBySide) * GRID.height,
    width: GRID.columns / GRID.sideBySide,
    height: GRID.height,
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

/** The body of a dashboard: what CloudWatch has figures for. `region`: where the metrics are. */
export const cloudwatchDashboard = (name: DashboardName, region: string): object => ({
  widgets: dashboards[name].flatMap(shown).map(widget(region)),
});
