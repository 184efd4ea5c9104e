import * as cloudwatch from "@pulumi/aws/cloudwatch";
import type * as pulumi from "@pulumi/pulumi";
import type { AwsContext } from "./context";
import { awsName } from "./names";

/** What tells a person that a figure is wrong, and that it is right again: of each minute's highest, unless `args` say else. */
export function alarm(
  name: string,
  {
    context,
    called,
    topic,
    ...args
  }: cloudwatch.MetricAlarmArgs & {
    readonly context: AwsContext;
    /** Parts of its name on AWS, after the stack's. */
    readonly called: readonly string[];
    /** ARN of where it is told. */
    readonly topic: pulumi.Input<string>;
  },
  opts: pulumi.CustomResourceOptions,
): cloudwatch.MetricAlarm {
  return new cloudwatch.MetricAlarm(
    name,
    {
      name: awsName(context.stack, ...called),
      statistic: "Maximum",
      period: 60,
      evaluationPeriods: 1,
      alarmActions: [topic],
      okActions: [topic],
      tags: { Role: "control" },
      ...args,
    },
    opts,
  );
}
