import type { RecordingStore } from "../platform";
import type { StoreSettings } from "../settings/schema";

/** The path of a directory store in rclone's container. */
const STORE_DIRECTORY = "/store";

/** How rclone is told of a store that the settings name. */
export function storeRemote(
  store: StoreSettings,
): RecordingStore & { readonly destination: string; readonly secrets: Readonly<Record<string, string>> } {
  // The uploader reads back through it what it sent.
  const common = { RCLONE_RC_SERVE: "true" };
  if (store.type === "directory")
    return {
      destination: STORE_DIRECTORY,
      env: common,
      secrets: {},
      volumes: [{ of: "machine", source: store.path, path: STORE_DIRECTORY }],
    };
  const { accessKeyId, bucket, endpoint, prefix, provider, region, secretAccessKey } = store;
  return {
    destination: `store:${bucket}${prefix === "" ? "" : `/${prefix}`}`,
    env: {
      ...common,
      RCLONE_CONFIG_STORE_TYPE: "s3",
      RCLONE_CONFIG_STORE_PROVIDER: provider,
      RCLONE_CONFIG_STORE_REGION: region,
      // A mistyped bucket is told, not made; and its key need not be one that may make buckets.
      RCLONE_CONFIG_STORE_NO_CHECK_BUCKET: "true",
      // It is looked at and read back anyway, and not every store answers as rclone asks here.
      RCLONE_CONFIG_STORE_NO_HEAD: "true",
      ...(endpoint === undefined
        ? {}
        : { RCLONE_CONFIG_STORE_ENDPOINT: endpoint, RCLONE_CONFIG_STORE_FORCE_PATH_STYLE: "true" }),
    },
    secrets: {
      RCLONE_CONFIG_STORE_ACCESS_KEY_ID: accessKeyId,
      RCLONE_CONFIG_STORE_SECRET_ACCESS_KEY: secretAccessKey,
    },
    volumes: [],
  };
}
