import { isIPv4, isIPv6 } from "node:net";
import { FLEET_DIRECTORY, type RecordingStore } from "../platform";
import type { StoreSettings } from "../settings/schema";

/** The path of a directory store in rclone's container. */
const STORE_DIRECTORY = "/store";
const CA_FILE = "store-ca.pem";

/** How rclone is told of a store that the settings name. */
export function storeRemote(
  store: StoreSettings,
): RecordingStore & { readonly destination: string; readonly secrets: Readonly<Record<string, string>> } {
  // The uploader reads back through it what it sent.
  const common = { RCLONE_RC_SERVE: "true" };
  if (store.type === "directory")
    return {
      destination: STORE_DIRECTORY,
      kind: "directory",
      files: [],
      env: common,
      secrets: {},
      volumes: [{ of: "machine", source: store.path, path: STORE_DIRECTORY }],
    };
  const { accessKeyId, bucket, ca, endpoint, prefix, proxy, region, secretAccessKey } = store;
  const provider = providerOf(store);
  return {
    kind: "bucket",
    files: ca === undefined ? [] : [{ path: CA_FILE, content: ca }],
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
      // rclone sends an ACL whatever it is told, and a new bucket of AWS takes no other.
      ...(provider === "AWS" ? { RCLONE_CONFIG_STORE_ACL: "bucket-owner-full-control" } : {}),
      ...(ca === undefined ? {} : { RCLONE_CA_CERT: `${FLEET_DIRECTORY}/${CA_FILE}` }),
      ...(endpoint === undefined
        ? {}
        : { RCLONE_CONFIG_STORE_ENDPOINT: endpoint, RCLONE_CONFIG_STORE_FORCE_PATH_STYLE: "true" }),
    },
    secrets: {
      RCLONE_CONFIG_STORE_ACCESS_KEY_ID: accessKeyId,
      RCLONE_CONFIG_STORE_SECRET_ACCESS_KEY: secretAccessKey,
      ...(proxy === undefined ? {} : { HTTP_PROXY: proxy, HTTPS_PROXY: proxy }),
    },
    volumes: [],
  };
}

/**
 * As whose rclone shall treat the store. For many providers it names buckets by host, whatever it is told: an address has
 * no such names, and what answers for AWS elsewhere hardly ever has.
 */
function providerOf({ endpoint, provider }: Extract<StoreSettings, { type: "s3" }>): string {
  if (endpoint === undefined) return provider;
  const { hostname } = new URL(endpoint);
  const isAddress = isIPv4(hostname) || isIPv6(hostname.slice(1, -1));
  const isAwsElsewhere = provider === "AWS" && !/\.amazonaws\.com(\.cn)?$/.test(hostname);
  return isAddress || isAwsElsewhere ? "Other" : provider;
}
