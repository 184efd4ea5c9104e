import type { AwsFleetSettings } from "../settings";

/** How the program itself calls AWS, with the operator's own rights: where the provider's calls go, too. */
export function clientSettings({ aws }: Pick<AwsFleetSettings, "aws">): {
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
