import { isIPv4 } from "node:net";
import { bridgePoolSchema, jibriPoolSchema } from "@jitsi-fleet/scaler";
import { z } from "zod";
import { parsePortRange } from "./portRange";

/**
 * Every setting of a stack, once: types, defaults, bounds and words. `Pulumi.yaml` and `docs/settings.md` are
 * generated from it (`npm run generate`); what settings must be to each other stands in `contradictions.ts`.
 */

const hostname =
  /^(?=.{1,253}$)[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?)*$/;
/** A label in names of containers, volumes and DNS, kept short since children append to it. */
const label = /^[a-z](?:[a-z0-9-]{0,18}[a-z0-9])?$/;
const repository = String.raw`[a-z0-9]+(?:[._-]+[a-z0-9]+)*(?::[0-9]+)?(?:/[a-z0-9]+(?:[._-]+[a-z0-9]+)*)*`;
const imageRepository = new RegExp(`^${repository}$`);
const imageReference = new RegExp(
  `^${repository}(?::[A-Za-z0-9_][A-Za-z0-9_.-]{0,127})?(?:@sha256:[0-9a-f]{64})?$`,
);
const imageTag = /^[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}$/;
const pem = (kind: string) => new RegExp(`-----BEGIN (?:[A-Z]+ )*${kind}-----`);

const ipv4 = () => z.string().refine(isIPv4, "is not an IPv4 address such as 203.0.113.10");
const port = () => z.int().min(1).max(65535);

const shard = z.strictObject({
  name: z
    .string()
    .regex(
      /^(?=.{2,20}$)[a-z][a-z0-9-]*?[1-9][0-9]{0,2}$/,
      "is not a name such as s1: letters, then a number from 1 to 999",
    )
    .describe(
      "Its name, ending in the number that is its identity (server id, ports): never reuse one for another shard.",
    ),
  state: z
    .enum(["ready", "drain", "maint"])
    .default("ready")
    .describe("ready takes new rooms; drain keeps its rooms and takes no new ones; maint takes nothing."),
  release: z
    .string()
    .regex(imageTag, "is not an image tag such as stable-11146-2")
    .optional()
    .describe("Jitsi release of this shard; images.release if absent. Changed only while drained and empty."),
  host: z
    .string()
    .optional()
    .describe("Docker host that runs it; needed where more than one has the role shard."),
});

const images = z.strictObject({
  registry: z
    .string()
    .regex(imageRepository, "is not an image repository such as ghcr.io/jitsi")
    .default("ghcr.io/jitsi")
    .describe("Where web, prosody, jicofo, jvb and jibri come from."),
  release: z
    .string()
    .regex(imageTag, "is not an image tag such as stable-11146-2")
    .default("stable-11146-2")
    .describe("Jitsi release of shards that name none, of the bridges beside them and of the Jibris."),
  haproxy: z
    .string()
    .regex(imageReference, "is not an image such as haproxy:3.2")
    .default("haproxy:3.2")
    .describe("HAProxy 2.6 or later, shaped like the official image (user haproxy, a shell)."),
});

const recordings = z.strictObject({
  record: z.boolean().default(true).describe("Whether conferences may be recorded to a file."),
  stream: z.boolean().default(false).describe("Whether conferences may be streamed live."),
});

const edge = z.strictObject({
  nodes: z
    .int()
    .min(1)
    .max(1, "is above 1, all that there is today")
    .default(1)
    .describe("HAProxy nodes: one today."),
  httpPort: port().default(80).describe("Public port that redirects to HTTPS."),
  httpsPort: port()
    .default(443)
    .describe("Public port of the meetings. A change replaces the edge: users reconnect."),
});

const tls = z.discriminatedUnion(
  "mode",
  [
    z.strictObject({
      mode: z.literal("self-signed").describe("Made by the program; browsers warn. Refused in production."),
    }),
    z.strictObject({
      mode: z.literal("provided").describe("The certificate and key given here."),
      certificate: z
        .string()
        .regex(pem("CERTIFICATE"), "is not a PEM certificate (-----BEGIN CERTIFICATE-----)")
        .describe("PEM: the certificate, then its intermediates."),
      privateKey: z
        .string()
        .regex(pem("PRIVATE KEY"), "is not a PEM private key (-----BEGIN PRIVATE KEY-----)")
        .describe("PEM, unencrypted. Set it with --secret."),
    }),
  ],
  { error: "has no mode that is known" },
);

const recorders = z
  .enum(["moderators", "token"])
  .default("moderators")
  .describe(
    "Who may start a recording or a stream: moderators, or who has the feature in their token (jwt only).",
  );

const auth = z.discriminatedUnion("type", [
  z.strictObject({
    type: z.literal("jwt").describe("Rooms are entered with a signed token."),
    appId: z.string().min(1).max(128).describe("The token's issuer."),
    appSecret: z
      .string()
      .min(16, "is shorter than 16 characters")
      .describe("Shared secret of the tokens. Set it with --secret."),
    recorders,
  }),
  z.strictObject({
    type: z.literal("internal").describe("Rooms are opened by accounts in Prosody; guests wait for them."),
    guests: z.boolean().default(true).describe("Whether people without an account may join an open room."),
    recorders,
  }),
  z.strictObject({
    type: z.literal("open").describe("Anybody opens rooms. Refused in production unless openToAll is true."),
    openToAll: z.boolean().default(false).describe("Says that a production open to all is meant."),
    recorders,
  }),
]);

export const hostRoles = ["edge", "shard", "bridge", "jibri"] as const;
export type HostRole = (typeof hostRoles)[number];

const dockerHost = z.strictObject({
  name: z
    .string()
    .regex(label, "is not a name such as host-a: small letters, digits and -")
    .describe("Its name in this stack."),
  address: z
    .string()
    .regex(
      /^(?:unix:\/\/\/[^\s]+|ssh:\/\/[^\s@/]+@[^\s@/]+|tcp:\/\/[^\s@/:]+:[0-9]+)$/,
      "is none of unix:///path/docker.sock, ssh://user@host[:port], tcp://host:port",
    )
    .describe("Its Docker engine: the local socket, ssh:// (with hostKey) or tcp:// (with tls)."),
  hostKey: z
    .string()
    .regex(
      /^(?:ssh-ed25519|ssh-rsa|ecdsa-sha2-nistp(?:256|384|521)) [A-Za-z0-9+/]+=*$/,
      "is not a public host key such as ssh-ed25519 AAAA…",
    )
    .optional()
    .describe("ssh only: the host's public key as ssh-keyscan prints it, without the host's name."),
  tls: z
    .strictObject({
      ca: z
        .string()
        .regex(pem("CERTIFICATE"), "is not a PEM certificate")
        .describe("Who signed the engine's certificate."),
      certificate: z
        .string()
        .regex(pem("CERTIFICATE"), "is not a PEM certificate")
        .describe("The client's certificate."),
      privateKey: z
        .string()
        .regex(pem("PRIVATE KEY"), "is not a PEM private key")
        .describe("The client's key."),
    })
    .optional()
    .describe("tcp only: client certificate, PEM. Set privateKey with --secret."),
  publicAddress: ipv4().describe("Address at which users reach it; bridges advertise it."),
  privateAddress: ipv4().describe(
    "Address at which the fleet's own parts reach it: on a network that no user is on.",
  ),
  roles: z
    .array(z.enum(hostRoles))
    .min(1, "is empty")
    .default(["edge", "shard", "bridge", "jibri"])
    .describe("What may run there."),
  slots: z
    .strictObject({
      bridges: z.int().min(0).max(200).default(40).describe("Bridges that it may run."),
      jibris: z
        .int()
        .min(0)
        .max(100)
        .default(4)
        .describe("Jibris that it may run (each wants 2 GiB of shared memory)."),
    })
    .prefault({})
    .describe("How much it may run."),
  udpPorts: z
    .string()
    .refine(
      (range) => parsePortRange(range) !== undefined,
      "is not a range of ports such as 10000-10099, from 1024 to 65535",
    )
    .default("10000-10099")
    .describe("UDP ports of its bridges, one a bridge: open them to the internet, and no others."),
  drained: z
    .boolean()
    .default(false)
    .describe(
      "Whether nothing new is placed there. Its shards must be drained first; its bridges and Jibris move once empty.",
    ),
});

export const settingsSchema = z.strictObject({
  platform: z.enum(["docker"]).default("docker").describe("Where the fleet runs."),
  production: z
    .boolean()
    .default(true)
    .describe("Whether real users depend on this stack. If so, what only suits a trial is refused."),
  domain: z
    .string()
    .regex(hostname, "is not a host name such as meet.example.org, in small letters")
    .describe("Public host name of the meetings."),
  shards: z
    .array(shard)
    .min(1, "is empty: a fleet has at least one shard")
    .max(64)
    .prefault([{ name: "s1" }, { name: "s2" }])
    .describe("The shards: each holds whole rooms."),
  bridges: bridgePoolSchema.prefault({}).describe("The pool of video bridges of each shard."),
  jibris: jibriPoolSchema.prefault({}).describe("The pool of Jibris, shared by the shards."),
  recordings: recordings
    .prefault({})
    .describe("What may be recorded. Files outlive the stack, in a volume on the Jibri's host."),
  edge: edge.prefault({}).describe("HAProxy in front."),
  tls: tls.prefault({ mode: "self-signed" }).describe("The certificate of the public address."),
  auth: auth.describe("Who may open rooms, record and stream."),
  images: images.prefault({}).describe("Container images."),
  docker: z
    .strictObject({
      hosts: z.array(dockerHost).min(1, "is empty: name at least one host").max(64).describe("One or many."),
    })
    .describe("The Docker hosts."),
  tags: z
    .record(z.string().regex(/^[A-Za-z][A-Za-z0-9._-]{0,62}$/, "is not a tag's name"), z.string().max(255))
    .default({})
    .describe("Labels on everything that is created."),
  allowCutCalls: z
    .boolean()
    .default(false)
    .describe("Lets one update or destroy end calls and recordings that still run. Take it back afterwards."),
});

export type ParsedSettings = z.output<typeof settingsSchema>;
export type ShardSettings = ParsedSettings["shards"][number];
export type DockerHostSettings = ParsedSettings["docker"]["hosts"][number];
