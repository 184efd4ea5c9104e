import * as pulumi from "@pulumi/pulumi";
import * as random from "@pulumi/random";
import { readFileSync } from "node:fs";
import { BridgePool } from "./components/bridgePool";
import { DockerPlatform } from "./components/docker/platform";
import { Edge, publicUrl } from "./components/edge";
import { JibriPool } from "./components/jibriPool";
import { readSettings } from "./components/settings";
import { Shard } from "./components/shard";

const settings = readSettings();
const platform = new DockerPlatform(settings, pulumi.getStack());

// Addresses first: the edge names the shards, and the Jibris the edge, before any of them runs.
const edgeAddress = platform.reserve("edge", "edge");
const reserved = settings.shards.map((shard) => ({ shard, address: platform.reserve("shard", shard.name) }));
const meetings = publicUrl(settings.domain, settings.edge);
const jibriPasswords = {
  xmpp: new random.RandomPassword("jibri-xmpp", { length: 32, special: false }).result,
  recorder: new random.RandomPassword("jibri-recorder", { length: 32, special: false }).result,
};

// The edge before the shards: what it no longer sends users to may then be changed.
const edge = new Edge("edge", {
  platform,
  address: edgeAddress,
  domain: settings.domain,
  edge: settings.edge,
  tls: settings.tls,
  image: settings.images.haproxy,
  shards: reserved,
});

const shards = reserved.map(({ shard, address }) => {
  const images = { registry: settings.images.registry, release: shard.release };
  const running = new Shard(
    shard.name,
    {
      platform,
      address,
      shard,
      publicUrl: meetings,
      images,
      auth: settings.auth,
      recordings: settings.recordings,
      jibriPasswords,
    },
    { dependsOn: edge },
  );
  const bridges = new BridgePool(`${shard.name}-bridges`, {
    platform,
    shard: running,
    number: shard.number,
    images,
    ...settings.bridges,
  });
  return { shard, bridges };
});

const jibris = new JibriPool("jibris", {
  platform,
  images: settings.images,
  publicUrl: meetings,
  domain: settings.domain,
  edge: edgeAddress,
  shards: reserved.map(({ address }) => address),
  acceptAnyCertificate: settings.tls.mode === "self-signed",
  passwords: jibriPasswords,
  ...settings.jibris,
});

/** Where the meetings are. */
export const url = edge.url;
/** Each shard: its state, release, host and bridges. */
export const fleet = Object.fromEntries(
  shards.map(({ shard, bridges }) => [
    shard.name,
    { state: shard.state, release: shard.release, host: shard.host, bridges: bridges.members },
  ]),
);
/** The pools: what they are set to, and who is in them. */
export const pools = {
  bridges: settings.bridges,
  jibris: { ...settings.jibris, members: jibris.members },
};
/** How to run the fleet day by day. */
export const readme = readFileSync("Pulumi.README.md", "utf8");
