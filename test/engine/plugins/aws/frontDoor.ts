/** `aws.lb`, `aws.route53` and `aws.acm`: where users come in. */
import { unknown, type Properties, type Value } from "../properties";
import { objects, text, texts, written } from "../values";
import { type Aws, count, list, xml } from "./client";
import { type AwsType, capitalised, eventually, renamed, set, tagChanges, tagList, tagMap } from "./type";

const describeTags = async (aws: Aws, arn: string): Promise<Properties> => {
  const answer = await aws.query("elasticloadbalancing", "DescribeTags", { ResourceArns: [arn] });
  return { tags: tagMap(list(list(answer["TagDescriptions"])[0]?.["Tags"])) };
};

async function retag(aws: Aws, id: string, olds: Properties, news: Properties): Promise<void> {
  const { gone, set: all } = tagChanges(olds["tags"], news["tags"]);
  if (gone.length > 0)
    await aws.query("elasticloadbalancing", "RemoveTags", { ResourceArns: [id], TagKeys: gone });
  if (Object.keys(all).length > 0)
    await aws.query("elasticloadbalancing", "AddTags", { ResourceArns: [id], Tags: tagList(all) });
}

/** Those attributes that the program sets, as AWS lists them. */
function attributes(inputs: Properties, names: Record<string, string>): { Key: string; Value: string }[] {
  return Object.entries(renamed(inputs, names)).map(([Key, value]) => ({ Key, Value: written(value) }));
}

const balancerAttributes = {
  enableCrossZoneLoadBalancing: "load_balancing.cross_zone.enabled",
  enableDeletionProtection: "deletion_protection.enabled",
  idleTimeout: "idle_timeout.timeout_seconds",
  dnsRecordClientRoutingPolicy: "dns_record.client_routing_policy",
};

async function setBalancer(aws: Aws, id: string, inputs: Properties): Promise<void> {
  const all = attributes(inputs, balancerAttributes);
  if (all.length > 0)
    await aws.query("elasticloadbalancing", "ModifyLoadBalancerAttributes", {
      LoadBalancerArn: id,
      Attributes: all,
    });
}

/** Whether all of it is known: of a list with what is only planned, the provider says nothing yet. */
const isKnown = (value: Value | undefined): boolean => !JSON.stringify(value ?? null).includes(unknown);

/**
 * A network load balancer keeps its subnets and may get more; it has security groups for ever, or never
 * (`customizeDiffLoadBalancerNLB` in internal/service/elbv2/load_balancer.go of the provider).
 */
function replacedBy(olds: Properties, news: Properties): string[] {
  if (news["loadBalancerType"] !== "network") return [];
  const count = (inputs: Properties, property: string): number => texts(inputs[property]).length;
  const keepsSubnets = count(news, "subnets") > count(olds, "subnets");
  const keepsGroups = count(news, "securityGroups") > 0 === count(olds, "securityGroups") > 0;
  return [
    ...(keepsSubnets || !isKnown(news["subnets"]) ? [] : ["subnets"]),
    ...(keepsGroups || !isKnown(news["securityGroups"]) ? [] : ["securityGroups"]),
  ];
}

const loadBalancer: AwsType = {
  inputs: [
    "name",
    "internal",
    "loadBalancerType",
    "subnets",
    "subnetMappings",
    "securityGroups",
    "ipAddressType",
    ...Object.keys(balancerAttributes),
  ],
  nested: { subnetMappings: ["subnetId", "allocationId", "privateIpv4Address"] },
  autoName: "name",
  sets: ["subnets", "securityGroups"],
  defaults: { internal: false, loadBalancerType: "application" },
  replacedBy,
  outputs: ["dnsName", "zoneId", "vpcId", "arnSuffix"],
  tagged: true,
  check: ({ name }) =>
    typeof name === "string" && name.length > 32
      ? [{ property: "name", reason: "is longer than 32 characters" }]
      : [],
  create: async (inputs, aws) => {
    const made = await aws.query("elasticloadbalancing", "CreateLoadBalancer", {
      ...renamed(inputs, {
        name: "Name",
        loadBalancerType: "Type",
        subnets: "Subnets",
        securityGroups: "SecurityGroups",
        ipAddressType: "IpAddressType",
      }),
      Scheme: inputs["internal"] === true ? "internal" : "internet-facing",
      ...(inputs["subnetMappings"] === undefined
        ? {}
        : {
            SubnetMappings: objects(inputs["subnetMappings"]).map((one) =>
              renamed(one, {
                subnetId: "SubnetId",
                allocationId: "AllocationId",
                privateIpv4Address: "PrivateIPv4Address",
              }),
            ),
          }),
      Tags: tagList(inputs["tags"]),
    });
    const id = text(list(made["LoadBalancers"])[0]?.["LoadBalancerArn"]) ?? "";
    await setBalancer(aws, id, inputs);
    return id;
  },
  look: async (aws, { id, inputs }) => {
    const answer = await aws.query("elasticloadbalancing", "DescribeLoadBalancers", {
      LoadBalancerArns: [id],
    });
    const found = list(answer["LoadBalancers"])[0];
    if (found === undefined) return undefined;
    return {
      name: found["LoadBalancerName"] ?? null,
      ...(inputs["subnets"] === undefined
        ? {}
        : { subnets: list(found["AvailabilityZones"]).map(({ SubnetId }) => SubnetId ?? null) }),
      dnsName: found["DNSName"] ?? "",
      zoneId: found["CanonicalHostedZoneId"] ?? "",
      vpcId: found["VpcId"] ?? "",
      arnSuffix: id.replace(/^.*:loadbalancer\//, ""),
      arn: id,
      ...(await describeTags(aws, id)),
    };
  },
  update: async (aws, { id, inputs, news, changed }) => {
    if (changed(...Object.keys(balancerAttributes))) await setBalancer(aws, id, news);
    if (changed("subnets"))
      await aws.query("elasticloadbalancing", "SetSubnets", {
        LoadBalancerArn: id,
        Subnets: news["subnets"] ?? [],
      });
    if (changed("securityGroups"))
      await aws.query("elasticloadbalancing", "SetSecurityGroups", {
        LoadBalancerArn: id,
        SecurityGroups: news["securityGroups"] ?? [],
      });
    if (changed("ipAddressType"))
      await aws.query("elasticloadbalancing", "SetIpAddressType", {
        LoadBalancerArn: id,
        ...renamed(news, { ipAddressType: "IpAddressType" }),
      });
    if (changed("tags")) await retag(aws, id, inputs, news);
  },
  remove: (aws, { id }) => aws.query("elasticloadbalancing", "DeleteLoadBalancer", { LoadBalancerArn: id }),
};

const targetGroupAttributes = {
  deregistrationDelay: "deregistration_delay.timeout_seconds",
  proxyProtocolV2: "proxy_protocol_v2.enabled",
  preserveClientIp: "preserve_client_ip.enabled",
  connectionTermination: "deregistration_delay.connection_termination.enabled",
  loadBalancingCrossZoneEnabled: "load_balancing.cross_zone.enabled",
};

const healthCheckNames = {
  enabled: "HealthCheckEnabled",
  protocol: "HealthCheckProtocol",
  port: "HealthCheckPort",
  path: "HealthCheckPath",
  interval: "HealthCheckIntervalSeconds",
  timeout: "HealthCheckTimeoutSeconds",
  healthyThreshold: "HealthyThresholdCount",
  unhealthyThreshold: "UnhealthyThresholdCount",
};

async function setTargetGroup(aws: Aws, id: string, inputs: Properties): Promise<void> {
  const all = [
    ...attributes(inputs, targetGroupAttributes),
    ...objects(inputs["targetHealthStates"]).flatMap((state) =>
      attributes(state, {
        enableUnhealthyConnectionTermination: "target_health_state.unhealthy.connection_termination.enabled",
        unhealthyDrainingInterval: "target_health_state.unhealthy.draining_interval_seconds",
      }),
    ),
  ];
  if (all.length > 0)
    await aws.query("elasticloadbalancing", "ModifyTargetGroupAttributes", {
      TargetGroupArn: id,
      Attributes: all,
    });
}

const targetGroup: AwsType = {
  inputs: [
    "name",
    "port",
    "protocol",
    "targetType",
    "vpcId",
    "ipAddressType",
    "healthCheck",
    "targetHealthStates",
    ...Object.keys(targetGroupAttributes),
  ],
  nested: {
    healthCheck: Object.keys(healthCheckNames),
    targetHealthStates: ["enableUnhealthyConnectionTermination", "unhealthyDrainingInterval"],
  },
  autoName: "name",
  defaults: { targetType: "instance" },
  outputs: ["arnSuffix", "loadBalancerArns"],
  tagged: true,
  check: ({ name }) =>
    typeof name === "string" && name.length > 32
      ? [{ property: "name", reason: "is longer than 32 characters" }]
      : [],
  create: async (inputs, aws) => {
    const made = await aws.query("elasticloadbalancing", "CreateTargetGroup", {
      ...renamed(inputs, {
        name: "Name",
        port: "Port",
        protocol: "Protocol",
        targetType: "TargetType",
        vpcId: "VpcId",
        ipAddressType: "IpAddressType",
      }),
      ...renamed(inputs["healthCheck"], healthCheckNames),
      Tags: tagList(inputs["tags"]),
    });
    const id = text(list(made["TargetGroups"])[0]?.["TargetGroupArn"]) ?? "";
    await setTargetGroup(aws, id, inputs);
    return id;
  },
  look: async (aws, { id }) => {
    const answer = await aws.query("elasticloadbalancing", "DescribeTargetGroups", { TargetGroupArns: [id] });
    const found = list(answer["TargetGroups"])[0];
    if (found === undefined) return undefined;
    return {
      name: found["TargetGroupName"] ?? null,
      port: count(found["Port"]),
      protocol: found["Protocol"] ?? null,
      arnSuffix: id.replace(/^.*:targetgroup/, "targetgroup"),
      loadBalancerArns: texts(found["LoadBalancerArns"]),
      arn: id,
      ...(await describeTags(aws, id)),
    };
  },
  update: async (aws, { id, inputs, news, changed }) => {
    if (changed(...Object.keys(targetGroupAttributes), "targetHealthStates"))
      await setTargetGroup(aws, id, news);
    if (changed("healthCheck"))
      await aws.query("elasticloadbalancing", "ModifyTargetGroup", {
        TargetGroupArn: id,
        ...renamed(news["healthCheck"], healthCheckNames),
      });
    if (changed("tags")) await retag(aws, id, inputs, news);
  },
  remove: (aws, { id }) => aws.query("elasticloadbalancing", "DeleteTargetGroup", { TargetGroupArn: id }),
};

function listenerRequest(inputs: Properties): Properties {
  return set({
    ...renamed(inputs, { port: "Port", protocol: "Protocol", sslPolicy: "SslPolicy" }),
    AlpnPolicy: inputs["alpnPolicy"] === undefined ? undefined : [inputs["alpnPolicy"]],
    Certificates:
      inputs["certificateArn"] === undefined ? undefined : [{ CertificateArn: inputs["certificateArn"] }],
    DefaultActions: objects(inputs["defaultActions"]).map((action) => capitalised(action)),
  });
}

/** As AWS does, and moto does not (https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_CreateListener.html). */
async function refuseSharedGroups(aws: Aws, inputs: Properties): Promise<void> {
  const TargetGroupArns = objects(inputs["defaultActions"]).flatMap(
    (one) => text(one["targetGroupArn"]) ?? [],
  );
  const answer = await aws.query("elasticloadbalancing", "DescribeTargetGroups", { TargetGroupArns });
  for (const group of list(answer["TargetGroups"]))
    if (texts(group["LoadBalancerArns"]).some((arn) => arn !== inputs["loadBalancerArn"]))
      throw new Error(
        `TargetGroupAssociationLimit: ${written(group["TargetGroupName"])} is of another load balancer`,
      );
}

const listener: AwsType = {
  inputs: [
    "loadBalancerArn",
    "port",
    "protocol",
    "sslPolicy",
    "alpnPolicy",
    "certificateArn",
    "defaultActions",
    "tcpIdleTimeoutSeconds",
  ],
  required: ["loadBalancerArn", "defaultActions"],
  nested: { defaultActions: ["type", "targetGroupArn", "order", "redirect", "fixedResponse"] },
  tagged: true,
  create: async (inputs, aws) => {
    await refuseSharedGroups(aws, inputs);
    const made = await aws.query("elasticloadbalancing", "CreateListener", {
      LoadBalancerArn: inputs["loadBalancerArn"] ?? null,
      ...listenerRequest(inputs),
      Tags: tagList(inputs["tags"]),
    });
    return text(list(made["Listeners"])[0]?.["ListenerArn"]) ?? "";
  },
  look: async (aws, { id }) => {
    const answer = await aws.query("elasticloadbalancing", "DescribeListeners", { ListenerArns: [id] });
    const found = list(answer["Listeners"])[0];
    if (found === undefined) return undefined;
    return {
      port: count(found["Port"]),
      protocol: found["Protocol"] ?? null,
      arn: id,
      ...(await describeTags(aws, id)),
    };
  },
  update: async (aws, { id, inputs, news, changed }) => {
    if (changed("port", "protocol", "sslPolicy", "alpnPolicy", "certificateArn", "defaultActions"))
      await aws.query("elasticloadbalancing", "ModifyListener", {
        ListenerArn: id,
        ...listenerRequest(news),
      });
    if (changed("tags")) await retag(aws, id, inputs, news);
  },
  remove: (aws, { id }) => aws.query("elasticloadbalancing", "DeleteListener", { ListenerArn: id }),
};

function target(inputs: Properties): Properties {
  const one = renamed(inputs, { targetId: "Id", port: "Port", availabilityZone: "AvailabilityZone" });
  return { TargetGroupArn: inputs["targetGroupArn"] ?? null, Targets: [one] };
}

const targetGroupAttachment: AwsType = {
  inputs: ["targetGroupArn", "targetId", "port", "availabilityZone"],
  required: ["targetGroupArn", "targetId"],
  create: async (inputs, aws) => {
    await aws.query("elasticloadbalancing", "RegisterTargets", target(inputs));
    return [inputs["targetGroupArn"], inputs["targetId"], inputs["port"]].map(written).join("|");
  },
  look: async (aws, { inputs }) => {
    const asked = { TargetGroupArn: inputs["targetGroupArn"] ?? null };
    const answer = await aws.query("elasticloadbalancing", "DescribeTargetHealth", asked);
    const isThere = list(answer["TargetHealthDescriptions"]).some((one) => {
      const found = list(one["Target"])[0];
      return (
        found?.["Id"] === inputs["targetId"] &&
        (inputs["port"] === undefined || count(found?.["Port"]) === inputs["port"])
      );
    });
    return isThere ? {} : undefined;
  },
  remove: (aws, { inputs }) => aws.query("elasticloadbalancing", "DeregisterTargets", target(inputs)),
};

async function changeRecord(
  aws: Aws,
  action: "UPSERT" | "CREATE" | "DELETE",
  inputs: Properties,
): Promise<void> {
  const [alias] = objects(inputs["aliases"]);
  const what =
    alias === undefined
      ? `<TTL>${xml(inputs["ttl"])}</TTL><ResourceRecords>${texts(inputs["records"])
          .map((value) => `<ResourceRecord><Value>${xml(value)}</Value></ResourceRecord>`)
          .join("")}</ResourceRecords>`
      : `<AliasTarget><HostedZoneId>${xml(alias["zoneId"])}</HostedZoneId><DNSName>${xml(alias["name"])}</DNSName><EvaluateTargetHealth>${xml(alias["evaluateTargetHealth"])}</EvaluateTargetHealth></AliasTarget>`;
  const body =
    `<ChangeResourceRecordSetsRequest xmlns="https://route53.amazonaws.com/doc/2013-04-01/"><ChangeBatch><Changes><Change><Action>${action}</Action>` +
    `<ResourceRecordSet><Name>${xml(inputs["name"])}</Name><Type>${xml(inputs["type"])}</Type>${what}</ResourceRecordSet>` +
    "</Change></Changes></ChangeBatch></ChangeResourceRecordSetsRequest>";
  await aws.rest("route53", {
    method: "POST",
    path: `/2013-04-01/hostedzone/${text(inputs["zoneId"]) ?? ""}/rrset`,
    body,
  });
}

const bare = (name: Value | undefined): string => (text(name) ?? "").replace(/\.$/, "");

/** All records of a zone. */
async function records(aws: Aws, zoneId: string): Promise<Properties[]> {
  const { document } = await aws.rest("route53", {
    method: "GET",
    path: `/2013-04-01/hostedzone/${zoneId}/rrset`,
  });
  return list(list(document["ResourceRecordSets"])[0]?.["ResourceRecordSet"]);
}

const record: AwsType = {
  inputs: ["zoneId", "name", "type", "ttl", "records", "aliases", "allowOverwrite"],
  required: ["zoneId", "name", "type"],
  nested: { aliases: ["name", "zoneId", "evaluateTargetHealth"] },
  sets: ["records"],
  outputs: ["fqdn"],
  create: async (inputs, aws) => {
    await changeRecord(aws, inputs["allowOverwrite"] === true ? "UPSERT" : "CREATE", inputs);
    return [inputs["zoneId"], inputs["name"], inputs["type"]].map(written).join("_");
  },
  look: async (aws, { inputs }) => {
    const found = (await records(aws, text(inputs["zoneId"]) ?? "")).find(
      (one) => bare(one["Name"]) === bare(inputs["name"]) && one["Type"] === inputs["type"],
    );
    if (found === undefined) return undefined;
    const values = list(list(found["ResourceRecords"])[0]?.["ResourceRecord"]).map(
      ({ Value }) => Value ?? null,
    );
    return {
      fqdn: bare(inputs["name"]),
      ...(inputs["records"] === undefined ? {} : { records: values, ttl: count(found["TTL"]) }),
    };
  },
  update: (aws, { news }) => changeRecord(aws, "UPSERT", news),
  remove: (aws, { inputs }) => changeRecord(aws, "DELETE", inputs),
};

const zone: AwsType = {
  inputs: ["name", "comment", "forceDestroy"],
  required: ["name"],
  defaults: { comment: "Managed by Pulumi", forceDestroy: false },
  outputs: ["zoneId", "nameServers", "primaryNameServer"],
  tagged: true,
  create: async (inputs, aws) => {
    const body =
      `<CreateHostedZoneRequest xmlns="https://route53.amazonaws.com/doc/2013-04-01/"><Name>${xml(inputs["name"])}</Name>` +
      `<CallerReference>${Date.now()}${Math.random()}</CallerReference></CreateHostedZoneRequest>`;
    const { document } = await aws.rest("route53", { method: "POST", path: "/2013-04-01/hostedzone", body });
    return (text(list(document["HostedZone"])[0]?.["Id"]) ?? "").replace("/hostedzone/", "");
  },
  look: async (aws, { id }) => {
    const { document } = await aws.rest("route53", { method: "GET", path: `/2013-04-01/hostedzone/${id}` });
    const servers = texts(list(list(document["DelegationSet"])[0]?.["NameServers"])[0]?.["NameServer"]);
    return {
      zoneId: id,
      nameServers: servers,
      primaryNameServer: servers[0] ?? "",
      arn: `arn:aws:route53:::hostedzone/${id}`,
    };
  },
  remove: (aws, { id }) => aws.rest("route53", { method: "DELETE", path: `/2013-04-01/hostedzone/${id}` }),
};

async function describeCertificate(aws: Aws, CertificateArn: Value | undefined): Promise<Properties> {
  const answer = await aws.json("acm", "DescribeCertificate", { CertificateArn: CertificateArn ?? null });
  return objects([answer["Certificate"] ?? null])[0] ?? {};
}

const certificate: AwsType = {
  inputs: ["domainName", "subjectAlternativeNames", "validationMethod", "keyAlgorithm"],
  sets: ["subjectAlternativeNames"],
  outputs: ["domainValidationOptions", "status"],
  tagged: true,
  create: async (inputs, aws) => {
    const made = await aws.json("acm", "RequestCertificate", {
      ...renamed(inputs, {
        domainName: "DomainName",
        subjectAlternativeNames: "SubjectAlternativeNames",
        validationMethod: "ValidationMethod",
        keyAlgorithm: "KeyAlgorithm",
      }),
      Tags: tagList(inputs["tags"]),
    });
    return text(made["CertificateArn"]) ?? "";
  },
  look: async (aws, { id }) => {
    const found = await describeCertificate(aws, id);
    const options = objects(found["DomainValidationOptions"]).map((option) => {
      const [wanted = {}] = objects([option["ResourceRecord"] ?? null]);
      return {
        domainName: option["DomainName"] ?? "",
        resourceRecordName: wanted["Name"] ?? "",
        resourceRecordType: wanted["Type"] ?? "",
        resourceRecordValue: wanted["Value"] ?? "",
      };
    });
    return { domainValidationOptions: options, status: found["Status"] ?? "", arn: id };
  },
  remove: (aws, { id }) => aws.json("acm", "DeleteCertificate", { CertificateArn: id }),
};

const certificateValidation: AwsType = {
  inputs: ["certificateArn", "validationRecordFqdns"],
  required: ["certificateArn"],
  sets: ["validationRecordFqdns"],
  create: async (inputs, aws) => {
    await eventually(
      async () =>
        (await describeCertificate(aws, inputs["certificateArn"]))["Status"] === "ISSUED" ? true : undefined,
      "the validation of the certificate",
      120,
    );
    return text(inputs["certificateArn"]) ?? "";
  },
  look: async (aws, { inputs }) =>
    (await describeCertificate(aws, inputs["certificateArn"]))["Status"] === "ISSUED" ? {} : undefined,
};

/** By token. */
export const frontDoorTypes: Record<string, AwsType> = {
  "aws:lb/loadBalancer:LoadBalancer": loadBalancer,
  "aws:lb/targetGroup:TargetGroup": targetGroup,
  "aws:lb/listener:Listener": listener,
  "aws:lb/targetGroupAttachment:TargetGroupAttachment": targetGroupAttachment,
  "aws:route53/record:Record": record,
  "aws:route53/zone:Zone": zone,
  "aws:acm/certificate:Certificate": certificate,
  "aws:acm/certificateValidation:CertificateValidation": certificateValidation,
};
