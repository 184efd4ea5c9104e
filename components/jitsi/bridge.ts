import type * as pulumi from "@pulumi/pulumi";
import type { AddressOf, ContainerSpec, Member } from "../platform";
import { httpHealthCheck, imageOf, jitsiImageDefaults, type ImageSource } from "./image";
import { breweries, xmppDomains } from "./xmppDomains";

export interface BridgeContainerArgs {
  readonly images: ImageSource;
  /** The shard whose brewery it joins. */
  readonly shard: AddressOf<"shard">;
  readonly password: pulumi.Input<string>;
}

/** A video bridge. It listens at the very port that it advertises, so that no address is translated twice. */
export function bridgeContainer(
  { name, address }: Member<"bridge">,
  args: BridgeContainerArgs,
): ContainerSpec {
  const { xmpp } = args.shard.endpoints;
  const { port } = address.endpoints.media;
  const advertised = [...new Set([address.publicAddress, address.privateAddress])].map(
    (ip) => `${ip}#${port}`,
  );
  return {
    ...jitsiImageDefaults,
    name: "jvb",
    image: imageOf(args.images, "jvb"),
    env: {
      ...xmppDomains,
      JVB_BREWERY_MUC: breweries.JVB_BREWERY_MUC,
      XMPP_SERVER: `${xmpp.address}:${xmpp.port}`,
      JVB_MUC_NICKNAME: name,
      JVB_PORT: String(port),
      JVB_ADVERTISE_IPS: advertised.join(","),
      // The image's own STUN server belongs to a third party, and the addresses are known.
      JVB_DISABLE_STUN: "1",
      JVB_ADVERTISE_PRIVATE_CANDIDATES: "0",
      JVB_REQUIRE_VALID_ADDRESS: "1",
      COLIBRI_REST_ENABLED: "1",
      SHUTDOWN_REST_ENABLED: "1",
      ENABLE_OCTO: "1",
      JVB_OCTO_RELAY_ID: name,
      VIDEOBRIDGE_MAX_MEMORY: "1024m",
    },
    secrets: { JVB_AUTH_PASSWORD: args.password },
    files: [],
    ports: [{ container: port, published: port, protocol: "udp", reach: "world" }],
    healthCheck: httpHealthCheck(8080, "/about/health"),
    stopGraceSeconds: 30,
    resources: { memoryMiB: 2048 },
  };
}
