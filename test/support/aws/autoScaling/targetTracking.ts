import { CloudWatchClient, GetMetricStatisticsCommand, type Statistic } from "@aws-sdk/client-cloudwatch";
import type { ClientSettings } from "../clientSettings";
import type { Clock } from "../clock";
import { Parameters } from "../parameters";
import type { Engine } from "./engine";
import { evaluate } from "./expression";
import type { Group } from "./model";

/** The alarms of such a policy look at three periods of a minute (user guide, "Target tracking scaling policies"). */
const PERIOD_SECONDS = 60;
const PERIODS = 3;
/** moto tells times apart by seconds. */
const SHORTEST_WINDOW_MS = 2000;

/**
 * Policies of target tracking, as far as they scale out: where the metric is above its target, the group grows in
 * proportion, and instances that warm up are not counted. They never scale in here.
 */
export class TargetTracking {
  private readonly cloudWatch: CloudWatchClient;

  constructor(
    settings: ClientSettings,
    private readonly clock: Clock,
    private readonly engine: Engine,
  ) {
    this.cloudWatch = new CloudWatchClient(settings);
  }

  /** Looks once in a while. */
  start(): void {
    const look = (): void => {
      this.engine.run(() => this.lookAtAll());
      this.clock.after(Math.max(PERIOD_SECONDS, this.clock.scale), look);
    };
    this.clock.after(PERIOD_SECONDS, look);
  }

  async lookAtAll(): Promise<void> {
    for (const group of this.engine.groups.values())
      for (const policy of group.policies.values()) await this.look(group, new Parameters(policy));
  }

  destroy(): void {
    this.cloudWatch.destroy();
  }

  private async look(group: Group, policy: Parameters): Promise<void> {
    const configuration = policy.structure("TargetTrackingConfiguration");
    const specification = configuration?.structure("CustomizedMetricSpecification");
    if (
      !configuration ||
      !specification ||
      policy.boolean("Enabled") === false ||
      group.suspended.has("AlarmNotification")
    )
      return;
    const value = await this.valueOf(specification);
    const target = Number(configuration.text("TargetValue"));
    if (value === undefined || value <= target) return;
    const warmUp = policy.integer("EstimatedInstanceWarmup") ?? 0;
    const counting = [...group.members.values()].filter(
      ({ state, inServiceAt }) =>
        state === "InService" && inServiceAt !== undefined && this.clock.now() - inServiceAt >= warmUp,
    ).length;
    const wanted = Math.min(Math.ceil((counting * value) / target), group.maxSize);
    if (wanted <= group.desired) return;
    group.desired = wanted;
    this.engine.reconcile(group);
  }

  private async valueOf(specification: Parameters): Promise<number | undefined> {
    const queries = specification.structures("Metrics");
    if (queries.length === 0) return this.read(specification, specification.text("Statistic"));
    const values = new Map<string, number | undefined>();
    for (const query of queries) {
      const stat = query.structure("MetricStat");
      const metric = stat?.structure("Metric");
      if (stat && metric) values.set(query.required("Id"), await this.read(metric, stat.text("Stat")));
    }
    const returned = queries.find((query) => query.text("ReturnData") !== "false");
    if (!returned) return undefined;
    const expression = returned.text("Expression");
    return expression === undefined ? values.get(returned.required("Id")) : evaluate(expression, values);
  }

  private async read(metric: Parameters, statistic = "Average"): Promise<number | undefined> {
    const end = Date.now() + 1000;
    const windowMs = Math.max((PERIODS * PERIOD_SECONDS * 1000) / this.clock.scale, SHORTEST_WINDOW_MS);
    const { Datapoints = [] } = await this.cloudWatch.send(
      new GetMetricStatisticsCommand({
        Namespace: metric.required("Namespace"),
        MetricName: metric.required("MetricName"),
        Dimensions: metric
          .structures("Dimensions")
          .map((one) => ({ Name: one.required("Name"), Value: one.required("Value") })),
        StartTime: new Date(end - windowMs),
        EndTime: new Date(end),
        Period: Math.ceil(windowMs / 1000),
        Statistics: [statistic as Statistic],
      }),
    );
    const [point] = Datapoints.sort((a, b) => Number(b.Timestamp) - Number(a.Timestamp));
    return point?.[statistic as Statistic];
  }
}
