/** Stand-in for `pulumi-resource-aws`: really acts, on an emulator of AWS. */
import { Aws } from "./aws/client";
import { functions } from "./aws/functions";
import { resourceType } from "./aws/type";
import { awsTypes } from "./aws/types";
import { serveProvider } from "./core";

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
  types: Object.fromEntries(
    Object.entries(awsTypes).map(([token, type]) => [token, resourceType(token, type)]),
  ),
  functions,
});
