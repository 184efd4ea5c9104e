import type * as pulumi from "@pulumi/pulumi";
import type { AddressOf, InstanceSpec, Member } from "../platform";
import { httpHealthCheck, imageOf, jitsiImageDefaults, type ImageSource } from "./image";
import { breweries, xmppDomains } from "./xmppDomains";

export interface BridgeContainerArgs {
  readonly images: ImageSource;
  /** The shard whose brewery it joins. */
  readonly shard: AddressOf<"shard">;
  readonly password: pulumi.Input<string>;
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
      JVB_ADVERTISE_PRIVATE_CANDIDATES: "0",
      JVB_REQUIRE_VALID_ADDRESS: "1",
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
