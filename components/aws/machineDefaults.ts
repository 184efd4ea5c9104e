import type { AwsFleetSettings } from "../settings";
import { ENDPOINT_TAG, POINTER_TAG } from "@jitsi-fleet/scaler";

/** What every machine has, whether it is a node or one of a pool. */

/** Ubuntu's images boot from it. */
const ROOT_DEVICE = "/dev/sda1";

/** Images, logs, and for Jibris the recordings that are not in the store yet. GiB. */
export const diskGiB = { edge: 20, shard: 30, scaler: 20, bridge: 20, jibri: 100 } as const;
export type MachineRole = keyof typeof diskGiB;

/** A machine's only disk, as launch templates and recipes of images are told of it. */
export const rootDisk = (role: MachineRole) => ({
  deviceName: ROOT_DEVICE,
  ebs: {
    encrypted: "true",
    volumeType: "gp3",
    volumeSize: diskGiB[role],
    deleteOnTermination: "true",
  },
});

/**
 * The metadata service answers those alone who ask by IMDSv2 from the machine itself: a container is a hop further away.
 * Tags are told, so that user data can be the same for all.
 */
export const metadataOptions = {
  httpEndpoint: "enabled",
  httpTokens: "required",
  httpPutResponseHopLimit: 1,
  instanceMetadataTags: "enabled",
} as const;

/** Tags that a machine finds its bundle by. */
export const bundleTags = <T>(
  { aws }: Pick<AwsFleetSettings, "aws">,
  pointer: T,
): Record<string, T | string> => ({
  [POINTER_TAG]: pointer,
  ...(aws.endpoint === undefined ? {} : { [ENDPOINT_TAG]: aws.endpoint }),
});
