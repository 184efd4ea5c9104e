/** What a figure is read from. Programs tell theirs as Prometheus samples; Telegraf reads machines and containers. */
export const programs = [
  "jvb",
  "jicofo",
  "jibri",
  "prosody",
  "haproxy",
  "keeper",
  "scaler",
  "agent",
] as const;
export type Program = (typeof programs)[number];

/** What tells the series of a metric apart. */
export const identities = [
  "shard",
  "pool",
  "instance",
  "host",
  "container",
  "state",
  "result",
  "code",
  "proxy",
  "domain",
  "family",
  "path",
  "device",
  "interface",
] as const;
export type Identity = (typeof identities)[number];

/** A sample of a program's page, or a field of one of Telegraf's own inputs. */
export interface Source {
  readonly from: Program | "machine" | "container";
  /** The sample's name; of Telegraf's inputs `measurement.field`. */
  readonly sample: string;
  /** Takes the series alone whose labels are these, each one of the values. */
  readonly where?: Readonly<Record<string, readonly string[]>>;
  /** The other labels by which the sample has several series, each with what it is called here: none may be left out. */
  readonly labels?: Readonly<Record<string, Identity>>;
}

/**
 * How a figure behaves. `gauge`: as it is. `flag`: 0 or 1. `counter`: only grows while its program runs; what is stored
 * is by how much it has grown since the look before, so that sums over time and over instances are right.
 */
export type Kind = "gauge" | "counter" | "flag";

export type Unit = "count" | "ratio" | "percent" | "bytes" | "bits/s" | "milliseconds" | "seconds";

export type Statistic = "sum" | "max" | "min" | "average";

/**
 * How a figure adds up: over the series of one moment, and over the moments within one step of a graph. A gauge is
 * never summed over time.
 */
export interface Aggregation {
  readonly series: Statistic;
  readonly time: Exclude<Statistic, "sum"> | "sum";
}

export const dashboardNames = ["overview", "shard", "bridges", "recordings", "edge", "machines"] as const;
export type DashboardName = (typeof dashboardNames)[number];

/** A line of a graph; graphs of one title on one dashboard are one. */
export interface Panel {
  readonly dashboard: DashboardName;
  readonly graph: string;
  /** A line for each of these; none: one line. */
  readonly by?: Identity;
}

/** When somebody is told. */
export interface Alarm {
  /** Unique; `docs/runbooks.md` has a heading of this name. */
  readonly name: string;
  /** `absent`: the figure has not come for that long. */
  readonly when: { readonly above: number } | { readonly below: number } | { readonly absent: true };
  /** One alarm for each of these. On CloudWatch what is for each host, instance or container is one, for the worst of them. */
  readonly each: "fleet" | Extract<Identity, "shard" | "pool" | "instance" | "host" | "container">;
  /** For how long it must hold. Of a counter: how much it grows in this time is held against `when`. */
  readonly forSeconds: number;
  /** `page`: somebody is woken. `ticket`: on the next working day. */
  readonly tell: "page" | "ticket";
}

export interface Metric {
  readonly meaning: string;
  readonly source: Source;
  readonly kind: Kind;
  readonly unit: Unit;
  readonly over: Aggregation;
  /**
   * CloudWatch: sets of dimensions, each of which costs a metric for each of its values. Never an instance: each
   * scale-out would begin metrics that are billed. Elasticsearch keeps every identity.
   */
  readonly dimensions: readonly (readonly ("Shard" | "Pool")[])[];
  readonly panels: readonly Panel[];
  readonly alarms: readonly Alarm[];
  /** What the program need not say: a Jicofo that never had a conference lacks some. */
  readonly isOptional?: true;
}

/** What a row of the catalogue may leave out. */
export type Row = Partial<Pick<Metric, "unit" | "over" | "dimensions" | "alarms" | "isOptional">> & {
  readonly where?: Source["where"];
  readonly labels?: Source["labels"];
  readonly panels?: readonly Panel[];
};

const rowOf =
  (kind: Kind, over: Aggregation) =>
  (from: Source["from"]) =>
  (sample: string, meaning: string, row: Row = {}): Metric => {
    const { where, labels, ...given } = row;
    return {
      meaning,
      source: { from, sample, ...(where && { where }), ...(labels && { labels }) },
      kind,
      unit: "count",
      over,
      dimensions: [],
      panels: [],
      alarms: [],
      ...given,
    };
  };

export const gauge = rowOf("gauge", { series: "sum", time: "average" });
export const counter = rowOf("counter", { series: "sum", time: "sum" });
export const flag = rowOf("flag", { series: "min", time: "min" });

export const LARGEST: Aggregation = { series: "max", time: "max" };
export const SMALLEST: Aggregation = { series: "min", time: "min" };
export const AVERAGE: Aggregation = { series: "average", time: "average" };

export const on = (dashboard: DashboardName, graph: string, by?: Identity): Panel => ({
  dashboard,
  graph,
  ...(by && { by }),
});

const alarm =
  (tell: Alarm["tell"]) =>
  (name: string, when: Alarm["when"], each: Alarm["each"], forSeconds: number): Alarm => ({
    name,
    when,
    each,
    forSeconds,
    tell,
  });
export const page = alarm("page");
export const ticket = alarm("ticket");
export const above = (limit: number): Alarm["when"] => ({ above: limit });
export const below = (limit: number): Alarm["when"] => ({ below: limit });
export const absent: Alarm["when"] = { absent: true };
export const MINUTE = 60;
export const HOUR = 3600;
