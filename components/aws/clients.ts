import type { AwsSettings } from "../settings/awsSchema";

/** How the program itself calls AWS, with the operator's own rights: where the provider's calls go, too. */
export function clientSettings({ aws }: { readonly aws: Pick<AwsSettings, "region" | "endpoint"> }): {
  readonly region: string;
  readonly endpoint?: string;
  readonly maxAttempts: number;
} {
  return {
    region: aws.region,
    maxAttempts: 8,
    ...(aws.endpoint === undefined ? {} : { endpoint: aws.endpoint }),
  };
}
