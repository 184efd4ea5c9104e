import assert from "node:assert/strict";
import { buildLimitMs, pulumiCli } from "../engine/cli";
import { Aws } from "../engine/plugins/aws/client";
import { awsTypes } from "../engine/plugins/aws/types";
import type { Properties } from "../engine/plugins/properties";
import { EngineStack } from "../engine/workspace";
import { AwsEmulator } from "../support/aws/emulator";

const REGION = "eu-central-1";

/** What an account is asked for everything a program of this project may make: service, question, key of the list. */
const questions = [
  ["ec2", "DescribeVpcs", "vpcSet", "vpcId"],
  ["ec2", "DescribeSubnets", "subnetSet", "subnetId"],
  ["ec2", "DescribeInternetGateways", "internetGatewaySet", "internetGatewayId"],
  ["ec2", "DescribeRouteTables", "routeTableSet", "routeTableId"],
  ["ec2", "DescribeSecurityGroups", "securityGroupInfo", "groupId"],
  ["ec2", "DescribeNetworkInterfaces", "networkInterfaceSet", "networkInterfaceId"],
  ["ec2", "DescribeAddresses", "addressesSet", "allocationId"],
  ["ec2", "DescribeFlowLogs", "flowLogSet", "flowLogId"],
  ["ec2", "DescribeLaunchTemplates", "launchTemplates", "launchTemplateId"],
  ["autoscaling", "DescribeAutoScalingGroups", "AutoScalingGroups", "AutoScalingGroupName"],
  ["autoscaling", "DescribeScheduledActions", "ScheduledUpdateGroupActions", "ScheduledActionName"],
  ["autoscaling", "DescribePolicies", "ScalingPolicies", "PolicyName"],
  ["iam", "ListRoles", "Roles", "RoleName"],
  ["iam", "ListInstanceProfiles", "InstanceProfiles", "InstanceProfileName"],
  ["sns", "ListTopics", "Topics", "TopicArn"],
  ["sns", "ListSubscriptions", "Subscriptions", "SubscriptionArn"],
  ["monitoring", "DescribeAlarms", "MetricAlarms", "AlarmName"],
  ["elasticloadbalancing", "DescribeLoadBalancers", "LoadBalancers", "LoadBalancerName"],
  ["elasticloadbalancing", "DescribeTargetGroups", "TargetGroups", "TargetGroupName"],
] as const;
const jsonQuestions = [
  ["sqs", "ListQueues", "QueueUrls"],
  ["dynamodb", "ListTables", "TableNames"],
  ["logs", "DescribeLogGroups", "logGroups"],
  ["events", "ListRules", "Rules"],
  ["acm", "ListCertificates", "CertificateSummaryList"],
  ["ssm", "DescribeParameters", "Parameters"],
] as const;

/** How many there are of each kind, as AWS itself tells. */
async function census(aws: Aws): Promise<Record<string, number>> {
  const counts: Record<string, number> = {};
  for (const [service, question, key] of questions)
    counts[question] = (await aws.queryAll(service, question, key)).length;
  for (const [service, question, key] of jsonQuestions)
    counts[question] = ((await aws.json(service, question))[key] as unknown[] | undefined)?.length ?? 0;
  // Deleted ones are told of for a while, and so are machines.
  const endpoints = await aws.queryAll("ec2", "DescribeVpcEndpoints", "vpcEndpointSet");
  counts["DescribeVpcEndpoints"] = endpoints.filter(({ state }) => state !== "deleted").length;
  const running = await aws.queryAll("ec2", "DescribeInstances", "reservationSet", {
    Filter: [{ Name: "instance-state-name", Value: ["pending", "running", "stopping", "stopped"] }],
  });
  counts["DescribeInstances"] = running.length;
  for (const [service, path] of [
    ["s3", "/"],
    ["route53", "/2013-04-01/hostedzone"],
  ] as const)
    counts[service] =
      (await aws.rest(service, { method: "GET", path })).body.split(/<(?:Bucket|HostedZone)>/).length - 1;
  return counts;
}

/** What the program of this test adds to an empty account. */
const added = {
  DescribeVpcs: 1,
  DescribeSubnets: 2,
  DescribeInternetGateways: 1,
  // The main one comes with the VPC.
  DescribeRouteTables: 2,
  DescribeSecurityGroups: 3,
  DescribeVpcEndpoints: 1,
  DescribeAddresses: 2,
  DescribeFlowLogs: 1,
  DescribeLaunchTemplates: 1,
  DescribeAutoScalingGroups: 1,
  DescribeScheduledActions: 1,
  DescribePolicies: 1,
  ListRoles: 2,
  ListInstanceProfiles: 1,
  ListTopics: 1,
  ListSubscriptions: 1,
  DescribeAlarms: 1,
  DescribeLoadBalancers: 1,
  DescribeTargetGroups: 1,
  ListQueues: 2,
  ListTables: 1,
  DescribeLogGroups: 1,
  ListRules: 1,
  ListCertificates: 1,
  DescribeParameters: 1,
  s3: 1,
  route53: 1,
};

describe("the stand-in for the AWS plug-in", function () {
  this.timeout(600_000);
  let emulator: AwsEmulator | undefined;
  let stack: EngineStack;
  let dispose = (): Promise<void> => Promise.resolve();
  let aws: Aws;
  let empty: Record<string, number>;

  before(async function () {
    this.timeout(buildLimitMs);
    await pulumiCli();
    const started = await AwsEmulator.start();
    emulator = started;
    const services = [
      "acm",
      "autoscaling",
      "cloudwatch",
      "cloudwatchevents",
      "cloudwatchlogs",
      "dynamodb",
      "ec2",
    ];
    const others = ["elbv2", "iam", "route53", "s3", "sns", "sqs", "ssm", "sts"];
    const endpoints = Object.fromEntries([...services, ...others].map((service) => [service, started.url]));
    aws = new Aws({ region: REGION, endpoints });
    empty = await census(aws);
    stack = await EngineStack.create({
      programDir: "test/standins/awsProgram",
      config: { state: "first", endpoint: started.url },
      env: { PULUMI_NODEJS_TRANSPILE_ONLY: "true" },
    });
    dispose = () => stack.dispose();
  });
  after(async () => {
    await emulator?.stop();
    await dispose();
  });

  async function up(): Promise<void> {
    const { exitCode, stdout, stderr } = await stack.up();
    assert.equal(exitCode, 0, stdout + stderr);
  }
  async function nothingToDo(): Promise<void> {
    const preview = await stack.preview({ args: ["--diff", "--expect-no-changes"] });
    assert.equal(preview.exitCode, 0, preview.stdout + preview.stderr);
    const refresh = await stack.refreshPreview({ args: ["--expect-no-changes"] });
    assert.equal(refresh.exitCode, 0, refresh.stdout + refresh.stderr);
  }
  /** The steps of a preview by what they do: the resources' names. */
  async function planned(): Promise<Record<string, string[]>> {
    const { steps } = await stack.previewJson();
    const told = Map.groupBy(steps, ({ op }) => op);
    return Object.fromEntries(
      [...told].map(([op, all]) => [op, all.map(({ urn }) => urn.split("::").slice(2).join(" ")).sort()]),
    );
  }
  const outputs = async (): Promise<Record<string, string>> =>
    (await stack.outputs()) as Record<string, string>;
  const groupOf = async (name: string | undefined): Promise<Properties> =>
    (
      await aws.queryAll("autoscaling", "DescribeAutoScalingGroups", "AutoScalingGroups", {
        AutoScalingGroupNames: [name ?? ""],
      })
    )[0] ?? {};

  it("brings up one of every type it has, as AWS itself tells", async () => {
    await up();
    const { deployment } = await stack.exportState();
    const types = new Set(deployment.resources?.filter(({ custom }) => custom).map(({ type }) => type));
    assert.deepEqual(
      Object.keys(awsTypes).filter((type) => !types.has(type)),
      [],
    );

    const now = await census(aws);
    const grown = Object.fromEntries(
      Object.keys(added).map((key) => [key, (now[key] ?? 0) - (empty[key] ?? 0)]),
    );
    assert.deepEqual(grown, { ...added, DescribeSecurityGroups: added.DescribeSecurityGroups });
    assert.equal((await outputs())["publicIp"]?.split(".").length, 4);
    assert.deepEqual((await stack.outputs())["facts"], {
      zone: "eu-central-1a",
      account: "123456789012",
      region: "eu-central-1",
      partition: "aws",
      askedZone: "eu-central-1a",
      ofVpc: 2,
      range: "10.42.0.0/16",
    });
    assert.ok(
      !JSON.stringify(await stack.exportState()).includes("hidden one"),
      "a secret is in the state in clear",
    );
  });

  it("has nothing to do then, and finds nothing otherwise", nothingToDo);

  it("changes in place what AWS can change", async () => {
    await stack.setConfig("state", "changed");
    const steps = await planned();
    const { update = [] } = steps;
    assert.deepEqual(Object.keys(steps).sort(), ["same", "update"]);
    assert.ok(update.length > 30, JSON.stringify(steps));
    const before = await outputs();
    await up();
    const after = await outputs();
    assert.equal(after["machineId"], before["machineId"]);
    const group = await groupOf(after["poolName"]);
    assert.deepEqual([group["MaxSize"], group["NewInstancesProtectedFromScaleIn"]], ["3", "true"]);
    const [machine] = await aws.queryAll("ec2", "DescribeInstances", "reservationSet", {
      InstanceId: [after["machineId"] ?? ""],
    });
    assert.match(JSON.stringify(machine), /c7i\.xlarge.*"edges"|"edges".*c7i\.xlarge/);
    assert.match(JSON.stringify(machine), /"Stage"/);
    await nothingToDo();
  });

  it("replaces what AWS cannot change", async () => {
    await stack.setConfig("state", "replaced");
    const before = await outputs();
    const { steps } = await stack.previewJson();
    const replaced = new Set(
      steps.filter(({ op }) => op === "replace").map(({ urn }) => urn.split("::").slice(2).join(" ")),
    );
    for (const name of [
      "aws:ec2/route:Route world",
      "aws:ec2/securityGroup:SecurityGroup group",
      "aws:autoscaling/lifecycleHook:LifecycleHook ready",
      "aws:autoscaling/schedule:Schedule morning",
      "aws:s3/bucket:Bucket bucket",
      "aws:ssm/parameter:Parameter secret",
      "aws:imagebuilder/component:Component baked",
      "aws:imagebuilder/imageRecipe:ImageRecipe baked",
      "aws:imagebuilder/image:Image baked",
      "aws:lb/targetGroup:TargetGroup targets",
    ])
      assert.ok(replaced.has(name), `${name} is not replaced: ${[...replaced].join(", ")}`);
    await up();
    assert.notEqual((await outputs())["groupId"], before["groupId"]);
    await nothingToDo();
  });

  it("sees what another changed: a rule that went, a group that grew", async () => {
    const { groupId = "", poolName = "", topicArn = "" } = await outputs();
    await aws.query("ec2", "RevokeSecurityGroupIngress", {
      GroupId: groupId,
      IpPermissions: [
        { IpProtocol: "tcp", FromPort: 8443, ToPort: 8443, IpRanges: [{ CidrIp: "0.0.0.0/0" }] },
      ],
    });
    await aws.query("autoscaling", "SetDesiredCapacity", {
      AutoScalingGroupName: poolName,
      DesiredCapacity: 2,
    });
    await aws.query("sns", "SetTopicAttributes", {
      TopicArn: topicArn,
      AttributeName: "DisplayName",
      AttributeValue: "another",
    });
    const refreshed = await stack.refresh();
    assert.equal(refreshed.exitCode, 0, refreshed.stdout);
    const steps = await planned();
    assert.deepEqual(steps["create"], ["aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule https"]);
    assert.deepEqual(steps["update"], ["aws:sns/topic:Topic topic"]);
    await up();
    // How many instances there are is another's to decide.
    assert.equal((await groupOf(poolName))["DesiredCapacity"], "2");
    await nothingToDo();
  });

  it("leaves nothing behind", async () => {
    const destroyed = await stack.destroy();
    assert.equal(destroyed.exitCode, 0, destroyed.stdout + destroyed.stderr);
    assert.deepEqual(await census(aws), empty);
  });

  it("never asks AWS itself", () => {
    const before = process.env["AWS_ENDPOINT_URL"];
    delete process.env["AWS_ENDPOINT_URL"];
    try {
      assert.throws(
        () => new Aws({ region: REGION }).endpoint("ec2"),
        /emulators alone: set the endpoint of ec2/,
      );
    } finally {
      if (before !== undefined) process.env["AWS_ENDPOINT_URL"] = before;
    }
  });
});
