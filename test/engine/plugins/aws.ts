/** Stand-in for `pulumi-resource-aws`: really acts, on an emulator of AWS. */
import { Aws } from "./aws/client";
import { computeTypes } from "./aws/compute";
import { eventTypes } from "./aws/events";
import { frontDoorTypes } from "./aws/frontDoor";
import { functions } from "./aws/functions";
import { identityTypes } from "./aws/identity";
import { networkTypes } from "./aws/network";
import { storageTypes } from "./aws/storage";
import { resourceType } from "./aws/type";
import { serveProvider } from "./core";

const table = {
  ...networkTypes,
  ...computeTypes,
  ...identityTypes,
  ...storageTypes,
  ...eventTypes,
  ...frontDoorTypes,
};

serveProvider({
  version: "7.48.0",
  config: [
    "region",
    "accessKey",
    "secretKey",
    "token",
    "profile",
    "endpoints",
    "defaultTags",
    "maxRetries",
    "retryMode",
    "s3UsePathStyle",
    "allowedAccountIds",
    "skipCredentialsValidation",
    "skipRequestingAccountId",
    "skipMetadataApiCheck",
    "skipRegionValidation",
  ],
  configure: (config) => new Aws(config),
  types: Object.fromEntries(Object.entries(table).map(([token, type]) => [token, resourceType(type)])),
  functions,
});
