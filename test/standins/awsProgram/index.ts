/**
 * One resource of every type that the stand-in for the AWS plug-in has. The stack's `state` says how it is: `first`;
 * `changed` as goes in place; `replaced`, with what a thing cannot change.
 */
import * as acm from "@pulumi/aws/acm";
import * as autoscaling from "@pulumi/aws/autoscaling";
import * as cloudwatch from "@pulumi/aws/cloudwatch";
import * as dynamodb from "@pulumi/aws/dynamodb";
import * as ec2 from "@pulumi/aws/ec2";
import * as iam from "@pulumi/aws/iam";
import * as imagebuilder from "@pulumi/aws/imagebuilder";
import * as lb from "@pulumi/aws/lb";
import * as route53 from "@pulumi/aws/route53";
import * as s3 from "@pulumi/aws/s3";
import * as sns from "@pulumi/aws/sns";
import * as sqs from "@pulumi/aws/sqs";
import * as ssm from "@pulumi/aws/ssm";
import * as vpc from "@pulumi/aws/vpc";
import { getAvailabilityZonesOutput } from "@pulumi/aws/getAvailabilityZones";
import { getCallerIdentityOutput } from "@pulumi/aws/getCallerIdentity";
import { getPartitionOutput } from "@pulumi/aws/getPartition";
import { getRegionOutput } from "@pulumi/aws/getRegion";
import { Provider } from "@pulumi/aws/provider";
import * as pulumi from "@pulumi/pulumi";

const config = new pulumi.Config();
const state = config.require("state");
/** The last one is what is there in the states not named. */
function by<T>(states: { changed?: T; replaced?: T; first: T }): T {
  if (state === "replaced") return states.replaced ?? states.changed ?? states.first;
  return state === "changed" ? (states.changed ?? states.first) : states.first;
}

/** Each has its endpoint: what is not named would be asked of AWS itself. */
const services = [
  ...["acm", "autoscaling", "cloudwatch", "cloudwatchevents", "cloudwatchlogs", "dynamodb", "ec2", "elbv2"],
  ...["iam", "imagebuilder", "route53", "s3", "sns", "sqs", "ssm", "sts"],
];
const provider = new Provider("aws", {
  region: "eu-central-1",
  accessKey: "test",
  secretKey: "test",
  endpoints: [Object.fromEntries(services.map((service) => [service, config.require("endpoint")]))],
  s3UsePathStyle: true,
  defaultTags: { tags: { Project: "every-type", Stage: by({ first: "one", changed: "two" }) } },
  skipCredentialsValidation: true,
  skipRequestingAccountId: true,
  skipMetadataApiCheck: true,
});
const opts = { provider };
const document = (actions: string[], Resource: pulumi.Input<string>): pulumi.Output<string> =>
  pulumi.jsonStringify({
    Version: "2012-10-17",
    Statement: [{ Effect: "Allow", Action: actions, Resource }],
  });
const trust = (service: string): string =>
  JSON.stringify({
    Version: "2012-10-17",
    Statement: [{ Effect: "Allow", Principal: { Service: service }, Action: "sts:AssumeRole" }],
  });

const zones = getAvailabilityZonesOutput({ state: "available" }, opts);
const zone = zones.names.apply(([name = ""]) => name);
const account = getCallerIdentityOutput({}, opts).accountId;
const region = getRegionOutput({}, opts).region;
const partition = getPartitionOutput({}, opts).partition;

const network = new ec2.Vpc(
  "vpc",
  { cidrBlock: "10.42.0.0/16", enableDnsHostnames: by({ first: false, changed: true }) },
  opts,
);
const subnets = ["a", "b"].map(
  (letter, index) =>
    new ec2.Subnet(
      `subnet-${letter}`,
      {
        vpcId: network.id,
        cidrBlock: `10.42.${index}.0/24`,
        availabilityZone: `eu-central-1${letter}`,
        mapPublicIpOnLaunch: by({ first: false, changed: true }),
      },
      opts,
    ),
);
const [subnet] = subnets;
if (subnet === undefined) throw new Error("no subnet");
const subnetIds = subnets.map(({ id }) => id);
new ec2.SubnetCidrReservation(
  "reserved",
  {
    subnetId: subnet.id,
    cidrBlock: by({ first: "10.42.0.0/28", replaced: "10.42.0.64/27" }),
    reservationType: "explicit",
  },
  opts,
);
const gateway = new ec2.InternetGateway("gateway", { vpcId: network.id }, opts);
const routes = new ec2.RouteTable("routes", { vpcId: network.id }, opts);
new ec2.Route(
  "world",
  {
    routeTableId: routes.id,
    destinationCidrBlock: by({ first: "0.0.0.0/0", replaced: "198.51.100.0/24" }),
    gatewayId: gateway.id,
  },
  opts,
);
for (const [index, { id: subnetId }] of subnets.entries())
  new ec2.RouteTableAssociation(`routes-${index}`, { routeTableId: routes.id, subnetId }, opts);
new ec2.DefaultSecurityGroup("closed", { vpcId: network.id, ingress: [], egress: [] }, opts);
const group = new ec2.SecurityGroup(
  "group",
  { vpcId: network.id, description: by({ first: "Of the edge", replaced: "Of the edges" }) },
  opts,
);
const other = new ec2.SecurityGroup("other", { vpcId: network.id }, opts);
new vpc.SecurityGroupIngressRule(
  "https",
  {
    securityGroupId: group.id,
    ipProtocol: "tcp",
    fromPort: by({ first: 443, changed: 8443 }),
    toPort: by({ first: 443, changed: 8443 }),
    cidrIpv4: "0.0.0.0/0",
    description: "The world",
  },
  opts,
);
new vpc.SecurityGroupIngressRule(
  "from-other",
  {
    securityGroupId: group.id,
    ipProtocol: "tcp",
    fromPort: 5222,
    toPort: 5222,
    referencedSecurityGroupId: other.id,
  },
  opts,
);
new vpc.SecurityGroupEgressRule(
  "out",
  { securityGroupId: group.id, ipProtocol: "-1", cidrIpv4: "0.0.0.0/0" },
  opts,
);
new ec2.VpcEndpoint(
  "endpoint",
  { vpcId: network.id, serviceName: "com.amazonaws.eu-central-1.s3", routeTableIds: [routes.id] },
  opts,
);
const card = new ec2.NetworkInterface(
  "card",
  {
    subnetId: subnet.id,
    privateIps: ["10.42.0.10"],
    securityGroups: [group.id],
    description: by({ first: "edge-1", changed: "edge-one" }),
  },
  opts,
);
const address = new ec2.Eip("address", { domain: "vpc", networkInterface: card.id }, opts);
const spare = new ec2.Eip("spare", { domain: "vpc" }, opts);
const spareCard = new ec2.NetworkInterface("spare-card", { subnetId: subnet.id }, opts);
new ec2.EipAssociation("spare", { allocationId: spare.id, networkInterfaceId: spareCard.id }, opts);

const image = ec2.getAmiOutput(
  { owners: ["amazon"], mostRecent: true, filters: [{ name: "architecture", values: ["x86_64"] }] },
  opts,
).id;
const role = new iam.Role(
  "role",
  {
    assumeRolePolicy: trust("ec2.amazonaws.com"),
    description: by({ first: "of machines", changed: "of a machine" }),
  },
  opts,
);
new iam.RolePolicy(
  "inline",
  {
    role: role.name,
    policy: document(
      by({ first: ["s3:GetObject"], changed: ["s3:GetObject", "s3:PutObject"] }),
      "arn:aws:s3:::none/*",
    ),
  },
  opts,
);
const policy = new iam.Policy(
  "policy",
  { policy: document(by({ first: ["sqs:SendMessage"], changed: ["sqs:ReceiveMessage"] }), "*") },
  opts,
);
new iam.RolePolicyAttachment("attached", { role: role.name, policyArn: policy.arn }, opts);
new iam.RolePolicyAttachment(
  "sessions",
  { role: role.name, policyArn: "arn:aws:iam::aws:policy/AmazonSSMManagedInstanceCore" },
  opts,
);
const profile = new iam.InstanceProfile("profile", { role: role.name }, opts);

const machine = new ec2.Instance(
  "machine",
  {
    ami: image,
    instanceType: by({ first: "c7i.large", changed: "c7i.xlarge" }),
    primaryNetworkInterface: { networkInterfaceId: card.id },
    iamInstanceProfile: profile.name,
    userData: by({ first: "#!/bin/sh\ntrue\n", replaced: "#!/bin/sh\nfalse\n" }),
    metadataOptions: { httpTokens: "required", httpPutResponseHopLimit: 1, instanceMetadataTags: "enabled" },
    rootBlockDevice: { encrypted: true, volumeSize: 20, volumeType: "gp3", tags: { Role: "edge" } },
    tags: { Name: "edge-1", Kind: by({ first: "edge", changed: "edges" }) },
  },
  opts,
);
const template = new ec2.LaunchTemplate(
  "template",
  {
    imageId: image,
    instanceType: "c7i.xlarge",
    iamInstanceProfile: { arn: profile.arn },
    metadataOptions: {
      httpTokens: "required",
      httpPutResponseHopLimit: by({ first: 1, changed: 2 }),
      instanceMetadataTags: "enabled",
    },
    networkInterfaces: [{ deviceIndex: 0, associatePublicIpAddress: "true", securityGroups: [other.id] }],
    blockDeviceMappings: [
      { deviceName: "/dev/sda1", ebs: { encrypted: "true", volumeSize: 20, volumeType: "gp3" } },
    ],
    tagSpecifications: [{ resourceType: "volume", tags: { Role: "bridge" } }],
    userData: Buffer.from(by({ first: "first", changed: "changed" })).toString("base64"),
  },
  opts,
);

const version = by({ first: "1.0.0", replaced: "1.0.1" });
// Another version beside the one that an image was made of.
const beside = { ...opts, deleteBeforeReplace: false };
const component = new imagebuilder.Component(
  "baked",
  { name: "baked", platform: "Linux", version, data: `name: baked\nschemaVersion: 1.0\n# ${version}\n` },
  beside,
);
const recipe = new imagebuilder.ImageRecipe(
  "baked",
  {
    name: "baked",
    version,
    parentImage: image,
    components: [{ componentArn: component.arn }],
    blockDeviceMappings: [{ deviceName: "/dev/sda1", ebs: { encrypted: "true", volumeSize: 20 } }],
    amiTags: { Role: "bridge" },
  },
  beside,
);
const place = new imagebuilder.InfrastructureConfiguration(
  "baked",
  {
    name: "baked",
    instanceProfileName: profile.name,
    instanceTypes: by({ first: ["c7i.large"], changed: ["c7i.xlarge", "c6i.xlarge"] }),
    instanceMetadataOptions: { httpTokens: "required", httpPutResponseHopLimit: 1 },
    terminateInstanceOnFailure: true,
  },
  opts,
);
new imagebuilder.Image(
  "baked",
  {
    imageRecipeArn: recipe.arn,
    infrastructureConfigurationArn: place.arn,
    imageTestsConfiguration: { imageTestsEnabled: false },
  },
  opts,
);

const topic = new sns.Topic("topic", { displayName: by({ first: "one", changed: "two" }) }, opts);
const dead = new sqs.Queue("dead", {}, opts);
const queue = new sqs.Queue(
  "queue",
  {
    visibilityTimeoutSeconds: by({ first: 30, changed: 60 }),
    redrivePolicy: pulumi.jsonStringify({ deadLetterTargetArn: dead.arn, maxReceiveCount: 5 }),
  },
  opts,
);
const sender = (
  service: string,
  sourceArn: pulumi.Input<string>,
  resource: pulumi.Input<string>,
): pulumi.Output<string> =>
  pulumi.jsonStringify({
    Version: "2012-10-17",
    Statement: [
      {
        Effect: "Allow",
        Principal: { Service: service },
        Action: "sqs:SendMessage",
        Resource: resource,
        Condition: { ArnEquals: { "aws:SourceArn": sourceArn } },
      },
    ],
  });
new sqs.QueuePolicy(
  "queue",
  { queueUrl: queue.url, policy: sender("sns.amazonaws.com", topic.arn, queue.arn) },
  opts,
);
new sqs.RedriveAllowPolicy(
  "dead",
  {
    queueUrl: dead.url,
    redriveAllowPolicy: pulumi.jsonStringify({ redrivePermission: "byQueue", sourceQueueArns: [queue.arn] }),
  },
  opts,
);
new sns.TopicPolicy("topic", { arn: topic.arn, policy: document(["sns:Publish"], topic.arn) }, opts);
new sns.TopicSubscription(
  "queue",
  {
    topic: topic.arn,
    protocol: "sqs",
    endpoint: queue.arn,
    rawMessageDelivery: by({ first: false, changed: true }),
  },
  opts,
);

const pool = new autoscaling.Group(
  "pool",
  {
    minSize: 1,
    maxSize: by({ first: 2, changed: 3 }),
    launchTemplate: { id: template.id, version: template.latestVersion.apply(String) },
    vpcZoneIdentifiers: subnetIds,
    protectFromScaleIn: by({ first: false, changed: true }),
    suspendedProcesses: ["AZRebalance"],
    initialLifecycleHooks: [
      {
        name: "drain",
        lifecycleTransition: "autoscaling:EC2_INSTANCE_TERMINATING",
        heartbeatTimeout: 60,
        defaultResult: "CONTINUE",
      },
    ],
    waitForCapacityTimeout: "0",
    forceDelete: true,
    tags: [{ key: "Role", value: by({ first: "bridge", changed: "bridges" }), propagateAtLaunch: true }],
  },
  { ...opts, ignoreChanges: ["desiredCapacity"] },
);
new autoscaling.LifecycleHook(
  "ready",
  {
    name: by({ first: "ready", replaced: "is-ready" }),
    autoscalingGroupName: pool.name,
    lifecycleTransition: "autoscaling:EC2_INSTANCE_LAUNCHING",
    heartbeatTimeout: by({ first: 60, changed: 90 }),
    defaultResult: "CONTINUE",
  },
  opts,
);
new autoscaling.Schedule(
  "morning",
  {
    scheduledActionName: by({ first: "morning", replaced: "dawn" }),
    autoscalingGroupName: pool.name,
    recurrence: by({ first: "0 6 * * *", changed: "0 7 * * *" }),
    minSize: 2,
    maxSize: -1,
    desiredCapacity: -1,
  },
  opts,
);
new autoscaling.Policy(
  "fail-safe",
  {
    autoscalingGroupName: pool.name,
    policyType: "TargetTrackingScaling",
    targetTrackingConfiguration: {
      targetValue: by({ first: 60, changed: 70 }),
      disableScaleIn: true,
      customizedMetricSpecification: { metricName: "Load", namespace: "JitsiFleet", statistic: "Average" },
    },
  },
  opts,
);

const bucket = new s3.Bucket(
  "bucket",
  { forceDestroy: true, bucket: by({ first: "every-type-one", replaced: "every-type-two" }) },
  opts,
);
const of = { bucket: bucket.id };
new s3.BucketVersioning(
  "versions",
  { ...of, versioningConfiguration: { status: by({ first: "Enabled", changed: "Suspended" }) } },
  opts,
);
new s3.BucketServerSideEncryptionConfiguration(
  "encryption",
  { ...of, rules: [{ applyServerSideEncryptionByDefault: { sseAlgorithm: "AES256" } }] },
  opts,
);
new s3.BucketPublicAccessBlock(
  "private",
  {
    ...of,
    blockPublicAcls: true,
    blockPublicPolicy: true,
    ignorePublicAcls: true,
    restrictPublicBuckets: true,
  },
  opts,
);
new s3.BucketOwnershipControls("owner", { ...of, rule: { objectOwnership: "BucketOwnerEnforced" } }, opts);
new s3.BucketLifecycleConfiguration(
  "life",
  {
    ...of,
    rules: [
      {
        id: "cold",
        status: by({ first: "Enabled", changed: "Disabled" }),
        filter: { prefix: "" },
        transitions: [{ days: 30, storageClass: "GLACIER_IR" }],
        noncurrentVersionExpiration: { noncurrentDays: 7 },
        abortIncompleteMultipartUpload: { daysAfterInitiation: 1 },
      },
    ],
  },
  opts,
);
new s3.BucketPolicy(
  "tls",
  {
    ...of,
    policy: pulumi.jsonStringify({
      Version: "2012-10-17",
      Statement: [
        {
          Effect: "Deny",
          Principal: "*",
          Action: by({ first: "s3:PutObject", changed: "s3:DeleteObject" }),
          Resource: pulumi.interpolate`${bucket.arn}/never/*`,
          Condition: { Bool: { "aws:SecureTransport": "false" } },
        },
      ],
    }),
  },
  opts,
);
new s3.BucketObjectv2(
  "file",
  { ...of, key: "a b/file.txt", content: by({ first: "one", changed: "two" }) },
  opts,
);
new s3.BucketObject(
  "old-file",
  { ...of, key: "pointer", source: new pulumi.asset.StringAsset(by({ first: "one", changed: "two" })) },
  opts,
);
new ssm.Parameter(
  "secret",
  {
    name: by({ first: "/every/type", replaced: "/each/type" }),
    type: "SecureString",
    value: pulumi.secret(by({ first: "hidden one", changed: "hidden two" })),
  },
  opts,
);
const table = new dynamodb.Table(
  "table",
  {
    hashKey: "id",
    attributes: [{ name: "id", type: "S" }],
    billingMode: "PAY_PER_REQUEST",
    ttl: { attributeName: "expires", enabled: true },
    pointInTimeRecovery: { enabled: by({ first: false, changed: true }) },
  },
  opts,
);
new dynamodb.TableItem(
  "item",
  {
    tableName: table.name,
    hashKey: "id",
    item: JSON.stringify({ id: { S: "one" }, value: { N: by({ first: "1", changed: "2" }) } }),
  },
  opts,
);
new cloudwatch.MetricAlarm(
  "alarm",
  {
    comparisonOperator: "GreaterThanThreshold",
    evaluationPeriods: 1,
    threshold: by({ first: 0, changed: 1 }),
    namespace: "AWS/SQS",
    metricName: "ApproximateNumberOfMessagesVisible",
    dimensions: { QueueName: dead.name },
    period: 60,
    statistic: "Maximum",
    alarmActions: [topic.arn],
  },
  opts,
);
new cloudwatch.Dashboard(
  "dashboard",
  {
    dashboardName: "every-type",
    dashboardBody: JSON.stringify({
      widgets: [
        { type: "text", width: 6, height: 6, properties: { markdown: by({ first: "one", changed: "two" }) } },
      ],
    }),
  },
  opts,
);
const logs = new cloudwatch.LogGroup(
  "logs",
  { name: "/every/type", retentionInDays: by({ first: 7, changed: 14 }) },
  opts,
);
const flowRole = new iam.Role("flow", { assumeRolePolicy: trust("vpc-flow-logs.amazonaws.com") }, opts);
new ec2.FlowLog(
  "flow",
  { vpcId: network.id, trafficType: "ALL", logDestination: logs.arn, iamRoleArn: flowRole.arn },
  opts,
);
const rule = new cloudwatch.EventRule(
  "spot",
  {
    eventPattern: JSON.stringify({
      source: ["aws.ec2"],
      "detail-type": [
        by({
          first: "EC2 Spot Instance Interruption Warning",
          changed: "EC2 Instance Rebalance Recommendation",
        }),
      ],
    }),
  },
  opts,
);
new cloudwatch.EventTarget("spot", { rule: rule.name, arn: queue.arn }, opts);

const balancer = new lb.LoadBalancer(
  "door",
  {
    loadBalancerType: "network",
    subnets: subnetIds,
    enableCrossZoneLoadBalancing: by({ first: false, changed: true }),
  },
  opts,
);
const targets = new lb.TargetGroup(
  "targets",
  {
    port: by({ first: 443, replaced: 8443 }),
    protocol: "TCP",
    targetType: "ip",
    vpcId: network.id,
    proxyProtocolV2: true,
    healthCheck: {
      protocol: "TCP",
      interval: 10,
      healthyThreshold: by({ first: 2, changed: 3 }),
      unhealthyThreshold: 2,
    },
  },
  opts,
);
new lb.TargetGroupAttachment(
  "edge-1",
  { targetGroupArn: targets.arn, targetId: "10.42.0.10", port: 443 },
  opts,
);
new lb.Listener(
  "https",
  {
    loadBalancerArn: balancer.arn,
    port: by({ first: 443, changed: 444 }),
    protocol: "TCP",
    defaultActions: [{ type: "forward", targetGroupArn: targets.arn }],
  },
  opts,
);
const domain = new route53.Zone("domain", { name: "meet.test" }, opts);
const certificate = new acm.Certificate(
  "certificate",
  { domainName: "meet.test", validationMethod: "DNS" },
  opts,
);
const [proof] = [certificate.domainValidationOptions.apply((options) => options[0])];
const proofRecord = new route53.Record(
  "proof",
  {
    zoneId: domain.zoneId,
    name: proof.apply((one) => one?.resourceRecordName ?? ""),
    type: proof.apply((one) => one?.resourceRecordType ?? ""),
    ttl: by({ first: 60, changed: 120 }),
    records: [proof.apply((one) => one?.resourceRecordValue ?? "")],
  },
  opts,
);
new acm.CertificateValidation(
  "certificate",
  { certificateArn: certificate.arn, validationRecordFqdns: [proofRecord.fqdn] },
  opts,
);
new route53.Record(
  "alias",
  {
    zoneId: domain.zoneId,
    name: "meet.test",
    type: "A",
    aliases: [{ name: balancer.dnsName, zoneId: balancer.zoneId, evaluateTargetHealth: true }],
  },
  opts,
);

// Asked of what is there already.
const asked = ec2.getSubnetOutput({ id: subnet.id }, opts);
export const facts = {
  zone,
  account,
  region,
  partition,
  askedZone: asked.availabilityZone,
  ofVpc: ec2
    .getSubnetsOutput({ filters: [{ name: "subnet-id", values: subnetIds }] }, opts)
    .ids.apply((ids) => ids.length),
  range: ec2.getVpcOutput({ id: network.id }, opts).cidrBlock,
};
export const publicIp = address.publicIp;
export const machineId = machine.id;
export const poolName = pool.name;
export const groupId = group.id;
export const topicArn = topic.arn;
