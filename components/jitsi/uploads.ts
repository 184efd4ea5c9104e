import type { StoreSettings } from "../settings/schema";

/** The path of a directory store in rclone's container. */
export const STORE_DIRECTORY = "/store";

export interface StoreRemote {
  /** For the uploader's configuration. */
  readonly destination: string;
  /** For rclone's container. */
  readonly env: Readonly<Record<string, string>>;
  /** For its environment likewise, but nobody may see them. */
  readonly secrets: Readonly<Record<string, string>>;
}

/** How rclone is told of a store. */
export function storeRemote(store: StoreSettings): StoreRemote {
  // The uploader reads back through it what it sent.
  const common = { RCLONE_RC_SERVE: "true" };
  if (store.type === "directory") return { destination: STORE_DIRECTORY, env: common, secrets: {} };
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
  };
}
