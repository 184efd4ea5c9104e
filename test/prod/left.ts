import { CloudWatchClient, DescribeAlarmsCommand } from "@aws-sdk/client-cloudwatch";
import { DynamoDBClient, ListTablesCommand } from "@aws-sdk/client-dynamodb";
import {
  DescribeAddressesCommand,
  DescribeInstancesCommand,
  DescribeLaunchTemplatesCommand,
  DescribeNetworkInterfacesCommand,
  DescribeVpcsCommand,
  EC2Client,
} from "@aws-sdk/client-ec2";
import {
  DescribeLoadBalancersCommand,
  ElasticLoadBalancingV2Client,
} from "@aws-sdk/client-elastic-load-balancing-v2";
import { EventBridgeClient, ListRulesCommand } from "@aws-sdk/client-eventbridge";
import { IAMClient, ListInstanceProfilesCommand, ListRolesCommand } from "@aws-sdk/client-iam";
import { ListBucketsCommand, S3Client } from "@aws-sdk/client-s3";
import { ListTopicsCommand, SNSClient } from "@aws-sdk/client-sns";
import { ListQueuesCommand, SQSClient } from "@aws-sdk/client-sqs";
import { DescribeParametersCommand, SSMClient } from "@aws-sdk/client-ssm";
import type { ClientSettings } from "../support/aws/clientSettings";

/** How many of each kind of thing there are on the emulator, of those that there are any of; what it begins with aside. */
export async function leftIn(settings: ClientSettings): Promise<Record<string, number>> {
  const ec2 = new EC2Client(settings);
  const iam = new IAMClient(settings);
  const found = {
    vpcs: (await ec2.send(new DescribeVpcsCommand({}))).Vpcs?.filter(({ IsDefault }) => !IsDefault),
    instances: (await ec2.send(new DescribeInstancesCommand({}))).Reservations?.flatMap(
      ({ Instances = [] }) => Instances,
    ).filter(({ State }) => State?.Name !== "terminated"),
    templates: (await ec2.send(new DescribeLaunchTemplatesCommand({}))).LaunchTemplates,
    addresses: (await ec2.send(new DescribeAddressesCommand({}))).Addresses,
    // moto keeps those of instances that have ended.
    interfaces: (await ec2.send(new DescribeNetworkInterfacesCommand({}))).NetworkInterfaces?.filter(
      ({ Description }) => Description?.includes("fixed address"),
    ),
    balancers: (await new ElasticLoadBalancingV2Client(settings).send(new DescribeLoadBalancersCommand({})))
      .LoadBalancers,
    roles: (await iam.send(new ListRolesCommand({}))).Roles,
    profiles: (await iam.send(new ListInstanceProfilesCommand({}))).InstanceProfiles,
    queues: (await new SQSClient(settings).send(new ListQueuesCommand({}))).QueueUrls,
    topics: (await new SNSClient(settings).send(new ListTopicsCommand({}))).Topics,
    rules: (await new EventBridgeClient(settings).send(new ListRulesCommand({}))).Rules,
    tables: (await new DynamoDBClient(settings).send(new ListTablesCommand({}))).TableNames,
    alarms: (await new CloudWatchClient(settings).send(new DescribeAlarmsCommand({}))).MetricAlarms,
    parameters: (await new SSMClient(settings).send(new DescribeParametersCommand({}))).Parameters,
    buckets: (await new S3Client(settings).send(new ListBucketsCommand({}))).Buckets,
  };
  return Object.fromEntries(
    Object.entries(found).flatMap(([kind, all = []]) => (all.length > 0 ? [[kind, all.length]] : [])),
  );
}
