import type { UploaderConfiguration } from "@jitsi-fleet/scaler";
import * as pulumi from "@pulumi/pulumi";
import { SECRETS_FILE, type ContainerSpec, type RecordingStore } from "../platform";
import { imageOf, type ImageSource } from "./image";
import { programContainer } from "../program";

/** The volume in which Jibris record and from which recordings are uploaded, and where containers find it. */
export const RECORDINGS_VOLUME = "recordings";
export const STORAGE = "/storage";

const RCLONE_PORT = 5572;
const RCLONE_USER = "uploader";
export const UPLOADER_PORT = 8090;
const LOOPBACK = "127.0.0.1";

export interface RecordingsArgs {
  /** Where Jibri's image comes from: it brings rclone. */
  readonly images: ImageSource;
  readonly nodeImage: string;
  /** What a recording may take on the volume. */
  readonly spaceGiB: number;
  readonly store: RecordingStore;
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
  const { env, secrets, volumes } = store;
  return {
    name: "rclone",
    image: imageOf(images, "jibri"),
    command: ["/bin/sh", "-c", `set -a; . ${SECRETS_FILE}; set +a; exec rclone rcd`],
    env: {
      ...env,
      RCLONE_CONFIG: "/tmp/rclone.conf",
      RCLONE_CACHE_DIR: "/tmp",
      RCLONE_RC_ADDR: `${store.network === "machine" ? LOOPBACK : ""}:${RCLONE_PORT}`,
      RCLONE_RC_USER: RCLONE_USER,
    },
    secrets: {
      ...Object.fromEntries(Object.entries(secrets).map(([key, value]) => [key, pulumi.secret(value)])),
      RCLONE_RC_PASS: rclonePassword,
    },
    volumes: [{ of: "place", name: RECORDINGS_VOLUME, path: STORAGE }, ...volumes],
    ...networkOf(store),
    files: store.files,
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

/** How the two, and who asks the uploader, reach one another. On the machine's own network nobody else may. */
export function uploadLinks({ network }: Pick<RecordingStore, "network">): {
  readonly listen: string;
  readonly rclone: string;
  readonly uploader: string;
} {
  const on = (host: string, port: number): string => `http://${host}:${port}`;
  return network === "machine"
    ? { listen: LOOPBACK, rclone: on(LOOPBACK, RCLONE_PORT), uploader: on(LOOPBACK, UPLOADER_PORT) }
    : { listen: "0.0.0.0", rclone: on("rclone", RCLONE_PORT), uploader: on("uploader", UPLOADER_PORT) };
}

const networkOf = ({ network }: RecordingStore): Pick<ContainerSpec, "network"> =>
  network === undefined ? {} : { network };

function uploader({ nodeImage, rclonePassword, spaceGiB, store }: RecordingsArgs): ContainerSpec {
  const links = uploadLinks(store);
  const configuration: pulumi.Output<UploaderConfiguration> = pulumi
    .all([rclonePassword, store.destination])
    .apply(([password, destination]) => ({
      listen: { address: links.listen, port: UPLOADER_PORT },
      storage: STORAGE,
      rclone: { url: links.rclone, user: RCLONE_USER, password },
      destination,
      kind: store.kind,
      recordingBytes: spaceGiB * 2 ** 30,
      retry: { firstSeconds: 5, longestSeconds: 300 },
      orphanSeconds: 120,
      stallSeconds: 180,
    }));
  return {
    // Jibri's user: it deletes what it has brought away.
    ...programContainer({ name: "uploader", program: "uploader", image: nodeImage, configuration }),
    volumes: [{ of: "place", name: RECORDINGS_VOLUME, path: STORAGE }],
    ...networkOf(store),
  };
}
