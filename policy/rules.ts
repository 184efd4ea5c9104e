import { MEDIA_PORT, webPorts } from "../components/aws/ports";

/** A resource as a preview or a policy pack has it. */
export interface Resource {
  readonly type: string;
  readonly name: string;
  readonly props: Readonly<Record<string, unknown>>;
  readonly ignoreChanges: readonly string[];
}

/** What is wrong with a resource, and what to do. */
export interface Violation {
  readonly resource: Resource;
  readonly message: string;
}

/** What all of a stack's resources must hold. */
export interface Rule {
  readonly name: string;
  readonly description: string;
  readonly check: (resources: readonly Resource[]) => Violation[];
}

type Properties = Readonly<Record<string, unknown>>;

function object(value: unknown): Properties {
  return typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Properties) : {};
}

function list(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

/** A rule about each resource of some types by itself. */
function each(
  about: Pick<Rule, "name" | "description">,
  types: readonly string[],
  faults: (props: Properties, resource: Resource) => readonly (string | false)[],
): Rule {
  return {
    ...about,
    check: (resources) =>
      resources
        .filter(({ type }) => types.includes(type))
        .flatMap((resource) =>
          faults(resource.props, resource)
            .filter((message) => message !== false)
            .map((message) => ({ resource, message })),
        ),
  };
}

const CONTAINER = "docker:index/container:Container";
const INSTANCE = "aws:ec2/instance:Instance";
const TEMPLATE = "aws:ec2/launchTemplate:LaunchTemplate";
const BUILD = "aws:imagebuilder/infrastructureConfiguration:InfrastructureConfiguration";
const RECIPE = "aws:imagebuilder/imageRecipe:ImageRecipe";
const GROUP = "aws:autoscaling/group:Group";
const BUCKET = "aws:s3/bucket:Bucket";

/** Whether the image's name says which one it is, today and after the next pull. */
function isPinned(image: string): boolean {
  if (image.includes("@sha256:")) return true;
  const [, tag = "latest"] = /:([^/:]+)$/.exec(image) ?? [];
  return tag !== "latest";
}

const pinnedImages = each(
  {
    name: "pinned-images",
    description: "A container's image is of a release, so that a restart does not change it.",
  },
  [CONTAINER],
  ({ image }) => [
    typeof image === "string" &&
      !isPinned(image) &&
      `image ${image} names no release: give it a tag other than latest`,
  ],
);

const boundContainers = each(
  {
    name: "bound-containers",
    description:
      "A container has no more of the machine than it needs: no privilege, a limit of memory, logs that end.",
  },
  [CONTAINER],
  ({ capabilities, logOpts, memory, privileged }) => [
    privileged === true && "is privileged: name the capabilities it needs",
    !list(object(capabilities)["drops"]).includes("ALL") &&
      "keeps capabilities: drop ALL, and add what it needs",
    !(typeof memory === "number" && memory > 0) && "has no limit of memory: set memory",
    object(logOpts)["max-size"] === undefined && "has logs without an end: set logOpts max-size and max-file",
  ],
);

const quietEnvironments = each(
  {
    name: "quiet-environments",
    description: "Secrets are in files that root alone reads, not in environments.",
  },
  [CONTAINER],
  ({ envs }) =>
    list(envs).map((env) => {
      const [, key, value] =
        /^(\w*(?:PASSWORD|SECRET|TOKEN|PRIVATE_KEY)\w*)(?<!_FILE)=(.+)$/s.exec(String(env)) ?? [];
      return (
        key !== undefined &&
        value !== undefined &&
        `shows ${key} in its environment: make it one of its secrets`
      );
    }),
);

const metadata = each(
  {
    name: "metadata-by-session",
    description:
      "A machine gives its credentials to itself alone: IMDSv2, and one hop, so that no container reaches it.",
  },
  [INSTANCE, TEMPLATE, BUILD],
  (props, { type }) => {
    const options = type === BUILD ? "instanceMetadataOptions" : "metadataOptions";
    const { httpPutResponseHopLimit, httpTokens } = object(props[options]);
    return [
      httpTokens !== "required" && `takes requests of IMDSv1: set ${options}.httpTokens to required`,
      httpPutResponseHopLimit !== 1 &&
        `lets containers reach its credentials: set ${options}.httpPutResponseHopLimit to 1`,
    ];
  },
);

const isOn = (flag: unknown): boolean => flag === true || flag === "true";

const encryptedDisks = each(
  {
    name: "encrypted-disks",
    description: "Disks are encrypted: recordings lie on them until they are in the store.",
  },
  [INSTANCE, TEMPLATE, RECIPE],
  ({ blockDeviceMappings, rootBlockDevice }, { type }) => {
    const disks =
      type === INSTANCE
        ? [object(rootBlockDevice)]
        : list(blockDeviceMappings).map((mapping) => object(object(mapping)["ebs"]));
    const isSafe = disks.length > 0 && disks.every(({ encrypted }) => isOn(encrypted));
    return [
      !isSafe &&
        "has a disk that is not encrypted: set encrypted on rootBlockDevice, or on each mapping's ebs",
    ];
  },
);

/** Where the world may come in: as users do. */
function isUsersWay(protocol: unknown, from: unknown, to: unknown): boolean {
  if (from !== to) return false;
  if (protocol === "udp") return from === MEDIA_PORT;
  return protocol === "tcp" && Object.values(webPorts).some((port) => port === from);
}

const ways = each(
  {
    name: "users-ways-alone",
    description: "The world comes in where users do: HTTP and HTTPS at the load balancer, media at bridges.",
  },
  ["aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule"],
  ({ cidrIpv4, cidrIpv6, fromPort, ipProtocol, toPort }) => [
    (cidrIpv4 === "0.0.0.0/0" || cidrIpv6 === "::/0") &&
      !isUsersWay(ipProtocol, fromPort, toPort) &&
      `opens ${String(ipProtocol)} ${String(fromPort)}-${String(toPort)} to the world: name a security group in its place`,
  ],
);

const inlineRules = each(
  {
    name: "rules-of-their-own",
    description:
      "A security group's rules are resources of their own: inline ones and those undo each other.",
  },
  ["aws:ec2/securityGroup:SecurityGroup"],
  ({ egress, ingress }) => [
    list(ingress).length + list(egress).length > 0 && "has rules inline: make them resources of their own",
  ],
);

const pools = each(
  {
    name: "pools-keep-calls",
    description: "Nothing but the scaler ends a pool's machine: AWS would not ask whether calls are on.",
  },
  [GROUP],
  (
    { initialLifecycleHooks, instanceLifecyclePolicy, protectFromScaleIn, suspendedProcesses },
    { ignoreChanges },
  ) => {
    const hooks = list(initialLifecycleHooks).map(object);
    const triggers = object(object(instanceLifecyclePolicy)["retentionTriggers"]);
    return [
      protectFromScaleIn !== true && "lets AWS end its machines: set protectFromScaleIn",
      !list(suspendedProcesses).includes("AZRebalance") &&
        "moves machines between zones: suspend AZRebalance",
      !hooks.some(
        ({ lifecycleTransition }) => lifecycleTransition === "autoscaling:EC2_INSTANCE_TERMINATING",
      ) &&
        "has no hook for machines that are to end: add it to initialLifecycleHooks, so that the first ones have it",
      triggers["terminateHookAbandon"] !== "retain" &&
        "ends machines whose drain took too long: set instanceLifecyclePolicy.retentionTriggers.terminateHookAbandon to retain",
      !ignoreChanges.includes("desiredCapacity") &&
        "takes the number of machines back from the scaler: ignore changes of desiredCapacity",
    ];
  },
);

/** Parts that a bucket must have, and what they must say. */
const bucketParts: readonly { type: string; what: string; isRight: (props: Properties) => boolean }[] = [
  {
    type: "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock",
    what: "blocks nothing public: give it a BucketPublicAccessBlock with all four set",
    isRight: (props) =>
      ["blockPublicAcls", "blockPublicPolicy", "ignorePublicAcls", "restrictPublicBuckets"].every(
        (flag) => props[flag] === true,
      ),
  },
  {
    type: "aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration",
    what: "says nothing of encryption: give it a BucketServerSideEncryptionConfiguration",
    isRight: ({ rules }) => list(rules).length > 0,
  },
  {
    type: "aws:s3/bucketOwnershipControls:BucketOwnershipControls",
    what: "takes access lists: give it BucketOwnershipControls with BucketOwnerEnforced",
    isRight: ({ rule }) => object(rule)["objectOwnership"] === "BucketOwnerEnforced",
  },
];

/** In a preview a bucket's name is not known where the program leaves it to the engine: parts are counted then. */
const privateBuckets: Rule = {
  name: "private-buckets",
  description: "A bucket is nobody else's: nothing public, encrypted, no access lists.",
  check: (resources) =>
    bucketParts.flatMap(({ isRight, type, what }) => {
      const parts = resources.filter((part) => part.type === type);
      const wrong = parts
        .filter(({ props }) => !isRight(props))
        .map((resource) => ({ resource, message: `is too lenient: its bucket ${what}` }));
      const buckets = resources.filter((bucket) => bucket.type === BUCKET);
      const without = buckets.filter(
        ({ name, props }) =>
          !parts.some((part) => part.name === name || part.props["bucket"] === (props["bucket"] ?? name)),
      );
      const isEnough = parts.length >= buckets.length;
      return [...wrong, ...(isEnough ? [] : without.map((resource) => ({ resource, message: what })))];
    }),
};

interface Statement {
  readonly Effect?: unknown;
  readonly Action?: unknown;
  readonly Resource?: unknown;
  readonly Condition?: unknown;
}

function statements(policy: unknown): Statement[] {
  if (typeof policy !== "string" || !policy.startsWith("{")) return [];
  const { Statement } = JSON.parse(policy) as { Statement?: unknown };
  return [Statement ?? []].flat().map((statement) => object(statement) as Statement);
}

const texts = (value: unknown): string[] => [value ?? []].flat().map(String);

/** Actions that change nothing, or that AWS lets nobody narrow to a resource. */
const harmless = /^(?:ec2messages:|ssmmessages:|ssm:UpdateInstanceInformation$)|:(?:Describe|Get|List)/;

const narrowRights = each(
  {
    name: "narrow-rights",
    description:
      "A machine may what it does: no action by a wildcard, and none that changes things on every resource.",
  },
  ["aws:iam/rolePolicy:RolePolicy", "aws:iam/policy:Policy"],
  ({ policy }) =>
    statements(policy)
      .filter(({ Effect }) => Effect === "Allow")
      .flatMap(({ Action, Condition, Resource }) => {
        const wild = texts(Action).filter((action) => action.includes("*") && !harmless.test(action));
        const isEverywhere = texts(Resource).includes("*") && Condition === undefined;
        const wide = isEverywhere
          ? texts(Action).filter((action) => !action.includes("*") && !harmless.test(action))
          : [];
        return [
          ...wild.map((action) => `allows ${action}: name the actions`),
          ...wide.map((action) => `allows ${action} on everything: name the resource, or a condition`),
        ];
      }),
);

const tags = each(
  { name: "tagged", description: "All that bills tells by its tags which project and stack it is of." },
  ["pulumi:providers:aws"],
  ({ defaultTags }) => {
    const given = typeof defaultTags === "string" ? (JSON.parse(defaultTags) as unknown) : defaultTags;
    const missing = ["Project", "Stack"].filter((tag) => object(object(given)["tags"])[tag] === undefined);
    return [missing.length > 0 && `tags nothing with ${missing.join(" and ")}: set defaultTags`];
  },
);

/** Every rule there is. */
export const rules: readonly Rule[] = [
  pinnedImages,
  boundContainers,
  quietEnvironments,
  metadata,
  encryptedDisks,
  ways,
  inlineRules,
  pools,
  privateBuckets,
  narrowRights,
  tags,
];
