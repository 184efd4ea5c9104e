import { metrics, type MetricName } from "./catalogue";
import {
  dashboardNames,
  type DashboardName,
  type Identity,
  type Metric,
  type Source,
  type Statistic,
  type Unit,
} from "./metric";

/** A figure of a graph, and how it is asked for. */
export interface Line {
  readonly name: MetricName;
  readonly metric: Metric;
  /** A line for each of these. */
  readonly by?: Identity;
  readonly question: Question;
}

/**
 * How a line is asked for. `statistic` is taken over all that falls into a step. `added`: first for each of these
 * identities, and then added up: that is how a gauge that many tell is right, since a step holds several looks.
 */
export interface Question {
  readonly statistic: Statistic;
  readonly added?: Identity;
}

export interface Graph {
  readonly title: string;
  readonly unit: Unit;
  readonly lines: readonly Line[];
}

/** What names one of the programs, or machines, that tell a metric. */
const tellers: Readonly<Record<Source["from"], Identity>> = {
  jvb: "instance",
  jibri: "instance",
  jicofo: "shard",
  prosody: "shard",
  haproxy: "host",
  keeper: "host",
  machine: "host",
  container: "host",
  scaler: "host",
  agent: "instance",
};

/** What tells every series of a metric apart. */
function seriesOf({ source }: Metric): Identity[] {
  const labels = Object.values(source.labels ?? {});
  // An instance's name is its own in the whole fleet; and what a scaler says of the fleet, each says alike.
  if (labels.includes("instance") || source.from === "scaler") return labels;
  return [...new Set([tellers[source.from], ...labels])];
}

/** How a metric is asked for in a graph. Throws where a graph cannot show it rightly. */
export function questionOf(name: string, metric: Metric, by: Identity | undefined): Question {
  const { kind, over } = metric;
  if (kind === "counter") return { statistic: "sum" };
  if (over.series === over.time) return { statistic: over.time };
  if (over.series !== "sum")
    throw new Error(`${name}: ${over.series} over series of the ${over.time} over time cannot be asked for`);
  const left = seriesOf(metric).filter((identity) => identity !== by);
  if (left.length === 0) return { statistic: over.time };
  const [added, ...more] = left;
  if (by !== undefined || added === undefined || more.length > 0)
    throw new Error(`${name} by ${by ?? "nothing"}: ${left.join(", ")} cannot be added up in one graph`);
  return { statistic: over.time, added };
}

/** The graphs of each dashboard, in the catalogue's order. */
export const dashboards: Readonly<Record<DashboardName, readonly Graph[]>> = Object.fromEntries(
  dashboardNames.map((dashboard) => [dashboard, graphsOf(dashboard)]),
) as Record<DashboardName, Graph[]>;

function graphsOf(dashboard: DashboardName): Graph[] {
  const graphs = new Map<string, { title: string; unit: Unit; lines: Line[] }>();
  for (const [name, metric] of metrics)
    for (const panel of metric.panels.filter((one) => one.dashboard === dashboard)) {
      const graph = graphs.get(panel.graph) ?? { title: panel.graph, unit: metric.unit, lines: [] };
      if (graph.unit !== metric.unit)
        throw new Error(
          `${dashboard}, ${graph.title}: ${name} is in ${metric.unit}, the others in ${graph.unit}`,
        );
      graph.lines.push({
        name,
        metric,
        ...(panel.by && { by: panel.by }),
        question: questionOf(name, metric, panel.by),
      });
      graphs.set(panel.graph, graph);
    }
  return [...graphs.values()];
}
