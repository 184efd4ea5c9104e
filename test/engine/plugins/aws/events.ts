/** `aws.sns`, `aws.sqs` and `aws.cloudwatch`: messages, alarms, logs and rules. */
import type { Properties, Value } from "../properties";
import { objects, text, textMap, written } from "../values";
import { type Aws, count, list, yes } from "./client";
import {
  type AwsType,
  capitalised,
  ifThere,
  renamed,
  sameDocument,
  set,
  tagChanges,
  tagList,
  tagMap,
} from "./type";

/** A map as the query protocol has it. */
const entries = (attributes: Properties): Properties[] =>
  Object.entries(attributes).map(([key, value]) => ({ key, value: written(value) }));

/** The answer's map; with one entry it is no list in XML. */
function attributesOf(answer: Properties): Properties {
  const all = list(list(answer["Attributes"])[0]?.["entry"]);
  return Object.fromEntries(all.map(({ key, value }) => [text(key) ?? "", value ?? null]));
}

const topicAttributes = { displayName: "DisplayName", kmsMasterKeyId: "KmsMasterKeyId", policy: "Policy" };

const topic: AwsType = {
  inputs: ["name", ...Object.keys(topicAttributes)],
  autoName: "name",
  outputs: ["owner", "policy"],
  tagged: true,
  create: async (inputs, aws) => {
    const made = await aws.query("sns", "CreateTopic", {
      Name: inputs["name"] ?? null,
      Attributes: { entry: [] },
      Tags: tagList(inputs["tags"]),
    });
    const id = text(made["TopicArn"]) ?? "";
    for (const [name, value] of Object.entries(renamed(inputs, topicAttributes)))
      await aws.query("sns", "SetTopicAttributes", {
        TopicArn: id,
        AttributeName: name,
        AttributeValue: value,
      });
    return id;
  },
  look: async (aws, { id, inputs }) => {
    const found = attributesOf(await aws.query("sns", "GetTopicAttributes", { TopicArn: id }));
    const tags = await aws.query("sns", "ListTagsForResource", { ResourceArn: id });
    return {
      name: id.split(":").at(-1) ?? null,
      displayName: found["DisplayName"] ?? null,
      kmsMasterKeyId: text(found["KmsMasterKeyId"]) ?? null,
      policy: sameDocument(inputs["policy"], text(found["Policy"])),
      owner: found["Owner"] ?? "",
      arn: id,
      tags: tagMap(list(tags["Tags"])),
    };
  },
  update: async (aws, { id, inputs, news, changed }) => {
    for (const [key, AttributeName] of Object.entries(topicAttributes))
      if (changed(key))
        await aws.query("sns", "SetTopicAttributes", {
          TopicArn: id,
          AttributeName,
          AttributeValue: news[key] ?? "",
        });
    if (changed("tags")) {
      const { gone, set: all } = tagChanges(inputs["tags"], news["tags"]);
      if (gone.length > 0) await aws.query("sns", "UntagResource", { ResourceArn: id, TagKeys: gone });
      await aws.query("sns", "TagResource", { ResourceArn: id, Tags: tagList(all) });
    }
  },
  remove: (aws, { id }) => aws.query("sns", "DeleteTopic", { TopicArn: id }),
};

const topicPolicy: AwsType = {
  inputs: ["arn", "policy"],
  required: ["arn", "policy"],
  outputs: ["owner"],
  create: async (inputs, aws) => {
    await setTopicPolicy(aws, inputs);
    return text(inputs["arn"]) ?? "";
  },
  look: async (aws, { id, inputs }) => {
    const found = attributesOf(await aws.query("sns", "GetTopicAttributes", { TopicArn: id }));
    return {
      arn: id,
      policy: sameDocument(inputs["policy"], text(found["Policy"])),
      owner: found["Owner"] ?? "",
    };
  },
  update: (aws, { news }) => setTopicPolicy(aws, news),
};

async function setTopicPolicy(aws: Aws, { arn, policy }: Properties): Promise<void> {
  const attribute = { AttributeName: "Policy", AttributeValue: policy ?? null };
  await aws.query("sns", "SetTopicAttributes", { TopicArn: arn ?? null, ...attribute });
}

const subscriptionAttributes = {
  rawMessageDelivery: "RawMessageDelivery",
  filterPolicy: "FilterPolicy",
  filterPolicyScope: "FilterPolicyScope",
  redrivePolicy: "RedrivePolicy",
};

const topicSubscription: AwsType = {
  inputs: ["topic", "protocol", "endpoint", "endpointAutoConfirms", ...Object.keys(subscriptionAttributes)],
  required: ["topic", "protocol", "endpoint"],
  outputs: ["ownerId", "pendingConfirmation"],
  create: async (inputs, aws) => {
    const made = await aws.query("sns", "Subscribe", {
      ...renamed(inputs, { topic: "TopicArn", protocol: "Protocol", endpoint: "Endpoint" }),
      ReturnSubscriptionArn: true,
      Attributes: { entry: entries(renamed(inputs, subscriptionAttributes)) },
    });
    return text(made["SubscriptionArn"]) ?? "";
  },
  look: async (aws, { id }) => {
    const found = attributesOf(await aws.query("sns", "GetSubscriptionAttributes", { SubscriptionArn: id }));
    return {
      topic: found["TopicArn"] ?? null,
      protocol: found["Protocol"] ?? null,
      endpoint: found["Endpoint"] ?? null,
      rawMessageDelivery: yes(found["RawMessageDelivery"]),
      ownerId: found["Owner"] ?? "",
      pendingConfirmation: yes(found["PendingConfirmation"]),
      arn: id,
    };
  },
  update: async (aws, { id, news, changed }) => {
    for (const [key, AttributeName] of Object.entries(subscriptionAttributes))
      if (changed(key))
        await aws.query("sns", "SetSubscriptionAttributes", {
          SubscriptionArn: id,
          AttributeName,
          AttributeValue: written(news[key]),
        });
  },
  remove: (aws, { id }) => aws.query("sns", "Unsubscribe", { SubscriptionArn: id }),
};

const queueAttributes = {
  visibilityTimeoutSeconds: "VisibilityTimeout",
  messageRetentionSeconds: "MessageRetentionPeriod",
  receiveWaitTimeSeconds: "ReceiveMessageWaitTimeSeconds",
  delaySeconds: "DelaySeconds",
  maxMessageSize: "MaximumMessageSize",
  policy: "Policy",
  redrivePolicy: "RedrivePolicy",
  redriveAllowPolicy: "RedriveAllowPolicy",
  kmsMasterKeyId: "KmsMasterKeyId",
  sqsManagedSseEnabled: "SqsManagedSseEnabled",
};

function queueRequest(inputs: Properties): Properties {
  const all = Object.entries(renamed(inputs, queueAttributes));
  return Object.fromEntries(all.map(([key, value]) => [key, written(value)]));
}

async function queueFound(aws: Aws, QueueUrl: Value | undefined): Promise<Properties> {
  const asked = { QueueUrl: QueueUrl ?? null, AttributeNames: ["All"] };
  return objects([(await aws.json("sqs", "GetQueueAttributes", asked))["Attributes"] ?? null])[0] ?? {};
}

const queue: AwsType = {
  inputs: ["name", ...Object.keys(queueAttributes)],
  autoName: "name",
  outputs: ["url", "policy", "redrivePolicy"],
  tagged: true,
  create: async (inputs, aws) => {
    const made = await aws.json("sqs", "CreateQueue", {
      QueueName: inputs["name"] ?? null,
      Attributes: queueRequest(inputs),
      tags: textMap(inputs["tags"]),
    });
    return text(made["QueueUrl"]) ?? "";
  },
  look: async (aws, { id, inputs }) => {
    const found = await queueFound(aws, id);
    const tags = await aws.json("sqs", "ListQueueTags", { QueueUrl: id });
    const numbers = [
      "visibilityTimeoutSeconds",
      "messageRetentionSeconds",
      "receiveWaitTimeSeconds",
      "delaySeconds",
    ] as const;
    return {
      url: id,
      arn: found["QueueArn"] ?? "",
      ...Object.fromEntries(numbers.map((key) => [key, count(found[queueAttributes[key]])])),
      policy: sameDocument(inputs["policy"], text(found["Policy"])),
      redrivePolicy: sameDocument(inputs["redrivePolicy"], text(found["RedrivePolicy"])),
      tags: textMap(tags["Tags"]),
    };
  },
  update: async (aws, { id, inputs, news, changed }) => {
    const own = Object.fromEntries(
      Object.keys(queueAttributes)
        .filter((key) => changed(key))
        .map((key) => [key, news[key] ?? ""]),
    );
    if (Object.keys(own).length > 0)
      // moto forgets the policy where a request does not repeat it.
      await aws.json("sqs", "SetQueueAttributes", {
        QueueUrl: id,
        Attributes: { ...renamed(await queueFound(aws, id), { Policy: "Policy" }), ...queueRequest(own) },
      });
    if (changed("tags")) {
      const { gone, set: all } = tagChanges(inputs["tags"], news["tags"]);
      if (gone.length > 0) await aws.json("sqs", "UntagQueue", { QueueUrl: id, TagKeys: gone });
      await aws.json("sqs", "TagQueue", { QueueUrl: id, Tags: all });
    }
  },
  remove: (aws, { id }) => aws.json("sqs", "DeleteQueue", { QueueUrl: id }),
};

/** An attribute of a queue that is a resource of its own. */
function queueDocument(property: string, attribute: string, table: Pick<AwsType, "forceNew"> = {}): AwsType {
  const put = async (aws: Aws, inputs: Properties, document: Value | undefined): Promise<void> => {
    const url = inputs["queueUrl"] ?? null;
    // moto forgets the policy where a request does not repeat it.
    const policy = renamed(await queueFound(aws, url), { Policy: "Policy" });
    const attributes = { ...policy, [attribute]: document ?? "" };
    await aws.json("sqs", "SetQueueAttributes", { QueueUrl: url, Attributes: attributes });
  };
  return {
    ...table,
    inputs: ["queueUrl", property],
    required: ["queueUrl", property],
    create: async (inputs, aws) => {
      await put(aws, inputs, inputs[property]);
      return text(inputs["queueUrl"]) ?? "";
    },
    look: async (aws, { id, inputs }) => {
      const document = text((await queueFound(aws, id))[attribute]);
      // moto takes who may redrive, and does not tell of it.
      if (document === undefined) return property === "policy" ? undefined : {};
      return { [property]: sameDocument(inputs[property], document) };
    },
    update: (aws, { news }) => put(aws, news, news[property]),
    remove: (aws, { inputs }) => put(aws, inputs, ""),
  };
}

const alarmNames = {
  name: "AlarmName",
  alarmDescription: "AlarmDescription",
  actionsEnabled: "ActionsEnabled",
  alarmActions: "AlarmActions",
  okActions: "OKActions",
  insufficientDataActions: "InsufficientDataActions",
  namespace: "Namespace",
  metricName: "MetricName",
  statistic: "Statistic",
  extendedStatistic: "ExtendedStatistic",
  period: "Period",
  evaluationPeriods: "EvaluationPeriods",
  datapointsToAlarm: "DatapointsToAlarm",
  threshold: "Threshold",
  comparisonOperator: "ComparisonOperator",
  treatMissingData: "TreatMissingData",
  unit: "Unit",
};

async function putAlarm(aws: Aws, inputs: Properties, tags: Properties[]): Promise<void> {
  await aws.query(
    "monitoring",
    "PutMetricAlarm",
    set({
      ...renamed(inputs, alarmNames),
      Dimensions: Object.entries(textMap(inputs["dimensions"])).map(([Name, value]) => ({
        Name,
        Value: value,
      })),
      Metrics:
        inputs["metricQueries"] === undefined
          ? undefined
          : objects(inputs["metricQueries"]).map(({ metric, ...query }) => {
              const [stat] = objects([metric ?? null]);
              return set({
                ...(capitalised(query) as Properties),
                MetricStat:
                  stat === undefined
                    ? undefined
                    : {
                        Metric: {
                          ...renamed(stat, { namespace: "Namespace", metricName: "MetricName" }),
                          Dimensions: Object.entries(textMap(stat["dimensions"])).map(([Name, value]) => ({
                            Name,
                            Value: value,
                          })),
                        },
                        ...renamed(stat, { period: "Period", stat: "Stat", unit: "Unit" }),
                      },
              });
            }),
      Tags: tags.length > 0 ? tags : undefined,
    }),
  );
}

const metricAlarm: AwsType = {
  inputs: [...Object.keys(alarmNames), "dimensions", "metricQueries", "thresholdMetricId"],
  required: ["comparisonOperator", "evaluationPeriods"],
  nested: { metricQueries: ["id", "expression", "label", "metric", "period", "returnData", "accountId"] },
  autoName: "name",
  sets: ["alarmActions", "okActions", "insufficientDataActions"],
  defaults: { actionsEnabled: true, treatMissingData: "missing" },
  tagged: true,
  create: async (inputs, aws) => {
    await putAlarm(aws, inputs, tagList(inputs["tags"]));
    return text(inputs["name"]) ?? "";
  },
  look: async (aws, { id }) => {
    const [found] = await aws.queryAll("monitoring", "DescribeAlarms", "MetricAlarms", { AlarmNames: [id] });
    if (found === undefined) return undefined;
    return {
      comparisonOperator: found["ComparisonOperator"] ?? null,
      evaluationPeriods: count(found["EvaluationPeriods"]),
      threshold: count(found["Threshold"]),
      arn: found["AlarmArn"] ?? "",
    };
  },
  update: async (aws, { inputs, outputs, news, changed }) => {
    await putAlarm(aws, news, []);
    if (changed("tags")) {
      const { gone, set: all } = tagChanges(inputs["tags"], news["tags"]);
      const resource = { ResourceARN: outputs["arn"] ?? null };
      if (gone.length > 0) await aws.query("monitoring", "UntagResource", { ...resource, TagKeys: gone });
      await aws.query("monitoring", "TagResource", { ...resource, Tags: tagList(all) });
    }
  },
  remove: (aws, { id }) => aws.query("monitoring", "DeleteAlarms", { AlarmNames: [id] }),
};

const dashboard: AwsType = {
  inputs: ["dashboardName", "dashboardBody"],
  required: ["dashboardName", "dashboardBody"],
  outputs: ["dashboardArn"],
  create: async (inputs, aws) => {
    await aws.query("monitoring", "PutDashboard", capitalised(inputs) as Properties);
    return text(inputs["dashboardName"]) ?? "";
  },
  look: async (aws, { id, inputs }) => {
    const found = await aws.query("monitoring", "GetDashboard", { DashboardName: id });
    return {
      dashboardBody: sameDocument(inputs["dashboardBody"], text(found["DashboardBody"])),
      dashboardArn: found["DashboardArn"] ?? "",
    };
  },
  update: async (aws, { news }) => {
    await aws.query("monitoring", "PutDashboard", capitalised(news) as Properties);
  },
  remove: (aws, { id }) => aws.query("monitoring", "DeleteDashboards", { DashboardNames: [id] }),
};

async function setRetention(aws: Aws, logGroupName: string, inputs: Properties): Promise<void> {
  const days = inputs["retentionInDays"];
  await (days === undefined || days === 0
    ? ifThere(aws.json("logs", "DeleteRetentionPolicy", { logGroupName }))
    : aws.json("logs", "PutRetentionPolicy", { logGroupName, retentionInDays: days }));
}

const logGroup: AwsType = {
  inputs: ["name", "retentionInDays", "kmsKeyId", "skipDestroy", "logGroupClass"],
  autoName: "name",
  defaults: { skipDestroy: false, retentionInDays: 0 },
  tagged: true,
  create: async (inputs, aws) => {
    const logGroupName = text(inputs["name"]) ?? "";
    await aws.json("logs", "CreateLogGroup", { logGroupName, tags: textMap(inputs["tags"]) });
    if (inputs["retentionInDays"] !== 0) await setRetention(aws, logGroupName, inputs);
    return logGroupName;
  },
  look: async (aws, { id }) => {
    const answer = await aws.json("logs", "DescribeLogGroups", { logGroupNamePrefix: id });
    const found = objects(answer["logGroups"]).find(({ logGroupName }) => logGroupName === id);
    if (found === undefined) return undefined;
    const tags = await aws.json("logs", "ListTagsLogGroup", { logGroupName: id });
    return {
      retentionInDays: found["retentionInDays"] ?? 0,
      arn: (text(found["arn"]) ?? "").replace(/:\*$/, ""),
      tags: textMap(tags["tags"]),
    };
  },
  update: async (aws, { id, inputs, news, changed }) => {
    if (changed("retentionInDays")) await setRetention(aws, id, news);
    if (changed("tags")) {
      const { gone, set: all } = tagChanges(inputs["tags"], news["tags"]);
      if (gone.length > 0) await aws.json("logs", "UntagLogGroup", { logGroupName: id, tags: gone });
      await aws.json("logs", "TagLogGroup", { logGroupName: id, tags: all });
    }
  },
  remove: async (aws, { id, inputs }) =>
    inputs["skipDestroy"] === true ? undefined : aws.json("logs", "DeleteLogGroup", { logGroupName: id }),
};

async function putRule(aws: Aws, inputs: Properties): Promise<void> {
  await aws.json("events", "PutRule", {
    ...renamed(inputs, {
      name: "Name",
      description: "Description",
      eventPattern: "EventPattern",
      scheduleExpression: "ScheduleExpression",
      state: "State",
      eventBusName: "EventBusName",
      roleArn: "RoleArn",
    }),
    Tags: tagList(inputs["tags"]),
  });
}

const eventRule: AwsType = {
  inputs: [
    "name",
    "description",
    "eventPattern",
    "scheduleExpression",
    "state",
    "eventBusName",
    "roleArn",
    "forceDestroy",
  ],
  autoName: "name",
  defaults: { eventBusName: "default", state: "ENABLED", forceDestroy: false },
  tagged: true,
  create: async (inputs, aws) => {
    await putRule(aws, inputs);
    return text(inputs["name"]) ?? "";
  },
  look: async (aws, { id, inputs }) => {
    const found = await aws.json("events", "DescribeRule", { Name: id });
    return {
      eventPattern: sameDocument(inputs["eventPattern"], text(found["EventPattern"])),
      state: found["State"] ?? null,
      arn: found["Arn"] ?? "",
    };
  },
  update: async (aws, { inputs, outputs, news, changed }) => {
    await putRule(aws, news);
    const { gone } = tagChanges(inputs["tags"], news["tags"]);
    if (changed("tags") && gone.length > 0)
      await aws.json("events", "UntagResource", { ResourceARN: outputs["arn"] ?? null, TagKeys: gone });
  },
  remove: (aws, { id }) => aws.json("events", "DeleteRule", { Name: id }),
};

async function putTarget(aws: Aws, inputs: Properties): Promise<void> {
  const target = {
    ...renamed(inputs, {
      targetId: "Id",
      arn: "Arn",
      input: "Input",
      inputPath: "InputPath",
      roleArn: "RoleArn",
    }),
    ...(inputs["deadLetterConfig"] === undefined
      ? {}
      : { DeadLetterConfig: capitalised(inputs["deadLetterConfig"]) }),
    ...(inputs["retryPolicy"] === undefined ? {} : { RetryPolicy: capitalised(inputs["retryPolicy"]) }),
  };
  await aws.json("events", "PutTargets", { Rule: inputs["rule"] ?? null, Targets: [target] });
}

const eventTarget: AwsType = {
  inputs: [
    "rule",
    "arn",
    "targetId",
    "eventBusName",
    "input",
    "inputPath",
    "roleArn",
    "deadLetterConfig",
    "retryPolicy",
    "forceDestroy",
  ],
  required: ["rule", "arn"],
  nested: { deadLetterConfig: ["arn"], retryPolicy: ["maximumEventAgeInSeconds", "maximumRetryAttempts"] },
  autoName: "targetId",
  defaults: { eventBusName: "default", forceDestroy: false },
  create: async (inputs, aws) => {
    await putTarget(aws, inputs);
    return `${text(inputs["rule"]) ?? ""}-${text(inputs["targetId"]) ?? ""}`;
  },
  look: async (aws, { inputs }) => {
    const answer = await aws.json("events", "ListTargetsByRule", { Rule: inputs["rule"] ?? null });
    const found = objects(answer["Targets"]).find(({ Id }) => Id === inputs["targetId"]);
    return found === undefined ? undefined : { arn: found["Arn"] ?? null };
  },
  update: (aws, { news }) => putTarget(aws, news),
  remove: (aws, { inputs }) =>
    aws.json("events", "RemoveTargets", { Rule: inputs["rule"] ?? null, Ids: [inputs["targetId"] ?? null] }),
};

/** By token. */
export const eventTypes: Record<string, AwsType> = {
  "aws:sns/topic:Topic": topic,
  "aws:sns/topicPolicy:TopicPolicy": topicPolicy,
  "aws:sns/topicSubscription:TopicSubscription": topicSubscription,
  "aws:sqs/queue:Queue": queue,
  "aws:sqs/queuePolicy:QueuePolicy": queueDocument("policy", "Policy"),
  "aws:sqs/redriveAllowPolicy:RedriveAllowPolicy": queueDocument("redriveAllowPolicy", "RedriveAllowPolicy", {
    forceNew: ["queueUrl"],
  }),
  "aws:cloudwatch/metricAlarm:MetricAlarm": metricAlarm,
  "aws:cloudwatch/dashboard:Dashboard": dashboard,
  "aws:cloudwatch/logGroup:LogGroup": logGroup,
  "aws:cloudwatch/eventRule:EventRule": eventRule,
  "aws:cloudwatch/eventTarget:EventTarget": eventTarget,
};
