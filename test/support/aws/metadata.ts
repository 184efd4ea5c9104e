import type { IncomingMessage } from "node:http";

/** Where an instance asks about itself. */
export const METADATA_ADDRESS = "169.254.169.254";

/** Of the machine's role. */
export const credentials = {
  id: "ASIATESTTESTTESTTEST",
  secret: "a/secret+key",
  token: "session//token+of=the==role",
};
const TTL_HEADER = "x-aws-ec2-metadata-token-ttl-seconds";
const METADATA_TOKEN = "token-of-the-metadata";

/** What an instance finds of itself. */
export interface Metadata {
  tags: Record<string, string>;
  readonly instance: string;
  readonly privateAddress: string;
  publicAddress?: string;
  /** Of a machine of a group. */
  lifecycle?: string;
}

/** An answer of the metadata service where tokens are required: IMDSv2 alone, version 1 is refused. */
export function answerOfMetadata(
  region: string,
  about: Metadata,
  { headers, method, url = "" }: IncomingMessage,
): readonly [status: number, body?: string, headers?: Readonly<Record<string, string>>] {
  if (method === "PUT" && url === "/latest/api/token") {
    const seconds = headers[TTL_HEADER];
    // Who reads no lifetime there, such as rclone, takes no token.
    return typeof seconds === "string" ? [200, METADATA_TOKEN, { [TTL_HEADER]: seconds }] : [400];
  }
  if (headers["x-aws-ec2-metadata-token"] !== METADATA_TOKEN) return [401];
  const { instance, lifecycle, privateAddress, publicAddress, tags } = about;
  const role = JSON.stringify(
    {
      Code: "Success",
      Type: "AWS-HMAC",
      AccessKeyId: credentials.id,
      SecretAccessKey: credentials.secret,
      Token: credentials.token,
      Expiration: new Date(Date.now() + 3_600_000).toISOString(),
    },
    undefined,
    2,
  );
  const pages: Record<string, string | undefined> = {
    "placement/region": region,
    "instance-id": instance,
    "local-ipv4": privateAddress,
    "public-ipv4": publicAddress,
    "services/domain": "amazonaws.com",
    "autoscaling/target-lifecycle-state": lifecycle,
    "iam/security-credentials/": "the-machine",
    "iam/security-credentials/the-machine": role,
    ...Object.fromEntries(Object.entries(tags).map(([key, value]) => [`tags/instance/${key}`, value])),
  };
  const page = pages[decodeURIComponent(url.replace("/latest/meta-data/", ""))];
  return page === undefined ? [404] : [200, page];
}
