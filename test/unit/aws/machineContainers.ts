import { bridgeContainer } from "../../../components/jitsi/bridge";
import { edgeContainers } from "../../../components/jitsi/edge";
import { jibriContainer } from "../../../components/jitsi/jibri";
import { recordingsContainers } from "../../../components/jitsi/recordings";
import { shardContainers } from "../../../components/jitsi/shard";
import { privateNetworks } from "../../../components/settings/ipv4Range";
import { turnContainer } from "../../../components/jitsi/turn";
import type { AddressOf, ContainerSpec, InstanceTemplate } from "../../../components/platform";
import { parseSettings } from "../../../components/settings";
import { goodSettings } from "../goodSettings";

/** What every secret of these containers begins with. */
export const SECRET = "top-secret-";

const place = { place: "eu-central-1a", publicAddress: "198.51.100.11", privateAddress: "10.42.0.11" };
const endpoint = (port: number): { address: string; port: number } => ({ address: "10.42.0.11", port });
const shardAddress: AddressOf<"shard"> = {
  ...place,
  endpoints: { web: endpoint(21001), xmpp: endpoint(22001) },
};
const edgeAddress: AddressOf<"edge"> = {
  ...place,
  endpoints: {
    http: endpoint(80),
    https: endpoint(443),
    keeper: endpoint(23003),
    peers: endpoint(23004),
    metrics: endpoint(23005),
    entry: endpoint(23006),
  },
};
export const images = { registry: "ghcr.io/jitsi", release: "stable-11146-2" };
const settings = parseSettings(
  { ...goodSettings(), auth: { type: "jwt", appId: "school", appSecret: `${SECRET}of-the-tokens` } },
  "test",
);

export const shard = ({
  password = `${SECRET}bridges`,
  release = images.release,
}: { password?: string; release?: string } = {}): ContainerSpec[] =>
  shardContainers({
    privateNetworks,
    name: "s1",
    publicUrl: "https://meet.school.net",
    images: { ...images, release },
    address: shardAddress,
    auth: settings.auth,
    recordings: settings.recordings,
    peerToPeer: settings.peerToPeer,
    secrets: {
      jicofo: `${SECRET}jicofo`,
      bridges: password,
      jibris: `${SECRET}jibris`,
      recorder: `${SECRET}recorder`,
    },
    turn: { host: "turn.school.net", port: 443, secret: `${SECRET}turn` },
  });

export interface EdgeOptions {
  readonly certificate?: string;
  readonly image?: string;
  readonly nodeImage?: string;
  /** Whether the relay is beside it. */
  readonly hasRelay?: boolean;
  /** Names of shards that it knows. */
  readonly shards?: readonly string[];
}

export const edge = ({
  certificate = `${SECRET}certificate`,
  image = "haproxy:3.2",
  nodeImage = "node:24",
  hasRelay = true,
  shards = ["s1"],
}: EdgeOptions = {}): ContainerSpec[] =>
  edgeContainers({
    node: "edge-1",
    address: edgeAddress,
    image,
    nodeImage,
    edge: settings.edge,
    proxiedChecksFrom: [],
    others: [],
    certificate,
    acme: undefined,
    servers: shards.map((name, index) => ({
      name,
      number: index + 1,
      release: images.release,
      web: shardAddress.endpoints.web,
    })),
    routes: [],
    keeper: { stack: "test", order: ["edge-1"], others: [], token: `${SECRET}token-of-keepers` },
    ...(hasRelay
      ? {
          turn: {
            image: "coturn/coturn:4.17.0",
            domain: "turn.school.net",
            secret: `${SECRET}turn`,
            bridgeAddresses: ["198.51.100.11"],
          },
        }
      : {}),
  });

export const uploads = (): ContainerSpec[] =>
  recordingsContainers({
    images,
    nodeImage: "node:24",
    spaceGiB: 2,
    // As on AWS: the machine's own role may write.
    store: {
      destination: "store:recordings",
      kind: "bucket",
      files: [],
      env: { RCLONE_CONFIG_STORE_TYPE: "s3", RCLONE_CONFIG_STORE_ENV_AUTH: "true" },
      secrets: {},
      volumes: [],
      network: "machine",
    },
    rclonePassword: `${SECRET}rclone`,
  });

export const bridge: InstanceTemplate = (member) =>
  bridgeContainer(member, { images, shard: shardAddress, password: `${SECRET}bridges` });

export const jibri: InstanceTemplate = (member) =>
  jibriContainer(member, {
    images,
    publicUrl: "https://meet.school.net",
    edge: { domain: "meet.school.net", addresses: ["10.42.0.11", "10.42.1.11"] },
    shards: [{ name: "s1", address: shardAddress }],
    acceptAnyCertificate: false,
    trustedKeys: [],
    passwords: { xmpp: `${SECRET}jibris`, recorder: `${SECRET}recorder` },
  });

/** A container with what none of the fleet's has together. */
export const odd: ContainerSpec = {
  ...turnContainer({
    image: "coturn/coturn:4.17.0",
    domain: "turn.school.net",
    secret: `${SECRET}turn`,
    bridgeAddresses: [],
  }),
  name: "odd",
  command: ["/bin/sh", "-c", 'echo "$HOME" $$'],
  env: { PRICE: "5$" },
  network: "machine",
  capabilities: ["CAP_NET_RAW", "CAP_NET_ADMIN"],
  restart: "never",
  resources: { memoryMiB: 64, sharedMemoryMiB: 32 },
  volumes: [{ of: "machine", source: "/run/docker.sock", path: "/run/docker.sock" }],
  knownHosts: { "meet.school.net": ["10.42.0.11", "10.42.1.11"] },
};
