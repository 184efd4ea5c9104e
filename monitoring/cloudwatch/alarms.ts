import { metrics } from "../catalogue";
import type { Alarm, Metric, Statistic } from "../metric";
import { metricName } from "./metricName";

/** An alarm as CloudWatch takes it; the names are those of `aws.cloudwatch.MetricAlarm`. */
export interface CloudwatchAlarm {
  readonly name: string;
  readonly alarmDescription: string;
  readonly namespace: string;
  readonly metricName: string;
  readonly dimensions: Readonly<Record<string, string>>;
  readonly statistic: "Sum" | "Maximum" | "Minimum" | "Average";
  readonly comparisonOperator: "GreaterThanThreshold" | "LessThanThreshold";
  readonly threshold: number;
  readonly period: number;
  readonly evaluationPeriods: number;
  readonly treatMissingData: "breaching" | "notBreaching" | "ignore" | "missing";
  readonly tell: Alarm["tell"];
}

/** CloudWatch's periods: whole minutes, and not above a day together. */
const PERIOD_SECONDS = 60;
const DAY_SECONDS = 86_400;

const statistics = {
  sum: "Sum",
  max: "Maximum",
  min: "Minimum",
  average: "Average",
} as const satisfies Record<Statistic, string>;

/**
 * Telegraf sends one value for each series and minute, so that statistics over a minute are those over series. Of a value
 * that must stay below, the largest counts; of one that must stay above, the smallest.
 */
function statisticOf({ kind, over }: Metric, { each, when }: Alarm): CloudwatchAlarm["statistic"] {
  if (kind === "counter") return "Sum";
  if (each === "fleet" || each === "shard" || each === "pool") return statistics[over.series];
  return "below" in when ? "Minimum" : "Maximum";
}

function boundOf(
  when: Alarm["when"],
): Pick<CloudwatchAlarm, "comparisonOperator" | "threshold" | "treatMissingData"> {
  // Who does not tell is another alarm's: what is unknown is neither well nor ill.
  if ("above" in when)
    return { comparisonOperator: "GreaterThanThreshold", threshold: when.above, treatMissingData: "missing" };
  if ("below" in when)
    return { comparisonOperator: "LessThanThreshold", threshold: when.below, treatMissingData: "missing" };
  // No metric of the catalogue is below 0: only what does not come is.
  return { comparisonOperator: "LessThanThreshold", threshold: -1, treatMissingData: "breaching" };
}

/** How long it must hold, in CloudWatch's terms. A counter is summed over the whole time. */
function timesOf(
  { kind }: Metric,
  { forSeconds }: Alarm,
): Pick<CloudwatchAlarm, "evaluationPeriods" | "period"> {
  if (kind === "counter") return { period: forSeconds, evaluationPeriods: 1 };
  // More than 1440 periods of a minute are more than a day.
  const period = forSeconds > 2 * 3600 ? 3600 : PERIOD_SECONDS;
  return { period, evaluationPeriods: Math.min(forSeconds, DAY_SECONDS) / period };
}

export interface AlarmSubjects {
  /** The stack's own in CloudWatch. */
  readonly namespace: string;
  readonly shards: readonly string[];
  readonly pools: readonly string[];
}

function subjectsOf({ dimensions }: Metric, { each }: Alarm, { pools, shards }: AlarmSubjects) {
  if (each === "shard") return shards.map((shard) => ({ shard }));
  if (each === "pool") return pools.map((pool) => ({ pool }));
  // Instances and hosts have no dimension: one alarm for the worst of them, by shard where the metric has that.
  const isByShard = dimensions.some((set) => set.join() === "Shard") && each !== "fleet";
  return isByShard ? shards.map((shard) => ({ shard })) : [{}];
}

/** All alarms of a fleet: one for each shard or pool, since CloudWatch's alarms take no search. */
export function cloudwatchAlarms(subjects: AlarmSubjects): CloudwatchAlarm[] {
  return metrics.flatMap(([name, metric]) =>
    metric.alarms.flatMap((alarm) =>
      subjectsOf(metric, alarm, subjects).map((dimensions): CloudwatchAlarm => ({
        name: [alarm.name, ...Object.values(dimensions)].join("-"),
        alarmDescription: `${metric.meaning} What to do: docs/runbooks.md, ${alarm.name}.`,
        namespace: subjects.namespace,
        metricName: metricName(name),
        dimensions,
        statistic: statisticOf(metric, alarm),
        ...boundOf(alarm.when),
        ...timesOf(metric, alarm),
        tell: alarm.tell,
      })),
    ),
  );
}
