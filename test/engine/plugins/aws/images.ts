/** `aws.imagebuilder`. */
import { isObject, type Properties, type Value } from "../properties";
import { text, textMap } from "../values";
import type { Aws } from "./client";
import { type Asked, type AwsType, renamed, set, tagChanges } from "./type";

/** What there is, and what names one in a request. */
const identifiers = {
  Component: "componentBuildVersionArn",
  ImageRecipe: "imageRecipeArn",
  InfrastructureConfiguration: "infrastructureConfigurationArn",
  Image: "imageBuildVersionArn",
} as const;
type Kind = keyof typeof identifiers;

async function create(aws: Aws, kind: Kind, input: Properties): Promise<string> {
  const answer = await aws.restJson("imagebuilder", {
    method: "PUT",
    path: `/Create${kind}`,
    body: { clientToken: crypto.randomUUID(), ...input },
  });
  return text(answer[identifiers[kind]]) ?? "";
}

async function found(aws: Aws, kind: Kind, arn: string): Promise<Properties> {
  const answer = await aws.restJson("imagebuilder", { method: "GET", path: pathOf("Get", kind, arn) });
  const one = answer[kind.charAt(0).toLowerCase() + kind.slice(1)] ?? null;
  return isObject(one) ? one : {};
}

const remove =
  (kind: Kind) =>
  (aws: Aws, { id }: Pick<Asked, "id">): Promise<unknown> =>
    aws.restJson("imagebuilder", { method: "DELETE", path: pathOf("Delete", kind, id) });

const pathOf = (verb: string, kind: Kind, arn: string): string =>
  `/${verb}${kind}?${identifiers[kind]}=${encodeURIComponent(arn)}`;

async function retag(aws: Aws, arn: string, olds: Properties, news: Properties): Promise<void> {
  const { gone, set: tags } = tagChanges(olds["tags"], news["tags"]);
  const path = `/tags/${encodeURIComponent(arn)}`;
  if (gone.length > 0) {
    const keys = gone.map((key) => `tagKeys=${encodeURIComponent(key)}`).join("&");
    await aws.restJson("imagebuilder", { method: "DELETE", path: `${path}?${keys}` });
  }
  await aws.restJson("imagebuilder", { method: "POST", path, body: { tags } });
}

/** Of what AWS changes in nothing but its tags. */
const updateTags: AwsType["update"] = async (aws, { id, inputs, news, changed }) => {
  if (changed("tags")) await retag(aws, id, inputs, news);
};

/** What is given as it is sent, and the version under AWS's name. */
const sent = (inputs: Properties, names: readonly string[]): Properties => ({
  ...renamed(inputs, Object.fromEntries(names.map((name) => [name, name]))),
  ...renamed(inputs, { version: "semanticVersion" }),
  tags: textMap(inputs["tags"]),
});

const component: AwsType = {
  inputs: ["name", "platform", "version", "data", "description", "changeDescription", "skipDestroy"],
  required: ["platform", "version"],
  autoName: "name",
  defaults: { skipDestroy: false },
  outputs: ["dateCreated", "encrypted", "owner", "type"],
  tagged: true,
  create: (inputs, aws) =>
    create(aws, "Component", sent(inputs, ["name", "platform", "data", "description", "changeDescription"])),
  look: async (aws, { id }) => {
    const one = await found(aws, "Component", id);
    return { data: one["data"] ?? null, arn: one["arn"] ?? "", tags: textMap(one["tags"]) };
  },
  update: updateTags,
  remove: (aws, asked) =>
    asked.inputs["skipDestroy"] === true ? Promise.resolve() : remove("Component")(aws, asked),
};

const recipeInputs = ["name", "parentImage", "components", "amiTags", "description", "workingDirectory"];

/** A mapping's flags are texts for Pulumi. */
function mappings(value: Value | undefined): Value {
  return JSON.parse(
    JSON.stringify(value ?? []).replaceAll(/"(encrypted|deleteOnTermination)":"(true|false)"/g, '"$1":$2'),
  ) as Value;
}

const imageRecipe: AwsType = {
  inputs: [...recipeInputs, "version", "blockDeviceMappings"],
  required: ["components", "parentImage", "version"],
  autoName: "name",
  nested: {
    components: ["componentArn", "parameters"],
    blockDeviceMappings: ["deviceName", "ebs", "noDevice"],
  },
  outputs: ["dateCreated", "owner", "platform"],
  tagged: true,
  create: (inputs, aws) =>
    create(aws, "ImageRecipe", {
      ...sent(inputs, recipeInputs),
      blockDeviceMappings: mappings(inputs["blockDeviceMappings"]),
    }),
  look: async (aws, { id }) => {
    const one = await found(aws, "ImageRecipe", id);
    return {
      parentImage: one["parentImage"] ?? null,
      version: one["version"] ?? null,
      arn: one["arn"] ?? "",
      tags: textMap(one["tags"]),
    };
  },
  update: updateTags,
  remove: remove("ImageRecipe"),
};

const placeInputs = [
  "description",
  "instanceMetadataOptions",
  "instanceProfileName",
  "instanceTypes",
  "resourceTags",
  "securityGroupIds",
  "subnetId",
  "terminateInstanceOnFailure",
];

const infrastructureConfiguration: AwsType = {
  inputs: ["name", ...placeInputs],
  required: ["instanceProfileName"],
  autoName: "name",
  nested: { instanceMetadataOptions: ["httpPutResponseHopLimit", "httpTokens"] },
  defaults: { terminateInstanceOnFailure: false },
  sets: ["instanceTypes", "securityGroupIds"],
  outputs: ["dateCreated", "dateUpdated"],
  tagged: true,
  create: (inputs, aws) => create(aws, "InfrastructureConfiguration", sent(inputs, ["name", ...placeInputs])),
  look: async (aws, { id }) => {
    const one = await found(aws, "InfrastructureConfiguration", id);
    return set({
      ...renamed(one, Object.fromEntries(placeInputs.map((name) => [name, name]))),
      arn: one["arn"],
      tags: textMap(one["tags"]),
    });
  },
  update: async (aws, { id, inputs, news, changed }) => {
    if (changed(...placeInputs))
      await aws.restJson("imagebuilder", {
        method: "PUT",
        path: "/UpdateInfrastructureConfiguration",
        body: {
          clientToken: crypto.randomUUID(),
          infrastructureConfigurationArn: id,
          ...renamed(news, Object.fromEntries(placeInputs.map((name) => [name, name]))),
        },
      });
    if (changed("tags")) await retag(aws, id, inputs, news);
  },
  remove: remove("InfrastructureConfiguration"),
};

const imageInputs = [
  "enhancedImageMetadataEnabled",
  "imageRecipeArn",
  "imageTestsConfiguration",
  "infrastructureConfigurationArn",
  "loggingConfiguration",
];

const image: AwsType = {
  inputs: imageInputs,
  required: ["infrastructureConfigurationArn"],
  nested: {
    imageTestsConfiguration: ["imageTestsEnabled", "timeoutMinutes"],
    loggingConfiguration: ["logGroupName"],
  },
  defaults: { enhancedImageMetadataEnabled: true },
  outputs: ["dateCreated", "name", "osVersion", "outputResources", "platform", "version"],
  tagged: true,
  create: (inputs, aws) => create(aws, "Image", sent(inputs, imageInputs)),
  look: async (aws, { id }) => {
    const one = await found(aws, "Image", id);
    return {
      ...renamed(one, { name: "name", platform: "platform", version: "version", arn: "arn" }),
      outputResources: [one["outputResources"] ?? {}],
      tags: textMap(one["tags"]),
    };
  },
  update: updateTags,
  /** Its AMI stays. */
  remove: remove("Image"),
};

/** By token. */
export const imageTypes: Record<string, AwsType> = {
  "aws:imagebuilder/component:Component": component,
  "aws:imagebuilder/imageRecipe:ImageRecipe": imageRecipe,
  "aws:imagebuilder/infrastructureConfiguration:InfrastructureConfiguration": infrastructureConfiguration,
  "aws:imagebuilder/image:Image": image,
};
