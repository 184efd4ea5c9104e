import type { BucketLifecycleConfigurationArgs } from "@pulumi/aws/s3";
import * as pulumi from "@pulumi/pulumi";
import type { AwsSettings } from "../settings/awsSchema";
import { Bucket } from "./bucket";
import type { AwsContext } from "./context";

/** Where finished recordings are. It outlives the stack, and all that protects it does. */
export class Recordings extends pulumi.ComponentResource {
  /** The bucket's name. */
  readonly bucket: pulumi.Output<string>;
  readonly arn: pulumi.Output<string>;
  /** The same for the uploader, as rclone addresses it. */
  readonly destination: pulumi.Output<string>;
  /** What rclone's container is told of it. It has no key: the machine's role lets it in. */
  readonly env: Readonly<Record<string, string>>;

  constructor(name: string, context: AwsContext, opts: pulumi.ComponentResourceOptions) {
    const { aws } = context.settings;
    super("jitsi-fleet:aws:Recordings", name, { ...aws.recordings }, opts);
    const { arn, bucket } = new Bucket(
      name,
      { context, role: "recordings", keep: true, rules: lifecycle(aws.recordings) },
      { parent: this },
    );
    this.bucket = bucket;
    this.arn = arn;
    this.destination = pulumi.interpolate`store:${bucket}`;
    this.env = recordingsRemote(aws);
    this.registerOutputs({ bucket });
  }
}

/** rclone's settings of the remote `store`. */
export function recordingsRemote({ endpoint, region }: Pick<AwsSettings, "endpoint" | "region">) {
  return {
    // The uploader reads back through it what it sent.
    RCLONE_RC_SERVE: "true",
    RCLONE_CONFIG_STORE_TYPE: "s3",
    // For AWS it names buckets by host whatever it is told; an emulator's address has no such names.
    RCLONE_CONFIG_STORE_PROVIDER: endpoint === undefined ? "AWS" : "Other",
    RCLONE_CONFIG_STORE_REGION: region,
    // rclone sends an ACL whatever it is told, and the bucket, its owner's alone, takes no other.
    RCLONE_CONFIG_STORE_ACL: "bucket-owner-full-control",
    RCLONE_CONFIG_STORE_ENV_AUTH: "true",
    // The role may not make buckets.
    RCLONE_CONFIG_STORE_NO_CHECK_BUCKET: "true",
    RCLONE_CONFIG_STORE_NO_HEAD: "true",
    ...(endpoint === undefined
      ? {}
      : { RCLONE_CONFIG_STORE_ENDPOINT: endpoint, RCLONE_CONFIG_STORE_FORCE_PATH_STYLE: "true" }),
  };
}

type Rules = Extract<NonNullable<BucketLifecycleConfigurationArgs["rules"]>, readonly unknown[]>;

/** How long recordings are kept, and where. */
export function lifecycle({
  coldAfterDays,
  expireAfterDays,
  noncurrentDays,
}: AwsSettings["recordings"]): Rules {
  const all = { status: "Enabled", filter: { prefix: "" } };
  return [
    ...(coldAfterDays === 0
      ? []
      : [{ ...all, id: "cold", transitions: [{ days: coldAfterDays, storageClass: "STANDARD_IA" }] }]),
    ...(expireAfterDays === 0 ? [] : [{ ...all, id: "expired", expiration: { days: expireAfterDays } }]),
    { ...all, id: "deleted", noncurrentVersionExpiration: { noncurrentDays } },
  ];
}
