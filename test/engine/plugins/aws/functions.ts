/** What a program asks AWS without making anything. */
import type { Properties, Value } from "../properties";
import { objects, text, textMap, texts, written } from "../values";
import { type Aws, list, yes } from "./client";
import { renamed, tagMap } from "./type";

type Ask = (args: Properties, aws: Aws) => Promise<Properties>;

const filters = (args: Properties): Properties => {
  const all = objects(args["filters"]).map(({ name, values }) => ({
    Name: name ?? null,
    Value: texts(values),
  }));
  return all.length === 0 ? {} : { Filter: all };
};

const availabilityZones: Ask = async (args, aws) => {
  const state = text(args["state"]);
  const found = (
    await aws.queryAll("ec2", "DescribeAvailabilityZones", "availabilityZoneInfo", filters(args))
  )
    .filter(({ zoneState }) => state === undefined || zoneState === state)
    .toSorted((a, b) => (written(a["zoneName"]) < written(b["zoneName"]) ? -1 : 1));
  return {
    id: aws.region,
    region: aws.region,
    names: found.map(({ zoneName }) => zoneName ?? null),
    zoneIds: found.map(({ zoneId }) => zoneId ?? null),
    groupNames: [aws.region],
  };
};

const subnet: Ask = async (args, aws) => {
  const id = text(args["id"]);
  const asked = id === undefined ? filters(args) : { SubnetId: [id] };
  const found = await aws.queryAll("ec2", "DescribeSubnets", "subnetSet", asked);
  const [one] = found;
  if (one === undefined || found.length > 1) throw new Error(`${found.length} subnets match, not one`);
  return {
    ...renamed(one, {
      subnetId: "id",
      vpcId: "vpcId",
      cidrBlock: "cidrBlock",
      availabilityZone: "availabilityZone",
      availabilityZoneId: "availabilityZoneId",
      subnetArn: "arn",
      ownerId: "ownerId",
      state: "state",
    }),
    mapPublicIpOnLaunch: yes(one["mapPublicIpOnLaunch"]),
    availableIpAddressCount: Number(one["availableIpAddressCount"]),
    region: aws.region,
    tags: tagMap(list(one["tagSet"])),
  };
};

const subnets: Ask = async (args, aws) => {
  const found = await aws.queryAll("ec2", "DescribeSubnets", "subnetSet", filters(args));
  return { id: aws.region, region: aws.region, ids: found.map(({ subnetId }) => subnetId ?? null) };
};

const vpc: Ask = async (args, aws) => {
  const id = text(args["id"]);
  const [found] = await aws.queryAll(
    "ec2",
    "DescribeVpcs",
    "vpcSet",
    id === undefined ? filters(args) : { VpcId: [id] },
  );
  if (found === undefined) throw new Error("no matching VPC");
  const tags = tagMap(list(found["tagSet"]));
  return {
    ...renamed(found, { vpcId: "id", cidrBlock: "cidrBlock", ownerId: "ownerId", state: "state" }),
    region: aws.region,
    tags,
  };
};

const callerIdentity: Ask = async (_, aws) => {
  const found = await aws.query("sts", "GetCallerIdentity");
  const account = found["Account"] ?? "";
  return { id: account, accountId: account, arn: found["Arn"] ?? "", userId: found["UserId"] ?? "" };
};

const image: Ask = async (args, aws) => {
  const asked = {
    ...filters(args),
    ...(args["owners"] === undefined ? {} : { Owner: texts(args["owners"]) }),
  };
  const [found] = (await aws.queryAll("ec2", "DescribeImages", "imagesSet", asked)).toSorted((a, b) =>
    written(a["creationDate"]) < written(b["creationDate"]) ? 1 : -1,
  );
  if (found === undefined) throw new Error("no matching image");
  return renamed(found, {
    imageId: "id",
    architecture: "architecture",
    name: "name",
    imageState: "state",
    rootDeviceName: "rootDeviceName",
  });
};

const zone: Ask = async (args, aws) => {
  const { document } = await aws.rest("route53", { method: "GET", path: "/2013-04-01/hostedzone" });
  const bare = (name: Value | undefined): string => written(name).replace(/\.$/, "");
  const found = list(list(document["HostedZones"])[0]?.["HostedZone"]).find(
    (one) =>
      bare(one["Name"]) === bare(args["name"]) ||
      (text(args["zoneId"]) !== undefined && written(one["Id"]) === `/hostedzone/${written(args["zoneId"])}`),
  );
  if (found === undefined) throw new Error("no matching hosted zone");
  const id = written(found["Id"]).replace("/hostedzone/", "");
  return { id, zoneId: id, name: bare(found["Name"]) };
};

const parameter: Ask = async (args, aws) => {
  const asked = { Name: args["name"] ?? null, WithDecryption: args["withDecryption"] ?? true };
  const [found = {}] = objects([(await aws.json("ssm", "GetParameter", asked))["Parameter"] ?? null]);
  return {
    id: args["name"] ?? null,
    ...renamed(found, { Name: "name", Value: "value", Type: "type", Version: "version", ARN: "arn" }),
  };
};

const balancers: Ask = async (args, aws) => {
  const tags = Object.entries(textMap(args["tags"]));
  const all = await aws.queryAll("elasticloadbalancing", "DescribeLoadBalancers", "LoadBalancers");
  const arns = all.map(({ LoadBalancerArn }) => text(LoadBalancerArn) ?? "");
  const tagged =
    arns.length === 0
      ? []
      : list(
          (await aws.query("elasticloadbalancing", "DescribeTags", { ResourceArns: arns }))[
            "TagDescriptions"
          ],
        );
  const found = tagged.filter((one) => {
    const has = tagMap(list(one["Tags"]));
    return tags.every(([key, value]) => has[key] === value);
  });
  return { id: aws.region, region: aws.region, arns: found.map(({ ResourceArn }) => ResourceArn ?? null) };
};

const balancer: Ask = async (args, aws) => {
  const asked = { LoadBalancerArns: [args["arn"] ?? null] };
  const answer = await aws.query("elasticloadbalancing", "DescribeLoadBalancers", asked);
  const [found] = list(answer["LoadBalancers"]);
  if (found === undefined) throw new Error("no matching load balancer");
  return {
    ...renamed(found, {
      LoadBalancerArn: "arn",
      LoadBalancerName: "name",
      DNSName: "dnsName",
      VpcId: "vpcId",
      Type: "loadBalancerType",
    }),
    region: aws.region,
    subnets: list(found["AvailabilityZones"]).map(({ SubnetId }) => SubnetId ?? null),
  };
};

/** By token. */
export const functions: Record<string, Ask> = {
  "aws:index/getAvailabilityZones:getAvailabilityZones": availabilityZones,
  "aws:index/getCallerIdentity:getCallerIdentity": callerIdentity,
  "aws:index/getPartition:getPartition": (_, { region }) =>
    Promise.resolve({
      id: "aws",
      partition: "aws",
      dnsSuffix: "amazonaws.com",
      region,
      reverseDnsPrefix: "com.amazonaws",
    }),
  "aws:index/getRegion:getRegion": (_, { region }) =>
    Promise.resolve({
      id: region,
      name: region,
      region,
      description: region,
      endpoint: `ec2.${region}.amazonaws.com`,
    }),
  "aws:ec2/getSubnet:getSubnet": subnet,
  "aws:ec2/getSubnets:getSubnets": subnets,
  "aws:ec2/getVpc:getVpc": vpc,
  "aws:ec2/getAmi:getAmi": image,
  "aws:lb/getLbs:getLbs": balancers,
  "aws:lb/getLoadBalancer:getLoadBalancer": balancer,
  "aws:route53/getZone:getZone": zone,
  "aws:ssm/getParameter:getParameter": parameter,
};
