import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { stringify } from "yaml";
import { violationsIn } from "../../policy/previewed";
import { type Resource, rules } from "../../policy/rules";
import { preview } from "../../preview/run";
import { readStackSettings } from "../../preview/stackSettings";
import { goodSettings } from "./goodSettings";

const resource = (type: string, props: Record<string, unknown>, more: Partial<Resource> = {}): Resource => ({
  type,
  name: "one",
  props,
  ignoreChanges: [],
  ...more,
});
const allow = (Action: unknown, Resource: unknown, more: object = {}): string =>
  JSON.stringify({ Statement: [{ Effect: "Allow", Action, Resource, ...more }] });

const container = {
  image: "haproxy:3.2",
  memory: 256,
  capabilities: { drops: ["ALL"] },
  logOpts: { "max-size": "10m" },
  envs: ["NODE_ENV=production", "TOKEN_FILE=/fleet/token", "APP_SECRET="],
};
const containerType = "docker:index/container:Container";
const machine = {
  metadataOptions: { httpTokens: "required", httpPutResponseHopLimit: 1 },
  rootBlockDevice: { encrypted: true },
};
const machineType = "aws:ec2/instance:Instance";
const template = { ...machine, blockDeviceMappings: [{ ebs: { encrypted: "true" } }] };
const templateType = "aws:ec2/launchTemplate:LaunchTemplate";
const buildType = "aws:imagebuilder/infrastructureConfiguration:InfrastructureConfiguration";
const recipeType = "aws:imagebuilder/imageRecipe:ImageRecipe";
const rule = { ipProtocol: "tcp", fromPort: 443, toPort: 443, cidrIpv4: "0.0.0.0/0" };
const ruleType = "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule";
const pool = {
  protectFromScaleIn: true,
  suspendedProcesses: ["AZRebalance"],
  initialLifecycleHooks: [{ lifecycleTransition: "autoscaling:EC2_INSTANCE_TERMINATING" }],
  instanceLifecyclePolicy: { retentionTriggers: { terminateHookAbandon: "retain" } },
};
const poolType = "aws:autoscaling/group:Group";
const rights = "aws:iam/rolePolicy:RolePolicy";
const bucketType = "aws:s3/bucket:Bucket";
const access = {
  blockPublicAcls: true,
  blockPublicPolicy: true,
  ignorePublicAcls: true,
  restrictPublicBuckets: true,
};
const bucketOf = (blocked: object): Resource[] => [
  resource(bucketType, { bucket: "b" }),
  resource("aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock", { bucket: "b", ...blocked }),
  resource("aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration", {
    bucket: "b",
    rules: [{}],
  }),
  resource("aws:s3/bucketOwnershipControls:BucketOwnershipControls", {
    bucket: "b",
    rule: { objectOwnership: "BucketOwnerEnforced" },
  }),
];
const provider = "pulumi:providers:aws";

/** By rule: resources that hold it, and others with the words of what is wrong with each. */
const cases: Record<string, { good: Resource[]; bad: [words: RegExp, ...Resource[]][] }> = {
  "pinned-images": {
    good: [
      resource(containerType, container),
      resource(containerType, { image: "registry.test:5000/a/b@sha256:00" }),
    ],
    bad: [
      [/image haproxy:latest names no release/, resource(containerType, { image: "haproxy:latest" })],
      [
        /image registry\.test:5000\/haproxy names/,
        resource(containerType, { image: "registry.test:5000/haproxy" }),
      ],
    ],
  },
  "bound-containers": {
    good: [resource(containerType, container)],
    bad: [
      [/is privileged/, resource(containerType, { ...container, privileged: true })],
      [/drop ALL/, resource(containerType, { ...container, capabilities: {} })],
      [/set memory/, resource(containerType, { ...container, memory: 0 })],
      [/max-size/, resource(containerType, { ...container, logOpts: {} })],
    ],
  },
  "quiet-environments": {
    good: [resource(containerType, container)],
    bad: [
      [
        /shows JVB_AUTH_PASSWORD in its environment/,
        resource(containerType, { envs: ["JVB_AUTH_PASSWORD=x"] }),
      ],
    ],
  },
  "metadata-by-session": {
    good: [
      resource(machineType, machine),
      resource(templateType, template),
      resource(buildType, { instanceMetadataOptions: machine.metadataOptions }),
    ],
    bad: [
      [
        /set instanceMetadataOptions\.httpTokens/,
        resource(buildType, { instanceMetadataOptions: { httpPutResponseHopLimit: 1 } }),
      ],
      [/IMDSv1/, resource(machineType, { metadataOptions: { httpPutResponseHopLimit: 1 } })],
      [
        /HopLimit to 1/,
        resource(templateType, { metadataOptions: { httpTokens: "required", httpPutResponseHopLimit: 2 } }),
      ],
    ],
  },
  "encrypted-disks": {
    good: [
      resource(machineType, machine),
      resource(templateType, template),
      resource(recipeType, { blockDeviceMappings: template.blockDeviceMappings }),
    ],
    bad: [
      [/not encrypted/, resource(machineType, {})],
      [/not encrypted/, resource(recipeType, {})],
      [
        /not encrypted/,
        resource(templateType, { blockDeviceMappings: [{ ebs: { encrypted: "true" } }, { ebs: {} }] }),
      ],
    ],
  },
  "users-ways-alone": {
    good: [
      resource(ruleType, rule),
      resource(ruleType, { ...rule, ipProtocol: "udp", fromPort: 10000, toPort: 10000 }),
      resource(ruleType, {
        ...rule,
        fromPort: 5222,
        toPort: 5222,
        cidrIpv4: undefined,
        referencedSecurityGroupId: "sg",
      }),
    ],
    bad: [
      [/opens tcp 22-22 to the world/, resource(ruleType, { ...rule, fromPort: 22, toPort: 22 })],
      [/opens tcp 80-443/, resource(ruleType, { ...rule, fromPort: 80 })],
      [/opens -1/, resource(ruleType, { ipProtocol: "-1", cidrIpv6: "::/0" })],
    ],
  },
  "rules-of-their-own": {
    good: [resource("aws:ec2/securityGroup:SecurityGroup", {})],
    bad: [[/inline/, resource("aws:ec2/securityGroup:SecurityGroup", { ingress: [{}] })]],
  },
  "pools-keep-calls": {
    good: [resource(poolType, pool, { ignoreChanges: ["desiredCapacity"] })],
    bad: [
      [
        /set protectFromScaleIn/,
        resource(poolType, { ...pool, protectFromScaleIn: false }, { ignoreChanges: ["desiredCapacity"] }),
      ],
      [
        /suspend AZRebalance/,
        resource(poolType, { ...pool, suspendedProcesses: [] }, { ignoreChanges: ["desiredCapacity"] }),
      ],
      [
        /has no hook/,
        resource(poolType, { ...pool, initialLifecycleHooks: [] }, { ignoreChanges: ["desiredCapacity"] }),
      ],
      [
        /to retain/,
        resource(poolType, { ...pool, instanceLifecyclePolicy: {} }, { ignoreChanges: ["desiredCapacity"] }),
      ],
      [/ignore changes of desiredCapacity/, resource(poolType, pool)],
    ],
  },
  "private-buckets": {
    good: bucketOf(access),
    bad: [
      [
        /is too lenient: its bucket blocks nothing public/,
        ...bucketOf({ ...access, blockPublicPolicy: false }),
      ],
      [/blocks nothing public/, ...bucketOf(access).filter(({ type }) => !type.includes("PublicAccess"))],
      [/nothing of encryption/, ...bucketOf(access).filter(({ type }) => !type.includes("Encryption"))],
      [/takes access lists/, ...bucketOf(access).filter(({ type }) => !type.includes("Ownership"))],
    ],
  },
  "narrow-rights": {
    good: [
      resource(rights, { policy: allow(["s3:GetObject", "autoscaling:DescribeAutoScalingGroups"], "*") }),
      resource(rights, {
        policy: allow("cloudwatch:PutMetricData", "*", { Condition: { StringEquals: {} } }),
      }),
      resource(rights, { policy: allow(["ssmmessages:CreateDataChannel"], "*") }),
      resource(rights, { policy: allow(["s3:PutObject"], "arn:aws:s3:::b/*") }),
      resource(rights, { policy: "[known after the update]" }),
      resource(rights, { policy: allow("s3:*", "*").replace("Allow", "Deny") }),
    ],
    bad: [
      [/allows s3:\*: name the actions/, resource(rights, { policy: allow("s3:*", "arn:aws:s3:::b") })],
      [/allows \*: name/, resource(rights, { policy: allow("*", "arn:aws:s3:::b") })],
      [
        /allows autoscaling:SetDesiredCapacity on everything/,
        resource(rights, { policy: allow(["autoscaling:SetDesiredCapacity"], "*") }),
      ],
    ],
  },
  tagged: {
    good: [resource(provider, { defaultTags: '{"tags":{"Project":"p","Stack":"s"}}' })],
    bad: [
      [/tags nothing with Project and Stack/, resource(provider, {})],
      [/tags nothing with Stack/, resource(provider, { defaultTags: { tags: { Project: "p" } } })],
    ],
  },
};

/** Settings of small stacks, one for each platform. */
const stacks: Record<string, Record<string, unknown>> = {
  "Docker hosts": goodSettings(),
  AWS: {
    platform: "aws",
    production: false,
    domain: "meet.test",
    auth: { type: "open" },
    aws: {
      region: "eu-central-1",
      zones: ["eu-central-1a", "eu-central-1b"],
      image: { id: "ami-0123456789abcdef0", baked: true },
      bridges: { spot: true },
      frontDoor: { certificate: "acm", zoneId: "Z0123456789ABCDEFGHIJ" },
      flowLogs: true,
    },
  },
};

describe("the policies", () => {
  it("each have cases here", () => {
    assert.deepEqual(Object.keys(cases).sort(), rules.map(({ name }) => name).sort());
  });

  for (const { check, name } of rules) {
    it(`${name}: holds what is right, and says what is wrong`, () => {
      const { bad = [], good = [] } = cases[name] ?? {};
      assert.deepEqual(check(good), []);
      for (const [words, ...resources] of bad) {
        const found = check(resources);
        assert.equal(found.length, 1, `${String(words)}: ${found.map(({ message }) => message).join("; ")}`);
        assert.match(found[0]?.message ?? "", words);
      }
    });
  }

  for (const [platform, settings] of Object.entries(stacks))
    it(`hold for what a stack on ${platform} makes`, async function () {
      this.timeout(600_000);
      const directory = mkdtempSync(join(tmpdir(), "policy-test-"));
      const file = join(directory, "Pulumi.test.yaml");
      try {
        const config = Object.entries(settings).map(([key, value]) => [`jitsi-fleet:${key}`, value]);
        writeFileSync(file, stringify({ config: Object.fromEntries(config) as unknown }));
        const seen = await preview(process.cwd(), file, await readStackSettings(process.cwd(), file));
        assert.ok(seen.resources.length > 50);
        const broken = violationsIn(seen);
        assert.deepEqual(
          broken.map(({ message, resource: { name }, rule: policy }) => `${policy}: ${name} ${message}`),
          [],
        );
      } finally {
        rmSync(directory, { recursive: true });
      }
    });
});
