import { z } from "zod";
import { acmeOptions } from "./keeper/certificates/options";
import { registryLogin } from "./engine/registries";
import { TABLE_KEY } from "./fleetStatus";
import { bridgePoolSchema, jibriPoolSchema } from "./pools";

/** Where each of the programs finds its configuration, unless FLEET_CONFIGURATION names another file. */
export const CONFIGURATION_FILE = "/fleet/configuration.json";
/** The name in the agents' and the scaler's certificate, whatever address they are reached at. */
export const CERTIFICATE_NAME = "jitsi-fleet";

/** How the scaler reaches the agent of a host. */
const agent = z.strictObject({
  host: z.string().describe("The host's name."),
  url: z.url({ protocol: /^https?$/ }).describe("https, but for a lab on the loopback address."),
  drained: z.boolean().describe("Whether nothing new is placed there and what is there moves away."),
});

const token = z.string().min(16);
const tls = z.strictObject({
  certificate: z.string().describe("PEM: the server's own, and the only one that its clients trust."),
  privateKey: z.string().describe("PEM."),
});

const shards = z
  .array(z.strictObject({ shard: z.string(), url: z.url({ protocol: /^https?$/ }) }))
  .default([])
  .describe(
    "The shards' own addresses: asked for what their conference focus holds, and which Jibris it sees.",
  );

/** How the scaler asks the edge's keepers. */
const edges = z.strictObject({
  keepers: z.array(z.strictObject({ edge: z.string(), url: z.url({ protocol: /^https?$/ }) })),
  token: token.describe("What lookToken() makes of the keepers' own."),
  certificate: z.string().optional().describe("PEM: the keepers' certificate; none for plain http."),
});
export type EdgesConfiguration = z.output<typeof edges>;

/** Instances as containers on Docker hosts, through the hosts' agents. */
const dockerFleet = z.strictObject({
  kind: z.literal("docker"),
  agents: z.array(agent),
  agentToken: token,
  agentCertificate: z.string().optional().describe("PEM: the agents' certificate; none for plain http."),
  shards,
  edges: edges.optional().describe("Asked for what is in force there; none: nobody is asked."),
});
export type DockerFleetConfiguration = z.output<typeof dockerFleet>;

/** Instances as machines of Auto Scaling groups, each machine with an agent of its own. */
const awsFleet = z.strictObject({
  kind: z.literal("aws"),
  region: z.string(),
  endpoint: z.url().optional().describe("Where all AWS calls go; none: to AWS. For a lab."),
  replica: z.string().describe("This scaler among those beside it: one of them acts."),
  table: z
    .string()
    .describe(`DynamoDB table, its only key the text "${TABLE_KEY}": lease, status and notices.`),
  queueUrl: z.url().describe("SQS queue: what the groups' hooks and EventBridge say."),
  namespace: z.string().describe("Of the CloudWatch metrics."),
  groups: z
    .array(
      z.strictObject({
        pool: z.string(),
        role: z.enum(["bridge", "jibri"]),
        group: z.string().describe("The Auto Scaling group's name."),
      }),
    )
    .describe("One a pool."),
  agentPort: z.int().describe("Where each machine's agent listens, on its private address."),
  agentToken: token,
  agentCertificate: z.string().optional().describe("PEM: the agents' certificate; none for plain http."),
  shards,
  edges: edges.optional().describe("Asked for what is in force there; none: nobody is asked."),
  leaseSeconds: z
    .number()
    .min(1)
    .max(300)
    .default(15)
    .describe("Unheard for so long, the scaler that acts is relieved by another."),
});
export type AwsFleetConfiguration = z.output<typeof awsFleet>;

/** What the scaler service reads. */
export const scalerConfiguration = z.strictObject({
  stack: z.string(),
  tickSeconds: z
    .number()
    .min(0.1)
    .max(60)
    .default(5)
    .describe("Time from one look at the fleet to the next."),
  listen: z.strictObject({ address: z.string(), port: z.int(), token, tls: tls.optional() }),
  fleet: z.discriminatedUnion("kind", [dockerFleet, awsFleet]),
  bridgePools: z.array(z.strictObject({ name: z.string(), shard: z.string(), policy: bridgePoolSchema })),
  jibriPool: z.strictObject({ name: z.string(), policy: jibriPoolSchema }).optional(),
});
export type ScalerConfiguration = z.output<typeof scalerConfiguration>;

const file = z.strictObject({
  path: z
    .string()
    .regex(/^[a-z0-9][A-Za-z0-9._/-]*$/)
    .describe("Below /fleet."),
  content: z.string(),
  executable: z.boolean().default(false),
});

/** In every text of a template: the instance's name, and the UDP port that the agent chose for it. */
export const INSTANCE = "{{instance}}";
export const MEDIA_PORT = "{{mediaPort}}";

/** How one instance of a pool is made on this host. */
const template = z.strictObject({
  pool: z.string(),
  role: z.enum(["bridge", "jibri"]),
  shard: z.string().optional().describe("The one that its instances serve; none: every one."),
  revision: z.string().describe("Changes with anything of it: instances of another revision are replaced."),
  stopGraceSeconds: z.int().describe("From SIGTERM to SIGKILL."),
  container: z
    .record(z.string(), z.unknown())
    .describe("Body of Docker's POST /containers/create. Placeholders in its keys and texts are filled in."),
  files: z
    .array(file)
    .describe(
      "Written below /fleet, an unnamed volume of the container, before it starts: the container's user's. Secret.",
    ),
});
export type PoolTemplate = z.output<typeof template>;

/** What the agent of a host reads. */
export const agentConfiguration = z.strictObject({
  stack: z.string(),
  host: z.string().describe("Its name; a machine's of a group: its id without i-."),
  listen: z.strictObject({ address: z.string(), port: z.int(), token, tls: tls.optional() }),
  dockerSocket: z.string(),
  uploader: z.url().optional().describe("The host's uploader; none where no Jibri runs."),
  slots: z
    .strictObject({ bridge: z.int().min(0), jibri: z.int().min(0) })
    .describe("Instances of each role that the host may run, all pools together."),
  publicAddress: z.string().describe("Where users reach the host's bridges."),
  mediaPorts: z
    .strictObject({ first: z.int(), last: z.int() })
    .describe("The UDP ports of the host's bridges, one an instance."),
  templates: z.array(template),
  registries: z
    .array(registryLogin)
    .optional()
    .describe("Of the templates' images, where a registry does not let everybody in."),
  own: z
    .strictObject({
      pool: z.string(),
      instance: z.string().describe("Its name: `<pool>-<the machine's id without i->`."),
    })
    .optional()
    .describe(
      "The machine is one instance's alone: the agent launches it by itself, once; nobody else does.",
    ),
});
export type AgentConfiguration = z.output<typeof agentConfiguration>;

/** What the uploader of a host reads. */
export const uploaderConfiguration = z.strictObject({
  listen: z.strictObject({ address: z.string(), port: z.int() }),
  storage: z.string().describe("The volume: recordings/<instance>/<session> and spool/<instance>/<session>."),
  rclone: z.strictObject({
    url: z
      .url()
      .describe("rclone's remote control (rclone rcd --rc-serve), which sees the storage at the same path."),
    user: z.string(),
    password: z.string(),
  }),
  destination: z
    .string()
    .describe("Where recordings go, as rclone writes it: a directory, or remote:bucket/prefix."),
  kind: z
    .enum(["bucket", "directory"])
    .describe("bucket: has a file whole or not at all. directory: shows one while it grows."),
  recordingBytes: z
    .number()
    .positive()
    .describe("What a recording may take on the volume: with less free, no Jibri is to begin one."),
  retry: z.strictObject({ firstSeconds: z.number().default(5), longestSeconds: z.number().default(300) }),
  orphanSeconds: z
    .number()
    .default(120)
    .describe("A session of no living Jibri, unchanged for so long, is uploaded as it is."),
  stallSeconds: z
    .number()
    .default(180)
    .describe(
      "A transfer that moves no byte for so long is given up and tried again. The whole may last hours.",
    ),
});
export type UploaderConfiguration = z.output<typeof uploaderConfiguration>;

/** What the keeper of an edge node reads. */
export const keeperConfiguration = z.strictObject({
  stack: z.string(),
  node: z.string().describe("This node."),
  order: z.array(z.string()).min(1).describe("All nodes of the edge: the first that lives leads."),
  listen: z.strictObject({ address: z.string(), port: z.int(), token, tls: tls.optional() }),
  others: z
    .array(z.strictObject({ node: z.string(), url: z.url({ protocol: /^https?$/ }) }))
    .describe("The other nodes' keepers. They share token and certificate with this one."),
  haproxy: z.strictObject({
    socket: z.string().describe("Unix socket of the process that serves."),
    master: z.string().describe("Unix socket of its master, which reaches older processes."),
    configuration: z
      .string()
      .describe("Directory of the configuration in force, with the maps of states, tenants and shares."),
  }),
  health: z
    .strictObject({
      intervalSeconds: z.number().default(1).describe("From one question to a shard to the next."),
      downAfterSeconds: z
        .number()
        .default(5)
        .describe("Failures for so long: the shard's rooms go elsewhere."),
      upAfterSeconds: z.number().default(10).describe("Successes for so long: it takes rooms again."),
    })
    .prefault({}),
  certificates: z
    .strictObject({
      options: acmeOptions,
      directory: z.string().describe("Where account and certificate are kept: it outlives the container."),
      file: z.string().describe("The certificate's file, as HAProxy's configuration names it."),
      challengeSocket: z.string().describe("Unix socket to which HAProxy sends the authority's questions."),
    })
    .optional()
    .describe("The public certificate by ACME; none where it is provided. Secret."),
  roomsSeconds: z.number().default(15).describe("From one comparison of the shards' rooms to the next."),
  times: z
    .strictObject({
      tickSeconds: z.number().default(0.25).describe("From one look at the nodes to the next."),
      settleSeconds: z
        .number()
        .default(1)
        .describe("Gates stay closed for so long before a change: what was under way is answered by then."),
      leaseSeconds: z.number().default(3).describe("Unheard for so long, a node places no new room."),
      lostSeconds: z.number().default(6).describe("Silent for so long, a node is gone."),
    })
    .prefault({}),
});
export type KeeperConfiguration = z.output<typeof keeperConfiguration>;
