import { z } from "zod";
import { bridgePoolSchema, jibriPoolSchema } from "./pools";

/** Where each of the three programs finds its configuration, unless FLEET_CONFIGURATION names another file. */
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
  agents: z.array(agent),
  agentToken: token,
  agentCertificate: z.string().optional().describe("PEM: the agents' certificate; none for plain http."),
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
  revision: z.string().describe("Changes with anything of it: instances of another revision are replaced."),
  slots: z.int().min(0).describe("Instances of this role that the host may run, all pools together."),
  mediaPorts: z
    .strictObject({ first: z.int(), last: z.int() })
    .optional()
    .describe("Bridges: the UDP ports to choose from, one an instance."),
  stopGraceSeconds: z.int().describe("From SIGTERM to SIGKILL."),
  container: z
    .record(z.string(), z.unknown())
    .describe("Body of Docker's POST /containers/create. Placeholders in it are filled in."),
  files: z.array(file).describe("Written to the instance's volume at /fleet before it starts. Secret."),
});
export type PoolTemplate = z.output<typeof template>;

/** What the agent of a host reads. */
export const agentConfiguration = z.strictObject({
  stack: z.string(),
  host: z.string(),
  listen: z.strictObject({ address: z.string(), port: z.int(), token, tls: tls.optional() }),
  dockerSocket: z.string(),
  uploader: z.url().optional().describe("The host's uploader; none where no Jibri runs."),
  templates: z.array(template),
});
export type AgentConfiguration = z.output<typeof agentConfiguration>;

/** What the uploader of a host reads. */
export const uploaderConfiguration = z.strictObject({
  listen: z.strictObject({ address: z.string(), port: z.int() }),
  storage: z.string().describe("The volume: recordings/<instance>/<session> and spool/<instance>/<session>."),
  rclone: z.strictObject({
    url: z.url().describe("rclone's remote control (rclone rcd), which sees the storage at the same path."),
    user: z.string(),
    password: z.string(),
  }),
  destination: z
    .string()
    .describe("Where recordings go, as rclone writes it: a directory, or remote:bucket/prefix."),
  retry: z.strictObject({ firstSeconds: z.number().default(5), longestSeconds: z.number().default(300) }),
  orphanSeconds: z
    .number()
    .default(120)
    .describe("A session of no living Jibri, unchanged for so long, is uploaded as it is."),
});
export type UploaderConfiguration = z.output<typeof uploaderConfiguration>;
