import type { UploaderConfiguration } from "@jitsi-fleet/scaler";
import * as pulumi from "@pulumi/pulumi";
import { SECRETS_FILE, type ContainerSpec } from "../platform";
import { imageOf, type ImageSource } from "./image";
import { programContainer } from "../program";
import type { StoreSettings } from "../settings/schema";
import { STORE_DIRECTORY, storeRemote } from "./uploads";

/** The volume in which Jibris record and from which recordings are uploaded, and where containers find it. */
export const RECORDINGS_VOLUME = "recordings";
export const STORAGE = "/storage";

const RCLONE_PORT = 5572;
const RCLONE_USER = "uploader";
export const UPLOADER_PORT = 8090;

export interface RecordingsArgs {
  /** Where Jibri's image comes from: it brings rclone. */
  readonly images: ImageSource;
  readonly nodeImage: string;
  readonly store: StoreSettings;
  /** Between the uploader and rclone. */
  readonly rclonePassword: pulumi.Input<string>;
}

/**
 * What brings finished recordings to the store: rclone, which Jibri's image ships, and the uploader that tells it what
 * to do, looks at what arrived, and only then deletes. They outlive the Jibris, so that a Jibri need not wait.
 */
export function recordingsContainers(args: RecordingsArgs): ContainerSpec[] {
  // First the one whose image has the storage: its directory's owner becomes the new volume's.
  return [rclone(args), uploader(args)];
}

function rclone({ images, rclonePassword, store }: RecordingsArgs): ContainerSpec {
  const { env, secrets } = storeRemote(store);
  const target = store.type === "directory" ? [machineDirectory(store.path)] : [];
  return {
    name: "rclone",
    image: imageOf(images, "jibri"),
    command: ["/bin/sh", "-c", `set -a; . ${SECRETS_FILE}; set +a; exec rclone rcd`],
    env: {
      ...env,
      RCLONE_CONFIG: "/tmp/rclone.conf",
      RCLONE_CACHE_DIR: "/tmp",
      RCLONE_RC_ADDR: `:${RCLONE_PORT}`,
      RCLONE_RC_USER: RCLONE_USER,
    },
    secrets: {
      ...Object.fromEntries(Object.entries(secrets).map(([key, value]) => [key, pulumi.secret(value)])),
      RCLONE_RC_PASS: rclonePassword,
    },
    volumes: [{ of: "place", name: RECORDINGS_VOLUME, path: STORAGE }, ...target],
    files: [],
    ports: [],
    scratch: [{ path: "/tmp", sizeMiB: 64, executable: false }],
    // Reads what Jibri (group 1000) wrote; a directory of the machine belongs to root.
    user: "0:1000",
    stopGraceSeconds: 10,
    resources: { memoryMiB: 1024 },
    restart: "always",
    knownHosts: {},
  };
}

const machineDirectory = (source: string) => ({ of: "machine", source, path: STORE_DIRECTORY }) as const;

function uploader({ nodeImage, rclonePassword, store }: RecordingsArgs): ContainerSpec {
  const configuration: pulumi.Output<UploaderConfiguration> = pulumi
    .output(rclonePassword)
    .apply((password) => ({
      listen: { address: "0.0.0.0", port: UPLOADER_PORT },
      storage: STORAGE,
      rclone: { url: `http://rclone:${RCLONE_PORT}`, user: RCLONE_USER, password },
      destination: storeRemote(store).destination,
      retry: { firstSeconds: 5, longestSeconds: 300 },
      orphanSeconds: 120,
      stallSeconds: 180,
    }));
  return {
    // Jibri's user: it deletes what it has brought away.
    ...programContainer({ name: "uploader", program: "uploader", image: nodeImage, configuration }),
    volumes: [{ of: "place", name: RECORDINGS_VOLUME, path: STORAGE }],
  };
}
