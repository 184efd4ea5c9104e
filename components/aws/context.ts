import { Provider, type ProviderArgs } from "@pulumi/aws/provider";
import type { AwsFleetSettings } from "../settings";
import { ownTags } from "./names";

/** What every resource on AWS is made with. */
export interface AwsContext {
  readonly stack: string;
  readonly settings: AwsFleetSettings;
  /** For the region; it tags whatever can be tagged. */
  readonly provider: Provider;
}

export function awsContext(settings: AwsFleetSettings, stack: string): AwsContext {
  return { stack, settings, provider: new Provider("aws", providerArgs(settings, stack)) };
}

/** What everything that bills is tagged with, for the bill to tell stacks and roles apart. */
export function stackTags({ tags }: AwsFleetSettings, stack: string): Record<string, string> {
  return { ...tags, ...ownTags(stack) };
}

/** All tags of what AWS makes by itself, such as a group's instances and disks, which the provider does not tag. */
export function allTags({ settings, stack }: AwsContext, role: string): Record<string, string> {
  return { ...stackTags(settings, stack), Role: role };
}

/** The services that the fleet and the provider call. */
const services = [
  "acm",
  "autoscaling",
  "cloudwatch",
  "cloudwatchlogs",
  "dynamodb",
  "ec2",
  "elbv2",
  "eventbridge",
  "iam",
  "imagebuilder",
  "route53",
  "s3",
  "sns",
  "sqs",
  "ssm",
  "sts",
] as const;

function providerArgs(settings: AwsFleetSettings, stack: string): ProviderArgs {
  const { endpoint, region } = settings.aws;
  return {
    region,
    defaultTags: { tags: stackTags(settings, stack) },
    ...(endpoint === undefined
      ? {}
      : {
          endpoints: [Object.fromEntries(services.map((service) => [service, endpoint]))],
          s3UsePathStyle: true,
          skipCredentialsValidation: true,
          skipMetadataApiCheck: true,
          skipRequestingAccountId: true,
        }),
  };
}
