import { PART } from "@jitsi-fleet/scaler";

/**
 * What each part of the fleet may do on AWS, as documents of IAM. Pure: what is allowed to whom is read here, and
 * test/unit/aws/iam.test.ts lists all of it.
 */

export interface Statement {
  readonly Sid: string;
  readonly Effect: "Allow" | "Deny";
  readonly Principal?: Readonly<Record<string, string>> | "*";
  readonly Action: readonly string[];
  readonly Resource?: readonly string[];
  readonly Condition?: Readonly<Record<string, Readonly<Record<string, string | readonly string[]>>>>;
}
export interface PolicyDocument {
  readonly Version: "2012-10-17";
  readonly Statement: readonly Statement[];
}

export const policy = (statements: readonly Statement[]): PolicyDocument => ({
  Version: "2012-10-17",
  Statement: statements,
});

const allow = (
  Sid: string,
  Action: readonly string[],
  Resource: readonly string[],
  Condition?: Statement["Condition"],
): Statement => ({
  Sid,
  Effect: "Allow",
  Action,
  Resource,
  ...(Condition === undefined ? {} : { Condition }),
});

/** The partition of a region: ARNs of China and GovCloud begin otherwise. */
export function partitionOf(region: string): string {
  if (region.startsWith("cn-")) return "aws-cn";
  return region.startsWith("us-gov-") ? "aws-us-gov" : "aws";
}

/** An ARN of the region, in the account whose role asks: no other account's resources are named so to it. */
const arn = (region: string, service: string, resource: string): string =>
  `arn:${partitionOf(region)}:${service}:${region}:*:${resource}`;

/** Who may take a role: a service of AWS, for its machines or itself. */
export const trust = (service: string): PolicyDocument =>
  policy([{ Sid: "Take", Effect: "Allow", Principal: { Service: service }, Action: ["sts:AssumeRole"] }]);

export interface MachineRights {
  readonly region: string;
  /** ARN of the bucket of bundles. */
  readonly bundles: string;
  /** Keys of what it reads there: its own, and the programs'. */
  readonly reads: readonly string[];
  /** Keys of what it writes there. */
  readonly writes: readonly string[];
  /** Names of the parameters that it reads. */
  readonly parameters: readonly string[];
}

/** What every machine may: follow its bundle, read its own secrets, and be entered by Session Manager. */
export function machineStatements(rights: MachineRights): Statement[] {
  const { bundles, parameters, reads, region, writes } = rights;
  const objects = (keys: readonly string[]): string[] => keys.map((key) => `${bundles}/${key}`);
  return [
    allow("ReadBundle", ["s3:GetObject"], objects(reads)),
    ...(writes.length === 0 ? [] : [allow("WriteReport", ["s3:PutObject"], objects(writes))]),
    ...readSecrets(region, parameters),
    ...sessionStatements(),
  ];
}

function readSecrets(region: string, parameters: readonly string[]): Statement[] {
  if (parameters.length === 0) return [];
  const resources = parameters.map((name) => arn(region, "ssm", `parameter${name}`));
  return [allow("ReadSecrets", ["ssm:GetParameters"], resources)];
}

/**
 * Session Manager's own few actions, as AWS's least policy for it has them. AmazonSSMManagedInstanceCore would let every
 * machine read every parameter of the account besides.
 */
function sessionStatements(): Statement[] {
  return [
    allow(
      "SessionManager",
      [
        "ssm:UpdateInstanceInformation",
        "ssmmessages:CreateControlChannel",
        "ssmmessages:CreateDataChannel",
        "ssmmessages:OpenControlChannel",
        "ssmmessages:OpenDataChannel",
      ],
      ["*"],
    ),
  ];
}

export interface BakingRights {
  readonly region: string;
  /** Name of Image Builder's components. */
  readonly component: string;
  /** ARN of the group of logs. */
  readonly log: string;
  /** Names of the parameters that it reads. */
  readonly parameters: readonly string[];
}

/**
 * What a machine may on which Image Builder bakes: be told what to do, fetch the program that does it, read what is to be
 * done, and write down what became of it. EC2InstanceProfileForImageBuilder would let it read every component and every
 * ISO file, and write all of Image Builder's logs.
 */
export function bakingStatements({ component, log, parameters, region }: BakingRights): Statement[] {
  const ofAws = (bucket: string): string =>
    `arn:${partitionOf(region)}:s3:::ec2imagebuilder-${bucket}-${region}-prod/*`;
  return [
    // ARNs have it in small letters.
    allow(
      "ReadComponent",
      ["imagebuilder:GetComponent"],
      [arn(region, "imagebuilder", `component/${component.toLowerCase()}/*`)],
    ),
    allow("FetchBuilder", ["s3:GetObject"], ["managed-resources", "toe"].map(ofAws)),
    allow(
      "WriteLog",
      ["logs:CreateLogGroup", "logs:CreateLogStream", "logs:PutLogEvents"],
      [log, `${log}:*`],
    ),
    ...readSecrets(region, parameters),
    ...sessionStatements(),
    // What an older agent is told by: an image may have one.
    allow(
      "OlderAgents",
      [
        "ec2messages:AcknowledgeMessage",
        "ec2messages:DeleteMessage",
        "ec2messages:FailMessage",
        "ec2messages:GetEndpoint",
        "ec2messages:GetMessages",
        "ec2messages:SendReply",
      ],
      ["*"],
    ),
  ];
}

/**
 * What Jibris' machines may besides: put recordings under a name of their own making, read back what they put, and give it
 * its final name. What is in the store under its final name they cannot delete.
 */
export function uploadStatements(recordings: {
  readonly bucket: string;
  readonly prefix: string;
}): Statement[] {
  const { bucket, prefix } = recordings;
  return [
    allow(
      "Recordings",
      ["s3:AbortMultipartUpload", "s3:GetObject", "s3:PutObject"],
      [`${bucket}/${prefix}*`],
    ),
    allow("Unfinished", ["s3:DeleteObject"], [`${bucket}/${prefix}*${PART}`]),
    // Else S3 says "forbidden" of what is not there, and nobody could tell that from a store that is closed.
    allow("Names", ["s3:ListBucket"], [bucket], { StringLike: { "s3:prefix": `${prefix}*` } }),
  ];
}

export interface ScalerRights {
  readonly region: string;
  readonly stack: string;
  /** Names of the groups. */
  readonly groups: readonly string[];
  readonly queue: string;
  readonly table: string;
  readonly metrics: string;
}

/** What the scaler may besides: act on these groups, take this queue's messages, keep its lease, and tell figures. */
export function scalerStatements({ groups, metrics, queue, region, table }: ScalerRights): Statement[] {
  return [
    // These can't be bounded to a resource; they change nothing.
    allow(
      "Look",
      [
        "autoscaling:DescribeAutoScalingGroups",
        "autoscaling:DescribeLifecycleHooks",
        "ec2:DescribeInstances",
      ],
      ["*"],
    ),
    allow(
      "Scale",
      [
        "autoscaling:CompleteLifecycleAction",
        "autoscaling:RecordLifecycleActionHeartbeat",
        "autoscaling:SetDesiredCapacity",
        "autoscaling:TerminateInstanceInAutoScalingGroup",
        "autoscaling:UpdateAutoScalingGroup",
      ],
      groups.map((name) => arn(region, "autoscaling", `autoScalingGroup:*:autoScalingGroupName/${name}`)),
    ),
    allow("HearEvents", ["sqs:DeleteMessage", "sqs:ReceiveMessage"], [arn(region, "sqs", queue)]),
    allow("KeepLease", ["dynamodb:GetItem", "dynamodb:PutItem"], [arn(region, "dynamodb", `table/${table}`)]),
    allow("TellFigures", ["cloudwatch:PutMetricData"], ["*"], {
      StringEquals: { "cloudwatch:namespace": metrics },
    }),
  ];
}

/** What every machine may besides where its metrics are collected: tell them below the stack's own name. */
export const collectorStatements = (namespace: string): Statement[] => [
  allow("TellMetrics", ["cloudwatch:PutMetricData"], ["*"], {
    StringEquals: { "cloudwatch:namespace": namespace },
  }),
];

/** What Auto Scaling may, to tell of an instance that is to end. */
export const publishPolicy = (topic: string): PolicyDocument =>
  policy([allow("TellOfEnds", ["sns:Publish"], [topic])]);

/** Who may send to the queue: this topic and these rules, and nothing else of theirs. */
export const queuePolicy = (queue: string, topic: string, rules: readonly string[]): PolicyDocument => {
  const from = (Sid: string, Service: string, sources: readonly string[]): Statement => ({
    Sid,
    Effect: "Allow",
    Principal: { Service },
    Action: ["sqs:SendMessage"],
    Resource: [queue],
    Condition: { ArnEquals: { "aws:SourceArn": sources } },
  });
  return policy([
    from("FromTopic", "sns.amazonaws.com", [topic]),
    from("FromRules", "events.amazonaws.com", rules),
  ]);
};

/** Who may publish to a topic of alarms: those of these alarms that are of the topic's own account. */
export const alarmTopicPolicy = (topic: string, alarms: readonly string[]): PolicyDocument =>
  policy([
    {
      Sid: "FromAlarms",
      Effect: "Allow",
      Principal: { Service: "cloudwatch.amazonaws.com" },
      Action: ["sns:Publish"],
      Resource: [topic],
      Condition: {
        ArnLike: { "aws:SourceArn": alarms },
        StringEquals: { "aws:SourceAccount": topic.split(":")[4] ?? "" },
      },
    },
  ]);

/** The alarms of the stack, by their names' beginning. */
export const alarmArn = (region: string, prefix: string): string =>
  arn(region, "cloudwatch", `alarm:${prefix}*`);
