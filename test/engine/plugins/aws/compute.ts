/** `aws.ec2` and `aws.autoscaling`: machines, and groups of them. */
import { isDeepStrictEqual } from "node:util";
import { isObject, type Properties, type Value } from "../properties";
import { objects, text, textMap, texts, written } from "../values";
import { type Aws, count, list, yes } from "./client";
import { retag, tagsIn, tagSpecification } from "./network";
import { type AwsType, capitalised, eventually, ifThere, renamed, set, tagList, without } from "./type";

const metadataNames = {
  httpEndpoint: "HttpEndpoint",
  httpTokens: "HttpTokens",
  httpPutResponseHopLimit: "HttpPutResponseHopLimit",
  instanceMetadataTags: "InstanceMetadataTags",
  httpProtocolIpv6: "HttpProtocolIpv6",
};

const volumeNames = {
  volumeSize: "VolumeSize",
  volumeType: "VolumeType",
  encrypted: "Encrypted",
  deleteOnTermination: "DeleteOnTermination",
  iops: "Iops",
  throughput: "Throughput",
  kmsKeyId: "KmsKeyId",
  snapshotId: "SnapshotId",
};

function base64(userData: Value | undefined): string | undefined {
  const plain = text(userData);
  return plain === undefined ? undefined : Buffer.from(plain).toString("base64");
}

async function describeInstance(aws: Aws, id: string): Promise<Properties | undefined> {
  const answer = await ifThere(aws.query("ec2", "DescribeInstances", { InstanceId: [id] }));
  const found = list(list(answer?.["reservationSet"])[0]?.["instancesSet"])[0];
  const state = list(found?.["instanceState"])[0]?.["name"];
  return state === "terminated" ? undefined : found;
}

async function inState(aws: Aws, id: string, wanted: string): Promise<void> {
  await eventually(
    async () => {
      const found = await describeInstance(aws, id);
      const state = found === undefined ? "terminated" : list(found["instanceState"])[0]?.["name"];
      return state === wanted ? true : undefined;
    },
    `${id} ${wanted}`,
    120,
  );
}

function profileOf(value: Value | undefined): Properties | undefined {
  const name = text(value);
  if (name === undefined) return undefined;
  return name.startsWith("arn:") ? { Arn: name } : { Name: name };
}

/** What an instance takes that EC2 changes only while it is stopped. */
const changedStopped = ["instanceType", "userData", "userDataBase64"];

/** A disk's tags, and nothing else of it. */
async function changeDisk(
  aws: Aws,
  id: string,
  old: Value | undefined,
  now: Value | undefined,
): Promise<void> {
  const [before = {}, after = {}] = [objects([old ?? null])[0], objects([now ?? null])[0]];
  if (!isDeepStrictEqual(without(before, "tags"), without(after, "tags")))
    throw new Error("the stand-in plug-in cannot change more of an instance's disk than its tags");
  for (const disk of list((await describeInstance(aws, id))?.["blockDeviceMapping"])) {
    const volume = text(list(disk["ebs"])[0]?.["volumeId"]);
    if (volume !== undefined) await retag(aws, volume, before["tags"], after["tags"]);
  }
}

const instance: AwsType = {
  inputs: [
    "ami",
    "instanceType",
    "availabilityZone",
    "subnetId",
    "privateIp",
    "vpcSecurityGroupIds",
    "associatePublicIpAddress",
    "keyName",
    "iamInstanceProfile",
    "userData",
    "userDataBase64",
    "userDataReplaceOnChange",
    "primaryNetworkInterface",
    "networkInterfaces",
    "rootBlockDevice",
    "metadataOptions",
    "maintenanceOptions",
    "creditSpecification",
    "monitoring",
    "ebsOptimized",
    "disableApiTermination",
    "instanceInitiatedShutdownBehavior",
    "sourceDestCheck",
    "volumeTags",
  ],
  nested: {
    primaryNetworkInterface: ["networkInterfaceId"],
    networkInterfaces: ["deviceIndex", "networkInterfaceId", "deleteOnTermination"],
    rootBlockDevice: [...Object.keys(volumeNames), "tags"],
    metadataOptions: Object.keys(metadataNames),
    maintenanceOptions: ["autoRecovery"],
    creditSpecification: ["cpuCredits"],
  },
  defaults: { userDataReplaceOnChange: false },
  sets: ["vpcSecurityGroupIds"],
  outputs: [
    "publicIp",
    "publicDns",
    "privateDns",
    "instanceState",
    "primaryNetworkInterfaceId",
    "availabilityZone",
    "privateIp",
    "subnetId",
  ],
  outputsOfUpdate: ["publicIp", "publicDns"],
  tagged: true,
  create: async (inputs, aws) => {
    const root = isObject(inputs["rootBlockDevice"] ?? null) ? inputs["rootBlockDevice"] : undefined;
    const interfaces = [
      ...objects([inputs["primaryNetworkInterface"] ?? null]).map((entry) => ({ ...entry, deviceIndex: 0 })),
      ...objects(inputs["networkInterfaces"]),
    ];
    const volumeTags = isObject(root ?? null) ? textMap((root as Properties)["tags"]) : {};
    const made = await aws.query(
      "ec2",
      "RunInstances",
      set({
        MinCount: 1,
        MaxCount: 1,
        ...renamed(inputs, {
          ami: "ImageId",
          instanceType: "InstanceType",
          subnetId: "SubnetId",
          privateIp: "PrivateIpAddress",
          vpcSecurityGroupIds: "SecurityGroupId",
          keyName: "KeyName",
          ebsOptimized: "EbsOptimized",
          disableApiTermination: "DisableApiTermination",
          instanceInitiatedShutdownBehavior: "InstanceInitiatedShutdownBehavior",
        }),
        Placement:
          text(inputs["availabilityZone"]) === undefined
            ? undefined
            : renamed(inputs, { availabilityZone: "AvailabilityZone" }),
        IamInstanceProfile: profileOf(inputs["iamInstanceProfile"]),
        UserData: text(inputs["userDataBase64"]) ?? base64(inputs["userData"]),
        Monitoring: inputs["monitoring"] === undefined ? undefined : { Enabled: inputs["monitoring"] },
        MetadataOptions: renamed(inputs["metadataOptions"], metadataNames),
        MaintenanceOptions: renamed(inputs["maintenanceOptions"], { autoRecovery: "AutoRecovery" }),
        CreditSpecification: renamed(inputs["creditSpecification"], { cpuCredits: "CpuCredits" }),
        NetworkInterface:
          interfaces.length === 0
            ? undefined
            : interfaces.map((entry) =>
                renamed(entry, {
                  deviceIndex: "DeviceIndex",
                  networkInterfaceId: "NetworkInterfaceId",
                  deleteOnTermination: "DeleteOnTermination",
                }),
              ),
        BlockDeviceMapping:
          root === undefined ? undefined : [{ DeviceName: "/dev/sda1", Ebs: renamed(root, volumeNames) }],
        TagSpecification: [
          { ResourceType: "instance", Tag: tagList(inputs["tags"]) },
          { ResourceType: "volume", Tag: tagList({ ...volumeTags, ...textMap(inputs["volumeTags"]) }) },
        ].filter(({ Tag }) => Tag.length > 0),
      }),
    );
    const id = text(list(made["instancesSet"])[0]?.["instanceId"]) ?? "";
    await inState(aws, id, "running");
    return id;
  },
  look: async (aws, { id, inputs }) => {
    const found = await describeInstance(aws, id);
    if (found === undefined) return undefined;
    const state = text(list(found["instanceState"])[0]?.["name"]) ?? "";
    if (state === "shutting-down") return undefined;
    const [first] = list(found["networkInterfaceSet"]);
    const owner = text(first?.["ownerId"]) ?? "123456789012";
    return {
      ami: found["imageId"] ?? null,
      instanceType: found["instanceType"] ?? null,
      availabilityZone: list(found["placement"])[0]?.["availabilityZone"] ?? "",
      subnetId: found["subnetId"] ?? "",
      privateIp: found["privateIpAddress"] ?? "",
      publicIp: found["ipAddress"] ?? "",
      publicDns: found["dnsName"] ?? "",
      privateDns: found["privateDnsName"] ?? "",
      instanceState: state,
      primaryNetworkInterfaceId: first?.["networkInterfaceId"] ?? "",
      ...(inputs["vpcSecurityGroupIds"] === undefined
        ? {}
        : { vpcSecurityGroupIds: list(found["groupSet"]).map(({ groupId }) => groupId ?? null) }),
      arn: `arn:aws:ec2:${aws.region}:${owner}:instance/${id}`,
      ...tagsIn(found),
    };
  },
  update: async (aws, asked) => {
    const { id, inputs, news, changed } = asked;
    const modify = (attribute: Properties): Promise<Properties> =>
      aws.query("ec2", "ModifyInstanceAttribute", { InstanceId: id, ...attribute });
    if (changed(...changedStopped)) {
      await aws.query("ec2", "StopInstances", { InstanceId: [id] });
      await inState(aws, id, "stopped");
      if (changed("instanceType")) await modify({ InstanceType: { Value: news["instanceType"] ?? null } });
      if (changed("userData", "userDataBase64"))
        // moto decodes UserData.Value twice.
        await modify({
          Attribute: "userData",
          Value: text(news["userDataBase64"]) ?? base64(news["userData"]) ?? "",
        });
      await aws.query("ec2", "StartInstances", { InstanceId: [id] });
      await inState(aws, id, "running");
    }
    if (changed("vpcSecurityGroupIds")) await modify({ GroupId: news["vpcSecurityGroupIds"] ?? [] });
    if (changed("disableApiTermination"))
      await modify({ DisableApiTermination: { Value: news["disableApiTermination"] ?? false } });
    if (changed("metadataOptions"))
      await aws.query("ec2", "ModifyInstanceMetadataOptions", {
        InstanceId: id,
        ...renamed(news["metadataOptions"], metadataNames),
      });
    if (changed("tags")) await retag(aws, id, inputs["tags"], news["tags"]);
    if (changed("rootBlockDevice"))
      await changeDisk(aws, id, inputs["rootBlockDevice"], news["rootBlockDevice"]);
    // What moto keeps nothing of cannot be changed in it.
    const untold = ["iamInstanceProfile", "creditSpecification", "sourceDestCheck"].filter((key) =>
      changed(key),
    );
    if (untold.length > 0)
      throw new Error(`the stand-in plug-in cannot change ${untold.join(", ")} of an instance`);
  },
  remove: async (aws, { id }) => {
    await aws.query("ec2", "TerminateInstances", { InstanceId: [id] });
    await inState(aws, id, "terminated");
  },
};

const templateInputs = [
  "imageId",
  "instanceType",
  "keyName",
  "ebsOptimized",
  "disableApiTermination",
  "instanceInitiatedShutdownBehavior",
  "userData",
  "vpcSecurityGroupIds",
  "iamInstanceProfile",
  "metadataOptions",
  "maintenanceOptions",
  "monitoring",
  "creditSpecification",
  "blockDeviceMappings",
  "networkInterfaces",
  "tagSpecifications",
  "instanceMarketOptions",
  "privateDnsNameOptions",
];

/** The data of a launch template's version, as the API has it. */
function templateData(inputs: Properties): Properties {
  const direct = renamed(inputs, {
    imageId: "ImageId",
    instanceType: "InstanceType",
    keyName: "KeyName",
    ebsOptimized: "EbsOptimized",
    disableApiTermination: "DisableApiTermination",
    instanceInitiatedShutdownBehavior: "InstanceInitiatedShutdownBehavior",
    userData: "UserData",
    vpcSecurityGroupIds: "SecurityGroupId",
  });
  const asIs = [
    "iamInstanceProfile",
    "metadataOptions",
    "maintenanceOptions",
    "monitoring",
    "creditSpecification",
    "instanceMarketOptions",
    "privateDnsNameOptions",
  ];
  return set({
    ...direct,
    ...(capitalised(
      Object.fromEntries(asIs.flatMap((key) => (inputs[key] === undefined ? [] : [[key, inputs[key]]]))),
    ) as Properties),
    BlockDeviceMapping:
      inputs["blockDeviceMappings"] === undefined
        ? undefined
        : objects(capitalised(inputs["blockDeviceMappings"])),
    NetworkInterface:
      inputs["networkInterfaces"] === undefined
        ? undefined
        : objects(inputs["networkInterfaces"]).map(({ securityGroups, ...entry }) =>
            set({ ...(capitalised(entry) as Properties), SecurityGroupId: securityGroups }),
          ),
    TagSpecification:
      inputs["tagSpecifications"] === undefined
        ? undefined
        : objects(inputs["tagSpecifications"]).map((entry) => ({
            ResourceType: entry["resourceType"] ?? null,
            Tag: tagList(entry["tags"]),
          })),
  });
}

const launchTemplate: AwsType = {
  inputs: ["name", "description", "updateDefaultVersion", "defaultVersion", ...templateInputs],
  nested: {
    blockDeviceMappings: ["deviceName", "ebs", "noDevice", "virtualName"],
    metadataOptions: Object.keys(metadataNames),
    networkInterfaces: [
      "deviceIndex",
      "associatePublicIpAddress",
      "securityGroups",
      "deleteOnTermination",
      "subnetId",
      "description",
      "ipv6AddressCount",
    ],
    tagSpecifications: ["resourceType", "tags"],
    iamInstanceProfile: ["arn", "name"],
    monitoring: ["enabled"],
    creditSpecification: ["cpuCredits"],
    maintenanceOptions: ["autoRecovery"],
  },
  autoName: "name",
  outputs: ["latestVersion", "defaultVersion"],
  outputsOfUpdate: ["latestVersion", "defaultVersion"],
  tagged: true,
  create: async (inputs, aws) => {
    const made = await aws.query("ec2", "CreateLaunchTemplate", {
      ...renamed(inputs, { name: "LaunchTemplateName", description: "VersionDescription" }),
      LaunchTemplateData: templateData(inputs),
      ...tagSpecification("launch-template", inputs["tags"]),
    });
    return text(list(made["launchTemplate"])[0]?.["launchTemplateId"]) ?? "";
  },
  // Its tags are left out: moto tells those of the first day for ever.
  look: async (aws, { id }) => {
    const found = list(
      (await aws.query("ec2", "DescribeLaunchTemplates", { LaunchTemplateId: [id] }))["launchTemplates"],
    )[0];
    if (found === undefined) return undefined;
    return {
      name: found["launchTemplateName"] ?? null,
      latestVersion: count(found["latestVersionNumber"]),
      defaultVersion: count(found["defaultVersionNumber"]),
      arn: `arn:aws:ec2:${aws.region}:123456789012:launch-template/${id}`,
    };
  },
  update: async (aws, { id, inputs, news, changed }) => {
    if (changed("description", ...templateInputs)) {
      const made = await aws.query("ec2", "CreateLaunchTemplateVersion", {
        LaunchTemplateId: id,
        ...renamed(news, { description: "VersionDescription" }),
        LaunchTemplateData: templateData(news),
      });
      if (news["updateDefaultVersion"] === true)
        await aws.query("ec2", "ModifyLaunchTemplate", {
          LaunchTemplateId: id,
          SetDefaultVersion: list(made["launchTemplateVersion"])[0]?.["versionNumber"] ?? null,
        });
    }
    if (changed("tags")) await retag(aws, id, inputs["tags"], news["tags"]);
  },
  remove: (aws, { id }) => aws.query("ec2", "DeleteLaunchTemplate", { LaunchTemplateId: id }),
};

const groupNames = {
  minSize: "MinSize",
  maxSize: "MaxSize",
  desiredCapacity: "DesiredCapacity",
  desiredCapacityType: "DesiredCapacityType",
  healthCheckType: "HealthCheckType",
  healthCheckGracePeriod: "HealthCheckGracePeriod",
  defaultCooldown: "DefaultCooldown",
  defaultInstanceWarmup: "DefaultInstanceWarmup",
  maxInstanceLifetime: "MaxInstanceLifetime",
  protectFromScaleIn: "NewInstancesProtectedFromScaleIn",
  capacityRebalance: "CapacityRebalance",
  terminationPolicies: "TerminationPolicies",
  serviceLinkedRoleArn: "ServiceLinkedRoleARN",
};

function templateReference(value: Value | undefined): Properties | undefined {
  if (!isObject(value ?? null)) return undefined;
  return renamed(value, {
    id: "LaunchTemplateId",
    name: "LaunchTemplateName",
    launchTemplateId: "LaunchTemplateId",
    launchTemplateName: "LaunchTemplateName",
    version: "Version",
  });
}

function mixedInstances(value: Value | undefined): Properties | undefined {
  const [policy] = objects([value ?? null]);
  if (policy === undefined) return undefined;
  const [template] = objects([policy["launchTemplate"] ?? null]);
  return set({
    InstancesDistribution:
      policy["instancesDistribution"] === undefined
        ? undefined
        : capitalised(policy["instancesDistribution"]),
    LaunchTemplate: set({
      LaunchTemplateSpecification: templateReference(template?.["launchTemplateSpecification"]),
      Overrides: objects(template?.["overrides"]).map((override) => ({
        ...(capitalised(
          renamed(override, { instanceType: "instanceType", weightedCapacity: "weightedCapacity" }),
        ) as Properties),
        ...(override["launchTemplateSpecification"] === undefined
          ? {}
          : {
              LaunchTemplateSpecification: templateReference(override["launchTemplateSpecification"]) ?? null,
            }),
      })),
    }),
  });
}

function retention(value: Value | undefined): Properties | undefined {
  return isObject(value ?? null) ? (capitalised(value ?? null) as Properties) : undefined;
}

/** What a create and an update of a group have in common. */
function groupRequest(inputs: Properties): Properties {
  return set({
    AutoScalingGroupName: inputs["name"],
    ...renamed(inputs, groupNames),
    VPCZoneIdentifier:
      inputs["vpcZoneIdentifiers"] === undefined ? undefined : texts(inputs["vpcZoneIdentifiers"]).join(),
    AvailabilityZones: inputs["availabilityZones"],
    LaunchTemplate: templateReference(inputs["launchTemplate"]),
    MixedInstancesPolicy: mixedInstances(inputs["mixedInstancesPolicy"]),
    InstanceLifecyclePolicy: retention(inputs["instanceLifecyclePolicy"]),
    InstanceMaintenancePolicy:
      inputs["instanceMaintenancePolicy"] === undefined
        ? undefined
        : capitalised(inputs["instanceMaintenancePolicy"]),
    AvailabilityZoneDistribution:
      inputs["availabilityZoneDistribution"] === undefined
        ? undefined
        : capitalised(inputs["availabilityZoneDistribution"]),
  });
}

function groupTags(inputs: Properties): Properties[] {
  return objects(inputs["tags"]).map((tag) => ({
    ResourceId: inputs["name"] ?? null,
    ResourceType: "auto-scaling-group",
    Key: tag["key"] ?? null,
    Value: tag["value"] ?? null,
    PropagateAtLaunch: tag["propagateAtLaunch"] ?? false,
  }));
}

async function describeGroup(aws: Aws, name: string): Promise<Properties | undefined> {
  return (
    await aws.queryAll("autoscaling", "DescribeAutoScalingGroups", "AutoScalingGroups", {
      AutoScalingGroupNames: [name],
    })
  )[0];
}

async function warmPool(aws: Aws, name: Value, pool: Value | undefined): Promise<void> {
  const [wanted] = objects([pool ?? null]);
  if (wanted === undefined) return;
  const { maxGroupPreparedCapacity, ...rest } = wanted;
  await aws.query("autoscaling", "PutWarmPool", {
    AutoScalingGroupName: name,
    ...(capitalised(rest) as Properties),
    ...(maxGroupPreparedCapacity === undefined ? {} : { MaxGroupPreparedCapacity: maxGroupPreparedCapacity }),
  });
}

const group: AwsType = {
  inputs: [
    "name",
    ...Object.keys(groupNames),
    "vpcZoneIdentifiers",
    "availabilityZones",
    "launchTemplate",
    "mixedInstancesPolicy",
    "instanceLifecyclePolicy",
    "instanceMaintenancePolicy",
    "availabilityZoneDistribution",
    "initialLifecycleHooks",
    "suspendedProcesses",
    "enabledMetrics",
    "metricsGranularity",
    "warmPool",
    "tags",
    "waitForCapacityTimeout",
    "forceDelete",
    "forceDeleteWarmPool",
    "ignoreFailedScalingActivities",
    "targetGroupArns",
  ],
  required: ["minSize", "maxSize"],
  nested: {
    launchTemplate: ["id", "name", "version"],
    mixedInstancesPolicy: ["instancesDistribution", "launchTemplate"],
    instanceLifecyclePolicy: ["retentionTriggers"],
    initialLifecycleHooks: [
      "name",
      "lifecycleTransition",
      "defaultResult",
      "heartbeatTimeout",
      "notificationTargetArn",
      "notificationMetadata",
      "roleArn",
    ],
    warmPool: ["poolState", "minSize", "maxGroupPreparedCapacity", "instanceReusePolicy"],
    tags: ["key", "value", "propagateAtLaunch"],
  },
  defaults: {
    forceDelete: false,
    healthCheckGracePeriod: 300,
    metricsGranularity: "1Minute",
    waitForCapacityTimeout: "10m",
  },
  sets: [
    "tags",
    "suspendedProcesses",
    "enabledMetrics",
    "vpcZoneIdentifiers",
    "initialLifecycleHooks",
    "targetGroupArns",
  ],
  autoName: "name",
  // terraform-provider-aws, internal/service/autoscaling/group.go: the hooks and each of their fields.
  outputs: [
    "desiredCapacity",
    "healthCheckType",
    "defaultCooldown",
    "availabilityZones",
    "vpcZoneIdentifiers",
  ],
  create: async (inputs, aws) => {
    const name = inputs["name"] ?? null;
    const hooks = objects(inputs["initialLifecycleHooks"]).map(({ name: LifecycleHookName, ...hook }) => {
      const { NotificationTargetArn, RoleArn, ...rest } = capitalised(hook) as Properties;
      return set({
        LifecycleHookName,
        ...rest,
        NotificationTargetARN: NotificationTargetArn,
        RoleARN: RoleArn,
      });
    });
    const request = groupRequest(inputs);
    await aws.query("autoscaling", "CreateAutoScalingGroup", {
      ...request,
      ...(hooks.length > 0 ? { LifecycleHookSpecificationList: hooks } : {}),
      ...(inputs["targetGroupArns"] === undefined ? {} : { TargetGroupARNs: inputs["targetGroupArns"] }),
      Tags: groupTags(inputs),
    });
    const suspended = texts(inputs["suspendedProcesses"]);
    if (suspended.length > 0)
      await aws.query("autoscaling", "SuspendProcesses", {
        AutoScalingGroupName: name,
        ScalingProcesses: suspended,
      });
    const metrics = texts(inputs["enabledMetrics"]);
    if (metrics.length > 0)
      await aws.query("autoscaling", "EnableMetricsCollection", {
        AutoScalingGroupName: name,
        Metrics: metrics,
        Granularity: inputs["metricsGranularity"] ?? "1Minute",
      });
    await warmPool(aws, name, inputs["warmPool"]);
    return written(name);
  },
  look: async (aws, { id, inputs }) => {
    const found = await describeGroup(aws, id);
    if (found === undefined || text(found["Status"]) !== undefined) return undefined;
    return {
      name: found["AutoScalingGroupName"] ?? null,
      minSize: count(found["MinSize"]),
      maxSize: count(found["MaxSize"]),
      desiredCapacity: count(found["DesiredCapacity"]),
      healthCheckType: found["HealthCheckType"] ?? "EC2",
      defaultCooldown: count(found["DefaultCooldown"]),
      protectFromScaleIn: yes(found["NewInstancesProtectedFromScaleIn"]),
      ...(inputs["suspendedProcesses"] === undefined
        ? {}
        : {
            suspendedProcesses: list(found["SuspendedProcesses"]).map(
              ({ ProcessName }) => ProcessName ?? null,
            ),
          }),
      availabilityZones: texts(found["AvailabilityZones"]),
      vpcZoneIdentifiers: (text(found["VPCZoneIdentifier"]) ?? "").split(",").filter((zone) => zone !== ""),
      arn: found["AutoScalingGroupARN"] ?? "",
      ...(inputs["tags"] === undefined
        ? {}
        : {
            tags: list(found["Tags"])
              .filter(({ Key }) => text(Key)?.startsWith("aws:") !== true)
              .map((tag) => ({
                key: tag["Key"] ?? null,
                value: tag["Value"] ?? null,
                propagateAtLaunch: yes(tag["PropagateAtLaunch"]),
              })),
          }),
    };
  },
  update: async (aws, { inputs, news, changed }) => {
    const name = news["name"] ?? null;
    const named = { AutoScalingGroupName: name };
    // As the real plug-in: what did not change is not said again, so a number that another chose stays.
    const said = Object.fromEntries(Object.entries(news).filter(([key]) => changed(key)));
    const request = groupRequest({ ...said, name });
    await aws.query("autoscaling", "UpdateAutoScalingGroup", request);
    if (changed("tags")) {
      const kept = new Set(objects(news["tags"]).map(({ key }) => key));
      const gone = groupTags({
        ...inputs,
        tags: objects(inputs["tags"]).filter(({ key }) => !kept.has(key)),
      });
      if (gone.length > 0) await aws.query("autoscaling", "DeleteTags", { Tags: gone });
      if (kept.size > 0) await aws.query("autoscaling", "CreateOrUpdateTags", { Tags: groupTags(news) });
    }
    if (changed("suspendedProcesses")) {
      const [before, after] = [texts(inputs["suspendedProcesses"]), texts(news["suspendedProcesses"])];
      const [resumed, suspended] = [
        before.filter((one) => !after.includes(one)),
        after.filter((one) => !before.includes(one)),
      ];
      if (resumed.length > 0)
        await aws.query("autoscaling", "ResumeProcesses", { ...named, ScalingProcesses: resumed });
      if (suspended.length > 0)
        await aws.query("autoscaling", "SuspendProcesses", { ...named, ScalingProcesses: suspended });
    }
    if (changed("warmPool")) {
      if (inputs["warmPool"] !== undefined && news["warmPool"] === undefined)
        await aws.query("autoscaling", "DeleteWarmPool", { ...named, ForceDelete: true });
      await warmPool(aws, name, news["warmPool"]);
    }
  },
  remove: async (aws, { id, inputs }) => {
    const named = { AutoScalingGroupName: id };
    if (inputs["warmPool"] !== undefined)
      await ifThere(
        aws.query("autoscaling", "DeleteWarmPool", {
          ...named,
          ForceDelete: inputs["forceDeleteWarmPool"] ?? false,
        }),
      );
    if (inputs["forceDelete"] !== true) {
      // As the real plug-in: all instances first, and their hooks with them.
      await aws.query("autoscaling", "UpdateAutoScalingGroup", {
        ...named,
        MinSize: 0,
        MaxSize: 0,
        DesiredCapacity: 0,
      });
      await eventually(
        async () => {
          const found = await describeGroup(aws, id);
          return list(found?.["Instances"]).length === 0 ? true : undefined;
        },
        `the end of the instances of ${id}`,
        240,
      );
    }
    await aws.query("autoscaling", "DeleteAutoScalingGroup", {
      ...named,
      ForceDelete: inputs["forceDelete"] ?? false,
    });
    await eventually(
      async () => ((await describeGroup(aws, id)) === undefined ? true : undefined),
      `the deletion of ${id}`,
      240,
    );
  },
};

const hookNames = {
  name: "LifecycleHookName",
  autoscalingGroupName: "AutoScalingGroupName",
  lifecycleTransition: "LifecycleTransition",
  defaultResult: "DefaultResult",
  heartbeatTimeout: "HeartbeatTimeout",
  notificationTargetArn: "NotificationTargetARN",
  notificationMetadata: "NotificationMetadata",
  roleArn: "RoleARN",
};

const lifecycleHook: AwsType = {
  inputs: Object.keys(hookNames),
  required: ["autoscalingGroupName", "lifecycleTransition"],
  autoName: "name",
  outputs: ["defaultResult"],
  create: async (inputs, aws) => {
    await aws.query("autoscaling", "PutLifecycleHook", renamed(inputs, hookNames));
    return text(inputs["name"]) ?? "";
  },
  look: async (aws, { inputs }) => {
    const named = renamed(inputs, { autoscalingGroupName: "AutoScalingGroupName" });
    const answer = await aws.query("autoscaling", "DescribeLifecycleHooks", {
      ...named,
      LifecycleHookNames: [inputs["name"] ?? null],
    });
    const found = list(answer["LifecycleHooks"])[0];
    if (found === undefined) return undefined;
    return {
      lifecycleTransition: found["LifecycleTransition"] ?? null,
      heartbeatTimeout: count(found["HeartbeatTimeout"]),
      defaultResult: found["DefaultResult"] ?? "ABANDON",
    };
  },
  update: async (aws, { news }) => {
    await aws.query("autoscaling", "PutLifecycleHook", renamed(news, hookNames));
  },
  remove: (aws, { inputs }) =>
    aws.query(
      "autoscaling",
      "DeleteLifecycleHook",
      renamed(inputs, { name: "LifecycleHookName", autoscalingGroupName: "AutoScalingGroupName" }),
    ),
};

const scheduleNames = {
  scheduledActionName: "ScheduledActionName",
  autoscalingGroupName: "AutoScalingGroupName",
  recurrence: "Recurrence",
  startTime: "StartTime",
  endTime: "EndTime",
  timeZone: "TimeZone",
};
const sizes = { minSize: "MinSize", maxSize: "MaxSize", desiredCapacity: "DesiredCapacity" };

/** -1 says, in the real plug-in, that a size stays as it is. */
function scheduleRequest(inputs: Properties): Properties {
  const chosen = Object.entries(renamed(inputs, sizes)).filter(([, value]) => value !== -1);
  return { ...renamed(inputs, scheduleNames), ...Object.fromEntries(chosen) };
}

const schedule: AwsType = {
  inputs: [...Object.keys(scheduleNames), ...Object.keys(sizes)],
  required: ["autoscalingGroupName", "scheduledActionName"],
  create: async (inputs, aws) => {
    await aws.query("autoscaling", "PutScheduledUpdateGroupAction", scheduleRequest(inputs));
    return text(inputs["scheduledActionName"]) ?? "";
  },
  look: async (aws, { inputs }) => {
    const answer = await aws.query("autoscaling", "DescribeScheduledActions", {
      ...renamed(inputs, { autoscalingGroupName: "AutoScalingGroupName" }),
      ScheduledActionNames: [inputs["scheduledActionName"] ?? null],
    });
    const found = list(answer["ScheduledUpdateGroupActions"])[0];
    if (found === undefined) return undefined;
    return { recurrence: found["Recurrence"] ?? null, arn: found["ScheduledActionARN"] ?? "" };
  },
  update: async (aws, { news }) => {
    await aws.query("autoscaling", "PutScheduledUpdateGroupAction", scheduleRequest(news));
  },
  remove: (aws, { inputs }) =>
    aws.query(
      "autoscaling",
      "DeleteScheduledAction",
      renamed(inputs, {
        autoscalingGroupName: "AutoScalingGroupName",
        scheduledActionName: "ScheduledActionName",
      }),
    ),
};

function targetTracking(value: Value | undefined): Properties | undefined {
  const [wanted] = objects([value ?? null]);
  if (wanted === undefined) return undefined;
  const [metric] = objects([wanted["customizedMetricSpecification"] ?? null]);
  const rest = without(wanted, "customizedMetricSpecification");
  if (metric === undefined) return capitalised(rest) as Properties;
  const { metricDimensions, ...simple } = metric;
  return {
    ...(capitalised(rest) as Properties),
    CustomizedMetricSpecification: set({
      ...(capitalised(simple) as Properties),
      Dimensions: metricDimensions === undefined ? undefined : capitalised(metricDimensions),
    }),
  };
}

function policyRequest(inputs: Properties): Properties {
  return set({
    ...renamed(inputs, {
      name: "PolicyName",
      autoscalingGroupName: "AutoScalingGroupName",
      policyType: "PolicyType",
      adjustmentType: "AdjustmentType",
      scalingAdjustment: "ScalingAdjustment",
      cooldown: "Cooldown",
      enabled: "Enabled",
      estimatedInstanceWarmup: "EstimatedInstanceWarmup",
      metricAggregationType: "MetricAggregationType",
      minAdjustmentMagnitude: "MinAdjustmentMagnitude",
    }),
    StepAdjustments:
      inputs["stepAdjustments"] === undefined ? undefined : capitalised(inputs["stepAdjustments"]),
    TargetTrackingConfiguration: targetTracking(inputs["targetTrackingConfiguration"]),
  });
}

const scalingPolicy: AwsType = {
  inputs: [
    "name",
    "autoscalingGroupName",
    "policyType",
    "adjustmentType",
    "scalingAdjustment",
    "cooldown",
    "enabled",
    "estimatedInstanceWarmup",
    "metricAggregationType",
    "minAdjustmentMagnitude",
    "stepAdjustments",
    "targetTrackingConfiguration",
  ],
  required: ["autoscalingGroupName"],
  nested: {
    targetTrackingConfiguration: [
      "targetValue",
      "disableScaleIn",
      "customizedMetricSpecification",
      "predefinedMetricSpecification",
    ],
  },
  autoName: "name",
  defaults: { policyType: "SimpleScaling", enabled: true },
  create: async (inputs, aws) => {
    await aws.query("autoscaling", "PutScalingPolicy", policyRequest(inputs));
    return text(inputs["name"]) ?? "";
  },
  look: async (aws, { inputs }) => {
    const found = (
      await aws.queryAll("autoscaling", "DescribePolicies", "ScalingPolicies", {
        ...renamed(inputs, { autoscalingGroupName: "AutoScalingGroupName" }),
        PolicyNames: [inputs["name"] ?? null],
      })
    )[0];
    if (found === undefined) return undefined;
    return { policyType: found["PolicyType"] ?? null, arn: found["PolicyARN"] ?? "" };
  },
  update: async (aws, { news }) => {
    await aws.query("autoscaling", "PutScalingPolicy", policyRequest(news));
  },
  remove: (aws, { inputs }) =>
    aws.query(
      "autoscaling",
      "DeletePolicy",
      renamed(inputs, { autoscalingGroupName: "AutoScalingGroupName", name: "PolicyName" }),
    ),
};

/** By token. */
export const computeTypes: Record<string, AwsType> = {
  "aws:ec2/instance:Instance": instance,
  "aws:ec2/launchTemplate:LaunchTemplate": launchTemplate,
  "aws:autoscaling/group:Group": group,
  "aws:autoscaling/lifecycleHook:LifecycleHook": lifecycleHook,
  "aws:autoscaling/schedule:Schedule": schedule,
  "aws:autoscaling/policy:Policy": scalingPolicy,
};
