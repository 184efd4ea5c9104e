import * as cloudwatch from "@pulumi/aws/cloudwatch";
import * as pulumi from "@pulumi/pulumi";
import { cloudwatchAlarms } from "../../monitoring/cloudwatch/alarms";
import { cloudwatchDashboard } from "../../monitoring/cloudwatch/dashboards";
import { collectorContainer } from "../collector";
import type { ContainerSpec, MetricsPage, MonitoredArgs } from "../platform";
import { alarm } from "./alarm";
import type { AwsContext } from "./context";
import type { Events } from "./events";
import { awsName, metricNamespace } from "./names";
import { collectorStatements, type Statement } from "./policies";

/** What collects a machine's metrics, and what its machine may for that; nothing where nothing is collected. */
export interface MachineCollector {
  readonly containers: readonly ContainerSpec[];
  readonly rights: readonly Statement[];
}

/** `host`: what the machine is called in its metrics. */
export function machineCollector(
  { settings, stack }: AwsContext,
  host: string,
  pages: readonly MetricsPage[],
): MachineCollector {
  const { aws, images, monitoring } = settings;
  if (monitoring.type === "none") return { containers: [], rights: [] };
  const namespace = metricNamespace(stack);
  const container = collectorContainer({
    image: images.telegraf,
    host,
    intervalSeconds: monitoring.intervalSeconds,
    pages,
    outputs: [{ to: "cloudwatch", region: aws.region, namespace }],
    env: aws.endpoint === undefined ? {} : { AWS_ENDPOINT_URL: aws.endpoint },
  });
  return { containers: [container], rights: collectorStatements(namespace) };
}

export interface AwsMonitoringArgs extends MonitoredArgs {
  readonly context: AwsContext;
  readonly events: Events;
}

/** The dashboard and the alarms of what the machines' collectors send. A change of them touches nothing else. */
export class AwsMonitoring extends pulumi.ComponentResource {
  constructor(name: string, args: AwsMonitoringArgs, opts: pulumi.ComponentResourceOptions) {
    const { context, events, pools, shards } = args;
    super("jitsi-fleet:aws:Monitoring", name, {}, opts);
    const own = { parent: this, provider: context.provider };
    const { region } = context.settings.aws;
    const namespace = metricNamespace(context.stack);
    new cloudwatch.Dashboard(
      name,
      {
        dashboardName: awsName(context.stack, "fleet"),
        dashboardBody: JSON.stringify(cloudwatchDashboard(region, namespace)),
      },
      own,
    );
    for (const { name: called, tell, ...wanted } of cloudwatchAlarms({ namespace, pools, shards }))
      alarm(
        `${name}-${called}`,
        { ...wanted, context, called: [tell, called], topic: events.alarms.arn },
        own,
      );
    this.registerOutputs();
  }
}
