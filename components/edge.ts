import { CERTIFICATE_NAME, lookToken, type AcmeOptions, type EdgesConfiguration } from "@jitsi-fleet/scaler";
import * as pulumi from "@pulumi/pulumi";
import * as random from "@pulumi/random";
import { selfSigned } from "./certificate";
import { edgeContainers, type KeeperLinks } from "./jitsi/edge";
import { publicUrl } from "./jitsi/publicUrl";
import type { TurnService } from "./jitsi/turn";
import type { AddressOf, MetricsPage, Platform } from "./platform";
import type { Settings, ShardSpec } from "./settings";

export interface EdgeArgs {
  readonly platform: Platform;
  /** A node each. */
  readonly addresses: readonly { readonly name: string; readonly address: AddressOf<"edge"> }[];
  /** Public host name of the meetings: the certificate's, where one is made. */
  readonly domain: string;
  readonly edge: Settings["edge"];
  readonly tls: Settings["tls"];
  /** HAProxy's image. A change replaces one node after another: signalling resumes within seconds, media flows on. */
  readonly image: string;
  /** Node 22 or later, for the keepers. A change restarts them; nothing else. */
  readonly nodeImage: string;
  /** The relay for users whose network lets out nothing but HTTPS. A change replaces it, and HAProxy's configuration. */
  readonly turn?: (TurnService & { readonly image: string }) | undefined;
  /** The shards that it may send users to, and where they answer. A change is a reload that fails no request. */
  readonly shards: readonly { readonly shard: ShardSpec; readonly address: AddressOf<"shard"> }[];
}

/**
 * The front of the fleet: nodes of HAProxy, which keep each room on one shard, and their keepers, which agree on the
 * shards that there are. Users reach any of the nodes.
 *
 * Its configuration changes under it, one node after another; states of shards and shares of releases without a reload.
 * A shard that leaves it must have been drained and be measured empty.
 */
export class Edge extends pulumi.ComponentResource {
  /** Address of the meetings. */
  readonly url: string;
  /** How the nodes are asked what is in force there, by who may do nothing else. Secret. */
  readonly keepers: pulumi.Output<EdgesConfiguration>;

  constructor(name: string, args: EdgeArgs, opts?: pulumi.ComponentResourceOptions) {
    const { addresses, domain, edge, image, nodeImage, platform, shards, tls } = args;
    const states = Object.fromEntries(shards.map(({ shard }) => [shard.name, shard.state]));
    const nodes = addresses.map((node) => node.name);
    super("jitsi-fleet:index:Edge", name, { domain, nodes, shards: states }, opts);

    const names = [domain, ...(args.turn ? [args.turn.host] : [])];
    const certificate = firstCertificate(tls, names, name, this);
    const keepers = this.links(name, args);
    this.keepers = keepers.apply(({ others, tls, token }) => ({
      keepers: others.map(({ node, url }) => ({ edge: node, url })),
      token: lookToken(token),
      certificate: tls?.certificate,
    }));
    const routes = shards.map(({ shard, address }) => ({
      shard,
      web: address.endpoints.web,
      place: address.place,
    }));
    for (const [index, { address, name: node }] of addresses.entries())
      platform.node(
        node,
        {
          role: "edge",
          address,
          metrics: this.metrics(address),
          containers: edgeContainers({
            node,
            address,
            image,
            nodeImage,
            edge: { ...edge, proxyProtocolFrom: [...platform.proxyProtocolFrom, ...edge.proxyProtocolFrom] },
            proxiedChecksFrom: platform.proxyProtocolFrom,
            others: addresses
              .filter((other) => other.name !== node)
              .map((other) => ({
                name: other.name,
                peers: other.address.endpoints.peers,
                entry: other.address.endpoints.entry,
              })),
            certificate,
            acme: acmeOptions(tls, names),
            turn: args.turn && {
              image: args.turn.image,
              domain: args.turn.host,
              secret: args.turn.secret,
              bridgeAddresses: platform.mediaAddresses,
            },
            keeper: keepers.apply((links) => ({
              ...links,
              others: links.others.filter((other) => other.node !== node),
            })),
            servers: routes.map(({ shard, web }) => ({
              name: shard.name,
              number: shard.number,
              release: shard.release,
              web,
            })),
            routes: routes.map(({ shard, web, place }) => ({
              node: shard.name,
              state: shard.state,
              endpoint: web,
              place,
            })),
          }),
        },
        {
          parent: this,
          // The edge was one node once, of this name.
          ...(index === 0 ? { aliases: [{ name: "edge" }] } : {}),
        },
      );

    this.url = publicUrl(domain, edge);
    this.registerOutputs({ url: this.url });
  }

  private metrics({ endpoints }: AddressOf<"edge">): MetricsPage[] {
    return [
      { component: "haproxy", endpoint: endpoints.metrics, path: "/metrics" },
      {
        component: "keeper",
        endpoint: endpoints.keeper,
        path: "/metrics",
        access: {
          token: this.keepers.apply(({ token }) => token),
          certificate: this.keepers.apply(({ certificate = "" }) => certificate),
        },
      },
    ];
  }

  /** How the nodes' keepers know one another: a token and a certificate that they share. */
  private links(name: string, { addresses }: EdgeArgs): pulumi.Output<KeeperLinks> {
    const own = selfSigned(`${name}-keepers`, CERTIFICATE_NAME, this);
    const token = new random.RandomPassword(
      `${name}-keepers-token`,
      { length: 40, special: false },
      { parent: this },
    );
    return pulumi
      .all([token.result, own.certificate, own.privateKey])
      .apply(([shared, certificate, privateKey]) => ({
        stack: pulumi.getStack(),
        order: addresses.map((node) => node.name).sort(),
        others: addresses.map((node) => {
          const { address, port } = node.address.endpoints.keeper;
          return { node: node.name, url: `https://${address}:${port}` };
        }),
        token: shared,
        tls: { certificate, privateKey },
      }));
  }
}

/** How the keepers obtain the certificate, where they do. */
function acmeOptions(tls: Settings["tls"], names: string[]): pulumi.Output<AcmeOptions> | undefined {
  if (tls.mode !== "acme") return undefined;
  return pulumi.secret({
    directoryUrl: tls.directoryUrl,
    email: tls.email,
    names,
    ...(tls.ca === undefined ? {} : { caCertificate: tls.ca }),
    ...(tls.eab === undefined ? {} : { externalAccount: tls.eab }),
    retry: { firstSeconds: 600, longestSeconds: 3600 },
  });
}

/** What HAProxy starts with. */
function firstCertificate(
  tls: Settings["tls"],
  names: readonly string[],
  name: string,
  parent: pulumi.Resource,
): pulumi.Output<string> {
  switch (tls.mode) {
    case "provided":
      return pulumi.secret(providedPem(tls));
    case "self-signed":
    // Browsers warn of it for the moment that the first one takes to come from the authority.
    case "acme":
      return madeFor(names, name, parent);
  }
}

/** As HAProxy reads it. A private authority's own is sent along: by its key Jibris' browsers take the chain. */
export function providedPem({
  ca = "",
  certificate,
  privateKey,
}: Omit<Extract<Settings["tls"], { mode: "provided" }>, "mode">): string {
  const parts = [certificate, ca, privateKey].map((part) => part.trim()).filter((part) => part !== "");
  return `${parts.join("\n")}\n`;
}

function madeFor(names: readonly string[], name: string, parent: pulumi.Resource): pulumi.Output<string> {
  const [domain = "", ...more] = names;
  const { certificate, privateKey } = selfSigned(name, domain, parent, more);
  return pulumi.secret(pulumi.interpolate`${certificate}${privateKey}`);
}
