import { z } from "zod";
import { isCron, neverComes } from "./cron";
import { parseRange } from "./ipv4Range";
import { url } from "./texts";

/** The settings of a fleet on AWS. What they must be to each other stands in `awsContradictions.ts`. */

const ipv4Range = () =>
  z
    .string()
    .refine(
      (text) => parseRange(text) !== undefined,
      "is not a range of IPv4 addresses such as 10.42.0.0/16, which begins with its first address",
    );

const zone = () =>
  z
    .string()
    .regex(
      /^[a-z]{2}(?:-[a-z]+)+-\d[a-h]$/,
      "is not an availability zone such as eu-central-1a: the region, then a letter",
    );

const subnet = z.strictObject({
  id: z
    .string()
    .regex(/^subnet-(?:[0-9a-f]{8}|[0-9a-f]{17})$/, "is not a subnet's id such as subnet-0a1b2c3d4e5f60718")
    .describe("Its id."),
  zone: zone().describe("Its zone: one of aws.zones."),
  range: ipv4Range().describe(
    "Its IPv4 range. Of a subnet for machines, the upper half is reserved for the nodes' fixed addresses, and must be free.",
  ),
  use: z
    .enum(["machines", "loadBalancer"])
    .default("machines")
    .describe(
      "machines: one in each zone. loadBalancer: in the first two zones one more each, in which nothing else runs: who is in it is believed whose request it passes on.",
    ),
});

const network = z.discriminatedUnion(
  "type",
  [
    z.strictObject({
      type: z.literal("own").describe("A VPC of the stack's own."),
      range: ipv4Range()
        .default("10.42.0.0/16")
        .describe(
          "Its private IPv4 range, /16 to /20. Half of it holds bridges and Jibris, an eighth in each zone. A change replaces everything.",
        ),
    }),
    z.strictObject({
      type: z.literal("existing").describe("A VPC that is there, with a route to the internet."),
      vpcId: z
        .string()
        .regex(/^vpc-(?:[0-9a-f]{8}|[0-9a-f]{17})$/, "is not a VPC's id such as vpc-0a1b2c3d4e5f60718")
        .describe("Its id."),
      subnets: z
        .array(subnet)
        .min(1, "is empty: name one for machines in each of aws.zones")
        .describe("Its public subnets that the fleet may use."),
    }),
  ],
  { error: "has no type that is known: own or existing" },
);

const image = z.strictObject({
  id: z
    .string()
    .regex(/^ami-(?:[0-9a-f]{8}|[0-9a-f]{17})$/, "is not an image's id such as ami-0a1b2c3d4e5f60718")
    .describe(
      "AMI of Ubuntu 24.04 in the region: pinned, since a change replaces every node, which must be drained and empty, and each bridge and Jibri once it is empty.",
    ),
  architecture: z.enum(["x86_64", "arm64"]).default("x86_64").describe("What it is built for."),
  baked: z
    .boolean()
    .default(false)
    .describe(
      "Whether bridges and Jibris boot sooner, from images of their own: EC2 Image Builder bakes them of it at pulumi up, with Docker and the containers' images. A change replaces each machine once it is empty.",
    ),
});

const instanceType = () =>
  z.string().regex(/^[a-z0-9-]+\.[a-z0-9-]+$/, "is not an instance type such as c7i.xlarge");
const instanceTypeChoice = () => z.array(instanceType()).min(1, "is empty: name at least one type").max(20);

const instanceTypes = z.strictObject({
  edge: instanceType()
    .default("c7i.large")
    .describe("Of the two edges. A change replaces one after the other: users reconnect."),
  shard: instanceType()
    .default("m7i.large")
    .describe("Of every shard. A change is refused unless the shards are drained and empty."),
  scaler: instanceType().default("t3.small").describe("Of the scaler's two replicas."),
  bridges: instanceTypeChoice()
    .default(["c7i.xlarge", "c6i.xlarge"])
    .describe("Of bridges, the first one first. Several, so that there is one to be had, on Spot above all."),
  jibris: instanceTypeChoice()
    .default(["m7i.xlarge", "m6i.xlarge"])
    .describe("Of Jibris, the first one first."),
});

const schedule = z.strictObject({
  name: z
    .string()
    .regex(
      /^[a-z](?:[a-z0-9-]{0,30}[a-z0-9])?$/,
      "is not a name such as school-begins: small letters, digits and -",
    )
    .describe("Its name."),
  cron: z
    .string()
    .refine(isCron, "is not a time in five fields such as 30 6 * * 1-5 (minute, hour, day, month, weekday)")
    .refine((given) => !neverComes(given), "never comes: no month that it names has such a day")
    .describe(
      "When it takes effect, in UTC: minute, hour, day of the month, month, weekday (0 is Sunday); MON and JAN do as well.",
    ),
  bridgesMin: z.int().min(1).max(200).describe("From then on, bridges that every shard has at least."),
});

const days = (most: number) => z.int().min(0).max(most);
const arn = (service: string, resource: RegExp) =>
  new RegExp(`^arn:aws(?:-[a-z]+)*:${service}:${resource.source}$`);

const frontDoor = z.discriminatedUnion(
  "certificate",
  [
    z.strictObject({
      certificate: z
        .literal("passThrough")
        .describe("Connections reach HAProxy as they are, which has the certificate that tls says."),
      zoneId: hostedZoneId(),
    }),
    z.strictObject({
      certificate: z
        .literal("acm")
        .describe(
          "The load balancer has a certificate of AWS Certificate Manager; behind it, connections are encrypted anew. tls is left out.",
        ),
      certificateArn: z
        .string()
        .regex(
          arn("acm", /[a-z0-9-]+:\d{12}:certificate\/[0-9a-f-]{36}/),
          "is not a certificate's ARN such as arn:aws:acm:eu-central-1:123456789012:certificate/…",
        )
        .optional()
        .describe(
          "One that is there, in aws.region. If absent, the stack requests one, which Route 53 validates: zoneId is needed.",
        ),
      zoneId: hostedZoneId(),
    }),
  ],
  { error: "has no certificate that is known: passThrough or acm" },
);

function hostedZoneId() {
  return z
    .string()
    .regex(/^[A-Z0-9]{1,32}$/, "is not a hosted zone's id such as Z0123456789ABCDEFGHIJ")
    .optional()
    .describe(
      "Route 53 hosted zone in which domain is made to lead to the load balancer; if absent, that is yours to do.",
    );
}

const S3_COLD_FROM_DAYS = 30;

const recordings = z.strictObject({
  coldAfterDays: days(3650)
    .refine(
      (given) => given === 0 || given >= S3_COLD_FROM_DAYS,
      `must be 0 (never) or at least ${S3_COLD_FROM_DAYS}: S3 moves nothing younger`,
    )
    .default(30)
    .describe("Days after which a recording moves to cheaper storage, read as fast. 0: never."),
  expireAfterDays: days(36500).default(0).describe("Days after which it is deleted. 0: never."),
  noncurrentDays: z
    .int()
    .min(1)
    .max(3650)
    .default(7)
    .describe("Days for which what was deleted or overwritten can be brought back."),
});

export const awsSchema = z.strictObject({
  region: z
    .string()
    .regex(/^[a-z]{2}(?:-[a-z]+)+-\d$/, "is not a region such as eu-central-1")
    .describe("The region. A change replaces everything."),
  zones: z
    .array(zone())
    .min(2, "names fewer than two zones: the edges stand in two, so that one may fail")
    .max(8)
    .describe(
      "Availability zones of the region, two or more. Edges and scalers stand in the first two: name another one last.",
    ),
  network: network.prefault({ type: "own" }).describe("Where it stands."),
  ipv6: z
    .boolean()
    .default(false)
    .describe(
      "Whether the load balancer has IPv6 addresses too; bridges are reached by IPv4. Own network only.",
    ),
  flowLogs: z
    .boolean()
    .default(false)
    .describe(
      "Whether the network's connections are logged (CloudWatch, kept for 30 days). Costs by traffic.",
    ),
  image: image.describe("What the machines start from."),
  instanceTypes: instanceTypes.prefault({}).describe("The machines' types."),
  bridges: z
    .strictObject({
      spot: z
        .boolean()
        .default(false)
        .describe(
          "Whether bridges are Spot instances: some 60 % cheaper, and taken back with two minutes' notice, in which their participants move to others.",
        ),
      warmPool: z
        .int()
        .min(0)
        .max(50)
        .default(0)
        .describe(
          "Bridges a shard that are kept stopped, ready to start sooner: only their disks are paid for. With one instance type, and without spot.",
        ),
    })
    .prefault({})
    .describe("What AWS offers for bridges alone."),
  schedules: z
    .array(schedule)
    .max(50)
    .default([])
    .describe("Least numbers of bridges by the clock, ahead of load that is known to come."),
  frontDoor: frontDoor
    .prefault({ certificate: "passThrough" })
    .describe("The network load balancer in front of the edges."),
  recordings: recordings
    .prefault({})
    .describe("How long the stack's bucket keeps recordings. The bucket outlives the stack."),
  alarms: z
    .strictObject({
      email: z
        .email("is not an e-mail address such as operator@example.org")
        .optional()
        .describe("Who is told; AWS asks there for a confirmation first."),
    })
    .prefault({})
    .describe("Who is told what needs a person."),
  permissionsBoundary: z
    .string()
    .regex(
      arn("iam", /:(?:\d{12}|aws):policy\/[\w+=,.@/-]{1,512}/),
      "is not a policy's ARN such as arn:aws:iam::123456789012:policy/boundary",
    )
    .optional()
    .describe("Policy that bounds every role of the stack, where the account asks for one."),
  endpoint: url(["http:", "https:"], "http://127.0.0.1:5000")
    .optional()
    .describe("Where all of AWS is called instead: an emulator, for trials."),
});

export type AwsSettings = z.output<typeof awsSchema>;
export type AwsNetwork = AwsSettings["network"];
export type AwsSubnet = z.output<typeof subnet>;
