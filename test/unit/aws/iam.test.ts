import assert from "node:assert/strict";
import type { PolicyDocument } from "../../../components/aws/policies";
import { boundary, DeclaredFleet } from "./declaredFleet";

/** What Session Manager needs, and Run Command. */
const session = {
  "ssm:UpdateInstanceInformation": ["*"],
  "ssmmessages:CreateControlChannel": ["*"],
  "ssmmessages:CreateDataChannel": ["*"],
  "ssmmessages:OpenControlChannel": ["*"],
  "ssmmessages:OpenDataChannel": ["*"],
};

/** Whom registries let in. */
const registries = "arn:aws:ssm:eu-central-1:*:parameter/jitsi/prod/registries";

/** Of every machine whose metrics are collected. */
const metrics = ["* if StringEquals cloudwatch:namespace JitsiFleet/prod"];

/** Every role of a fleet with two shards whose pools' images are baked: who takes it, and every action that it allows, on what, on what condition. */
const reviewed: Record<string, Record<string, readonly string[]>> = {
  "edge-1": node("edge-1", 8),
  "edge-2": node("edge-2", 8),
  s1: node("s1", 4),
  s2: node("s2", 4),
  "scaler-1": { ...node("scaler-1", 8), ...scaler() },
  "scaler-2": { ...node("scaler-2", 8), ...scaler() },
  "s1-bridges": pool("s1-bridges"),
  "s2-bridges": pool("s2-bridges"),
  jibris: {
    ...pool("jibris"),
    "s3:GetObject": [...(pool("jibris")["s3:GetObject"] ?? []), "arn:aws:Bucket:::recordings/*"],
    "s3:PutObject": ["arn:aws:Bucket:::recordings/*"],
    "s3:AbortMultipartUpload": ["arn:aws:Bucket:::recordings/*"],
    "s3:DeleteObject": ["arn:aws:Bucket:::recordings/*.part"],
    "s3:ListBucket": ["arn:aws:Bucket:::recordings if StringLike s3:prefix *"],
  },
  bakery: {
    "taken by": ["ec2.amazonaws.com"],
    "imagebuilder:GetComponent": ["arn:aws:imagebuilder:eu-central-1:*:component/jitsi-prod-bakery/*"],
    "s3:GetObject": [
      "arn:aws:s3:::ec2imagebuilder-managed-resources-eu-central-1-prod/*",
      "arn:aws:s3:::ec2imagebuilder-toe-eu-central-1-prod/*",
    ],
    "logs:CreateLogGroup": ["arn:aws:LogGroup:::bakery", "arn:aws:LogGroup:::bakery:*"],
    "logs:CreateLogStream": ["arn:aws:LogGroup:::bakery", "arn:aws:LogGroup:::bakery:*"],
    "logs:PutLogEvents": ["arn:aws:LogGroup:::bakery", "arn:aws:LogGroup:::bakery:*"],
    "ssm:GetParameters": [registries],
    ...session,
    // Agents, as an image may bring, are told what to do by this service: https://docs.aws.amazon.com/systems-manager/latest/userguide/ssm-agent.html,
    // https://docs.aws.amazon.com/systems-manager/latest/userguide/systems-manager-setting-up-messageAPIs.html
    "ec2messages:AcknowledgeMessage": ["*"],
    "ec2messages:DeleteMessage": ["*"],
    "ec2messages:FailMessage": ["*"],
    "ec2messages:GetEndpoint": ["*"],
    "ec2messages:GetMessages": ["*"],
    "ec2messages:SendReply": ["*"],
  },
  "events-ends": {
    "taken by": ["autoscaling.amazonaws.com"],
    "sns:Publish": ["arn:aws:sns:eu-central-1:123456789012:events"],
  },
  "network-flows": {
    // https://docs.aws.amazon.com/vpc/latest/userguide/flow-logs-iam-role.html has these five, on everything.
    "taken by": ["vpc-flow-logs.amazonaws.com"],
    "logs:CreateLogGroup": ["arn:aws:LogGroup:::network-flows", "arn:aws:LogGroup:::network-flows:*"],
    "logs:DescribeLogGroups": ["*"],
    "logs:CreateLogStream": ["arn:aws:LogGroup:::network-flows", "arn:aws:LogGroup:::network-flows:*"],
    "logs:DescribeLogStreams": ["arn:aws:LogGroup:::network-flows", "arn:aws:LogGroup:::network-flows:*"],
    "logs:PutLogEvents": ["arn:aws:LogGroup:::network-flows", "arn:aws:LogGroup:::network-flows:*"],
  },
};

function machine(name: string, parameters: number): Record<string, readonly string[]> {
  return {
    "taken by": ["ec2.amazonaws.com"],
    "s3:GetObject": [
      `arn:aws:Bucket:::bundles/machines/${name}/current`,
      `arn:aws:Bucket:::bundles/machines/${name}/*.tar`,
      "arn:aws:Bucket:::bundles/programs/*",
    ],
    "ssm:GetParameters": [
      ...Array.from(
        { length: parameters },
        (_, index) => `arn:aws:ssm:eu-central-1:*:parameter/jitsi/prod/${name}/${index + 1}`,
      ),
      registries,
    ],
    ...session,
  };
}

function node(name: string, parameters: number): Record<string, readonly string[]> {
  return {
    ...machine(name, parameters),
    "cloudwatch:PutMetricData": metrics,
    "s3:PutObject": [`arn:aws:Bucket:::bundles/machines/${name}/report.json`],
  };
}

function pool(name: string): Record<string, readonly string[]> {
  return { ...machine(name, 4), "cloudwatch:PutMetricData": metrics };
}

function scaler(): Record<string, readonly string[]> {
  const groups = ["s1-bridges", "s2-bridges", "jibris"].map(
    (name) => `arn:aws:autoscaling:eu-central-1:*:autoScalingGroup:*:autoScalingGroupName/jitsi-prod-${name}`,
  );
  const queue = ["arn:aws:sqs:eu-central-1:*:jitsi-prod-events"];
  const table = ["arn:aws:dynamodb:eu-central-1:*:table/jitsi-prod-fleet"];
  return {
    "autoscaling:CompleteLifecycleAction": groups,
    "autoscaling:DescribeAutoScalingGroups": ["*"],
    "autoscaling:DescribeLifecycleHooks": ["*"],
    "autoscaling:RecordLifecycleActionHeartbeat": groups,
    "autoscaling:SetDesiredCapacity": groups,
    "autoscaling:TerminateInstanceInAutoScalingGroup": groups,
    "autoscaling:UpdateAutoScalingGroup": groups,
    // For the scaler's own figures, and for its machine's.
    "cloudwatch:PutMetricData": [...metrics, ...metrics],
    "dynamodb:GetItem": table,
    "dynamodb:PutItem": table,
    "ec2:DescribeInstances": ["*"],
    "sqs:DeleteMessage": queue,
    "sqs:ReceiveMessage": queue,
  };
}

const documentOf = (text: unknown): PolicyDocument => JSON.parse(String(text)) as PolicyDocument;

/** Resources by action, with their conditions in words. */
function allowed({ Statement }: PolicyDocument): Record<string, string[]> {
  const found: Record<string, string[]> = {};
  for (const { Action, Condition = {}, Resource = [] } of Statement) {
    const conditions = Object.entries(Condition).flatMap(([operator, of]) =>
      Object.entries(of).map(([key, value]) => ` if ${operator} ${key} ${String(value)}`),
    );
    for (const action of [Action].flat())
      (found[action] ??= []).push(...[Resource].flat().map((resource) => resource + conditions.join("")));
  }
  return found;
}

describe("what the fleet may do on AWS", function () {
  this.timeout(600_000);
  let fleet: DeclaredFleet;

  before(async () => {
    fleet = await DeclaredFleet.whole();
  });

  it("is, for every role, what was reviewed and no more", () => {
    const found = Object.fromEntries(
      fleet.all("Role").map((role) => {
        const taken = documentOf(role.inputs["assumeRolePolicy"]).Statement.map(({ Principal }) =>
          typeof Principal === "object" ? Object.values(Principal).join() : Principal,
        );
        const policies = fleet.all("RolePolicy").filter(({ inputs }) => inputs["role"] === idOf(role.name));
        assert.equal(policies.length, 1, `${role.name} has one policy`);
        return [
          role.name,
          { "taken by": taken, ...allowed(documentOf(policies[0]?.inputs["policy"])) },
        ] as const;
      }),
    );
    assert.deepEqual(found, reviewed);
    const attached = fleet.resources.filter(({ type }) => /PolicyAttachment|ManagedPolic/.test(type));
    assert.deepEqual(attached, []);
  });

  it("never has a wildcard in an action", () => {
    for (const { inputs, name } of fleet.all("RolePolicy"))
      for (const action of Object.keys(allowed(documentOf(inputs["policy"]))))
        assert(!action.includes("*"), `${name}: ${action}`);
  });

  it("takes messages from nobody but its own topic and rules", () => {
    const { Statement } = documentOf(fleet.one("QueuePolicy", "events").inputs["policy"]);
    const senders = Statement.map(({ Condition, Principal }) => [
      Principal,
      Condition?.["ArnEquals"]?.["aws:SourceArn"],
    ]);
    assert.deepEqual(senders, [
      [{ Service: "sns.amazonaws.com" }, ["arn:aws:sns:eu-central-1:123456789012:events"]],
      [
        { Service: "events.amazonaws.com" },
        ["arn:aws:EventRule:::events-interruption", "arn:aws:EventRule:::events-rebalance"],
      ],
    ]);
  });

  it("is bounded where the account asks for it, every role", () => {
    for (const { inputs, name } of fleet.all("Role"))
      assert.equal(inputs["permissionsBoundary"], boundary, name);
  });
});

/** As the mocks give it, for either of what names a role. */
const idOf = (role: string): string => `id-${role}`;
