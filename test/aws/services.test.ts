import assert from "node:assert/strict";
import { ACMClient, DescribeCertificateCommand, RequestCertificateCommand } from "@aws-sdk/client-acm";
import { CloudWatchClient, DescribeAlarmsCommand, PutMetricAlarmCommand } from "@aws-sdk/client-cloudwatch";
import {
  CloudWatchLogsClient,
  CreateLogGroupCommand,
  DescribeLogGroupsCommand,
} from "@aws-sdk/client-cloudwatch-logs";
import {
  ConditionalCheckFailedException,
  CreateTableCommand,
  DynamoDBClient,
  PutItemCommand,
} from "@aws-sdk/client-dynamodb";
import {
  CreateNetworkInterfaceCommand,
  CreateSubnetCommand,
  CreateVpcCommand,
  DeleteNetworkInterfaceCommand,
  EC2Client,
  RunInstancesCommand,
  TerminateInstancesCommand,
} from "@aws-sdk/client-ec2";
import {
  CreateLoadBalancerCommand,
  DescribeLoadBalancersCommand,
  ElasticLoadBalancingV2Client,
} from "@aws-sdk/client-elastic-load-balancing-v2";
import { EventBridgeClient, ListRulesCommand, PutRuleCommand } from "@aws-sdk/client-eventbridge";
import { AttachRolePolicyCommand, CreateRoleCommand, IAMClient } from "@aws-sdk/client-iam";
import {
  ChangeResourceRecordSetsCommand,
  CreateHostedZoneCommand,
  ListResourceRecordSetsCommand,
  Route53Client,
} from "@aws-sdk/client-route-53";
import {
  CreateBucketCommand,
  DeleteBucketPolicyCommand,
  GetBucketPolicyCommand,
  GetObjectCommand,
  PutBucketPolicyCommand,
  PutObjectCommand,
  S3Client,
} from "@aws-sdk/client-s3";
import { CreateTopicCommand, PublishCommand, SNSClient, SubscribeCommand } from "@aws-sdk/client-sns";
import {
  CreateQueueCommand,
  GetQueueAttributesCommand,
  ReceiveMessageCommand,
  SQSClient,
} from "@aws-sdk/client-sqs";
import { GetParametersByPathCommand, PutParameterCommand, SSMClient } from "@aws-sdk/client-ssm";
import { GetCallerIdentityCommand, STSClient } from "@aws-sdk/client-sts";
import { setTimeout as sleep } from "node:timers/promises";
import type { AwsEmulator } from "../support/aws/emulator";
import { Fixture } from "./fixture";

describe("the AWS emulator's services by the official clients", () => {
  let emulator: AwsEmulator;
  let settings: ReturnType<AwsEmulator["clientSettings"]>;

  before(async function () {
    this.timeout(600_000);
    ({ emulator } = await Fixture.shared());
    settings = emulator.clientSettings();
  });

  it("keeps objects, and a bucket's policy without applying it", async () => {
    const s3 = new S3Client(settings);
    await s3.send(
      new CreateBucketCommand({
        Bucket: "store",
        CreateBucketConfiguration: { LocationConstraint: "eu-central-1" },
      }),
    );
    const deny = { Effect: "Deny", Principal: "*", Action: "s3:*", Resource: "arn:aws:s3:::store/*" };
    const policy = JSON.stringify({
      Version: "2012-10-17",
      Statement: [{ ...deny, Condition: { Bool: { "aws:SecureTransport": "false" } } }],
    });
    await assert.rejects(s3.send(new GetBucketPolicyCommand({ Bucket: "store" })), {
      name: "NoSuchBucketPolicy",
    });
    await s3.send(new PutBucketPolicyCommand({ Bucket: "store", Policy: policy }));
    assert.equal((await s3.send(new GetBucketPolicyCommand({ Bucket: "store" }))).Policy, policy);
    await s3.send(
      new PutObjectCommand({ Bucket: "store", Key: "a/b c.txt", Body: Buffer.alloc(3_000_000, "x") }),
    );
    const got = await s3.send(new GetObjectCommand({ Bucket: "store", Key: "a/b c.txt" }));
    assert.equal((await got.Body?.transformToByteArray())?.length, 3_000_000);
    await s3.send(new DeleteBucketPolicyCommand({ Bucket: "store" }));
    await assert.rejects(s3.send(new GetBucketPolicyCommand({ Bucket: "store" })), {
      name: "NoSuchBucketPolicy",
    });
  });

  it("brings what a topic is told to a queue, whose URL is the emulator's", async () => {
    const sqs = new SQSClient(settings);
    const sns = new SNSClient(settings);
    const { QueueUrl } = await sqs.send(new CreateQueueCommand({ QueueName: "events" }));
    assert.ok(QueueUrl?.startsWith(emulator.url), QueueUrl);
    const { Attributes } = await sqs.send(
      new GetQueueAttributesCommand({ QueueUrl, AttributeNames: ["QueueArn"] }),
    );
    const { TopicArn } = await sns.send(new CreateTopicCommand({ Name: "events" }));
    await sns.send(new SubscribeCommand({ TopicArn, Protocol: "sqs", Endpoint: Attributes?.QueueArn }));
    await sns.send(new PublishCommand({ TopicArn, Subject: "s", Message: "m & <n>" }));
    const { Messages = [] } = await sqs.send(new ReceiveMessageCommand({ QueueUrl, WaitTimeSeconds: 5 }));
    assert.deepEqual(
      Messages.map(({ Body = "" }) => (JSON.parse(Body) as { Message: string }).Message),
      ["m & <n>"],
    );
  });

  it("has DynamoDB's conditional writes", async () => {
    const dynamo = new DynamoDBClient(settings);
    await dynamo.send(
      new CreateTableCommand({
        TableName: "fleet",
        BillingMode: "PAY_PER_REQUEST",
        AttributeDefinitions: [{ AttributeName: "id", AttributeType: "S" }],
        KeySchema: [{ AttributeName: "id", KeyType: "HASH" }],
      }),
    );
    const lease = new PutItemCommand({
      TableName: "fleet",
      Item: { id: { S: "lease" } },
      ConditionExpression: "attribute_not_exists(id)",
    });
    await dynamo.send(lease);
    await assert.rejects(dynamo.send(lease), ConditionalCheckFailedException);
  });

  it("knows managed policies, parameters, log groups, alarms, rules and who asks", async () => {
    const iam = new IAMClient(settings);
    await iam.send(new CreateRoleCommand({ RoleName: "node", AssumeRolePolicyDocument: "{}" }));
    await iam.send(
      new AttachRolePolicyCommand({
        RoleName: "node",
        PolicyArn: "arn:aws:iam::aws:policy/AmazonSSMManagedInstanceCore",
      }),
    );
    const ssm = new SSMClient(settings);
    await ssm.send(new PutParameterCommand({ Name: "/fleet/a", Value: "secret", Type: "SecureString" }));
    const { Parameters } = await ssm.send(
      new GetParametersByPathCommand({ Path: "/fleet", WithDecryption: true }),
    );
    assert.deepEqual(
      Parameters?.map(({ Value }) => Value),
      ["secret"],
    );
    const logs = new CloudWatchLogsClient(settings);
    await logs.send(new CreateLogGroupCommand({ logGroupName: "flow" }));
    assert.equal((await logs.send(new DescribeLogGroupsCommand({}))).logGroups?.length, 1);
    const cloudWatch = new CloudWatchClient(settings);
    await cloudWatch.send(
      new PutMetricAlarmCommand({
        AlarmName: "heartbeat",
        ComparisonOperator: "LessThanThreshold",
        EvaluationPeriods: 3,
        MetricName: "ScalerAlive",
        Namespace: "JitsiFleet/prod",
        Period: 60,
        Statistic: "Sum",
        Threshold: 1,
        TreatMissingData: "breaching",
      }),
    );
    const { MetricAlarms } = await cloudWatch.send(new DescribeAlarmsCommand({}));
    assert.deepEqual(
      MetricAlarms?.map(({ AlarmName }) => AlarmName),
      ["heartbeat"],
    );
    const events = new EventBridgeClient(settings);
    await events.send(
      new PutRuleCommand({ Name: "spot", EventPattern: JSON.stringify({ source: ["aws.ec2"] }) }),
    );
    assert.equal((await events.send(new ListRulesCommand({}))).Rules?.length, 1);
    assert.equal(
      (await new STSClient(settings).send(new GetCallerIdentityCommand({}))).Account,
      "123456789012",
    );
  });

  it("runs an instance in the zone of the interface that was made for it, and another there afterwards", async () => {
    const ec2 = new EC2Client(settings);
    const { Vpc } = await ec2.send(new CreateVpcCommand({ CidrBlock: "10.51.0.0/16" }));
    const { Subnet } = await ec2.send(
      new CreateSubnetCommand({
        VpcId: Vpc?.VpcId,
        CidrBlock: "10.51.0.0/20",
        AvailabilityZone: "eu-central-1b",
      }),
    );
    const { NetworkInterface } = await ec2.send(
      new CreateNetworkInterfaceCommand({ SubnetId: Subnet?.SubnetId, PrivateIpAddress: "10.51.0.9" }),
    );
    const { NetworkInterfaceId } = NetworkInterface ?? {};
    for (let time = 0; time < 2; time++) {
      const { Instances: [instance] = [] } = await ec2.send(
        new RunInstancesCommand({
          MinCount: 1,
          MaxCount: 1,
          ImageId: "ami-0123456789abcdef0",
          NetworkInterfaces: [{ DeviceIndex: 0, NetworkInterfaceId }],
        }),
      );
      assert.deepEqual(
        [instance?.Placement?.AvailabilityZone, instance?.PrivateIpAddress, instance?.SubnetId],
        ["eu-central-1b", "10.51.0.9", Subnet?.SubnetId],
      );
      await ec2.send(new TerminateInstancesCommand({ InstanceIds: [instance?.InstanceId ?? ""] }));
    }
    await ec2.send(new DeleteNetworkInterfaceCommand({ NetworkInterfaceId }));
  });

  it("validates a certificate soon, and keeps records and load balancers", async () => {
    const acm = new ACMClient(settings);
    const { CertificateArn } = await acm.send(
      new RequestCertificateCommand({ DomainName: "meet.example.org", ValidationMethod: "DNS" }),
    );
    await sleep(1100);
    const { Certificate } = await acm.send(new DescribeCertificateCommand({ CertificateArn }));
    assert.equal(Certificate?.Status, "ISSUED");

    const route53 = new Route53Client(settings);
    const { HostedZone } = await route53.send(
      new CreateHostedZoneCommand({ Name: "example.org", CallerReference: "1" }),
    );
    await route53.send(
      new ChangeResourceRecordSetsCommand({
        HostedZoneId: HostedZone?.Id,
        ChangeBatch: {
          Changes: [
            {
              Action: "CREATE",
              ResourceRecordSet: {
                Name: "meet.example.org",
                Type: "A",
                TTL: 60,
                ResourceRecords: [{ Value: "192.0.2.1" }],
              },
            },
          ],
        },
      }),
    );
    const { ResourceRecordSets } = await route53.send(
      new ListResourceRecordSetsCommand({ HostedZoneId: HostedZone?.Id }),
    );
    assert.ok(ResourceRecordSets?.some(({ Name, Type }) => Name === "meet.example.org." && Type === "A"));

    const { Vpc } = await new EC2Client(settings).send(new CreateVpcCommand({ CidrBlock: "10.50.0.0/16" }));
    const { Subnet } = await new EC2Client(settings).send(
      new CreateSubnetCommand({ VpcId: Vpc?.VpcId, CidrBlock: "10.50.0.0/20" }),
    );
    const elb = new ElasticLoadBalancingV2Client(settings);
    await elb.send(
      new CreateLoadBalancerCommand({ Name: "front", Type: "network", Subnets: [Subnet?.SubnetId ?? ""] }),
    );
    const { LoadBalancers } = await elb.send(new DescribeLoadBalancersCommand({ Names: ["front"] }));
    assert.equal(LoadBalancers?.[0]?.Type, "network");
  });
});
