import { metrics } from "../catalogue";
import { identities } from "../metric";
import { MEASUREMENT } from "../telegraf/rules";

/** One index for each day. Their names are out of the way of the patterns that Elasticsearch has templates of its own for. */
export const indexPattern = (day: string): string => `jitsi-fleet-metrics-${day}`;
export const TEMPLATE_NAME = "jitsi-fleet-metrics";

/** Where a metric is in a document. */
export const fieldOf = (metric: string): string => `${MEASUREMENT}.${metric}`;
/** Where an identity is. */
export const tagOf = (identity: string): string => `tag.${identity}`;

const keyword = { type: "keyword", ignore_above: 256 };

/**
 * The index template of the metrics. It takes the catalogue's names and no others: a document with another is refused,
 * so that what collects and what shows cannot drift apart unseen.
 */
export const metricsTemplate = (lifecyclePolicy: string | undefined): object => ({
  index_patterns: [indexPattern("*")],
  priority: 500,
  // Indices are made by this template or not at all: see `action.auto_create_index`.
  allow_auto_create: true,
  template: {
    settings: {
      index: {
        number_of_shards: 1,
        number_of_replicas: 0,
        codec: "best_compression",
        refresh_interval: "5s",
        ...(lifecyclePolicy === undefined ? {} : { lifecycle: { name: lifecyclePolicy } }),
      },
    },
    mappings: {
      dynamic: "strict",
      properties: {
        "@timestamp": { type: "date" },
        measurement_name: keyword,
        tag: {
          dynamic: "strict",
          properties: Object.fromEntries([...identities, "component"].map((name) => [name, keyword])),
        },
        [MEASUREMENT]: {
          dynamic: "strict",
          properties: Object.fromEntries(metrics.map(([name]) => [name, { type: "double" }])),
        },
      },
    },
  },
});

export const LIFECYCLE_NAME = "jitsi-fleet-metrics";

/** Deletes each day's index so many days after it began. */
export const lifecycle = (retentionDays: number): object => ({
  policy: {
    phases: { hot: { actions: {} }, delete: { min_age: `${retentionDays}d`, actions: { delete: {} } } },
  },
});

/** What the collectors' user may do: write metrics, and ask which release this is. */
export const writerRole = {
  cluster: ["monitor"],
  indices: [{ names: [indexPattern("*")], privileges: ["index", "auto_configure"] }],
};
