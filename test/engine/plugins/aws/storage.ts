/** `aws.s3`, `aws.ssm` and `aws.dynamodb`. */
import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { isObject, type Properties, type Value } from "../properties";
import { objects, text, textMap, texts, written } from "../values";
import { type Aws, list, xml, yes } from "./client";
import {
  type AwsType,
  eventually,
  ifThere,
  renamed,
  sameDocument,
  set,
  tagChanges,
  tagList,
  tagMap,
} from "./type";

const bucketPath = (bucket: Value | undefined, subresource = ""): string =>
  `/${text(bucket) ?? ""}${subresource}`;

/** A part of a bucket's configuration, which S3 takes as a document. */
async function putPart(aws: Aws, bucket: Value | undefined, part: string, body: string): Promise<void> {
  const headers = { "content-md5": createHash("md5").update(body).digest("base64") };
  await aws.rest("s3", { method: "PUT", path: bucketPath(bucket, `?${part}`), headers, body });
}

async function getPart(aws: Aws, bucket: Value | undefined, part: string): Promise<Properties> {
  return (await aws.rest("s3", { method: "GET", path: bucketPath(bucket, `?${part}`) })).document;
}

function bucketPart(
  part: string,
  type: Pick<AwsType, "inputs" | "required" | "nested" | "defaults"> & {
    document: (inputs: Properties) => string;
    found: (document: Properties, inputs: Properties) => Properties;
    /** How the part ends: some are put back instead. */
    removed?: string;
  },
): AwsType {
  const { document, found, removed, ...table } = type;
  const put = (aws: Aws, inputs: Properties): Promise<void> =>
    putPart(aws, inputs["bucket"], part, document(inputs));
  return {
    ...table,
    inputs: ["bucket", ...type.inputs],
    required: ["bucket", ...(type.required ?? [])],
    create: async (inputs, aws) => {
      await put(aws, inputs);
      return text(inputs["bucket"]) ?? "";
    },
    look: async (aws, { inputs }) => found(await getPart(aws, inputs["bucket"], part), inputs),
    update: (aws, { news }) => put(aws, news),
    remove: (aws, { inputs }) =>
      removed === undefined
        ? aws.rest("s3", { method: "DELETE", path: bucketPath(inputs["bucket"], `?${part}`) })
        : putPart(aws, inputs["bucket"], part, removed),
  };
}

async function tagBucket(aws: Aws, id: string, tags: Value | undefined): Promise<void> {
  const all = tagList(tags)
    .map(({ Key, Value: value }) => `<Tag><Key>${xml(Key)}</Key><Value>${xml(value)}</Value></Tag>`)
    .join("");
  await putPart(aws, id, "tagging", `<Tagging><TagSet>${all}</TagSet></Tagging>`);
}

async function emptyBucket(aws: Aws, id: string): Promise<void> {
  const { document } = await aws.rest("s3", { method: "GET", path: bucketPath(id, "?versions") });
  for (const version of [...list(document["Version"]), ...list(document["DeleteMarker"])]) {
    const key = encodeURIComponent(text(version["Key"]) ?? "").replaceAll("%2F", "/");
    await aws.rest("s3", {
      method: "DELETE",
      path: `/${id}/${key}?versionId=${text(version["VersionId"]) ?? "null"}`,
    });
  }
  if (yes(document["IsTruncated"])) await emptyBucket(aws, id);
}

const bucket: AwsType = {
  inputs: ["bucket", "forceDestroy"],
  autoName: "bucket",
  defaults: { forceDestroy: false },
  outputs: ["bucketDomainName", "bucketRegionalDomainName", "hostedZoneId", "bucketRegion"],
  tagged: true,
  check: ({ bucket: name }) =>
    typeof name !== "string" || /^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/.test(name) || name.includes("04da6b54-")
      ? []
      : [{ property: "bucket", reason: "is not a bucket's name: 3 to 63 of a-z, 0-9, . and -" }],
  create: async (inputs, aws) => {
    const id = text(inputs["bucket"]) ?? "";
    const body = `<CreateBucketConfiguration><LocationConstraint>${aws.region}</LocationConstraint></CreateBucketConfiguration>`;
    await aws.rest("s3", { method: "PUT", path: bucketPath(id), body });
    if (tagList(inputs["tags"]).length > 0) await tagBucket(aws, id, inputs["tags"]);
    return id;
  },
  look: async (aws, { id }) => {
    await aws.rest("s3", { method: "HEAD", path: bucketPath(id) });
    const tagging = await ifThere(getPart(aws, id, "tagging"));
    return {
      bucket: id,
      bucketDomainName: `${id}.s3.amazonaws.com`,
      bucketRegionalDomainName: `${id}.s3.${aws.region}.amazonaws.com`,
      bucketRegion: aws.region,
      hostedZoneId: "Z21DNDUVLTQW6Q",
      arn: `arn:aws:s3:::${id}`,
      tags: tagMap(list(tagsOf(tagging))),
    };
  },
  update: async (aws, { id, news, changed }) => {
    if (changed("tags")) await tagBucket(aws, id, news["tags"]);
  },
  remove: async (aws, { id, inputs }) => {
    if (inputs["forceDestroy"] === true) await emptyBucket(aws, id);
    await aws.rest("s3", { method: "DELETE", path: bucketPath(id) });
  },
};

/** S3 lists tags as Tag in TagSet. */
function tagsOf(document: Properties | undefined): Value | undefined {
  return list(document?.["TagSet"])[0]?.["Tag"];
}

const first = (value: Value | undefined): Properties => objects([value ?? null])[0] ?? {};

const bucketVersioning = bucketPart("versioning", {
  inputs: ["versioningConfiguration", "mfa", "expectedBucketOwner"],
  required: ["versioningConfiguration"],
  nested: { versioningConfiguration: ["status", "mfaDelete"] },
  document: (inputs) =>
    `<VersioningConfiguration><Status>${xml(first(inputs["versioningConfiguration"])["status"])}</Status></VersioningConfiguration>`,
  found: (document, inputs) => ({
    versioningConfiguration: {
      ...first(inputs["versioningConfiguration"]),
      status: document["Status"] ?? "Disabled",
    },
  }),
  removed: "<VersioningConfiguration><Status>Suspended</Status></VersioningConfiguration>",
});

const encryptionOf = (rule: Properties): Properties => first(rule["applyServerSideEncryptionByDefault"]);

const bucketEncryption = bucketPart("encryption", {
  inputs: ["rules", "expectedBucketOwner"],
  required: ["rules"],
  nested: { rules: ["applyServerSideEncryptionByDefault", "bucketKeyEnabled", "blockedEncryptionTypes"] },
  document: (inputs) => {
    const rules = objects(inputs["rules"]).map((rule) => {
      const { sseAlgorithm, kmsMasterKeyId } = encryptionOf(rule);
      const key =
        kmsMasterKeyId === undefined ? "" : `<KMSMasterKeyID>${xml(kmsMasterKeyId)}</KMSMasterKeyID>`;
      return `<Rule><ApplyServerSideEncryptionByDefault><SSEAlgorithm>${xml(sseAlgorithm)}</SSEAlgorithm>${key}</ApplyServerSideEncryptionByDefault></Rule>`;
    });
    return `<ServerSideEncryptionConfiguration>${rules.join("")}</ServerSideEncryptionConfiguration>`;
  },
  found: (document, inputs) => {
    const found = list(list(document["Rule"])[0]?.["ApplyServerSideEncryptionByDefault"])[0];
    const [wanted = {}] = objects(inputs["rules"]);
    const algorithm = { ...encryptionOf(wanted), sseAlgorithm: found?.["SSEAlgorithm"] ?? null };
    return { rules: [{ ...wanted, applyServerSideEncryptionByDefault: algorithm }] };
  },
});

const publicAccess = {
  blockPublicAcls: "BlockPublicAcls",
  ignorePublicAcls: "IgnorePublicAcls",
  blockPublicPolicy: "BlockPublicPolicy",
  restrictPublicBuckets: "RestrictPublicBuckets",
};

const bucketPublicAccessBlock = bucketPart("publicAccessBlock", {
  inputs: [...Object.keys(publicAccess), "skipDestroy"],
  defaults: {
    blockPublicAcls: false,
    ignorePublicAcls: false,
    blockPublicPolicy: false,
    restrictPublicBuckets: false,
  },
  document: (inputs) => {
    const flags = Object.entries(renamed(inputs, publicAccess)).map(
      ([name, value]) => `<${name}>${xml(value)}</${name}>`,
    );
    return `<PublicAccessBlockConfiguration>${flags.join("")}</PublicAccessBlockConfiguration>`;
  },
  found: (document) =>
    Object.fromEntries(Object.entries(publicAccess).map(([key, name]) => [key, yes(document[name])])),
});

const bucketOwnershipControls = bucketPart("ownershipControls", {
  inputs: ["rule"],
  required: ["rule"],
  nested: { rule: ["objectOwnership"] },
  document: (inputs) =>
    `<OwnershipControls><Rule><ObjectOwnership>${xml(first(inputs["rule"])["objectOwnership"])}</ObjectOwnership></Rule></OwnershipControls>`,
  found: (document) => ({
    rule: { objectOwnership: list(document["Rule"])[0]?.["ObjectOwnership"] ?? null },
  }),
});

const bucketPolicy: AwsType = {
  inputs: ["bucket", "policy"],
  required: ["bucket", "policy"],
  create: async (inputs, aws) => {
    await aws.rest("s3", {
      method: "PUT",
      path: bucketPath(inputs["bucket"], "?policy"),
      body: text(inputs["policy"]) ?? "",
    });
    return text(inputs["bucket"]) ?? "";
  },
  look: async (aws, { id, inputs }) => {
    const { body } = await aws.rest("s3", { method: "GET", path: bucketPath(id, "?policy") });
    return { policy: sameDocument(inputs["policy"], body) };
  },
  update: async (aws, { id, news }) => {
    await aws.rest("s3", {
      method: "PUT",
      path: bucketPath(id, "?policy"),
      body: text(news["policy"]) ?? "",
    });
  },
  remove: (aws, { id }) => aws.rest("s3", { method: "DELETE", path: bucketPath(id, "?policy") }),
};

/** An element for each property that is set, in their order. */
function elements(value: Value | undefined, names: Record<string, string>): string {
  return Object.entries(renamed(value, names))
    .map(([name, entry]) => `<${name}>${xml(entry)}</${name}>`)
    .join("");
}

function lifecycleRule(rule: Properties): string {
  const filter = first(rule["filter"]);
  const wrapped = (name: string, body: string): string => (body === "" ? "" : `<${name}>${body}</${name}>`);
  const expiration = elements(rule["expiration"], {
    days: "Days",
    date: "Date",
    expiredObjectDeleteMarker: "ExpiredObjectDeleteMarker",
  });
  const transitions = objects(rule["transitions"])
    .map((one) =>
      wrapped("Transition", elements(one, { days: "Days", date: "Date", storageClass: "StorageClass" })),
    )
    .join("");
  const old = elements(rule["noncurrentVersionExpiration"], {
    noncurrentDays: "NoncurrentDays",
    newerNoncurrentVersions: "NewerNoncurrentVersions",
  });
  const oldTransitions = objects(rule["noncurrentVersionTransitions"])
    .map((one) =>
      wrapped(
        "NoncurrentVersionTransition",
        elements(one, { noncurrentDays: "NoncurrentDays", storageClass: "StorageClass" }),
      ),
    )
    .join("");
  const abort = elements(rule["abortIncompleteMultipartUpload"], {
    daysAfterInitiation: "DaysAfterInitiation",
  });
  return wrapped(
    "Rule",
    [
      `<ID>${xml(rule["id"])}</ID>`,
      `<Filter><Prefix>${xml(filter["prefix"])}</Prefix></Filter>`,
      `<Status>${xml(rule["status"])}</Status>`,
      transitions,
      wrapped("Expiration", expiration),
      wrapped("NoncurrentVersionExpiration", old),
      oldTransitions,
      wrapped("AbortIncompleteMultipartUpload", abort),
    ].join(""),
  );
}

const bucketLifecycle = bucketPart("lifecycle", {
  inputs: ["rules", "transitionDefaultMinimumObjectSize"],
  required: ["rules"],
  nested: {
    rules: [
      "id",
      "status",
      "filter",
      "expiration",
      "transitions",
      "noncurrentVersionExpiration",
      "noncurrentVersionTransitions",
      "abortIncompleteMultipartUpload",
    ],
  },
  document: (inputs) =>
    `<LifecycleConfiguration>${objects(inputs["rules"]).map(lifecycleRule).join("")}</LifecycleConfiguration>`,
  found: (document, inputs) => {
    // Of each rule what tells at once that another wrote it: which there are and whether they are in force.
    const found = list(document["Rule"]).map((rule) => ({
      id: rule["ID"] ?? null,
      status: rule["Status"] ?? null,
    }));
    const wanted = objects(inputs["rules"]);
    const same =
      found.length === wanted.length &&
      wanted.every(({ id, status }) => found.some((one) => one.id === id && one.status === status));
    return { rules: same ? (inputs["rules"] ?? null) : found };
  },
});

const objectHeaders = {
  contentType: "content-type",
  contentEncoding: "content-encoding",
  cacheControl: "cache-control",
  serverSideEncryption: "x-amz-server-side-encryption",
  acl: "x-amz-acl",
};

/** The bytes of an object, wherever the program has them from. */
async function objectBody(inputs: Properties): Promise<Uint8Array<ArrayBuffer>> {
  const plain = inputs["content"];
  if (typeof plain === "string") return new Uint8Array(Buffer.from(plain));
  if (typeof inputs["contentBase64"] === "string")
    return new Uint8Array(Buffer.from(inputs["contentBase64"], "base64"));
  const asset = first(inputs["source"]);
  if (typeof asset["text"] === "string") return new Uint8Array(Buffer.from(asset["text"]));
  if (typeof asset["path"] === "string") return new Uint8Array(await readFile(asset["path"]));
  throw new Error("an object needs content, contentBase64 or source as an asset");
}

const objectPath = (inputs: Properties): string =>
  `/${text(inputs["bucket"]) ?? ""}/${encodeURIComponent(text(inputs["key"]) ?? "").replaceAll("%2F", "/")}`;

async function putObject(aws: Aws, inputs: Properties): Promise<void> {
  const headers: Record<string, string> = {};
  for (const [name, value] of Object.entries(renamed(inputs, objectHeaders))) headers[name] = written(value);
  for (const [name, value] of Object.entries(textMap(inputs["metadata"])))
    headers[`x-amz-meta-${name}`] = value;
  await aws.rest("s3", { method: "PUT", path: objectPath(inputs), headers, body: await objectBody(inputs) });
}

const bucketObject: AwsType = {
  inputs: [
    "bucket",
    "key",
    "content",
    "contentBase64",
    "source",
    "sourceHash",
    "etag",
    "forceDestroy",
    "metadata",
    ...Object.keys(objectHeaders),
  ],
  required: ["bucket"],
  autoName: "key",
  outputs: ["etag", "versionId"],
  outputsOfUpdate: ["etag", "versionId"],
  // Computed: what the program says no more stays.
  sticky: ["acl"],
  tagged: true,
  create: async (inputs, aws) => {
    await putObject(aws, inputs);
    return `${text(inputs["bucket"]) ?? ""}/${text(inputs["key"]) ?? ""}`;
  },
  look: async (aws, { id, inputs }) => {
    const { headers } = await aws.rest("s3", { method: "HEAD", path: objectPath(inputs) });
    return {
      etag: headers.get("etag")?.replaceAll('"', "") ?? "",
      versionId: headers.get("x-amz-version-id") ?? "",
      arn: `arn:aws:s3:::${id}`,
    };
  },
  update: (aws, { news }) => putObject(aws, news),
  remove: async (aws, { inputs }) => {
    // As the real plug-in: every version of it.
    const key = text(inputs["key"]) ?? "";
    const { document } = await aws.rest("s3", {
      method: "GET",
      path: bucketPath(inputs["bucket"], `?versions&prefix=${encodeURIComponent(key)}`),
    });
    const versions = [...list(document["Version"]), ...list(document["DeleteMarker"])].filter(
      ({ Key }) => Key === key,
    );
    for (const { VersionId } of versions)
      await aws.rest("s3", {
        method: "DELETE",
        path: `${objectPath(inputs)}?versionId=${text(VersionId) ?? "null"}`,
      });
  },
};

/** It states an ACL, where the newer one leaves what is there. */
const olderBucketObject: AwsType = { ...bucketObject, defaults: { acl: "private" } };

function parameterRequest(inputs: Properties): Properties {
  return {
    ...renamed(inputs, {
      name: "Name",
      type: "Type",
      description: "Description",
      tier: "Tier",
      keyId: "KeyId",
      allowedPattern: "AllowedPattern",
      dataType: "DataType",
    }),
    Value: inputs["value"] ?? inputs["insecureValue"] ?? null,
  };
}

const parameter: AwsType = {
  inputs: [
    "name",
    "type",
    "value",
    "insecureValue",
    "description",
    "tier",
    "keyId",
    "allowedPattern",
    "dataType",
    "overwrite",
  ],
  required: ["type"],
  autoName: "name",
  outputs: ["version"],
  outputsOfUpdate: ["version"],
  secretOutputs: ["value"],
  tagged: true,
  replacedBy: (olds, news) => (olds["tier"] === "Advanced" && news["tier"] === "Standard" ? ["tier"] : []),
  check: ({ value, tier }) => {
    const limit = tier === "Advanced" ? 8192 : 4096;
    return typeof value === "string" && Buffer.byteLength(value) > limit && tier !== "Intelligent-Tiering"
      ? [{ property: "value", reason: `is longer than ${limit} bytes` }]
      : [];
  },
  create: async (inputs, aws) => {
    // Tags and Overwrite exclude each other.
    await aws.json("ssm", "PutParameter", { ...parameterRequest(inputs), Tags: tagList(inputs["tags"]) });
    return text(inputs["name"]) ?? "";
  },
  look: async (aws, { id, inputs }) => {
    const answer = await aws.json("ssm", "GetParameter", { Name: id, WithDecryption: true });
    const found = first(answer["Parameter"]);
    const tags = await aws.json("ssm", "ListTagsForResource", { ResourceType: "Parameter", ResourceId: id });
    return {
      type: found["Type"] ?? null,
      [inputs["insecureValue"] === undefined ? "value" : "insecureValue"]: found["Value"] ?? null,
      version: found["Version"] ?? null,
      arn: found["ARN"] ?? "",
      tags: tagMap(list(tags["TagList"])),
    };
  },
  update: async (aws, { id, inputs, news, changed }) => {
    const own = ["type", "value", "insecureValue", "description", "tier", "keyId", "allowedPattern"];
    if (changed(...own))
      await aws.json("ssm", "PutParameter", { ...parameterRequest(news), Overwrite: true });
    if (changed("tags")) {
      const resource = { ResourceType: "Parameter", ResourceId: id };
      const { gone, set } = tagChanges(inputs["tags"], news["tags"]);
      if (gone.length > 0) await aws.json("ssm", "RemoveTagsFromResource", { ...resource, TagKeys: gone });
      await aws.json("ssm", "AddTagsToResource", { ...resource, Tags: tagList(set) });
    }
  },
  remove: (aws, { id }) => aws.json("ssm", "DeleteParameter", { Name: id }),
};

async function tableSettings(
  aws: Aws,
  TableName: string,
  inputs: Properties,
  olds: Properties,
): Promise<void> {
  const differs = (key: string): boolean =>
    JSON.stringify(inputs[key] ?? null) !== JSON.stringify(olds[key] ?? null);
  if (differs("ttl")) {
    const ttl = first(inputs["ttl"] ?? olds["ttl"]);
    const enabled = inputs["ttl"] !== undefined && ttl["enabled"] !== false;
    await aws.json("dynamodb", "UpdateTimeToLive", {
      TableName,
      TimeToLiveSpecification: { Enabled: enabled, AttributeName: ttl["attributeName"] ?? null },
    });
  }
  if (differs("pointInTimeRecovery"))
    await aws.json("dynamodb", "UpdateContinuousBackups", {
      TableName,
      PointInTimeRecoverySpecification: {
        PointInTimeRecoveryEnabled: first(inputs["pointInTimeRecovery"])["enabled"] ?? false,
      },
    });
}

const table: AwsType = {
  inputs: [
    "name",
    "hashKey",
    "rangeKey",
    "attributes",
    "billingMode",
    "readCapacity",
    "writeCapacity",
    "ttl",
    "pointInTimeRecovery",
    "serverSideEncryption",
    "deletionProtectionEnabled",
    "tableClass",
  ],
  nested: {
    attributes: ["name", "type"],
    ttl: ["attributeName", "enabled"],
    pointInTimeRecovery: ["enabled", "recoveryPeriodInDays"],
    serverSideEncryption: ["enabled", "kmsKeyArn"],
  },
  autoName: "name",
  sets: ["attributes"],
  defaults: { billingMode: "PROVISIONED" },
  tagged: true,
  create: async (inputs, aws) => {
    const keys = [
      { AttributeName: inputs["hashKey"] ?? null, KeyType: "HASH" },
      { AttributeName: inputs["rangeKey"] ?? null, KeyType: "RANGE" },
    ];
    const [encryption] = objects([inputs["serverSideEncryption"] ?? null]);
    const TableName = text(inputs["name"]) ?? "";
    await aws.json(
      "dynamodb",
      "CreateTable",
      set({
        TableName,
        KeySchema: keys.filter(({ AttributeName }) => AttributeName !== null),
        AttributeDefinitions: objects(inputs["attributes"]).map(({ name, type }) => ({
          AttributeName: name ?? null,
          AttributeType: type ?? null,
        })),
        BillingMode: inputs["billingMode"],
        ProvisionedThroughput:
          inputs["billingMode"] === "PROVISIONED"
            ? {
                ReadCapacityUnits: inputs["readCapacity"] ?? null,
                WriteCapacityUnits: inputs["writeCapacity"] ?? null,
              }
            : undefined,
        SSESpecification:
          encryption === undefined
            ? undefined
            : set({ Enabled: encryption["enabled"], KMSMasterKeyId: encryption["kmsKeyArn"] }),
        DeletionProtectionEnabled: inputs["deletionProtectionEnabled"],
        TableClass: inputs["tableClass"],
        Tags: tagList(inputs["tags"]),
      }),
    );
    await eventually(async () => {
      const found = first((await aws.json("dynamodb", "DescribeTable", { TableName }))["Table"]);
      return found["TableStatus"] === "ACTIVE" ? true : undefined;
    }, `the table ${TableName}`);
    await tableSettings(aws, TableName, inputs, {});
    return TableName;
  },
  look: async (aws, { id, inputs }) => {
    const found = first((await aws.json("dynamodb", "DescribeTable", { TableName: id }))["Table"]);
    const arn = found["TableArn"] ?? "";
    const ttl = first(
      (await aws.json("dynamodb", "DescribeTimeToLive", { TableName: id }))["TimeToLiveDescription"],
    );
    const tags = await aws.json("dynamodb", "ListTagsOfResource", { ResourceArn: arn });
    return {
      hashKey:
        objects(found["KeySchema"]).find(({ KeyType }) => KeyType === "HASH")?.["AttributeName"] ?? null,
      billingMode: first(found["BillingModeSummary"])["BillingMode"] ?? "PROVISIONED",
      deletionProtectionEnabled: found["DeletionProtectionEnabled"] ?? false,
      ...(inputs["ttl"] === undefined
        ? {}
        : {
            ttl: {
              attributeName: ttl["AttributeName"] ?? null,
              enabled: ttl["TimeToLiveStatus"] === "ENABLED",
            },
          }),
      arn,
      tags: tagMap(list(tags["Tags"])),
    };
  },
  update: async (aws, { id, inputs, outputs, news, changed }) => {
    if (changed("billingMode", "readCapacity", "writeCapacity", "deletionProtectionEnabled", "tableClass"))
      await aws.json("dynamodb", "UpdateTable", {
        TableName: id,
        ...renamed(news, {
          billingMode: "BillingMode",
          deletionProtectionEnabled: "DeletionProtectionEnabled",
          tableClass: "TableClass",
        }),
        ...(news["billingMode"] === "PROVISIONED"
          ? {
              ProvisionedThroughput: {
                ReadCapacityUnits: news["readCapacity"] ?? null,
                WriteCapacityUnits: news["writeCapacity"] ?? null,
              },
            }
          : {}),
      });
    await tableSettings(aws, id, news, inputs);
    if (changed("tags")) {
      const { gone, set: all } = tagChanges(inputs["tags"], news["tags"]);
      const resource = { ResourceArn: outputs["arn"] ?? null };
      if (gone.length > 0) await aws.json("dynamodb", "UntagResource", { ...resource, TagKeys: gone });
      await aws.json("dynamodb", "TagResource", { ...resource, Tags: tagList(all) });
    }
  },
  remove: (aws, { id }) => aws.json("dynamodb", "DeleteTable", { TableName: id }),
};

/** An item as DynamoDB has it, whose first key is the program's. */
const tableItem: AwsType = {
  inputs: ["tableName", "hashKey", "rangeKey", "item"],
  required: ["tableName", "hashKey", "item"],
  forceNew: ["tableName", "hashKey", "rangeKey"],
  create: async (inputs, aws) => {
    await aws.json("dynamodb", "PutItem", { TableName: inputs["tableName"] ?? null, Item: itemOf(inputs) });
    return `${text(inputs["tableName"]) ?? ""}|${JSON.stringify(keyOf(inputs))}`;
  },
  look: async (aws, { inputs }) => {
    const found = await aws.json("dynamodb", "GetItem", {
      TableName: inputs["tableName"] ?? null,
      Key: keyOf(inputs),
    });
    return isObject(found["Item"] ?? null)
      ? { item: sameDocument(inputs["item"], JSON.stringify(found["Item"])) }
      : undefined;
  },
  update: async (aws, { news }) => {
    await aws.json("dynamodb", "PutItem", { TableName: news["tableName"] ?? null, Item: itemOf(news) });
  },
  remove: (aws, { inputs }) =>
    aws.json("dynamodb", "DeleteItem", { TableName: inputs["tableName"] ?? null, Key: keyOf(inputs) }),
};

function itemOf(inputs: Properties): Properties {
  return JSON.parse(text(inputs["item"]) ?? "{}") as Properties;
}

function keyOf(inputs: Properties): Properties {
  const keys = texts([
    inputs["hashKey"] ?? null,
    ...(inputs["rangeKey"] === undefined ? [] : [inputs["rangeKey"]]),
  ]);
  return Object.fromEntries(keys.map((key) => [key, itemOf(inputs)[key] ?? null]));
}

/** By token. */
export const storageTypes: Record<string, AwsType> = {
  "aws:s3/bucket:Bucket": bucket,
  "aws:s3/bucketVersioning:BucketVersioning": bucketVersioning,
  "aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration": bucketEncryption,
  "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock": bucketPublicAccessBlock,
  "aws:s3/bucketOwnershipControls:BucketOwnershipControls": bucketOwnershipControls,
  "aws:s3/bucketPolicy:BucketPolicy": bucketPolicy,
  "aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration": bucketLifecycle,
  "aws:s3/bucketObject:BucketObject": olderBucketObject,
  "aws:s3/bucketObjectv2:BucketObjectv2": bucketObject,
  "aws:ssm/parameter:Parameter": parameter,
  "aws:dynamodb/table:Table": table,
  "aws:dynamodb/tableItem:TableItem": tableItem,
};
