import type { JibriPoolPolicy } from "@jitsi-fleet/scaler";
import * as pulumi from "@pulumi/pulumi";
import type { ImageSource } from "./jitsi/image";
import { jibriContainer, type NamedShard } from "./jitsi/jibri";
import type { AddressOf, ContainerSpec, Platform } from "./platform";

export interface JibriPoolArgs {
  readonly platform: Platform;
  /** How many are to be free. A change reaches the scaler; no Jibri is touched but by its decision. */
  readonly policy: JibriPoolPolicy;
  /** A change replaces each Jibri while it is idle, another ahead of it. */
  readonly images: ImageSource;
  readonly publicUrl: string;
  readonly domain: string;
  /** A change replaces each Jibri while it is idle, another ahead of it. */
  readonly edges: readonly AddressOf<"edge">[];
  /** Every shard's: a new one replaces each Jibri while it is idle, another ahead of it. */
  readonly shards: readonly NamedShard[];
  readonly acceptAnyCertificate: boolean;
  /** Keys of a private authority, as jibriContainer takes them. A change replaces each Jibri while it is idle, another ahead of it. */
  readonly trustedKeys: readonly string[];
  /** What brings finished recordings to the store, wherever Jibris may run. */
  readonly uploads: readonly ContainerSpec[];
  readonly passwords: { readonly xmpp: pulumi.Input<string>; readonly recorder: pulumi.Input<string> };
}

/** The Jibris, shared by all shards: those that record or stream, and `free` more. */
export class JibriPool extends pulumi.ComponentResource {
  readonly name: string;
  readonly policy: JibriPoolPolicy;

  constructor(name: string, args: JibriPoolArgs, opts?: pulumi.ComponentResourceOptions) {
    const { images, platform, policy, uploads } = args;
    super("jitsi-fleet:index:JibriPool", name, { ...policy, release: images.release }, opts);
    this.name = name;
    this.policy = policy;

    const edge = { domain: args.domain, addresses: args.edges.map(({ privateAddress }) => privateAddress) };
    platform.pool(
      "jibri",
      name,
      {
        template: (member) =>
          jibriContainer(member, {
            images,
            publicUrl: args.publicUrl,
            edge,
            shards: args.shards,
            acceptAnyCertificate: args.acceptAnyCertificate,
            trustedKeys: args.trustedKeys,
            passwords: args.passwords,
          }),
        min: policy.free,
        max: policy.max,
        beside: uploads,
      },
      { parent: this },
    );
    this.registerOutputs();
  }
}
