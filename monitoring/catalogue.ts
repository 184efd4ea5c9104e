import type { Metric } from "./metric";
import { agent, keeper, scaler } from "./metrics/fleet";
import { haproxy } from "./metrics/haproxy";
import { jibri } from "./metrics/jibri";
import { jicofo } from "./metrics/jicofo";
import { jvb } from "./metrics/jvb";
import { container, machine } from "./metrics/machine";
import { prosody } from "./metrics/prosody";

/** Every metric of the fleet, once, by the name under which it is stored. All else of monitoring is generated from it. */
export const METRICS = {
  ...jicofo,
  ...jvb,
  ...jibri,
  ...prosody,
  ...haproxy,
  ...keeper,
  ...scaler,
  ...agent,
  ...machine,
  ...container,
} satisfies Record<string, Metric>;

export type MetricName = keyof typeof METRICS;
export const metrics: readonly (readonly [MetricName, Metric])[] = Object.entries(METRICS) as [
  MetricName,
  Metric,
][];
