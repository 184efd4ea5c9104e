import * as pulumi from "@pulumi/pulumi";
import assert from "node:assert/strict";
import { FrontDoor } from "../../../components/aws/frontDoor";
import { Network } from "../../../components/aws/network";
import { Targets } from "../../../components/aws/targets";
import { lifecycle, Recordings, recordingsRemote } from "../../../components/aws/recordings";
import type { AwsContext } from "../../../components/aws/context";
import { existingNetwork, goodAwsSettings, spoilt } from "../goodSettings";
import { registeredBy, type Registered } from "./mocks";

function everything(context: AwsContext) {
  const network = new Network("network", context, { provider: context.provider });
  const targets = new Targets("edges", { context, network, isDestroying: () => false }, {});
  for (const edge of ["edge-1", "edge-2"]) targets.register(edge, pulumi.output(`i-${edge}`), targets);
  const frontDoor = new FrontDoor("front-door", { context, network, targets }, {});
  return { network, frontDoor, recordings: new Recordings("recordings", context, {}) };
}

const inputsOf = (found: readonly Registered[], name: string): Registered["inputs"] =>
  found.find((one) => one.name === name)?.inputs ??
  assert.fail(`${name} is not among ${found.map((one) => one.name).join(", ")}`);

describe("the network, the front door and the recordings on AWS", function () {
  this.timeout(600_000);

  it("stand in an own network over all zones, closed but for the rules, with no way around the public three", async () => {
    const zones = ["eu-central-1a", "eu-central-1b", "eu-central-1c"];
    const { only } = await registeredBy(spoilt("aws.zones", zones, goodAwsSettings()), everything);
    assert.deepEqual(
      only("aws:ec2/subnet:Subnet").map(({ inputs }) => [inputs["availabilityZone"], inputs["cidrBlock"]]),
      [
        ["eu-central-1a", "10.42.24.0/21"],
        ["eu-central-1a", "10.42.16.0/21"],
        ["eu-central-1a", "10.42.0.0/20"],
        ["eu-central-1b", "10.42.56.0/21"],
        ["eu-central-1b", "10.42.48.0/21"],
        ["eu-central-1b", "10.42.32.0/20"],
        ["eu-central-1c", "10.42.80.0/21"],
        ["eu-central-1c", "10.42.64.0/20"],
      ],
    );
    const associations = only("aws:ec2/routeTableAssociation:RouteTableAssociation");
    assert.equal(associations.length, 8);
    assert.deepEqual(
      only("aws:ec2/route:Route").map(({ inputs }) => inputs["destinationCidrBlock"]),
      ["0.0.0.0/0"],
    );
    assert.deepEqual(
      only("aws:ec2/vpcEndpoint:VpcEndpoint").map(({ inputs }) => inputs["serviceName"]),
      ["com.amazonaws.eu-central-1.s3", "com.amazonaws.eu-central-1.dynamodb"],
    );
    const closed = inputsOf(only("aws:ec2/defaultSecurityGroup:DefaultSecurityGroup"), "network-default");
    assert.deepEqual([closed["ingress"], closed["egress"]], [undefined, undefined]);
    // Rules of their own alone: rules within a group would undo them.
    for (const { inputs } of only("aws:ec2/securityGroup:SecurityGroup"))
      assert.deepEqual([inputs["ingress"], inputs["egress"]], [undefined, undefined]);
    const open = only("aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule").filter(
      ({ inputs }) => inputs["referencedSecurityGroupId"] === undefined,
    );
    assert.deepEqual(
      open.map(({ inputs }) => [
        inputs["securityGroupId"],
        inputs["cidrIpv4"],
        inputs["ipProtocol"],
        inputs["toPort"],
      ]),
      [
        ["network-loadBalancer-id", "0.0.0.0/0", "tcp", 80],
        ["network-loadBalancer-id", "0.0.0.0/0", "tcp", 443],
        ["network-bridge-id", "0.0.0.0/0", "udp", 10000],
      ],
    );
    assert.equal(only("aws:ec2/flowLog:FlowLog").length, 0);
  });

  it("make in an existing network no more than security groups, and keep the nodes' addresses free", async () => {
    const network = existingNetwork();
    const { all, only, result } = await registeredBy(
      spoilt("aws.network", network, goodAwsSettings()),
      everything,
    );
    for (const type of ["vpc:Vpc", "subnet:Subnet", "route:Route", "internetGateway:InternetGateway"])
      assert(
        all.every((one) => !one.type.endsWith(type)),
        type,
      );
    assert.deepEqual(
      only("aws:ec2/subnetCidrReservation:SubnetCidrReservation").map(({ inputs }) => [
        inputs["subnetId"],
        inputs["cidrBlock"],
        inputs["reservationType"],
      ]),
      [
        ["subnet-00000001", "10.1.0.128/25", "explicit"],
        ["subnet-00000002", "10.1.1.128/25", "explicit"],
      ],
    );
    const [balancer] = only("aws:lb/loadBalancer:LoadBalancer");
    assert.deepEqual(balancer?.inputs["subnets"], ["subnet-00000003", "subnet-00000004"]);
    assert.equal(result.network.subnets["eu-central-1a"]?.pools, "subnet-00000001");
  });

  it("lead users to the edges in both zones, whose addresses are told by PROXY protocol", async () => {
    const { only } = await registeredBy(goodAwsSettings(), everything);
    const balancer = inputsOf(only("aws:lb/loadBalancer:LoadBalancer"), "front-door");
    assert.deepEqual(balancer["securityGroups"], ["network-loadBalancer-id"]);
    assert.deepEqual(balancer["subnets"], [
      "network-eu-central-1a-loadBalancer-id",
      "network-eu-central-1b-loadBalancer-id",
    ]);
    assert.equal(balancer["enableCrossZoneLoadBalancing"], true);
    const groups = only("aws:lb/targetGroup:TargetGroup");
    assert.deepEqual(
      groups.map(({ inputs }) => [
        inputs["port"],
        inputs["protocol"],
        inputs["proxyProtocolV2"],
        inputs["preserveClientIp"],
        inputs["targetType"],
      ]),
      [
        [80, "TCP", true, "false", "instance"],
        [443, "TLS", true, "false", "instance"],
      ],
    );
    for (const { inputs } of groups) {
      // An edge that leaves says so there, and keeps whom it has.
      assert.deepEqual(inputs["healthCheck"], {
        protocol: "HTTP",
        port: "23005",
        path: "/live",
        interval: 10,
        healthyThreshold: 2,
        unhealthyThreshold: 2,
      });
      assert.deepEqual(inputs["targetHealthStates"], [
        { enableUnhealthyConnectionTermination: false, unhealthyDrainingInterval: 60 },
      ]);
    }
    assert.deepEqual(
      only("aws:lb/targetGroupAttachment:TargetGroupAttachment")
        .sort((one, other) => one.name.localeCompare(other.name))
        .map(({ inputs }) => [inputs["targetId"], inputs["port"]]),
      [
        ["i-edge-1", 80],
        ["i-edge-1", 443],
        ["i-edge-2", 80],
        ["i-edge-2", 443],
      ],
    );
    const tls = inputsOf(only("aws:lb/listener:Listener"), "front-door-https");
    assert.deepEqual([tls["port"], tls["protocol"]], [443, "TLS"]);
    // Of TLS it is AWS's own.
    assert.equal(tls["tcpIdleTimeoutSeconds"], undefined);
    const plain = inputsOf(only("aws:lb/listener:Listener"), "front-door-http");
    assert.deepEqual([plain["port"], plain["protocol"], plain["tcpIdleTimeoutSeconds"]], [80, "TCP", 350]);
    // The certificate only once it is valid.
    assert.equal(tls["certificateArn"], "arn:Certificate:front-door");
    const validation = inputsOf(only("aws:acm/certificateValidation:CertificateValidation"), "front-door");
    assert.equal(validation["certificateArn"], "arn:Certificate:front-door");
    assert.deepEqual(
      only("aws:route53/record:Record")
        .map(({ inputs }) => `${String(inputs["name"])} ${String(inputs["type"])}`)
        .sort(),
      ["_a.meet CNAME", "meet.school.net A"],
    );
  });

  it("take a certificate that is there, or pass TLS through, and make no record where there is no zone", async () => {
    const arn = "arn:aws:acm:eu-central-1:123456789012:certificate/12345678-1234-1234-1234-123456789012";
    const given = spoilt("aws.frontDoor", { certificate: "acm", certificateArn: arn }, goodAwsSettings());
    const withOwn = await registeredBy(given, everything);
    assert.equal(
      inputsOf(withOwn.only("aws:lb/listener:Listener"), "front-door-https")["certificateArn"],
      arn,
    );
    for (const type of ["aws:acm/certificate:Certificate", "aws:route53/record:Record"])
      assert.deepEqual(withOwn.only(type), []);

    const through = spoilt("aws.frontDoor", { certificate: "passThrough" }, goodAwsSettings());
    const tls = { mode: "acme", email: "it@school.net" };
    const passed = await registeredBy({ ...through, tls }, everything);
    const listener = inputsOf(passed.only("aws:lb/listener:Listener"), "front-door-https");
    assert.deepEqual([listener["protocol"], listener["certificateArn"]], ["TCP", undefined]);
    assert.equal(inputsOf(passed.only("aws:lb/targetGroup:TargetGroup"), "edges-https")["protocol"], "TCP");
  });

  it("speak IPv6 where it is asked for", async () => {
    const { only } = await registeredBy(spoilt("aws.ipv6", true, goodAwsSettings()), everything);
    assert.deepEqual(
      only("aws:ec2/subnet:Subnet").flatMap(({ inputs, name }) =>
        "ipv6CidrBlock" in inputs ? [`${name} ${String(inputs["ipv6CidrBlock"])}`] : [],
      ),
      [
        "network-eu-central-1a-loadBalancer 2a05:d014:1234:5602::/64",
        "network-eu-central-1b-loadBalancer 2a05:d014:1234:5606::/64",
      ],
    );
    assert.equal(inputsOf(only("aws:ec2/route:Route"), "network-ipv6")["destinationIpv6CidrBlock"], "::/0");
    assert.equal(only("aws:lb/loadBalancer:LoadBalancer")[0]?.inputs["ipAddressType"], "dualstack");
    assert(only("aws:route53/record:Record").some(({ inputs }) => inputs["type"] === "AAAA"));
    const sixes = only("aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule").filter(
      ({ inputs }) => "cidrIpv6" in inputs,
    );
    assert.equal(sixes.length, 2);
  });

  it("log the network's connections where it is asked for, by a role that may write there alone", async () => {
    const given = spoilt("aws.flowLogs", true, goodAwsSettings());
    const boundary = "arn:aws:iam::123456789012:policy/boundary";
    const { only } = await registeredBy(spoilt("aws.permissionsBoundary", boundary, given), everything);
    const log = inputsOf(only("aws:ec2/flowLog:FlowLog"), "network-flows");
    assert.deepEqual([log["trafficType"], log["logDestination"]], ["ALL", "arn:LogGroup:network-flows"]);
    assert.equal(inputsOf(only("aws:iam/role:Role"), "network-flows")["permissionsBoundary"], boundary);
    const policy = String(inputsOf(only("aws:iam/rolePolicy:RolePolicy"), "network-flows")["policy"]);
    const statements = (JSON.parse(policy) as { Statement: { Action: string[]; Resource: string[] }[] })
      .Statement;
    const [writing, listing] = statements.map(({ Action, Resource }) => ({ Action, Resource }));
    assert.deepEqual(writing?.Resource, ["arn:LogGroup:network-flows", "arn:LogGroup:network-flows:*"]);
    assert.deepEqual(listing, { Action: ["logs:DescribeLogGroups"], Resource: ["*"] });
    assert.equal(statements.length, 2);
  });

  it("keep recordings in a bucket that is closed, encrypted, versioned and reached by TLS alone", async () => {
    const { only } = await registeredBy(goodAwsSettings(), everything);
    assert.equal(inputsOf(only("aws:s3/bucket:Bucket"), "recordings")["forceDestroy"], false);
    const { bucket, ...block } = inputsOf(
      only("aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock"),
      "recordings",
    );
    assert.equal(bucket, "recordings-id");
    assert.deepEqual(block, {
      blockPublicAcls: true,
      blockPublicPolicy: true,
      ignorePublicAcls: true,
      restrictPublicBuckets: true,
    });
    assert.deepEqual(
      inputsOf(only("aws:s3/bucketVersioning:BucketVersioning"), "recordings")["versioningConfiguration"],
      { status: "Enabled" },
    );
    const encryption = only(
      "aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration",
    );
    assert.match(JSON.stringify(encryption[0]?.inputs["rules"]), /"sseAlgorithm":"AES256"/);
    const policy = String(inputsOf(only("aws:s3/bucketPolicy:BucketPolicy"), "recordings")["policy"]);
    assert.deepEqual((JSON.parse(policy) as { Statement: unknown }).Statement, [
      {
        Sid: "TlsOnly",
        Effect: "Deny",
        Principal: "*",
        Action: "s3:*",
        Resource: ["arn:Bucket:recordings", "arn:Bucket:recordings/*"],
        Condition: { Bool: { "aws:SecureTransport": "false" } },
      },
    ]);
    const rules = inputsOf(
      only("aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration"),
      "recordings",
    )["rules"];
    assert.deepEqual(
      (rules as { id: string }[]).map(({ id }) => id),
      ["unfinished-uploads", "cold", "deleted"],
    );
  });

  it("move and delete recordings as the settings say", () => {
    const days = { coldAfterDays: 0, expireAfterDays: 0, noncurrentDays: 7 };
    const told = (more: object): string => JSON.stringify(lifecycle({ ...days, ...more }));
    assert.doesNotMatch(told({}), /transitions|"days"/);
    assert.match(told({}), /"noncurrentDays":7/);
    assert.match(told({ coldAfterDays: 30 }), /"days":30,"storageClass":"STANDARD_IA"/);
    assert.match(told({ expireAfterDays: 365 }), /"expiration":\{"days":365\}/);
  });

  it("tell rclone of no key", () => {
    const remote: Record<string, string> = recordingsRemote({ region: "eu-central-1" });
    assert.equal(remote["RCLONE_CONFIG_STORE_ENV_AUTH"], "true");
    assert.equal(remote["RCLONE_CONFIG_STORE_REGION"], "eu-central-1");
    assert(Object.keys(remote).every((key) => !/KEY|ENDPOINT/.test(key)));
    const elsewhere: Record<string, string> = recordingsRemote({
      region: "eu-central-1",
      endpoint: "http://127.0.0.1:5000",
    });
    assert.equal(elsewhere["RCLONE_CONFIG_STORE_ENDPOINT"], "http://127.0.0.1:5000");
    assert.deepEqual(
      [remote, elsewhere].map((one) => one["RCLONE_CONFIG_STORE_PROVIDER"]),
      ["AWS", "Other"],
    );
  });

  it("are tagged with project, stack, role and what the settings say", async () => {
    const { only } = await registeredBy({ ...goodAwsSettings(), tags: { owner: "it" } }, everything);
    const provider = inputsOf(only("pulumi:providers:aws"), "aws");
    const tags = JSON.stringify(provider["defaultTags"]);
    for (const tag of ["Project", "Stack", "owner"]) assert(tags.includes(tag), tags);
    const billed = ["aws:lb/loadBalancer:LoadBalancer", "aws:s3/bucket:Bucket", "aws:ec2/vpc:Vpc"];
    for (const { inputs, name } of billed.flatMap(only))
      assert(Reflect.get(inputs["tags"] as object, "Role"), name);
    assert.equal(provider["endpoints"], undefined);
    const emulated = await registeredBy(
      spoilt("aws.endpoint", "http://127.0.0.1:5000", goodAwsSettings()),
      everything,
    );
    assert.match(
      JSON.stringify(inputsOf(emulated.only("pulumi:providers:aws"), "aws")),
      /"ec2.*127\.0\.0\.1:5000/,
    );
  });
});
