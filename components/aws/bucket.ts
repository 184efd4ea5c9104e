import * as s3 from "@pulumi/aws/s3";
import type { BucketLifecycleConfigurationArgs } from "@pulumi/aws/s3";
import * as pulumi from "@pulumi/pulumi";
import type { AwsContext } from "./context";

export interface BucketArgs {
  readonly context: AwsContext;
  /** What it is for: its tag Role. */
  readonly role: string;
  /** Whether it outlives the stack. If not, what is in it goes with it. */
  readonly keep: boolean;
  readonly rules: BucketLifecycleConfigurationArgs["rules"];
}

/** Parts of an upload that never ended are paid for until they are thrown away. */
const UNFINISHED_DAYS = 7;

/** A private bucket: encrypted, versioned, its owner's alone, reached by TLS alone. */
export class Bucket extends pulumi.ComponentResource {
  /** Its name. */
  readonly bucket: pulumi.Output<string>;
  readonly arn: pulumi.Output<string>;

  constructor(
    name: string,
    { context, keep, role, rules }: BucketArgs,
    opts: pulumi.ComponentResourceOptions,
  ) {
    super("jitsi-fleet:aws:Bucket", name, { keep }, opts);
    // What protects what is kept is kept too.
    const own = { parent: this, provider: context.provider, retainOnDelete: keep };
    const { arn, bucket, id } = new s3.Bucket(name, { forceDestroy: !keep, tags: { Role: role } }, own);
    this.bucket = bucket;
    this.arn = arn;

    const closed = new s3.BucketPublicAccessBlock(
      name,
      {
        bucket: id,
        blockPublicAcls: true,
        blockPublicPolicy: true,
        ignorePublicAcls: true,
        restrictPublicBuckets: true,
      },
      own,
    );
    new s3.BucketOwnershipControls(
      name,
      { bucket: id, rule: { objectOwnership: "BucketOwnerEnforced" } },
      own,
    );
    new s3.BucketServerSideEncryptionConfiguration(
      name,
      { bucket: id, rules: [{ applyServerSideEncryptionByDefault: { sseAlgorithm: "AES256" } }] },
      own,
    );
    const versions = new s3.BucketVersioning(
      name,
      { bucket: id, versioningConfiguration: { status: "Enabled" } },
      own,
    );
    new s3.BucketLifecycleConfiguration(
      name,
      {
        bucket: id,
        rules: pulumi.output(rules).apply((more) => [
          {
            id: "unfinished-uploads",
            status: "Enabled",
            filter: { prefix: "" },
            abortIncompleteMultipartUpload: { daysAfterInitiation: UNFINISHED_DAYS },
          },
          ...(more ?? []),
        ]),
      },
      { ...own, dependsOn: [versions] },
    );
    new s3.BucketPolicy(
      name,
      { bucket: id, policy: arn.apply((of) => JSON.stringify(tlsOnly(of))) },
      // S3 takes one change of a bucket's access at a time.
      { ...own, dependsOn: [closed] },
    );
    this.registerOutputs({ bucket, arn });
  }
}

/** Whoever it is, by TLS alone. */
export const tlsOnly = (bucketArn: string) => ({
  Version: "2012-10-17",
  Statement: [
    {
      Sid: "TlsOnly",
      Effect: "Deny",
      Principal: "*",
      Action: "s3:*",
      Resource: [bucketArn, `${bucketArn}/*`],
      Condition: { Bool: { "aws:SecureTransport": "false" } },
    },
  ],
});
