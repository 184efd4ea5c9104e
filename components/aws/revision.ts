import type * as pulumi from "@pulumi/pulumi";
import { secretHash, shardRevision as containersRevision } from "../docker/files";
import type { Address, ContainerSpec } from "../platform";
import type { AwsFleetSettings } from "../settings";

/** The name of it in the metadata of a shard's pointer, which its machine follows. */
export const REVISION = "revision";

/** Changes with whatever interrupts a shard: what replaces a container, or stops or replaces the machine. */
export function shardRevision(
  { aws }: AwsFleetSettings,
  { place, privateAddress }: Address,
  containers: readonly ContainerSpec[],
): pulumi.Output<string> {
  return secretHash({
    containers: containersRevision(containers, { privateAddress }),
    place,
    image: aws.image.id,
    type: aws.instanceTypes.shard,
  });
}
