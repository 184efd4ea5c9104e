import { isIPv4 } from "node:net";

/** Buckets of S3-compatible stores: their names, and whose they are. */

/** Between dots as between the labels of a host name, which a bucket's name becomes part of. */
const label = /^[a-z0-9](?:[a-z0-9-]*[a-z0-9])?$/;

/** Whether every store takes it for a name: no address, and nothing between two dots that could be no host's. */
export const isBucketName = (name: string): boolean =>
  name.length >= 3 && name.length <= 63 && !isIPv4(name) && name.split(".").every((part) => label.test(part));

/** What AWS keeps to itself (S3's user guide, "General purpose bucket naming rules"). */
const reservedByAws = /^(?:xn--|sthree-|amzn-s3-demo-)|(?:-s3alias|--ol-s3|\.mrap|--x-s3|--table-s3)$/;

export const isReservedByAws = (name: string): boolean => reservedByAws.test(name);

/** Providers as rclone names them: those of 1.60, which Jibri's image has, and of 1.75. An older one takes a newer's for Other. */
export const storeProviders = [
  "AWS",
  "Alibaba",
  "ArvanCloud",
  "BizflyCloud",
  "Ceph",
  "ChinaMobile",
  "Cloudflare",
  "Cubbit",
  "DigitalOcean",
  "Dreamhost",
  "Exaba",
  "Fastly",
  "FileLu",
  "FlashBlade",
  "GCS",
  "HCP",
  "Hetzner",
  "HuaweiOBS",
  "IBMCOS",
  "IDrive",
  "IONOS",
  "ImpossibleCloud",
  "Intercolo",
  "Leviia",
  "Liara",
  "Linode",
  "LyveCloud",
  "Magalu",
  "Mega",
  "Minio",
  "Netease",
  "OVHcloud",
  "Other",
  "Outscale",
  "Petabox",
  "Qiniu",
  "Rabata",
  "RackCorp",
  "Rclone",
  "Scaleway",
  "Scality",
  "SeaweedFS",
  "Selectel",
  "Servercore",
  "SpectraLogic",
  "StackPath",
  "Storj",
  "Synology",
  "TencentCOS",
  "US3",
  "Wasabi",
  "Zadara",
  "Zata",
  "ZeroServices",
] as const;
