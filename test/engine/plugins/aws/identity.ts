/** `aws.iam`. */
import type { Properties } from "../properties";
import { text } from "../values";
import { type Aws, list } from "./client";
import { type AwsType, renamed, sameDocument, tagChanges, tagList, tagMap } from "./type";

async function retagRole(aws: Aws, id: string, olds: Properties, news: Properties): Promise<void> {
  const { gone, set } = tagChanges(olds["tags"], news["tags"]);
  if (gone.length > 0) await aws.query("iam", "UntagRole", { RoleName: id, TagKeys: gone });
  if (Object.keys(set).length > 0) await aws.query("iam", "TagRole", { RoleName: id, Tags: tagList(set) });
}

const role: AwsType = {
  inputs: [
    "name",
    "path",
    "description",
    "assumeRolePolicy",
    "maxSessionDuration",
    "permissionsBoundary",
    "forceDetachPolicies",
  ],
  required: ["assumeRolePolicy"],
  autoName: "name",
  defaults: { path: "/", maxSessionDuration: 3600, forceDetachPolicies: false },
  outputs: ["uniqueId", "createDate"],
  tagged: true,
  create: async (inputs, aws) => {
    await aws.query("iam", "CreateRole", {
      ...renamed(inputs, {
        name: "RoleName",
        path: "Path",
        description: "Description",
        assumeRolePolicy: "AssumeRolePolicyDocument",
        maxSessionDuration: "MaxSessionDuration",
        permissionsBoundary: "PermissionsBoundary",
      }),
      Tags: tagList(inputs["tags"]),
    });
    return text(inputs["name"]) ?? "";
  },
  look: async (aws, { id, inputs }) => {
    const found = list((await aws.query("iam", "GetRole", { RoleName: id }))["Role"])[0];
    if (found === undefined) return undefined;
    return {
      assumeRolePolicy: sameDocument(inputs["assumeRolePolicy"], text(found["AssumeRolePolicyDocument"])),
      permissionsBoundary: list(found["PermissionsBoundary"])[0]?.["PermissionsBoundaryArn"] ?? null,
      uniqueId: found["RoleId"] ?? "",
      createDate: found["CreateDate"] ?? "",
      arn: found["Arn"] ?? "",
      tags: tagMap(list(found["Tags"])),
    };
  },
  update: async (aws, { id, inputs, news, changed }) => {
    if (changed("assumeRolePolicy"))
      await aws.query("iam", "UpdateAssumeRolePolicy", {
        RoleName: id,
        PolicyDocument: news["assumeRolePolicy"] ?? null,
      });
    if (changed("description", "maxSessionDuration"))
      await aws.query("iam", "UpdateRole", {
        RoleName: id,
        ...renamed(news, { description: "Description", maxSessionDuration: "MaxSessionDuration" }),
      });
    if (changed("permissionsBoundary")) {
      const boundary = news["permissionsBoundary"];
      await (boundary === undefined
        ? aws.query("iam", "DeleteRolePermissionsBoundary", { RoleName: id })
        : aws.query("iam", "PutRolePermissionsBoundary", { RoleName: id, PermissionsBoundary: boundary }));
    }
    if (changed("tags")) await retagRole(aws, id, inputs, news);
  },
  remove: (aws, { id }) => aws.query("iam", "DeleteRole", { RoleName: id }),
};

const rolePolicyNames = { role: "RoleName", name: "PolicyName" };

async function putRolePolicy(aws: Aws, inputs: Properties): Promise<void> {
  await aws.query("iam", "PutRolePolicy", renamed(inputs, { ...rolePolicyNames, policy: "PolicyDocument" }));
}

const rolePolicy: AwsType = {
  inputs: ["name", "role", "policy"],
  required: ["role", "policy"],
  autoName: "name",
  create: async (inputs, aws) => {
    await putRolePolicy(aws, inputs);
    return `${text(inputs["role"]) ?? ""}:${text(inputs["name"]) ?? ""}`;
  },
  look: async (aws, { inputs }) => {
    const found = await aws.query("iam", "GetRolePolicy", renamed(inputs, rolePolicyNames));
    return { policy: sameDocument(inputs["policy"], text(found["PolicyDocument"])) };
  },
  update: (aws, { news }) => putRolePolicy(aws, news),
  remove: (aws, { inputs }) => aws.query("iam", "DeleteRolePolicy", renamed(inputs, rolePolicyNames)),
};

const attachmentNames = { role: "RoleName", policyArn: "PolicyArn" };

const rolePolicyAttachment: AwsType = {
  inputs: ["role", "policyArn"],
  required: ["role", "policyArn"],
  forceNew: "all",
  create: async (inputs, aws) => {
    await aws.query("iam", "AttachRolePolicy", renamed(inputs, attachmentNames));
    return `${text(inputs["role"]) ?? ""}/${text(inputs["policyArn"]) ?? ""}`;
  },
  look: async (aws, { inputs }) => {
    const attached = await aws.queryAll(
      "iam",
      "ListAttachedRolePolicies",
      "AttachedPolicies",
      renamed(inputs, { role: "RoleName" }),
    );
    return attached.some(({ PolicyArn }) => PolicyArn === inputs["policyArn"]) ? {} : undefined;
  },
  remove: (aws, { inputs }) => aws.query("iam", "DetachRolePolicy", renamed(inputs, attachmentNames)),
};

const instanceProfile: AwsType = {
  inputs: ["name", "path", "role"],
  autoName: "name",
  defaults: { path: "/" },
  outputs: ["uniqueId", "createDate"],
  tagged: true,
  create: async (inputs, aws) => {
    const InstanceProfileName = text(inputs["name"]) ?? "";
    await aws.query("iam", "CreateInstanceProfile", {
      InstanceProfileName,
      ...renamed(inputs, { path: "Path" }),
      Tags: tagList(inputs["tags"]),
    });
    if (inputs["role"] !== undefined)
      await aws.query("iam", "AddRoleToInstanceProfile", { InstanceProfileName, RoleName: inputs["role"] });
    return InstanceProfileName;
  },
  look: async (aws, { id }) => {
    const found = list(
      (await aws.query("iam", "GetInstanceProfile", { InstanceProfileName: id }))["InstanceProfile"],
    )[0];
    if (found === undefined) return undefined;
    return {
      role: list(found["Roles"])[0]?.["RoleName"] ?? null,
      uniqueId: found["InstanceProfileId"] ?? "",
      createDate: found["CreateDate"] ?? "",
      arn: found["Arn"] ?? "",
      tags: tagMap(list(found["Tags"])),
    };
  },
  update: async (aws, { id, inputs, news, changed }) => {
    const profile = { InstanceProfileName: id };
    if (changed("role")) {
      if (inputs["role"] !== undefined)
        await aws.query("iam", "RemoveRoleFromInstanceProfile", { ...profile, RoleName: inputs["role"] });
      if (news["role"] !== undefined)
        await aws.query("iam", "AddRoleToInstanceProfile", { ...profile, RoleName: news["role"] });
    }
    if (changed("tags")) {
      const { gone, set } = tagChanges(inputs["tags"], news["tags"]);
      if (gone.length > 0) await aws.query("iam", "UntagInstanceProfile", { ...profile, TagKeys: gone });
      await aws.query("iam", "TagInstanceProfile", { ...profile, Tags: tagList(set) });
    }
  },
  remove: async (aws, { id, inputs }) => {
    const profile = { InstanceProfileName: id };
    if (inputs["role"] !== undefined)
      await aws.query("iam", "RemoveRoleFromInstanceProfile", { ...profile, RoleName: inputs["role"] });
    await aws.query("iam", "DeleteInstanceProfile", profile);
  },
};

const policy: AwsType = {
  inputs: ["name", "path", "description", "policy"],
  required: ["policy"],
  autoName: "name",
  defaults: { path: "/" },
  forceNew: ["name", "path", "description"],
  outputs: ["policyId"],
  tagged: true,
  create: async (inputs, aws) => {
    const made = await aws.query("iam", "CreatePolicy", {
      ...renamed(inputs, {
        name: "PolicyName",
        path: "Path",
        description: "Description",
        policy: "PolicyDocument",
      }),
      Tags: tagList(inputs["tags"]),
    });
    return text(list(made["Policy"])[0]?.["Arn"]) ?? "";
  },
  look: async (aws, { id, inputs }) => {
    const found = list((await aws.query("iam", "GetPolicy", { PolicyArn: id }))["Policy"])[0];
    if (found === undefined) return undefined;
    const VersionId = found["DefaultVersionId"] ?? null;
    const version = list(
      (await aws.query("iam", "GetPolicyVersion", { PolicyArn: id, VersionId }))["PolicyVersion"],
    )[0];
    return {
      policy: sameDocument(inputs["policy"], text(version?.["Document"])),
      policyId: found["PolicyId"] ?? "",
      arn: id,
      tags: tagMap(list(found["Tags"])),
    };
  },
  update: async (aws, { id, inputs, news, changed }) => {
    if (changed("policy")) {
      const versions = await aws.queryAll("iam", "ListPolicyVersions", "Versions", { PolicyArn: id });
      // There may be five: the oldest makes room.
      const old = versions.filter(({ IsDefaultVersion }) => IsDefaultVersion !== "true").at(-1);
      if (versions.length >= 5 && old !== undefined)
        await aws.query("iam", "DeletePolicyVersion", { PolicyArn: id, VersionId: old["VersionId"] ?? null });
      await aws.query("iam", "CreatePolicyVersion", {
        PolicyArn: id,
        PolicyDocument: news["policy"] ?? null,
        SetAsDefault: true,
      });
    }
    if (changed("tags")) {
      const { gone, set } = tagChanges(inputs["tags"], news["tags"]);
      if (gone.length > 0) await aws.query("iam", "UntagPolicy", { PolicyArn: id, TagKeys: gone });
      await aws.query("iam", "TagPolicy", { PolicyArn: id, Tags: tagList(set) });
    }
  },
  remove: async (aws, { id }) => {
    for (const version of await aws.queryAll("iam", "ListPolicyVersions", "Versions", { PolicyArn: id }))
      if (version["IsDefaultVersion"] !== "true")
        await aws.query("iam", "DeletePolicyVersion", {
          PolicyArn: id,
          VersionId: version["VersionId"] ?? null,
        });
    await aws.query("iam", "DeletePolicy", { PolicyArn: id });
  },
};

/** By token. */
export const identityTypes: Record<string, AwsType> = {
  "aws:iam/role:Role": role,
  "aws:iam/rolePolicy:RolePolicy": rolePolicy,
  "aws:iam/rolePolicyAttachment:RolePolicyAttachment": rolePolicyAttachment,
  "aws:iam/instanceProfile:InstanceProfile": instanceProfile,
  "aws:iam/policy:Policy": policy,
};
