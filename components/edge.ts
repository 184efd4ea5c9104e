import * as pulumi from "@pulumi/pulumi";
import * as tls from "@pulumi/tls";
import { edgeContainer } from "./jitsi/edge";
import type { AddressOf, Platform } from "./platform";
import type { Settings, ShardSpec } from "./settings";

export interface EdgeArgs {
  readonly platform: Platform;
  readonly address: AddressOf<"edge">;
  /** Public host name of the meetings: the certificate's, where one is made. */
  readonly domain: string;
  readonly edge: Settings["edge"];
  readonly tls: Settings["tls"];
  /** HAProxy's image. A change replaces the edge: signalling reconnects within seconds, media flows on. */
  readonly image: string;
  /** The shards that it may send users to, and where they answer. A change is a reload that fails no request. */
  readonly shards: readonly { readonly shard: ShardSpec; readonly address: AddressOf<"shard"> }[];
}

/**
 * The front of the fleet: HAProxy, which keeps each room on one shard. One node today.
 *
 * Its configuration changes under it. A shard that leaves it must have been drained and be measured empty.
 */
export class Edge extends pulumi.ComponentResource {
  /** Address of the meetings. */
  readonly url: string;

  constructor(name: string, args: EdgeArgs, opts?: pulumi.ComponentResourceOptions) {
    const { domain, edge, image, shards } = args;
    const states = Object.fromEntries(shards.map(({ shard }) => [shard.name, shard.state]));
    super("jitsi-fleet:index:Edge", name, { domain, nodes: edge.nodes, shards: states }, opts);

    const routes = shards.map(({ shard, address }) => ({
      shard,
      web: address.endpoints.web,
      place: address.place,
    }));
    args.platform.node(
      name,
      {
        role: "edge",
        address: args.address,
        containers: [
          edgeContainer({
            image,
            httpPort: edge.httpPort,
            httpsPort: edge.httpsPort,
            peerName: `${name}-1`,
            certificate: args.tls.mode === "provided" ? provided(args.tls) : selfSigned(name, domain, this),
            servers: routes.map(({ shard, web }) => ({
              name: shard.name,
              number: shard.number,
              state: shard.state,
              web,
            })),
            routes: routes.map(({ shard, web, place }) => ({
              node: shard.name,
              state: shard.state,
              endpoint: web,
              place,
            })),
          }),
        ],
      },
      { parent: this },
    );

    this.url = publicUrl(domain, edge);
    this.registerOutputs({ url: this.url });
  }
}

/** The address that users type. */
export function publicUrl(domain: string, { httpsPort }: Settings["edge"]): string {
  return httpsPort === 443 ? `https://${domain}` : `https://${domain}:${httpsPort}`;
}

function provided({
  certificate,
  privateKey,
}: Extract<Settings["tls"], { mode: "provided" }>): pulumi.Output<string> {
  return pulumi.secret(`${certificate.trim()}\n${privateKey.trim()}\n`);
}

const TEN_YEARS_HOURS = 10 * 365 * 24;

/** A certificate of the fleet's own making, for stacks that nobody depends on. */
function selfSigned(name: string, domain: string, parent: pulumi.Resource): pulumi.Output<string> {
  const key = new tls.PrivateKey(`${name}-key`, { algorithm: "ECDSA", ecdsaCurve: "P256" }, { parent });
  const certificate = new tls.SelfSignedCert(
    `${name}-certificate`,
    {
      privateKeyPem: key.privateKeyPem,
      subject: { commonName: domain },
      dnsNames: [domain],
      validityPeriodHours: TEN_YEARS_HOURS,
      allowedUses: ["key_encipherment", "digital_signature", "server_auth"],
    },
    { parent },
  );
  return pulumi.secret(pulumi.interpolate`${certificate.certPem}${key.privateKeyPem}`);
}
