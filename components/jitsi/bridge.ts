import type * as pulumi from "@pulumi/pulumi";
import type { AddressOf, InstanceSpec, Member } from "../platform";
import { isLocal } from "../settings/ipv4Range";
import { httpHealthCheck, imageOf, jitsiImageDefaults, type ImageSource } from "./image";
import { breweries, xmppDomains } from "./xmppDomains";

export interface BridgeContainerArgs {
  readonly images: ImageSource;
  /** The shard whose brewery it joins. */
  readonly shard: AddressOf<"shard">;
  readonly password: pulumi.Input<string>;
}

/**
 * What users are told of a bridge's addresses. At a public one nobody needs a private one, and a bridge without a public
 * one must not serve. Where users reach it at a local address, the network's own or the machine's, the bridge would
 * take that for no address at all: it neither requires a public one then, nor keeps private ones back.
 */
function reachedBy({ publicAddress }: Member): Record<string, string> {
  const [requireValid, tellPrivate] = isLocal(publicAddress) ? ["0", "1"] : ["1", "0"];
  return { JVB_REQUIRE_VALID_ADDRESS: requireValid, JVB_ADVERTISE_PRIVATE_CANDIDATES: tellPrivate };
}

/** A video bridge. It listens at the very port that it advertises, so that no address is translated twice. */
export function bridgeContainer(member: Member, args: BridgeContainerArgs): InstanceSpec {
  const { xmpp } = args.shard.endpoints;
  const { mediaPort, name } = member;
  const advertised = [...new Set([member.publicAddress, member.privateAddress])].map(
    (ip) => `${ip}#${mediaPort}`,
  );
  return {
    ...jitsiImageDefaults,
    name: "jvb",
    image: imageOf(args.images, "jvb"),
    env: {
      ...xmppDomains,
      JVB_BREWERY_MUC: breweries.JVB_BREWERY_MUC,
      XMPP_SERVER: `${xmpp.address}:${xmpp.port}`,
      // A new one a launch: Jicofo distrusts a nickname that comes back (measured: for ten minutes).
      JVB_MUC_NICKNAME: name,
      JVB_PORT: mediaPort,
      JVB_ADVERTISE_IPS: advertised.join(","),
      // The image's own STUN server belongs to a third party, and the addresses are known.
      JVB_DISABLE_STUN: "1",
      ...reachedBy(member),
      COLIBRI_REST_ENABLED: "1",
      SHUTDOWN_REST_ENABLED: "1",
      // Relays inside the shard: a conference that outgrows its bridge spills onto another.
      ENABLE_OCTO: "1",
      JVB_OCTO_RELAY_ID: name,
      VIDEOBRIDGE_MAX_MEMORY: "1024m",
    },
    secrets: { JVB_AUTH_PASSWORD: args.password },
    files: [],
    takesMedia: true,
    healthCheck: httpHealthCheck(8080, "/about/health"),
    stopGraceSeconds: 30,
    resources: { memoryMiB: 2048 },
  };
}
