import { bridgePoolOf } from "@jitsi-fleet/scaler";
import * as random from "@pulumi/random";
import type * as pulumi from "@pulumi/pulumi";
import { BridgePool } from "./bridgePool";
import { Edge } from "./edge";
import { JibriPool } from "./jibriPool";
import { publicUrl } from "./jitsi/publicUrl";
import { recordingsContainers } from "./jitsi/recordings";
import { MonitoringStack } from "./monitoringStack";
import type { Platform } from "./platform";
import { ScalerService } from "./scalerService";
import type { Settings } from "./settings";
import { privateTrust } from "./settings/certificates";
import { Shard } from "./shard";
import { JIBRI_POOL, relayOf, sharedSecrets } from "./shardPlan";

/** What a stack tells of its fleet. */
export interface FleetOutputs {
  /** Where the meetings are. */
  readonly url: string;
  /** What the public names must lead to. */
  readonly publicAddresses: pulumi.Input<readonly string[]>;
  /** Each shard: its state, release and place. */
  readonly fleet: Readonly<Record<string, { state: string; release: string; place: string }>>;
  /** What the pools are set to. Who is in them: the scaler's API. */
  readonly pools: Pick<Settings, "bridges" | "jibris">;
  /** The scaler's API on the private network, and what it takes to ask it. */
  readonly scalerApi: {
    readonly url: string;
    readonly token: pulumi.Output<string>;
    readonly certificate: pulumi.Output<string>;
  };
}

/** Declares all of a fleet, where the preflight let it. */
export function declareFleet(settings: Settings, platform: Platform): FleetOutputs {
  // Addresses first: the edge names the shards, and the Jibris the edge, before any of them runs.
  const edges = platform.edges.map((name) => ({ name, address: platform.reserve("edge", name) }));
  const reserved = settings.shards.map((shard) => ({
    shard,
    address: platform.reserve("shard", shard.name),
  }));
  const meetings = publicUrl(settings.domain, settings.edge);
  const password = (name: string): pulumi.Output<string> =>
    new random.RandomPassword(name, { length: 32, special: false }).result;
  const jibriPasswords = {
    xmpp: password(sharedSecrets.jibriXmpp),
    recorder: password(sharedSecrets.jibriRecorder),
  };
  const relay = relayOf(settings);
  const turn = relay && { ...relay, secret: password(sharedSecrets.turn) };

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
      settings,
      jibriPasswords,
      ...(turn === undefined ? {} : { turn }),
    });
    const bridges = new BridgePool(bridgePoolOf(shard.name), {
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
    rclonePassword: password("uploads"),
  });
  const jibris = new JibriPool(JIBRI_POOL, {
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
  if (settings.monitoring.type !== "none")
    new MonitoringStack("monitoring", {
      platform,
      shards: settings.shards.map(({ name }) => name),
      pools: [...shards.map(({ bridges }) => bridges.name), jibris.name],
    });
  platform.keystone("keystone", [edge, ...shards.map(({ running }) => running), control, scaler]);
  return {
    url: edge.url,
    publicAddresses: frontDoor.addresses,
    fleet: Object.fromEntries(
      shards.map(({ shard }) => [
        shard.name,
        { state: shard.state, release: shard.release, place: shard.place },
      ]),
    ),
    pools: { bridges: settings.bridges, jibris: settings.jibris },
    scalerApi: { url: scaler.url, token: scaler.token, certificate: scaler.certificate },
  };
}
