import { isIPv4 } from "node:net";
import { bridgePoolSchema, jibriPoolSchema, LETS_ENCRYPT_URL } from "@jitsi-fleet/scaler";
import { z } from "zod";
import { awsSchema } from "./awsSchema";
import { isBucketName, storeProviders } from "./buckets";
import { parseRange } from "./ipv4Range";
import { parsePortRange } from "./portRange";
import { secret, text, url, visible } from "./texts";

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
const certificatePem = () =>
  z.string().regex(pem("CERTIFICATE"), "is not a PEM certificate (-----BEGIN CERTIFICATE-----)");
const pem = (kind: string) => new RegExp(`-----BEGIN (?:[A-Z]+ )*${kind}-----`);

const ipv4 = () => z.string().refine(isIPv4, "is not an IPv4 address such as 203.0.113.10");
const port = () => z.int().min(1).max(65535);
const ipRange = () =>
  z.string().refine((text) => {
    const [address = "", bits = "32", ...more] = text.split("/");
    return isIPv4(address) && /^\d{1,2}$/.test(bits) && Number(bits) <= 32 && more.length === 0;
  }, "is not an IPv4 address or range such as 10.0.0.0/8");

const release = () => z.string().regex(imageTag, "is not an image tag such as stable-11146-2");

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
  release: release()
    .optional()
    .describe("Jitsi release of this shard; images.release if absent. Changed only while drained and empty."),
  host: z
    .string()
    .optional()
    .describe(
      "Docker host that runs it; needed where more than one has the role shard. Platform docker only.",
    ),
  zone: z
    .string()
    .optional()
    .describe(
      "Zone of aws.zones that it stands in; if absent, one of the first two in turn, by its number. Platform aws only.",
    ),
});

/** A registry as images' names begin with it. */
const registryHost = /^(?:localhost|[a-z0-9-]+(?:\.[a-z0-9-]+)+|[a-z0-9-]+(?=:))(?::[0-9]{1,5})?$/;

const registryLogins = z
  .array(
    z.strictObject({
      host: z
        .string()
        .regex(
          registryHost,
          "is not a registry such as registry.school.net:5000, without a scheme and a path; docker.io is Docker Hub",
        )
        .describe(
          "The registry, as its images' names begin: registry.school.net:5000; docker.io for Docker Hub.",
        ),
      username: text()
        .min(1, "is empty")
        .max(256)
        .refine((given) => !given.includes(":"), "has a colon, which ends a user's name in HTTP")
        .describe("Who is let in."),
      password: secret(text().min(1, "is empty").max(3000)).describe(
        "Password, or token that may pull. It must last: a machine or a host may pull at any time. Set it with --secret.",
      ),
    }),
  )
  .max(10)
  .default([])
  .describe(
    "Users of registries that do not let everybody pull, those of mirror and registry among them. A change replaces no shard, bridge or Jibri.",
  );

const images = z.strictObject({
  registry: z
    .string()
    .regex(imageRepository, "is not an image repository such as ghcr.io/jitsi")
    .default("ghcr.io/jitsi")
    .describe("Where web, prosody, jicofo, jvb and jibri come from."),
  mirror: z
    .string()
    .regex(imageRepository, "is not an image repository such as mirror.school.net/hub")
    .optional()
    .describe(
      "Repository that has all images below their whole names, such as mirror.school.net/hub for mirror.school.net/hub/docker.io/library/haproxy:3.2. Where it does not let everybody in, registries says who is. A change replaces as another release does.",
    ),
  registries: registryLogins,
  release: release()
    .default("stable-11146-2")
    .describe("Jitsi release of shards that name none, of the bridges beside them and of the Jibris."),
  haproxy: z
    .string()
    .regex(imageReference, "is not an image such as haproxy:3.2")
    .default("haproxy:3.2")
    .describe("HAProxy 2.6 or later, shaped like the official image (user haproxy, a shell)."),
  node: z
    .string()
    .regex(imageReference, "is not an image such as node:24-bookworm-slim")
    .default("node:24-bookworm-slim")
    .describe("Node 22 or later: runs the scaler, the hosts' agents and the uploaders."),
  keepalived: z
    .string()
    .regex(imageReference, "is not an image such as quay.io/openstack.kolla/keepalived:2026.1-ubuntu-noble")
    .default("quay.io/openstack.kolla/keepalived:2026.1-ubuntu-noble")
    .describe(
      "Keepalived 2.2 or later with a shell, curl and ip, where docker.sharedAddress is set. On arm64 the default's tag ends in -aarch64.",
    ),
  coturn: z
    .string()
    .regex(imageReference, "is not an image such as coturn/coturn:4.17.0")
    .default("coturn/coturn:4.17.0")
    .describe("coturn 4.6 or later, for turn; shaped like the official image (user nobody, a shell)."),
  telegraf: z
    .string()
    .regex(imageReference, "is not an image such as telegraf:1.37.0")
    .default("telegraf:1.37.0")
    .describe("Telegraf 1.37 or later, for monitoring; shaped like the official image."),
});

const absolutePath = /^\/[A-Za-z0-9 ._@+=,~/-]*[A-Za-z0-9 ._@+=,~-]$/;

const store = z.discriminatedUnion(
  "type",
  [
    z.strictObject({
      type: z
        .literal("directory")
        .describe("A directory of the machine that recorded: a shared one, if all are to be in one place."),
      path: z
        .string()
        .regex(absolutePath, "is not an absolute path such as /srv/recordings")
        .default("/var/lib/jitsi-fleet/recordings")
        .describe("The directory. It is made where there is none; root must be able to write there."),
    }),
    z.strictObject({
      type: z.literal("s3").describe("A bucket of any S3-compatible store."),
      bucket: z
        .string()
        .refine(
          isBucketName,
          "is not a bucket's name such as my-recordings: 3 to 63 small letters, digits, - and single dots, and no address",
        )
        .describe("The bucket; it must be there."),
      prefix: z
        .string()
        .regex(
          /^(?:[A-Za-z0-9._-]+(?:\/[A-Za-z0-9._-]+)*)?$/,
          "is not a prefix such as schools/north: letters, digits and ._- between slashes",
        )
        .default("")
        .describe("What recordings' names begin with in the bucket, such as school-a."),
      region: z
        .string()
        .regex(/^[A-Za-z0-9._-]{1,64}$/, "is not a region such as eu-central-1")
        .default("us-east-1")
        .describe("The bucket's region."),
      provider: z
        .enum(storeProviders)
        .default("AWS")
        .describe(
          "Whose S3 it is, as rclone names it: what differs there is known by it. Other if none of these.",
        ),
      endpoint: url(["http:", "https:"], "https://s3.example.org")
        .optional()
        .describe("Where the store answers; needed where provider is not AWS."),
      accessKeyId: z
        .string()
        .regex(
          /^[!-+.0-<>-~-]+$/,
          "is not a key's id: letters, digits and signs other than comma, slash and =",
        )
        .describe("Key that may read and write the bucket."),
      secretAccessKey: secret(text().min(1, "is empty")).describe("Its secret. Set it with --secret."),
      ca: certificatePem()
        .optional()
        .describe(
          "PEM, for a private authority: who signed the store's certificate; the public authorities if absent.",
        ),
      proxy: secret(url(["http:", "https:"], "http://proxy.school.net:3128"))
        .optional()
        .describe(
          "HTTP proxy by which hosts reach the store, with its user and password if it asks for them.",
        ),
    }),
  ],
  { error: "has no type that is known: directory or s3" },
);

/** Where recordings of Docker hosts go that are told nothing else. */
export const defaultStore = store.parse({ type: "directory" });

const recordings = z.strictObject({
  record: z.boolean().default(true).describe("Whether conferences may be recorded to a file."),
  stream: z.boolean().default(false).describe("Whether conferences may be streamed live."),
  spaceGiB: z
    .number()
    .min(0.1)
    .max(1000)
    .default(2)
    .describe(
      "Free space that a recording is reckoned with: a host with less for each recording under way and one more has no free Jibri, and the scaler says so. Two hours of a call take about 2 GiB.",
    ),
  store: store
    .optional()
    .describe(
      "Where finished recordings go from Docker hosts; if absent, a directory. On AWS the stack has a bucket of its own.",
    ),
});

const scaler = z.strictObject({
  tickSeconds: z
    .int()
    .min(1)
    .max(60)
    .default(5)
    .describe("Time from one look at bridges and Jibris to the next; bridges renew their figures every 5 s."),
});

const placement = z.strictObject({
  release: release().describe("The release: one that shards in state ready have."),
  tenants: z
    .array(
      z
        .string()
        .regex(
          /^[a-z0-9][a-z0-9._-]{0,63}$/,
          "is not a tenant such as school-a: small letters, digits and ._-",
        ),
    )
    .default([])
    .describe("Tenants whose new rooms take it."),
  sharePercent: z
    .int()
    .min(0)
    .max(100)
    .default(0)
    .describe(
      "Share of all other new rooms that takes it. The rest takes the shards of releases not named here.",
    ),
});

const edge = z.strictObject({
  httpPort: port().default(80).describe("Public port that redirects to HTTPS."),
  httpsPort: port()
    .default(443)
    .describe("Public port of the meetings. A change replaces the edge: users reconnect."),
  health: z
    .strictObject({
      downAfterSeconds: z
        .int()
        .min(2)
        .max(120)
        .default(5)
        .describe(
          "A shard whose Prosody or Jicofo is ill for so long gives its rooms to others. A machine that is overloaded looks ill, too.",
        ),
      upAfterSeconds: z
        .int()
        .min(1)
        .max(600)
        .default(10)
        .describe("A shard that is well again for so long takes rooms again."),
    })
    .prefault({})
    .describe("When a shard is taken out and back, by the judgement of all nodes together."),
  releases: z
    .array(placement)
    .default([])
    .describe(
      "Releases whose shards take certain new rooms alone. Shards of other releases take the rest together. Rooms that are open stay where they are.",
    ),
  proxyProtocolFrom: z
    .array(ipRange())
    .default([])
    .describe("Load balancers in front that tell users' addresses by PROXY protocol: addresses or ranges."),
  limits: z
    .strictObject({
      connectionsPerAddress: z
        .int()
        .min(0)
        .default(5000)
        .describe(
          "Connections at once from one address; more are closed. A whole school may be one address. 0: no limit.",
        ),
      requestsPerAddressAndSecond: z
        .int()
        .min(0)
        .default(5000)
        .describe("Requests a second, over 10 s, from one address; more are answered with 429. 0: no limit."),
      requestSeconds: z
        .int()
        .min(1)
        .max(60)
        .default(10)
        .describe("How long a client may take to send a request's headers."),
      roomsRemembered: z
        .int()
        .min(1000)
        .max(10_000_000)
        .default(200_000)
        .describe(
          "Rooms whose shard is remembered; of more, those unused for longest are forgotten. Each takes 462 bytes of HAProxy's memory, and twice that during a reload: 1 GiB with the default, 10 GiB with 10,000,000. A change above 200,000 replaces the edge: users reconnect.",
        ),
    })
    .prefault({})
    .describe("What keeps floods and slow clients from the others."),
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
      privateKey: secret(
        z.string().regex(pem("PRIVATE KEY"), "is not a PEM private key (-----BEGIN PRIVATE KEY-----)"),
      ).describe("PEM, unencrypted. Set it with --secret."),
      ca: certificatePem()
        .optional()
        .describe(
          "PEM, for a private authority: its own certificate, so that Jibris take what it signs. Without it they take the intermediates of certificate, or certificate alone, and each Jibri is replaced, while idle, for another.",
        ),
    }),
    z.strictObject({
      mode: z
        .literal("acme")
        .describe(
          "Obtained from an authority that speaks ACME, and renewed with a third of its life left. The authority looks at port 80 of domain (HTTP-01). Until the first is there, one of the program's own making is served.",
        ),
      email: z
        .email("is not an e-mail address such as operator@example.org")
        .describe("Contact of the account with the authority; the account is made with its terms agreed to."),
      directoryUrl: url(["https:"], "https://acme.example.org/directory")
        .default(LETS_ENCRYPT_URL)
        .describe(
          "The authority's directory. For trials there is https://acme-staging-v02.api.letsencrypt.org/directory: it allows more attempts, and browsers refuse its certificates.",
        ),
      ca: z
        .string()
        .regex(pem("CERTIFICATE"), "is not a PEM certificate (-----BEGIN CERTIFICATE-----)")
        .optional()
        .describe("PEM, for a private authority: who signed the certificate of the directory's own address."),
      eab: z
        .strictObject({
          keyId: z
            .string()
            .regex(visible, "is not a key's identifier: letters, digits and signs")
            .describe("The key's identifier."),
          hmacKey: secret(
            z
              .string()
              .regex(
                /^[A-Za-z0-9_+/-]{16,}=*$/,
                "is no HMAC key as authorities give it: at least 16 letters, digits and -_ (base64url)",
              ),
          ).describe("The key, base64url. Set it with --secret."),
        })
        .optional()
        .describe(
          "External account binding: what the authority gave for its customer's account, where it asks for that.",
        ),
    }),
  ],
  { error: "has no mode that is known" },
);

const turn = z.discriminatedUnion(
  "type",
  [
    z.strictObject({ type: z.literal("none").describe("Users reach bridges by UDP, or not at all.") }),
    z.strictObject({
      type: z
        .literal("shared443")
        .describe(
          "TURN over TLS at edge.httpsPort, for networks that let out nothing but HTTPS. Browsers refuse it with a self-signed certificate.",
        ),
      domain: z
        .string()
        .regex(hostname, "is not a host name such as turn.meet.example.org, in small letters")
        .describe(
          "Another public name that leads where domain does: connections are told apart by it. The certificate must cover both.",
        ),
    }),
  ],
  { error: "has no type that is known: none or shared443" },
);

const peerToPeer = z.strictObject({
  enabled: z.boolean().optional().describe("Whether they do; if absent, only where there is a relay (turn)."),
  stunServers: z
    .array(
      z
        .string()
        .regex(
          /^[a-z0-9.-]{1,253}:[0-9]{1,5}$/,
          "is not a server and its port such as stun.example.org:3478",
        ),
    )
    .default([])
    .describe(
      "STUN servers that tell their browsers under which public address they are seen; they learn the users' addresses. With none, only browsers on one network find each other.",
    ),
});

const recorders = z
  .enum(["moderators", "token"])
  .default("moderators")
  .describe(
    "Who may start a recording or a stream: moderators, or who has the feature in their token (jwt only).",
  );

const guests = z.boolean().default(true).describe("Whether people without an account may join an open room.");

const jwt = z.strictObject({
  type: z.literal("jwt").describe("Rooms are entered with a signed token."),
  appId: text()
    .min(1, "is empty")
    .max(128)
    .describe("The token's issuer (iss), unless issuers names others."),
  appSecret: secret(text().min(16, "is shorter than 16 characters"))
    .optional()
    .describe("Shared secret of the tokens (HS256). Set it with --secret. Without it there is keyServer."),
  keyServer: url(["http:", "https:"], "https://keys.example.org/jitsi")
    .optional()
    .describe(
      "Where the public keys of tokens are that are signed with RS256: each at keyServer/HASH.pem, the SHA-256 of the token's kid in hex. In place of appSecret.",
    ),
  issuers: z
    .array(listed())
    .max(50)
    .default([])
    .describe("Issuers (iss) whose tokens are taken; if empty, appId alone."),
  audiences: z
    .array(listed())
    .max(50)
    .default([])
    .describe("Audiences (aud) whose tokens are taken; if empty, all."),
  subject: z
    .enum(["tenant", "any"])
    .default("tenant")
    .describe(
      "tenant: the token's sub must be the tenant of the room, or *; of rooms without one, meet.jitsi or *. any: sub is not looked at, and a token opens its room in every tenant.",
    ),
  recorders,
});

/** One of several that Jitsi's image takes with commas between them. */
function listed() {
  return text()
    .min(1, "is empty")
    .max(128)
    .refine((given) => !given.includes(",") && given.trim() === given, "has a comma, or a space at an end");
}

const account = secret(
  text()
    .min(8, "is shorter than 8 characters")
    .max(128)
    .refine((given) => given.normalize("NFKC") === given, "has characters that browsers write in other ways"),
);

/** A line of saslauthd's configuration. */
const ldapLine = () =>
  text()
    .min(1, "is empty")
    .max(1000)
    .refine((given) => given.trim() === given, "begins or ends with a space");

const auth = z.discriminatedUnion("type", [
  jwt,
  z.strictObject({
    type: z
      .literal("internal")
      .describe("Rooms are opened by accounts of the fleet's own; guests wait for them."),
    accounts: z
      .record(
        z
          .string()
          .regex(
            /^[a-z0-9][a-z0-9._-]{0,63}$/,
            "is not an account's name such as teacher: small letters, digits and ._-",
          ),
        account,
      )
      .default({})
      .refine((given) => Object.keys(given).length <= 200, "has more than 200 accounts: take ldap or jwt")
      .describe(
        "Who opens rooms: passwords by name, on every shard alike, each set with --secret. A change is in force within seconds and replaces nothing.",
      ),
    guests,
    recorders,
  }),
  z.strictObject({
    type: z.literal("ldap").describe("Rooms are opened by people of a directory; guests wait for them."),
    url: z
      .string()
      .regex(
        /^ldaps?:\/\/[A-Za-z0-9.[\]:_-]+\/?$/,
        "is not a directory's URL such as ldaps://ldap.example.org",
      )
      .describe("The directory. In production ldaps://, or startTls."),
    base: ldapLine().describe("Where people are looked for, such as ou=people,dc=example,dc=org."),
    filter: ldapLine().default("uid=%u").describe("Who is meant by a name: %u stands for it."),
    bindDn: ldapLine().optional().describe("Who looks; nobody in particular (anonymous) if absent."),
    bindPassword: secret(ldapLine()).optional().describe("Its password. Set it with --secret."),
    method: z
      .enum(["bind", "custom", "fastbind"])
      .default("bind")
      .describe("How saslauthd checks a password (LDAP_AUTH_METHOD): as that person, as a rule."),
    startTls: z
      .boolean()
      .default(false)
      .describe("Whether a connection to ldap:// becomes TLS before it is used."),
    ca: z
      .string()
      .regex(pem("CERTIFICATE"), "is not a PEM certificate (-----BEGIN CERTIFICATE-----)")
      .optional()
      .describe("PEM: who signed the directory's certificate; the public authorities if absent."),
    guests,
    recorders,
  }),
  z.strictObject({
    type: z.literal("open").describe("Anybody opens rooms. Refused in production unless openToAll is true."),
    openToAll: z.boolean().default(false).describe("Says that a production open to all is meant."),
    recorders,
  }),
]);

export const hostRoles = ["edge", "shard", "bridge", "jibri", "scaler"] as const;
export type HostRole = (typeof hostRoles)[number];

const clientTls = z.strictObject({
  ca: z
    .string()
    .regex(pem("CERTIFICATE"), "is not a PEM certificate")
    .describe("Who signed the engine's certificate."),
  certificate: z
    .string()
    .regex(pem("CERTIFICATE"), "is not a PEM certificate")
    .describe("The client's certificate."),
  privateKey: secret(z.string().regex(pem("PRIVATE KEY"), "is not a PEM private key")).describe(
    "The client's key.",
  ),
});

const dockerHost = z.strictObject({
  name: z
    .string()
    .regex(label, "is not a name such as host-a: small letters, digits and -")
    .describe("Its name in this stack."),
  address: z
    .string()
    .regex(
      /^(?:unix:\/\/\/[A-Za-z0-9._@+=,~/-]+|ssh:\/\/[A-Za-z0-9_][A-Za-z0-9_.-]*@[A-Za-z0-9.:[\]_-]+|tcp:\/\/[A-Za-z0-9.[\]_-]+:[0-9]+)$/,
      "is none of unix:///path/docker.sock, ssh://user@host[:port], tcp://host:port",
    )
    .describe("Its Docker engine: the local socket, ssh:// (with hostKey) or tcp:// (with tls)."),
  socket: z
    .string()
    .regex(absolutePath, "is not an absolute path such as /var/run/docker.sock")
    .optional()
    .describe(
      "Path of the engine's socket on the host itself, for the agent there; /var/run/docker.sock, or what a unix:// address names, if absent.",
    ),
  hostKey: z
    .string()
    .regex(
      /^(?:ssh-ed25519|ssh-rsa|ecdsa-sha2-nistp(?:256|384|521)) [A-Za-z0-9+/]+=*$/,
      "is not a public host key such as ssh-ed25519 AAAA…",
    )
    .optional()
    .describe("ssh only: the host's public key as ssh-keyscan prints it, without the host's name."),
  tls: clientTls
    .optional()
    .describe(
      "tcp only: its own client certificate in the place of docker.tls, PEM. Set privateKey with --secret.",
    ),
  publicAddress: ipv4().describe("Address at which users reach it; bridges advertise it."),
  privateAddress: ipv4().describe(
    "Address at which the fleet's own parts reach it: on a network that no user is on.",
  ),
  roles: z
    .array(z.enum(hostRoles))
    .min(1, "is empty")
    .default(["edge", "shard", "bridge", "jibri", "scaler"])
    .describe("What may run there. The scaler runs on the first host that has the role and is not drained."),
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
      "Whether nothing new is placed there. Its shards must be drained first; its bridges and Jibris are replaced elsewhere, each once it is empty.",
    ),
});

const sharedAddress = z.strictObject({
  address: ipv4().describe(
    "The address: a free one of the edges' network, public or private. DNS names it alone.",
  ),
  prefixLength: z
    .int()
    .min(8)
    .max(30)
    .default(24)
    .describe("Length of that network's prefix: which of the edges' addresses are in it."),
  interface: z
    .string()
    .regex(/^[A-Za-z0-9._-]{1,15}$/, "is not a network interface's name such as eth0")
    .optional()
    .describe(
      "Interface that takes it, on every edge; if absent, the one that has the edge's address there.",
    ),
  routerId: z
    .int()
    .min(1)
    .max(255)
    .default(51)
    .describe("VRRP's virtual router id: another for each shared address of a network."),
  password: secret(
    z.string().regex(/^[A-Za-z0-9._-]{1,8}$/, "is not a password of 1 to 8 letters, digits and ._-"),
  )
    .optional()
    .describe(
      "VRRP's password. It travels in clear: it tells fleets apart and keeps nobody out. Set it with --secret.",
    ),
});

const docker = z.strictObject({
  privateNetworks: z
    .array(
      z
        .string()
        .refine(
          (given) => parseRange(given) !== undefined,
          "is not a range of IPv4 addresses such as 198.18.0.0/15, which begins with its first address",
        ),
    )
    .max(20)
    .default([])
    .describe(
      "Networks that no user is on, besides 10.0.0.0/8, 172.16.0.0/12, 192.168.0.0/16 and, where a host is there, 100.64.0.0/10: the hosts' privateAddress, and Docker's own networks, are in one of them. A change replaces shards' containers, which must be drained and empty.",
    ),
  tls: clientTls
    .optional()
    .describe(
      "Client certificate for all hosts on tcp:// that have none of their own, PEM. Set privateKey with --secret.",
    ),
  hosts: z.array(dockerHost).min(1, "is empty: name at least one host").max(64).describe("One or many."),
  sharedAddress: sharedAddress
    .optional()
    .describe(
      "One address for several edges, held by one of them (keepalived); if absent, DNS names each edge's publicAddress.",
    ),
});

const monitoring = z.discriminatedUnion(
  "type",
  [
    z.strictObject({ type: z.literal("none").describe("Nothing is collected.") }),
    z.strictObject({
      type: z
        .literal("cloudwatch")
        .describe("Metrics, dashboards and alarms in Amazon CloudWatch. Platform aws only."),
      intervalSeconds: z
        .int()
        .min(10)
        .max(60)
        .default(60)
        .describe(
          "Time from one look to the next. CloudWatch shows minutes, and bills what is sent: every 10 s costs six times as much.",
        ),
    }),
  ],
  { error: "has no type that is known: none or cloudwatch" },
);

export const settingsSchema = z.strictObject({
  platform: z.enum(["docker", "aws"]).default("docker").describe("Where the fleet runs."),
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
  recordings: recordings.prefault({}).describe("What may be recorded, and where it goes."),
  scaler: scaler.prefault({}).describe("What decides how many bridges and Jibris there are."),
  edge: edge.prefault({}).describe("HAProxy in front."),
  tls: tls.prefault({ mode: "self-signed" }).describe("The certificate of the public address."),
  turn: turn
    .prefault({ type: "none" })
    .describe(
      "A relay for users whose network lets no UDP out. A change of it replaces the edge, and shards, which must be drained and empty.",
    ),
  peerToPeer: peerToPeer
    .prefault({})
    .describe(
      "Whether two people who are alone in a room send each other their media directly instead of over a bridge. A change replaces shards' containers, which must be drained and empty.",
    ),
  auth: auth.describe("Who may open rooms, record and stream."),
  monitoring: monitoring
    .prefault({ type: "none" })
    .describe(
      "Where metrics of users, conferences, bridges, Jibris and machines go. A change restarts nothing that carries a call; bridges and Jibris are replaced, each once it is empty.",
    ),
  images: images.prefault({}).describe("Container images."),
  docker: docker.optional().describe("The Docker hosts: needed with platform docker, and with it alone."),
  aws: awsSchema
    .optional()
    .describe("The region, network and machines: needed with platform aws, and with it alone."),
  tags: z
    .record(
      z
        .string()
        .regex(
          /^\p{L}(?:[\p{L}\p{N} _.:/=+@-]{0,126}[\p{L}\p{N}_.:/=+@-])?$/u,
          "is not a tag's name: a letter, then letters, digits, spaces and _ . : / = + - @, 128 in all",
        ),
      text().max(255),
    )
    .default({})
    .describe(
      "Labels on everything that is created, on Docker hosts on containers too, which another one replaces. On AWS another one replaces nothing: machines that run keep the tags that they were launched with. There at most 7, of letters, digits, spaces and _ . : / = + - @, and none of the stack's own: Project, Stack, Role, Name, Node, Pool.",
    ),
  allowCutCalls: z
    .boolean()
    .default(false)
    .describe("Lets one update or destroy end calls and recordings that still run. Take it back afterwards."),
});

export type ParsedSettings = z.output<typeof settingsSchema>;
export type StoreSettings = z.output<typeof store>;
export type ShardSettings = ParsedSettings["shards"][number];
export type SharedAddress = z.output<typeof sharedAddress>;
export type DockerSettings = z.output<typeof docker>;
export type DockerHostSettings = DockerSettings["hosts"][number];
