import * as cloudwatch from "@pulumi/aws/cloudwatch";
import * as iam from "@pulumi/aws/iam";
import * as sns from "@pulumi/aws/sns";
import * as sqs from "@pulumi/aws/sqs";
import * as pulumi from "@pulumi/pulumi";
import { alarm } from "./alarm";
import type { AwsContext } from "./context";
import { ALIVE_METRIC, awsName, metricNamespace, RETAINED_METRIC } from "./names";
import { alarmArn, alarmTopicPolicy, publishPolicy, queuePolicy, trust } from "./policies";

const DAY_SECONDS = 86_400;
/** Of messages: longer than an operator's weekend. */
const KEPT_DAYS = 4;
/** Of messages that nobody could do anything with. */
const DEAD_KEPT_DAYS = 14;
/** Above what one look at the fleet takes: a message comes again where its reader died with it. */
const VISIBILITY_SECONDS = 60;
const MOST_RECEIVES = 20;
/** So long no scaler decides before a person is told; it takes over in a fraction of it. */
const SILENT_MINUTES = 5;

/** What AWS says of Spot machines that it wants back. */
const SPOT_NOTICES = {
  interruption: "EC2 Spot Instance Interruption Warning",
  rebalance: "EC2 Instance Rebalance Recommendation",
} as const;

/**
 * What AWS tells the scaler, by one queue: which machine is to end and waits for its drain, and which Spot machine is
 * wanted back. And what is told to a person.
 */
export class Events extends pulumi.ComponentResource {
  readonly queue: sqs.Queue;
  /** Where a group tells that a machine is to end, and the role by which it may. */
  readonly ends: { readonly topicArn: pulumi.Output<string>; readonly roleArn: pulumi.Output<string> };
  /** What must be there before a group tells anything. */
  readonly ways: readonly pulumi.Resource[];
  /** Where alarms go. */
  readonly alarms: sns.Topic;

  constructor(
    private readonly name: string,
    private readonly context: AwsContext,
    opts: pulumi.ComponentResourceOptions,
  ) {
    super("jitsi-fleet:aws:Events", name, {}, opts);
    const { queue, dead } = this.queues();
    this.queue = queue;
    const topic = new sns.Topic(name, { name: awsName(context.stack, "ends"), tags: ROLE }, this.opts);
    const rules = Object.entries(SPOT_NOTICES).map(([word, says]) => this.rule(word, says));
    const policy = new sqs.QueuePolicy(
      name,
      {
        queueUrl: queue.url,
        policy: pulumi.jsonStringify(
          pulumi
            .all([queue.arn, topic.arn, pulumi.all(rules.map(({ arn }) => arn))])
            .apply(([queueArn, topicArn, ruleArns]) => queuePolicy(queueArn, topicArn, ruleArns)),
        ),
      },
      this.opts,
    );
    const subscription = new sns.TopicSubscription(
      name,
      { topic: topic.arn, protocol: "sqs", endpoint: queue.arn },
      { ...this.opts, dependsOn: [policy] },
    );
    for (const [index, word] of Object.keys(SPOT_NOTICES).entries()) {
      const rule = rules[index];
      if (rule)
        new cloudwatch.EventTarget(
          `${name}-${word}`,
          { rule: rule.name, arn: queue.arn },
          { ...this.opts, dependsOn: [policy] },
        );
    }
    const [role, rights] = this.hookRole(topic);
    this.ends = { topicArn: topic.arn, roleArn: role.arn };
    this.ways = [subscription, rights];

    this.alarms = this.alarmTopic();
    this.alarm("dead-letters", {
      alarmDescription: "Messages that the scaler could do nothing with: see the queue of dead letters.",
      namespace: "AWS/SQS",
      metricName: "ApproximateNumberOfMessagesVisible",
      dimensions: { QueueName: dead.name },
      comparisonOperator: "GreaterThanThreshold",
      threshold: 0,
      treatMissingData: "notBreaching",
    });
    this.alarm("scaler-silent", {
      alarmDescription: "No scaler decides. Pools only grow, by their processors' load, until one does.",
      namespace: metricNamespace(context.stack),
      metricName: ALIVE_METRIC,
      comparisonOperator: "LessThanThreshold",
      threshold: 1,
      evaluationPeriods: SILENT_MINUTES,
      treatMissingData: "breaching",
    });
    this.alarm("retained", {
      alarmDescription:
        "Machines whose drain did not end in time are kept, and bill: look at what runs there, then terminate them.",
      namespace: metricNamespace(context.stack),
      metricName: RETAINED_METRIC,
      comparisonOperator: "GreaterThanThreshold",
      threshold: 0,
      treatMissingData: "notBreaching",
    });
    this.registerOutputs();
  }

  private queues(): { queue: sqs.Queue; dead: sqs.Queue } {
    const { name } = this;
    const queueName = awsName(this.context.stack, "events");
    const common = { sqsManagedSseEnabled: true, tags: ROLE };
    const dead = new sqs.Queue(
      `${name}-dead`,
      { ...common, name: `${queueName}-dead`, messageRetentionSeconds: DEAD_KEPT_DAYS * DAY_SECONDS },
      this.opts,
    );
    const queue = new sqs.Queue(
      name,
      {
        ...common,
        name: queueName,
        messageRetentionSeconds: KEPT_DAYS * DAY_SECONDS,
        visibilityTimeoutSeconds: VISIBILITY_SECONDS,
        redrivePolicy: pulumi.jsonStringify({
          deadLetterTargetArn: dead.arn,
          maxReceiveCount: MOST_RECEIVES,
        }),
      },
      this.opts,
    );
    return { queue, dead };
  }

  private rule(word: string, says: string): cloudwatch.EventRule {
    return new cloudwatch.EventRule(
      `${this.name}-${word}`,
      {
        name: awsName(this.context.stack, word),
        description: says,
        // Of all of the region's: whose machine it is, the scaler knows.
        eventPattern: JSON.stringify({ source: ["aws.ec2"], "detail-type": [says] }),
        tags: ROLE,
      },
      this.opts,
    );
  }

  private hookRole(topic: sns.Topic): [iam.Role, pulumi.Resource] {
    const { permissionsBoundary } = this.context.settings.aws;
    const name = `${this.name}-ends`;
    const role = new iam.Role(
      name,
      {
        assumeRolePolicy: JSON.stringify(trust("autoscaling.amazonaws.com")),
        ...(permissionsBoundary === undefined ? {} : { permissionsBoundary }),
        tags: ROLE,
      },
      this.opts,
    );
    const policy = pulumi.jsonStringify(topic.arn.apply(publishPolicy));
    return [role, new iam.RolePolicy(name, { role: role.name, policy }, this.opts)];
  }

  private alarmTopic(): sns.Topic {
    const { settings, stack } = this.context;
    const name = `${this.name}-alarms`;
    const topic = new sns.Topic(name, { name: awsName(stack, "alarms"), tags: ROLE }, this.opts);
    const alarms = alarmArn(settings.aws.region, awsName(stack));
    new sns.TopicPolicy(
      name,
      {
        arn: topic.arn,
        policy: pulumi.jsonStringify(topic.arn.apply((arn) => alarmTopicPolicy(arn, [alarms]))),
      },
      this.opts,
    );
    const { email } = settings.aws.alarms;
    if (email !== undefined)
      new sns.TopicSubscription(name, { topic: topic.arn, protocol: "email", endpoint: email }, this.opts);
    return topic;
  }

  private alarm(word: string, args: cloudwatch.MetricAlarmArgs): void {
    const { context } = this;
    alarm(`${this.name}-${word}`, { context, called: [word], topic: this.alarms.arn, ...args }, this.opts);
  }

  private get opts(): pulumi.CustomResourceOptions {
    return { parent: this, provider: this.context.provider };
  }
}

const ROLE = { Role: "control" };
