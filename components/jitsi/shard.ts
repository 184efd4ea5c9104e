import type * as pulumi from "@pulumi/pulumi";
import type { AddressOf, ContainerSpec } from "../platform";
import type { Settings } from "../settings";
import { inJavaScript } from "../quoting";
import { USERS_PER_SHARD } from "../settings/shardSize";
import { PLUGINS } from "./accounts";
import { prosodyAuthOf } from "./auth";
import { httpHealthCheck, imageOf, jitsiImageDefaults, startWith, type ImageSource } from "./image";
import { webLocations } from "./nginx";
import type { TurnService } from "./turn";
import { breweries, xmppDomains } from "./xmppDomains";

/** Passwords with which a shard's parts log in to its Prosody. */
export interface ShardSecrets {
  readonly jicofo: pulumi.Input<string>;
  readonly bridges: pulumi.Input<string>;
  readonly jibris: pulumi.Input<string>;
  readonly recorder: pulumi.Input<string>;
}
export interface ShardContainersArgs {
  readonly name: string;
  readonly publicUrl: string;
  readonly images: ImageSource;
  readonly address: AddressOf<"shard">;
  readonly auth: Settings["auth"];
  readonly recordings: Pick<Settings["recordings"], "record" | "stream">;
  /** Whether two people alone in a room speak directly to each other, and who tells them their public addresses. */
  readonly peerToPeer: Settings["peerToPeer"];
  readonly secrets: ShardSecrets;
  /** Docker's networks and the fleet's own lie in these; nothing else reaches a shard's ports. */
  readonly privateNetworks: readonly string[];
  /** The relay that users are told of; none if absent. */
  readonly turn?: TurnService;
}

const WEB_PORT = 8000;
/**
 * Each of nginx's four workers may hold all that a shard's users need: two connections for a websocket, and a third
 * and fourth while a page loads. Workers do not share evenly.
 */
const CONNECTIONS_PER_WORKER = 4 * USERS_PER_SHARD;
/** Docker's own name server in every network but its first. It says that its answers are good for 600 s. */
const RESOLVER = "127.0.0.11 valid=5s";
const XMPP_PORT = 5222;

/** Prosody's HTTP port is not published: the shard's own network alone reaches it, at addresses Docker picks. */
const WHOEVER_REACHES_IT = "0.0.0.0/0";

const shardImageDefaults = { ...jitsiImageDefaults, ports: [], restart: "always" } as const;

/** Prosody, Jicofo and the web server of one shard. Every room of the shard lives in these three. */
export function shardContainers(args: ShardContainersArgs): ContainerSpec[] {
  return [prosody(args), jicofo(args), web(args)];
}

/** What all three are told of who opens rooms. */
function authEnv({ auth }: ShardContainersArgs): Record<string, string> {
  if (auth.type === "open") return { ENABLE_AUTH: "0" };
  const guests = auth.type === "jwt" ? {} : { ENABLE_GUESTS: auth.guests ? "1" : "0" };
  return { ENABLE_AUTH: "1", AUTH_TYPE: auth.type, ...guests };
}

const recordingEnabled = ({ recordings }: ShardContainersArgs): string =>
  recordings.record || recordings.stream ? "1" : "0";

function prosody(args: ShardContainersArgs): ContainerSpec {
  const { auth, recordings, secrets, turn } = args;
  const prosodyAuth = prosodyAuthOf(args);
  const permissions = `jitsi_default_permissions = { livestreaming = ${recordings.stream}; recording = ${recordings.record}; transcription = true; ["create-polls"] = true; ["send-groupchat"] = true; ["send-private-message"] = true; flip = true }`;
  return {
    ...shardImageDefaults,
    name: "prosody",
    image: imageOf(args.images, "prosody"),
    command: startWith(["config", PLUGINS]),
    env: {
      ...xmppDomains,
      ...authEnv(args),
      ...prosodyAuth.env,
      PUBLIC_URL: args.publicUrl,
      ENABLE_RECORDING: recordingEnabled(args),
      PROSODY_ENABLE_METRICS: "1",
      PROSODY_METRICS_ALLOWED_CIDR: WHOEVER_REACHES_IT,
      PROSODY_TRUSTED_PROXIES: ["127.0.0.1", "::1", ...args.privateNetworks].join(","),
      // 10 kb/s, the default, throttles large rooms; 8x8 uses 512.
      PROSODY_C2S_LIMIT: "512kb/s",
      // The image's template splits this at the two characters \n.
      GLOBAL_CONFIG: [`http_health_allow_cidr = "${WHOEVER_REACHES_IT}"`, permissions].join("\\n"),
      XMPP_MODULES: ["muc_census", ...(auth.recorders === "token" ? ["filter_iq_jibri"] : [])].join(","),
      ...(turn === undefined ? {} : { TURNS_HOST: turn.host, TURNS_PORT: String(turn.port) }),
    },
    secrets: {
      JICOFO_AUTH_PASSWORD: secrets.jicofo,
      JVB_AUTH_PASSWORD: secrets.bridges,
      JIBRI_XMPP_PASSWORD: secrets.jibris,
      JIBRI_RECORDER_PASSWORD: secrets.recorder,
      ...prosodyAuth.secrets,
      ...(turn === undefined ? {} : { TURN_CREDENTIALS: turn.secret }),
    },
    files: prosodyAuth.files,
    ...(prosodyAuth.lookedUp === undefined ? {} : { lookedUp: prosodyAuth.lookedUp }),
    ports: [
      {
        container: XMPP_PORT,
        published: args.address.endpoints.xmpp.port,
        protocol: "tcp",
        reach: "private",
      },
    ],
    scratch: [
      ...jitsiImageDefaults.scratch,
      // Accounts, in memory: the image makes one that is there already anew with no other password, so that each start
      // begins with none.
      { path: "/var/lib/prosody", sizeMiB: 64, executable: false },
      { path: `/${PLUGINS}`, sizeMiB: 1, executable: false },
    ],
    healthCheck: httpHealthCheck(5280, "/health"),
    stopGraceSeconds: 20,
    resources: { memoryMiB: 1024 },
  };
}

function jicofo(args: ShardContainersArgs): ContainerSpec {
  return {
    ...shardImageDefaults,
    name: "jicofo",
    image: imageOf(args.images, "jicofo"),
    env: {
      ...xmppDomains,
      ...breweries,
      ...authEnv(args),
      XMPP_SERVER: "prosody",
      JICOFO_ENABLE_REST: "1",
      JICOFO_ENABLE_HEALTH_CHECKS: "1",
      JICOFO_MAX_MEMORY: "1024m",
      ENABLE_RECORDING: recordingEnabled(args),
      // Relays inside the shard: a conference that outgrows its bridge spills onto another.
      ENABLE_OCTO: "1",
      OCTO_BRIDGE_SELECTION_STRATEGY: "RegionBasedBridgeSelectionStrategy",
    },
    secrets: { JICOFO_AUTH_PASSWORD: args.secrets.jicofo },
    files: [],
    healthCheck: httpHealthCheck(8888, "/stats"),
    stopGraceSeconds: 20,
    resources: { memoryMiB: 2048 },
  };
}

function web(args: ShardContainersArgs): ContainerSpec {
  const { recordings } = args;
  return {
    ...shardImageDefaults,
    name: "web",
    image: imageOf(args.images, "web"),
    env: {
      ...xmppDomains,
      ...authEnv(args),
      PUBLIC_URL: args.publicUrl,
      DISABLE_HTTPS: "1",
      XMPP_BOSH_URL_BASE: "http://prosody:5280",
      ENABLE_XMPP_WEBSOCKET: "1",
      DEPLOYMENTINFO_SHARD: args.name,
      NGINX_RESOLVER: RESOLVER,
      NGINX_WORKER_CONNECTIONS: String(CONNECTIONS_PER_WORKER),
      ENABLE_P2P: args.peerToPeer.enabled ? "1" : "0",
      ENABLE_RECORDING: recordingEnabled(args),
      ENABLE_SERVICE_RECORDING: recordings.record ? "1" : "0",
      ENABLE_LIVESTREAMING: recordings.stream ? "1" : "0",
    },
    secrets: {},
    files: [
      { path: "config/nginx-custom/fleet.conf", content: webLocations(args.name, args.privateNetworks) },
      { path: "config/custom-config.js", content: customConfig(args) },
    ],
    ports: [
      { container: WEB_PORT, published: args.address.endpoints.web.port, protocol: "tcp", reach: "private" },
    ],
    volumes: [{ of: "container", name: "storage", path: "/storage", keep: false }],
    healthCheck: httpHealthCheck(WEB_PORT, "/_unlock"),
    stopGraceSeconds: 20,
    resources: { memoryMiB: 512 },
  };
}

/**
 * Appended to config.js. The client asks for its shard at `websocketKeepAliveUrl` (`subdir` is the page's tenant, set by
 * the image). Without a list of its own it would ask a third party's STUN server (lib-jitsi-meet, xmpp.ts).
 */
function customConfig({ peerToPeer, publicUrl }: ShardContainersArgs): string {
  const stunServers = peerToPeer.stunServers.map((server) => ({ urls: `stun:${server}` }));
  return [
    `config.websocketKeepAliveUrl = ${inJavaScript(`${publicUrl}/`)} + subdir + '_unlock';`,
    `config.p2p = { ...config.p2p, stunServers: ${inJavaScript(stunServers)} };`,
    "",
  ].join("\n");
}
