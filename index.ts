import * as pulumi from "@pulumi/pulumi";
import * as random from "@pulumi/random";
import { readFileSync } from "node:fs";
import { BridgePool } from "./components/bridgePool";
import { Edge, publicUrl } from "./components/edge";
import { JibriPool } from "./components/jibriPool";
import { recordingsContainers } from "./components/jitsi/recordings";
import type { Platform } from "./components/platform";
import { ScalerService } from "./components/scalerService";
import { readSettings } from "./components/settings";
import { privateTrust } from "./components/settings/certificates";
import { Shard } from "./components/shard";

const settings = readSettings();
const stack = pulumi.getStack();
const platform = platformOf();

/** The one that is used is loaded alone: the other, with its SDK, takes a tenth of a preview. */
function platformOf(): Platform {
  /* eslint-disable @typescript-eslint/no-require-imports */
  if (settings.platform === "aws") {
    const aws = require("./components/aws/platform") as typeof import("./components/aws/platform");
    return new aws.AwsPlatform(settings, stack);
  }
  const docker = require("./components/docker/platform") as typeof import("./components/docker/platform");
  return new docker.DockerPlatform(settings, stack);
  /* eslint-enable @typescript-eslint/no-require-imports */
}

// Addresses first: the edge names the shards, and the Jibris the edge, before any of them runs.
const edges = platform.edges.map((name) => ({ name, address: platform.reserve("edge", name) }));
const reserved = settings.shards.map((shard) => ({ shard, address: platform.reserve("shard", shard.name) }));
const meetings = publicUrl(settings.domain, settings.edge);
const jibriPasswords = {
  xmpp: new random.RandomPassword("jibri-xmpp", { length: 32, special: false }).result,
  recorder: new random.RandomPassword("jibri-recorder", { length: 32, special: false }).result,
};
const turn =
  settings.turn.type === "none"
    ? undefined
    : {
        host: settings.turn.domain,
        port: settings.edge.httpsPort,
        secret: new random.RandomPassword("turn", { length: 32, special: false }).result,
      };

const edge = new Edge("edge", {
  platform,
  addresses: edges,
  domain: settings.domain,
  edge: settings.edge,
  tls: settings.tls,
  image: settings.images.haproxy,
  nodeImage: settings.images.node,
  ...(turn === undefined ? {} : { turn: { ...turn, image: settings.images.coturn } }),
  shards: reserved,
});

const frontDoor = platform.frontDoor("front-door", {
  edges,
  names: [settings.domain, ...(turn === undefined ? [] : [turn.host])],
});

const shards = reserved.map(({ shard, address }) => {
  const images = { registry: settings.images.registry, release: shard.release };
  const running = new Shard(shard.name, {
    platform,
    address,
    shard,
    publicUrl: meetings,
    images,
    auth: settings.auth,
    recordings: settings.recordings,
    peerToPeer: settings.peerToPeer,
    privateNetworks: settings.privateNetworks,
    jibriPasswords,
    ...(turn === undefined ? {} : { turn }),
  });
  const bridges = new BridgePool(`${shard.name}-bridges`, {
    platform,
    shard: running,
    policy: settings.bridges,
    images,
  });
  return { shard, running, bridges };
});

const uploads = recordingsContainers({
  images: settings.images,
  nodeImage: settings.images.node,
  store: platform.recordings("recordings"),
  spaceGiB: settings.recordings.spaceGiB,
  rclonePassword: new random.RandomPassword("uploads", { length: 32, special: false }).result,
});
const jibris = new JibriPool("jibris", {
  platform,
  policy: settings.jibris,
  images: settings.images,
  publicUrl: meetings,
  domain: settings.domain,
  edges: edges.map(({ address }) => address),
  shards: reserved.map(({ address, shard: { name } }) => ({ name, address })),
  // Where it comes by ACME, it is self-signed until the first one is there, or of an authority that browsers do not know.
  acceptAnyCertificate: settings.tls.mode !== "provided",
  trustedKeys: settings.tls.mode === "provided" ? privateTrust(settings.tls) : [],
  passwords: jibriPasswords,
  uploads,
});

// Who launches and ends the pools' instances, and who decides on it.
const control = platform.control("control", { edges: edge.keepers });
const scaler = new ScalerService("scaler", {
  platform,
  addresses: platform.scalers.map((name) => ({ name, address: platform.reserve("scaler", name) })),
  image: settings.images.node,
  ...settings.scaler,
  control,
  bridgePools: shards.map(({ bridges, shard }) => ({
    name: bridges.name,
    shard: shard.name,
    policy: bridges.policy,
  })),
  jibriPool: { name: jibris.name, policy: jibris.policy },
});
platform.keystone("keystone", [edge, ...shards.map(({ running }) => running), control, scaler]);

/** Where the meetings are. */
export const url = edge.url;
/** What the public names must lead to. */
export const publicAddresses = frontDoor.addresses;
/** Each shard: its state, release and place. */
export const fleet = Object.fromEntries(
  shards.map(({ shard }) => [shard.name, { state: shard.state, release: shard.release, place: shard.place }]),
);
/** What the pools are set to. Who is in them: the scaler's API. */
export const pools = { bridges: settings.bridges, jibris: settings.jibris };
/** The scaler's API on the private network, and what it takes to ask it. */
export const scalerApi = { url: scaler.url, token: scaler.token, certificate: scaler.certificate };
/** How to run the fleet day by day. */
export const readme = readFileSync("Pulumi.README.md", "utf8");
