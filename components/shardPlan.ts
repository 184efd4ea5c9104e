import type { Before } from "./guard/objections";
import type { State } from "./guard/state";
import type { ContainerSpec, AddressOf } from "./platform";
import type { Settings, ShardSpec } from "./settings";
import { publicUrl } from "./jitsi/publicUrl";
import { shardContainers, type ShardContainersArgs } from "./jitsi/shard";

/** The names of the secrets that the fleet has generated for its shards. */
export const sharedSecrets = {
  jibriXmpp: "jibri-xmpp",
  jibriRecorder: "jibri-recorder",
  turn: "turn",
} as const;
/** The pool of the Jibris, which all shards share. */
export const JIBRI_POOL = "jibris";
export const ownSecrets = (shard: string) =>
  ({ jicofo: `${shard}-jicofo`, bridges: `${shard}-bridges` }) as const;

/** What all of a shard's containers are told by the settings. */
export function shardTold(
  settings: Settings,
  { name, release }: ShardSpec,
): Omit<ShardContainersArgs, "address" | "secrets" | "turn"> {
  const { auth, domain, edge, images, peerToPeer, privateNetworks, recordings } = settings;
  return {
    name,
    publicUrl: publicUrl(domain, edge),
    images: { registry: images.registry, release },
    auth,
    recordings,
    peerToPeer,
    privateNetworks,
  };
}

/** The relay that users are told of, where there is one. */
export const relayOf = ({ edge, turn }: Settings): { host: string; port: number } | undefined =>
  turn.type === "none" ? undefined : { host: turn.domain, port: edge.httpsPort };

/** The shards that the state has too, as the settings have them, with the secrets that the state has. */
export function shardsByState(
  settings: Settings,
  before: Before,
  state: State,
  addressOf: (shard: string) => AddressOf<"shard">,
): { readonly shard: ShardSpec; readonly containers: readonly ContainerSpec[] }[] {
  const secret = (name: string): string => state.password(name) ?? "";
  const relay = relayOf(settings);
  return settings.shards
    .filter(({ name }) => before.shards.has(name))
    .map((shard) => {
      const own = ownSecrets(shard.name);
      const containers = shardContainers({
        ...shardTold(settings, shard),
        address: addressOf(shard.name),
        secrets: {
          jicofo: secret(own.jicofo),
          bridges: secret(own.bridges),
          jibris: secret(sharedSecrets.jibriXmpp),
          recorder: secret(sharedSecrets.jibriRecorder),
        },
        ...(relay === undefined ? {} : { turn: { ...relay, secret: secret(sharedSecrets.turn) } }),
      });
      return { shard, containers };
    });
}
