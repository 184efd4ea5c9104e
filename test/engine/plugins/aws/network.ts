/** `aws.ec2` and `aws.vpc`: networks, addresses and what may pass. */
import { isList, type Properties, type Value } from "../properties";
import { objects, text, texts, written } from "../values";
import { type Aws, AwsError, count, list, yes } from "./client";
import {
  type AwsType,
  eventually,
  ifThere,
  renamed,
  set,
  tagChanges,
  tagList,
  tagMap,
  without,
} from "./type";

/** The one thing that a Describe gives. */
async function one(
  aws: Aws,
  action: string,
  key: string,
  input: Properties,
): Promise<Properties | undefined> {
  return list((await aws.query("ec2", action, input))[key])[0];
}

/** Tags in the request that makes a thing, so that nothing is ever there without them. */
export function tagSpecification(kind: string, tags: Value | undefined): Properties {
  const all = tagList(tags);
  return all.length === 0 ? {} : { TagSpecification: [{ ResourceType: kind, Tag: all }] };
}

/** Brings a thing's tags from the old ones to the new. */
export async function retag(
  aws: Aws,
  id: string,
  olds: Value | undefined,
  news: Value | undefined,
): Promise<void> {
  const { gone, set } = tagChanges(olds, news);
  if (gone.length > 0)
    await aws.query("ec2", "DeleteTags", { ResourceId: [id], Tag: gone.map((Key) => ({ Key })) });
  if (Object.keys(set).length > 0)
    await aws.query("ec2", "CreateTags", { ResourceId: [id], Tag: tagList(set) });
}

/** The tags of what EC2 describes. */
export function tagsIn(found: Properties): Properties {
  return { tags: tagMap(list(found["tagSet"])) };
}

const retagged: NonNullable<AwsType["update"]> = async (aws, { id, inputs, news, changed }) => {
  if (changed("tags")) await retag(aws, id, inputs["tags"], news["tags"]);
};

/** Adds to and removes from a list what the change says. */
function difference(olds: Value | undefined, news: Value | undefined): { gone: string[]; added: string[] } {
  const [before, after] = [texts(olds), texts(news)];
  return {
    gone: before.filter((entry) => !after.includes(entry)),
    added: after.filter((entry) => !before.includes(entry)),
  };
}

async function vpcAttributes(aws: Aws, id: string, inputs: Properties): Promise<void> {
  const names = { enableDnsSupport: "EnableDnsSupport", enableDnsHostnames: "EnableDnsHostnames" };
  for (const [name, Value] of Object.entries(renamed(inputs, names)))
    await aws.query("ec2", "ModifyVpcAttribute", { VpcId: id, [name]: { Value } });
}

async function vpcAttribute(aws: Aws, id: string, attribute: string): Promise<boolean> {
  const found = await aws.query("ec2", "DescribeVpcAttribute", { VpcId: id, Attribute: attribute });
  return yes(list(found[attribute])[0]?.["value"]);
}

const filtered = (filters: Record<string, string>): Properties => ({
  Filter: Object.entries(filters).map(([Name, value]) => ({ Name, Value: [value] })),
});

const vpc: AwsType = {
  inputs: [
    "cidrBlock",
    "enableDnsHostnames",
    "enableDnsSupport",
    "instanceTenancy",
    "assignGeneratedIpv6CidrBlock",
  ],
  required: ["cidrBlock"],
  defaults: { enableDnsSupport: true, instanceTenancy: "default" },
  replacedBy: (olds, news) =>
    olds["instanceTenancy"] === "dedicated" && news["instanceTenancy"] === "default"
      ? []
      : ["instanceTenancy"],
  outputs: ["defaultSecurityGroupId", "mainRouteTableId", "defaultRouteTableId", "ipv6CidrBlock", "ownerId"],
  tagged: true,
  create: async (inputs, aws) => {
    const made = await aws.query("ec2", "CreateVpc", {
      ...renamed(inputs, {
        cidrBlock: "CidrBlock",
        instanceTenancy: "InstanceTenancy",
        assignGeneratedIpv6CidrBlock: "AmazonProvidedIpv6CidrBlock",
      }),
      ...tagSpecification("vpc", inputs["tags"]),
    });
    const id = text(list(made["vpc"])[0]?.["vpcId"]) ?? "";
    await vpcAttributes(aws, id, inputs);
    return id;
  },
  look: async (aws, { id }) => {
    const found = await one(aws, "DescribeVpcs", "vpcSet", { VpcId: [id] });
    if (found === undefined) return undefined;
    const group = await one(
      aws,
      "DescribeSecurityGroups",
      "securityGroupInfo",
      filtered({ "vpc-id": id, "group-name": "default" }),
    );
    const table = await one(
      aws,
      "DescribeRouteTables",
      "routeTableSet",
      filtered({ "vpc-id": id, "association.main": "true" }),
    );
    const sixes = list(found["ipv6CidrBlockAssociationSet"])[0];
    const owner = text(found["ownerId"]) ?? "";
    return {
      cidrBlock: found["cidrBlock"] ?? null,
      instanceTenancy: found["instanceTenancy"] ?? null,
      enableDnsSupport: await vpcAttribute(aws, id, "enableDnsSupport"),
      enableDnsHostnames: await vpcAttribute(aws, id, "enableDnsHostnames"),
      assignGeneratedIpv6CidrBlock: sixes !== undefined,
      ipv6CidrBlock: sixes?.["ipv6CidrBlock"] ?? "",
      defaultSecurityGroupId: group?.["groupId"] ?? "",
      mainRouteTableId: table?.["routeTableId"] ?? "",
      defaultRouteTableId: table?.["routeTableId"] ?? "",
      ownerId: owner,
      arn: `arn:aws:ec2:${aws.region}:${owner}:vpc/${id}`,
      ...tagsIn(found),
    };
  },
  update: async (aws, asked) => {
    if (asked.changed("enableDnsSupport", "enableDnsHostnames"))
      await vpcAttributes(aws, asked.id, asked.news);
    await retagged(aws, asked);
  },
  remove: (aws, { id }) => aws.query("ec2", "DeleteVpc", { VpcId: id }),
};

const subnetAttributes = {
  mapPublicIpOnLaunch: "MapPublicIpOnLaunch",
  assignIpv6AddressOnCreation: "AssignIpv6AddressOnCreation",
};

async function modifySubnet(aws: Aws, id: string, inputs: Properties): Promise<void> {
  // The API takes one attribute a request.
  for (const [name, Value] of Object.entries(renamed(inputs, subnetAttributes)))
    await aws.query("ec2", "ModifySubnetAttribute", { SubnetId: id, [name]: { Value } });
}

const subnet: AwsType = {
  inputs: ["vpcId", "cidrBlock", "availabilityZone", "ipv6CidrBlock", ...Object.keys(subnetAttributes)],
  required: ["vpcId"],
  defaults: { mapPublicIpOnLaunch: false, assignIpv6AddressOnCreation: false },
  replacedBy: ({ assignIpv6AddressOnCreation }) =>
    assignIpv6AddressOnCreation === true ? ["ipv6CidrBlock"] : [],
  outputs: ["ownerId", "availabilityZoneId"],
  tagged: true,
  create: async (inputs, aws) => {
    const made = await aws.query("ec2", "CreateSubnet", {
      ...renamed(inputs, {
        vpcId: "VpcId",
        cidrBlock: "CidrBlock",
        availabilityZone: "AvailabilityZone",
        ipv6CidrBlock: "Ipv6CidrBlock",
      }),
      ...tagSpecification("subnet", inputs["tags"]),
    });
    const id = text(list(made["subnet"])[0]?.["subnetId"]) ?? "";
    await modifySubnet(aws, id, inputs);
    return id;
  },
  look: async (aws, { id }) => {
    const found = await one(aws, "DescribeSubnets", "subnetSet", { SubnetId: [id] });
    if (found === undefined) return undefined;
    return {
      vpcId: found["vpcId"] ?? null,
      cidrBlock: found["cidrBlock"] ?? null,
      availabilityZone: found["availabilityZone"] ?? null,
      availabilityZoneId: found["availabilityZoneId"] ?? "",
      ipv6CidrBlock: list(found["ipv6CidrBlockAssociationSet"])[0]?.["ipv6CidrBlock"] ?? null,
      mapPublicIpOnLaunch: yes(found["mapPublicIpOnLaunch"]),
      assignIpv6AddressOnCreation: yes(found["assignIpv6AddressOnCreation"]),
      ownerId: found["ownerId"] ?? "",
      arn: found["subnetArn"] ?? "",
      ...tagsIn(found),
    };
  },
  update: async (aws, asked) => {
    if (asked.changed(...Object.keys(subnetAttributes))) await modifySubnet(aws, asked.id, asked.news);
    await retagged(aws, asked);
  },
  remove: (aws, { id }) => aws.query("ec2", "DeleteSubnet", { SubnetId: id }),
};

const reservationNames = {
  subnetId: "SubnetId",
  cidrBlock: "Cidr",
  reservationType: "ReservationType",
  description: "Description",
};

const subnetCidrReservation: AwsType = {
  inputs: Object.keys(reservationNames),
  required: ["subnetId", "cidrBlock", "reservationType"],
  outputs: ["ownerId"],
  create: async (inputs, aws) => {
    const made = await aws.query("ec2", "CreateSubnetCidrReservation", renamed(inputs, reservationNames));
    return text(list(made["subnetCidrReservation"])[0]?.["subnetCidrReservationId"]) ?? "";
  },
  look: async (aws, { id, inputs }) => {
    const asked = renamed(inputs, { subnetId: "SubnetId" });
    const answer = await aws.query("ec2", "GetSubnetCidrReservations", asked);
    const found = list(answer["subnetIpv4CidrReservationSet"]).find(
      ({ subnetCidrReservationId }) => subnetCidrReservationId === id,
    );
    return found === undefined
      ? undefined
      : { cidrBlock: found["cidr"] ?? null, ownerId: found["ownerId"] ?? "" };
  },
  remove: (aws, { id }) => aws.query("ec2", "DeleteSubnetCidrReservation", { SubnetCidrReservationId: id }),
};

const internetGateway: AwsType = {
  inputs: ["vpcId"],
  outputs: ["ownerId"],
  tagged: true,
  create: async (inputs, aws) => {
    const made = await aws.query(
      "ec2",
      "CreateInternetGateway",
      tagSpecification("internet-gateway", inputs["tags"]),
    );
    const id = text(list(made["internetGateway"])[0]?.["internetGatewayId"]) ?? "";
    if (inputs["vpcId"] !== undefined)
      await aws.query("ec2", "AttachInternetGateway", { InternetGatewayId: id, VpcId: inputs["vpcId"] });
    return id;
  },
  look: async (aws, { id }) => {
    const found = await one(aws, "DescribeInternetGateways", "internetGatewaySet", {
      InternetGatewayId: [id],
    });
    if (found === undefined) return undefined;
    const owner = text(found["ownerId"]) ?? "";
    return {
      vpcId: list(found["attachmentSet"])[0]?.["vpcId"] ?? "",
      ownerId: owner,
      arn: `arn:aws:ec2:${aws.region}:${owner}:internet-gateway/${id}`,
      ...tagsIn(found),
    };
  },
  update: async (aws, asked) => {
    const { id, inputs, news, changed } = asked;
    if (changed("vpcId")) {
      const moved = { InternetGatewayId: id };
      await aws.query("ec2", "DetachInternetGateway", { ...moved, VpcId: inputs["vpcId"] ?? null });
      await aws.query("ec2", "AttachInternetGateway", { ...moved, VpcId: news["vpcId"] ?? null });
    }
    await retagged(aws, asked);
  },
  remove: async (aws, { id, inputs }) => {
    if (inputs["vpcId"] !== undefined)
      await aws.query("ec2", "DetachInternetGateway", { InternetGatewayId: id, VpcId: inputs["vpcId"] });
    await aws.query("ec2", "DeleteInternetGateway", { InternetGatewayId: id });
  },
};

const routeTable: AwsType = {
  inputs: ["vpcId", "routes"],
  required: ["vpcId"],
  nested: { routes: ["cidrBlock", "ipv6CidrBlock", "gatewayId"] },
  sets: ["routes"],
  // A change of its inline routes is not worth a table of requests: routes of their own are the rule.
  outputs: ["ownerId"],
  tagged: true,
  create: async (inputs, aws) => {
    const made = await aws.query("ec2", "CreateRouteTable", {
      ...renamed(inputs, { vpcId: "VpcId" }),
      ...tagSpecification("route-table", inputs["tags"]),
    });
    const id = text(list(made["routeTable"])[0]?.["routeTableId"]) ?? "";
    for (const route of objects(inputs["routes"])) {
      const names = {
        cidrBlock: "DestinationCidrBlock",
        ipv6CidrBlock: "DestinationIpv6CidrBlock",
        gatewayId: "GatewayId",
      };
      await aws.query("ec2", "CreateRoute", { RouteTableId: id, ...renamed(route, names) });
    }
    return id;
  },
  look: async (aws, { id }) => {
    const found = await one(aws, "DescribeRouteTables", "routeTableSet", { RouteTableId: [id] });
    if (found === undefined) return undefined;
    const owner = text(found["ownerId"]) ?? "";
    const arn = `arn:aws:ec2:${aws.region}:${owner}:route-table/${id}`;
    return { vpcId: found["vpcId"] ?? null, ownerId: owner, arn, ...tagsIn(found) };
  },
  update: retagged,
  remove: (aws, { id }) => aws.query("ec2", "DeleteRouteTable", { RouteTableId: id }),
};

const routeNames = {
  routeTableId: "RouteTableId",
  destinationCidrBlock: "DestinationCidrBlock",
  destinationIpv6CidrBlock: "DestinationIpv6CidrBlock",
  gatewayId: "GatewayId",
};

const route: AwsType = {
  inputs: Object.keys(routeNames),
  required: ["routeTableId"],
  outputs: ["origin", "state"],
  create: async (inputs, aws) => {
    await aws.query("ec2", "CreateRoute", renamed(inputs, routeNames));
    return `r-${text(inputs["routeTableId"]) ?? ""}-${destination(inputs)}`;
  },
  look: async (aws, { inputs }) => {
    const table = await one(aws, "DescribeRouteTables", "routeTableSet", {
      RouteTableId: [inputs["routeTableId"] ?? null],
    });
    const found = list(table?.["routeSet"]).find(
      (entry) =>
        destination({ ...entry, destinationIpv6CidrBlock: entry["destinationIpv6CidrBlock"] ?? null }) ===
        destination(inputs),
    );
    if (found === undefined) return undefined;
    return {
      gatewayId: found["gatewayId"] ?? null,
      origin: found["origin"] ?? "",
      state: found["state"] ?? "",
    };
  },
  update: async (aws, { news }) => {
    await aws.query("ec2", "ReplaceRoute", renamed(news, routeNames));
  },
  remove: (aws, { inputs }) => {
    const named = without(inputs, "gatewayId");
    return aws.query("ec2", "DeleteRoute", renamed(named, routeNames));
  },
};

function destination(route: Properties): string {
  return text(route["destinationCidrBlock"]) ?? text(route["destinationIpv6CidrBlock"]) ?? "";
}

const routeTableAssociation: AwsType = {
  inputs: ["routeTableId", "subnetId", "gatewayId"],
  required: ["routeTableId"],
  create: async (inputs, aws) => {
    const names = { routeTableId: "RouteTableId", subnetId: "SubnetId", gatewayId: "GatewayId" };
    const made = await aws.query("ec2", "AssociateRouteTable", renamed(inputs, names));
    return text(made["associationId"]) ?? "";
  },
  look: async (aws, { id, inputs }) => {
    const table = await one(aws, "DescribeRouteTables", "routeTableSet", {
      RouteTableId: [inputs["routeTableId"] ?? null],
    });
    return list(table?.["associationSet"]).some((entry) => entry["routeTableAssociationId"] === id)
      ? {}
      : undefined;
  },
  remove: (aws, { id }) => aws.query("ec2", "DisassociateRouteTable", { AssociationId: id }),
};

const inlineRule = [
  "protocol",
  "fromPort",
  "toPort",
  "cidrBlocks",
  "ipv6CidrBlocks",
  "securityGroups",
  "self",
  "description",
];

function permissions(rules: Value | undefined, id: string): Properties[] {
  return objects(rules).map((rule) => ({
    IpProtocol: rule["protocol"] ?? null,
    FromPort: rule["fromPort"] ?? null,
    ToPort: rule["toPort"] ?? null,
    IpRanges: texts(rule["cidrBlocks"]).map((CidrIp) => ({ CidrIp })),
    Ipv6Ranges: texts(rule["ipv6CidrBlocks"]).map((CidrIpv6) => ({ CidrIpv6 })),
    Groups: [...texts(rule["securityGroups"]), ...(rule["self"] === true ? [id] : [])].map((GroupId) => ({
      GroupId,
    })),
  }));
}

/** What a group lets pass of itself, before any rule of its own. */
async function revokeAll(aws: Aws, id: string): Promise<void> {
  const rules = await aws.queryAll(
    "ec2",
    "DescribeSecurityGroupRules",
    "securityGroupRuleSet",
    filtered({ "group-id": id }),
  );
  for (const [action, isEgress] of [
    ["RevokeSecurityGroupIngress", false],
    ["RevokeSecurityGroupEgress", true],
  ] as const) {
    const ids = rules
      .filter((rule) => yes(rule["isEgress"]) === isEgress)
      .map((rule) => rule["securityGroupRuleId"] ?? null);
    // moto takes the rules themselves alone.
    const all = rules.filter((rule) => yes(rule["isEgress"]) === isEgress).map(permissionOf);
    if (ids.length > 0) await ifThere(aws.query("ec2", action, { GroupId: id, IpPermissions: all }));
  }
}

function permissionOf(rule: Properties): Properties {
  const source = list(rule["referencedGroupInfo"])[0]?.["groupId"];
  return set({
    IpProtocol: rule["ipProtocol"],
    FromPort: text(rule["fromPort"]),
    ToPort: text(rule["toPort"]),
    IpRanges: text(rule["cidrIpv4"]) === undefined ? undefined : [{ CidrIp: rule["cidrIpv4"] ?? null }],
    Ipv6Ranges: text(rule["cidrIpv6"]) === undefined ? undefined : [{ CidrIpv6: rule["cidrIpv6"] ?? null }],
    Groups: source === undefined ? undefined : [{ GroupId: source }],
  });
}

async function authorize(aws: Aws, id: string, inputs: Properties): Promise<void> {
  for (const [action, rules] of [
    ["AuthorizeSecurityGroupIngress", inputs["ingress"]],
    ["AuthorizeSecurityGroupEgress", inputs["egress"]],
  ] as const) {
    const all = permissions(rules, id);
    if (all.length > 0) await aws.query("ec2", action, { GroupId: id, IpPermissions: all });
  }
}

async function lookAtGroup(aws: Aws, id: string): Promise<Properties | undefined> {
  const found = await one(aws, "DescribeSecurityGroups", "securityGroupInfo", { GroupId: [id] });
  if (found === undefined) return undefined;
  const owner = text(found["ownerId"]) ?? "";
  return {
    name: found["groupName"] ?? null,
    description: found["groupDescription"] ?? null,
    vpcId: found["vpcId"] ?? null,
    ownerId: owner,
    arn: `arn:aws:ec2:${aws.region}:${owner}:security-group/${id}`,
    ...tagsIn(found),
  };
}

const securityGroup: AwsType = {
  inputs: ["name", "description", "vpcId", "ingress", "egress", "revokeRulesOnDelete"],
  nested: { ingress: inlineRule, egress: inlineRule },
  sets: ["ingress", "egress"],
  defaults: { description: "Managed by Pulumi", revokeRulesOnDelete: false },
  autoName: "name",
  outputs: ["ownerId"],
  tagged: true,
  create: async (inputs, aws) => {
    const made = await aws.query("ec2", "CreateSecurityGroup", {
      ...renamed(inputs, { name: "GroupName", description: "GroupDescription", vpcId: "VpcId" }),
      ...tagSpecification("security-group", inputs["tags"]),
    });
    const id = text(made["groupId"]) ?? "";
    // As the real plug-in: the rule that lets everything out is not there unless the program asks for it.
    await revokeAll(aws, id);
    await authorize(aws, id, inputs);
    return id;
  },
  look: (aws, { id }) => lookAtGroup(aws, id),
  update: async (aws, asked) => {
    if (asked.changed("ingress", "egress")) {
      await revokeAll(aws, asked.id);
      await authorize(aws, asked.id, asked.news);
    }
    await retagged(aws, asked);
  },
  remove: async (aws, { id, inputs }) => {
    if (inputs["revokeRulesOnDelete"] === true) await revokeAll(aws, id);
    // What was in it may still be ending.
    await eventually(async () => {
      try {
        await aws.query("ec2", "DeleteSecurityGroup", { GroupId: id });
        return true;
      } catch (error) {
        if (error instanceof AwsError && error.code === "DependencyViolation") return undefined;
        throw error;
      }
    }, `the deletion of ${id}, which something still refers to`);
  },
};

const defaultSecurityGroup: AwsType = {
  inputs: ["vpcId", "ingress", "egress"],
  nested: { ingress: inlineRule, egress: inlineRule },
  sets: ["ingress", "egress"],
  outputs: ["name", "description", "ownerId"],
  tagged: true,
  create: async (inputs, aws) => {
    const filter = filtered({ "vpc-id": text(inputs["vpcId"]) ?? "", "group-name": "default" });
    const found = await one(aws, "DescribeSecurityGroups", "securityGroupInfo", filter);
    const id = text(found?.["groupId"]);
    if (id === undefined) throw new Error("the VPC has no default security group");
    await revokeAll(aws, id);
    await authorize(aws, id, inputs);
    await retag(aws, id, {}, inputs["tags"]);
    return id;
  },
  look: (aws, { id }) => lookAtGroup(aws, id),
  update: async (aws, asked) => {
    if (asked.changed("ingress", "egress")) {
      await revokeAll(aws, asked.id);
      await authorize(aws, asked.id, asked.news);
    }
    await retagged(aws, asked);
  },
};

const rulePeers = ["cidrIpv4", "cidrIpv6", "prefixListId", "referencedSecurityGroupId"];
const ruleNames = {
  ipProtocol: "IpProtocol",
  fromPort: "FromPort",
  toPort: "ToPort",
  cidrIpv4: "CidrIpv4",
  cidrIpv6: "CidrIpv6",
  prefixListId: "PrefixListId",
  referencedSecurityGroupId: "ReferencedGroupId",
  description: "Description",
};

function permission(rule: Properties): Properties {
  const description = renamed(rule, { description: "Description" });
  const peer = (key: string, name: string): Properties[] | undefined =>
    rule[key] === undefined ? undefined : [{ [name]: rule[key], ...description }];
  return set({
    ...renamed(rule, { ipProtocol: "IpProtocol", fromPort: "FromPort", toPort: "ToPort" }),
    IpRanges: peer("cidrIpv4", "CidrIp"),
    Ipv6Ranges: peer("cidrIpv6", "CidrIpv6"),
    PrefixListIds: peer("prefixListId", "PrefixListId"),
    Groups: peer("referencedSecurityGroupId", "GroupId"),
  });
}

function rule(direction: "Ingress" | "Egress"): AwsType {
  return {
    inputs: ["securityGroupId", ...Object.keys(ruleNames)],
    required: ["securityGroupId", "ipProtocol"],
    outputs: ["securityGroupRuleId"],
    tagged: true,
    check: (inputs) =>
      rulePeers.filter((key) => inputs[key] !== undefined).length === 1
        ? []
        : [{ property: "cidrIpv4", reason: `exactly one of ${rulePeers.join(", ")} must be set` }],
    create: async (inputs, aws) => {
      const made = await aws.query("ec2", `AuthorizeSecurityGroup${direction}`, {
        GroupId: inputs["securityGroupId"] ?? null,
        IpPermissions: [permission(inputs)],
        ...tagSpecification("security-group-rule", inputs["tags"]),
      });
      // moto gives all rules of the group; the new one is the last of those that say the same.
      const same = list(made["securityGroupRuleSet"]).filter((entry) => isSameRule(entry, inputs));
      const id = text(same.at(-1)?.["securityGroupRuleId"]);
      if (id === undefined) throw new Error("AWS gave no identifier of the rule");
      return id;
    },
    look: async (aws, { id, inputs }) => {
      const rules = await aws.queryAll(
        "ec2",
        "DescribeSecurityGroupRules",
        "securityGroupRuleSet",
        filtered({ "group-id": text(inputs["securityGroupId"]) ?? "" }),
      );
      const found = rules.find((entry) => entry["securityGroupRuleId"] === id);
      if (found === undefined) return undefined;
      const owner = text(found["groupOwnerId"]) ?? "";
      return {
        securityGroupRuleId: id,
        ipProtocol: found["ipProtocol"] ?? null,
        ...(inputs["fromPort"] === undefined
          ? {}
          : { fromPort: count(found["fromPort"]), toPort: count(found["toPort"]) }),
        cidrIpv4: found["cidrIpv4"] ?? null,
        cidrIpv6: found["cidrIpv6"] ?? null,
        referencedSecurityGroupId: list(found["referencedGroupInfo"])[0]?.["groupId"] ?? null,
        arn: `arn:aws:ec2:${aws.region}:${owner}:security-group-rule/${id}`,
        ...(list(found["tagSet"]).length > 0 ? tagsIn(found) : {}),
      };
    },
    update: async (aws, asked) => {
      const { id, news, changed } = asked;
      if (changed(...Object.keys(ruleNames)))
        await aws.query("ec2", "ModifySecurityGroupRules", {
          GroupId: news["securityGroupId"] ?? null,
          SecurityGroupRule: [{ SecurityGroupRuleId: id, SecurityGroupRule: renamed(news, ruleNames) }],
        });
      await retagged(aws, asked);
    },
    remove: (aws, { inputs }) =>
      aws.query("ec2", `RevokeSecurityGroup${direction}`, {
        GroupId: inputs["securityGroupId"] ?? null,
        IpPermissions: [permission(inputs)],
      }),
  };
}

function isSameRule(found: Properties, inputs: Properties): boolean {
  const source = text(list(found["referencedGroupInfo"])[0]?.["groupId"]);
  return (
    found["ipProtocol"] === inputs["ipProtocol"] &&
    (inputs["fromPort"] === undefined || Number(found["fromPort"]) === inputs["fromPort"]) &&
    (inputs["toPort"] === undefined || Number(found["toPort"]) === inputs["toPort"]) &&
    text(found["cidrIpv4"]) === inputs["cidrIpv4"] &&
    text(found["cidrIpv6"]) === inputs["cidrIpv6"] &&
    source === inputs["referencedSecurityGroupId"]
  );
}

const vpcEndpoint: AwsType = {
  inputs: ["vpcId", "serviceName", "vpcEndpointType", "routeTableIds", "policy"],
  required: ["vpcId"],
  defaults: { vpcEndpointType: "Gateway" },
  sets: ["routeTableIds"],
  outputs: ["state", "ownerId", "prefixListId"],
  tagged: true,
  create: async (inputs, aws) => {
    const made = await aws.query("ec2", "CreateVpcEndpoint", {
      ...renamed(inputs, {
        vpcId: "VpcId",
        serviceName: "ServiceName",
        vpcEndpointType: "VpcEndpointType",
        routeTableIds: "RouteTableId",
        policy: "PolicyDocument",
      }),
      ...tagSpecification("vpc-endpoint", inputs["tags"]),
    });
    return text(list(made["vpcEndpoint"])[0]?.["vpcEndpointId"]) ?? "";
  },
  look: async (aws, { id }) => {
    const found = await one(aws, "DescribeVpcEndpoints", "vpcEndpointSet", { VpcEndpointId: [id] });
    if (found === undefined || /^delet/i.test(text(found["state"]) ?? "")) return undefined;
    const owner = text(found["ownerId"]) ?? "";
    return {
      state: found["state"] ?? "",
      ownerId: owner,
      prefixListId: "",
      arn: `arn:aws:ec2:${aws.region}:${owner}:vpc-endpoint/${id}`,
      ...(isList(found["routeTableIdSet"] ?? null) ? { routeTableIds: found["routeTableIdSet"] ?? [] } : {}),
      ...tagsIn(found),
    };
  },
  update: async (aws, asked) => {
    const { gone, added } = difference(asked.inputs["routeTableIds"], asked.news["routeTableIds"]);
    if (gone.length + added.length > 0 || asked.changed("policy"))
      await aws.query("ec2", "ModifyVpcEndpoint", {
        VpcEndpointId: asked.id,
        ...(gone.length > 0 ? { RemoveRouteTableId: gone } : {}),
        ...(added.length > 0 ? { AddRouteTableId: added } : {}),
        ...renamed(asked.news, { policy: "PolicyDocument" }),
      });
    await retagged(aws, asked);
  },
  remove: (aws, { id }) => aws.query("ec2", "DeleteVpcEndpoints", { VpcEndpointId: [id] }),
};

const networkInterface: AwsType = {
  inputs: [
    "subnetId",
    "privateIp",
    "privateIps",
    "securityGroups",
    "description",
    "sourceDestCheck",
    "ipv6AddressCount",
  ],
  required: ["subnetId"],
  defaults: { sourceDestCheck: true },
  // Of an interface's addresses the first cannot be another one later.
  replacedBy: (olds, news) => {
    const [first] = texts(olds["privateIps"]);
    return first === undefined || texts(news["privateIps"]).includes(first) ? [] : ["privateIps"];
  },
  sets: ["securityGroups"],
  outputs: ["macAddress", "privateDnsName", "ownerId", "ipv6Addresses"],
  tagged: true,
  create: async (inputs, aws) => {
    const [first] = texts(inputs["privateIps"]);
    const made = await aws.query("ec2", "CreateNetworkInterface", {
      ...renamed(inputs, {
        subnetId: "SubnetId",
        privateIp: "PrivateIpAddress",
        description: "Description",
        securityGroups: "SecurityGroupId",
        ipv6AddressCount: "Ipv6AddressCount",
      }),
      ...(first === undefined ? {} : { PrivateIpAddress: first }),
      ...tagSpecification("network-interface", inputs["tags"]),
    });
    const id = text(list(made["networkInterface"])[0]?.["networkInterfaceId"]) ?? "";
    if (inputs["sourceDestCheck"] === false)
      await modifyInterface(aws, id, { SourceDestCheck: { Value: false } });
    return id;
  },
  look: async (aws, { id, inputs }) => {
    const found = await one(aws, "DescribeNetworkInterfaces", "networkInterfaceSet", {
      NetworkInterfaceId: [id],
    });
    if (found === undefined) return undefined;
    const owner = text(found["ownerId"]) ?? "";
    const address = found["privateIpAddress"] ?? null;
    return {
      subnetId: found["subnetId"] ?? null,
      ...(inputs["privateIps"] === undefined ? { privateIp: address } : { privateIps: [address] }),
      ...(inputs["privateIp"] === undefined ? { privateIp: address } : {}),
      securityGroups: list(found["groupSet"]).map(({ groupId }) => groupId ?? null),
      sourceDestCheck: yes(found["sourceDestCheck"]),
      macAddress: found["macAddress"] ?? "",
      privateDnsName: found["privateDnsName"] ?? "",
      ipv6Addresses: list(found["ipv6AddressesSet"]).map(({ ipv6Address }) => ipv6Address ?? null),
      ownerId: owner,
      arn: `arn:aws:ec2:${aws.region}:${owner}:network-interface/${id}`,
      ...tagsIn(found),
    };
  },
  update: async (aws, asked) => {
    const { id, news, changed } = asked;
    if (changed("securityGroups"))
      await modifyInterface(aws, id, { SecurityGroupId: news["securityGroups"] ?? [] });
    if (changed("description"))
      await modifyInterface(aws, id, { Description: { Value: news["description"] ?? "" } });
    if (changed("sourceDestCheck"))
      await modifyInterface(aws, id, { SourceDestCheck: { Value: news["sourceDestCheck"] ?? true } });
    await retagged(aws, asked);
  },
  remove: async (aws, { id }) => {
    const found = await one(aws, "DescribeNetworkInterfaces", "networkInterfaceSet", {
      NetworkInterfaceId: [id],
    });
    const attachment = list(found?.["attachment"])[0];
    // A machine that ended has let go of it; moto alone still tells of it.
    const machine = text(attachment?.["instanceId"]);
    if (attachment !== undefined && machine !== undefined && !(await hasEnded(aws, machine)))
      await ifThere(
        aws.query("ec2", "DetachNetworkInterface", {
          AttachmentId: attachment["attachmentId"] ?? null,
          Force: true,
        }),
      );
    await aws.query("ec2", "DeleteNetworkInterface", { NetworkInterfaceId: id });
  },
};

async function hasEnded(aws: Aws, machine: string): Promise<boolean> {
  const found = await ifThere(one(aws, "DescribeInstances", "reservationSet", { InstanceId: [machine] }));
  const state = list(list(found?.["instancesSet"])[0]?.["instanceState"])[0]?.["name"];
  return state === undefined || state === "terminated";
}

async function modifyInterface(aws: Aws, id: string, change: Properties): Promise<void> {
  await aws.query("ec2", "ModifyNetworkInterfaceAttribute", { NetworkInterfaceId: id, ...change });
}

async function lookAtAddress(aws: Aws, id: string): Promise<Properties | undefined> {
  return one(aws, "DescribeAddresses", "addressesSet", { AllocationId: [id] });
}

const associationNames = {
  instance: "InstanceId",
  networkInterface: "NetworkInterfaceId",
  associateWithPrivateIp: "PrivateIpAddress",
};

async function associate(aws: Aws, id: string, inputs: Properties): Promise<void> {
  const target = renamed(inputs, associationNames);
  if (Object.keys(target).length > 0)
    await aws.query("ec2", "AssociateAddress", { AllocationId: id, ...target, AllowReassociation: true });
}

const eip: AwsType = {
  inputs: ["domain", ...Object.keys(associationNames)],
  defaults: { domain: "vpc" },
  outputs: ["publicIp", "allocationId", "associationId", "publicDns", "privateIp"],
  outputsOfUpdate: ["associationId", "privateIp"],
  tagged: true,
  create: async (inputs, aws) => {
    const made = await aws.query("ec2", "AllocateAddress", {
      Domain: inputs["domain"] ?? "vpc",
      ...tagSpecification("elastic-ip", inputs["tags"]),
    });
    const id = text(made["allocationId"]) ?? "";
    await associate(aws, id, inputs);
    return id;
  },
  look: async (aws, { id, inputs }) => {
    const found = await lookAtAddress(aws, id);
    if (found === undefined) return undefined;
    return {
      publicIp: found["publicIp"] ?? "",
      allocationId: id,
      associationId: found["associationId"] ?? "",
      privateIp: found["privateIpAddress"] ?? "",
      publicDns: `ec2-${written(found["publicIp"]).replaceAll(".", "-")}.compute.amazonaws.com`,
      ...(inputs["networkInterface"] === undefined
        ? {}
        : { networkInterface: found["networkInterfaceId"] ?? "" }),
      ...(inputs["instance"] === undefined ? {} : { instance: found["instanceId"] ?? "" }),
      arn: `arn:aws:ec2:${aws.region}:123456789012:elastic-ip/${id}`,
      ...tagsIn(found),
    };
  },
  update: async (aws, asked) => {
    if (asked.changed(...Object.keys(associationNames))) await associate(aws, asked.id, asked.news);
    await retagged(aws, asked);
  },
  remove: async (aws, { id }) => {
    const association = text((await lookAtAddress(aws, id))?.["associationId"]);
    if (association !== undefined)
      await ifThere(aws.query("ec2", "DisassociateAddress", { AssociationId: association }));
    await aws.query("ec2", "ReleaseAddress", { AllocationId: id });
  },
};

const eipAssociationNames = {
  allocationId: "AllocationId",
  instanceId: "InstanceId",
  networkInterfaceId: "NetworkInterfaceId",
  privateIpAddress: "PrivateIpAddress",
  allowReassociation: "AllowReassociation",
};

const eipAssociation: AwsType = {
  inputs: Object.keys(eipAssociationNames),
  forceNew: "all",
  outputs: ["publicIp"],
  create: async (inputs, aws) =>
    text(
      (await aws.query("ec2", "AssociateAddress", renamed(inputs, eipAssociationNames)))["associationId"],
    ) ?? "",
  look: async (aws, { id, inputs }) => {
    const found = await lookAtAddress(aws, text(inputs["allocationId"]) ?? "");
    return found?.["associationId"] === id ? { publicIp: found["publicIp"] ?? "" } : undefined;
  },
  remove: (aws, { id }) => aws.query("ec2", "DisassociateAddress", { AssociationId: id }),
};

const flowLogNames = {
  trafficType: "TrafficType",
  logDestinationType: "LogDestinationType",
  logDestination: "LogDestination",
  iamRoleArn: "DeliverLogsPermissionArn",
  maxAggregationInterval: "MaxAggregationInterval",
  logFormat: "LogFormat",
};

const flowLog: AwsType = {
  inputs: ["vpcId", ...Object.keys(flowLogNames)],
  defaults: { logDestinationType: "cloud-watch-logs", maxAggregationInterval: 600 },
  tagged: true,
  create: async (inputs, aws) => {
    const { LogDestination, ...rest } = renamed(inputs, flowLogNames);
    // moto wants a log group by its name, as AWS did once.
    const group = /:log-group:([^:]+)/.exec(text(LogDestination) ?? "")?.[1];
    const made = await aws.query("ec2", "CreateFlowLogs", {
      ResourceType: "VPC",
      ResourceId: [inputs["vpcId"] ?? null],
      ...rest,
      ...(group === undefined ? { LogDestination: LogDestination ?? null } : { LogGroupName: group }),
      ...tagSpecification("vpc-flow-log", inputs["tags"]),
    });
    const [id] = texts(made["flowLogIdSet"]);
    if (id === undefined) throw new Error(`no flow log: ${JSON.stringify(made["unsuccessful"])}`);
    return id;
  },
  look: async (aws, { id }) => {
    const found = await one(aws, "DescribeFlowLogs", "flowLogSet", { FlowLogId: [id] });
    return found === undefined
      ? undefined
      : { arn: `arn:aws:ec2:${aws.region}:123456789012:vpc-flow-log/${id}`, ...tagsIn(found) };
  },
  update: retagged,
  remove: (aws, { id }) => aws.query("ec2", "DeleteFlowLogs", { FlowLogId: [id] }),
};

/** By token. */
export const networkTypes: Record<string, AwsType> = {
  "aws:ec2/vpc:Vpc": vpc,
  "aws:ec2/subnet:Subnet": subnet,
  "aws:ec2/subnetCidrReservation:SubnetCidrReservation": subnetCidrReservation,
  "aws:ec2/internetGateway:InternetGateway": internetGateway,
  "aws:ec2/routeTable:RouteTable": routeTable,
  "aws:ec2/route:Route": route,
  "aws:ec2/routeTableAssociation:RouteTableAssociation": routeTableAssociation,
  "aws:ec2/securityGroup:SecurityGroup": securityGroup,
  "aws:ec2/defaultSecurityGroup:DefaultSecurityGroup": defaultSecurityGroup,
  "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule": rule("Ingress"),
  "aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule": rule("Egress"),
  "aws:ec2/vpcEndpoint:VpcEndpoint": vpcEndpoint,
  "aws:ec2/networkInterface:NetworkInterface": networkInterface,
  "aws:ec2/eip:Eip": eip,
  "aws:ec2/eipAssociation:EipAssociation": eipAssociation,
  "aws:ec2/flowLog:FlowLog": flowLog,
};
