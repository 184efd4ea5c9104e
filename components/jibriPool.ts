import * as pulumi from "@pulumi/pulumi";
import type { JibriPoolPolicy } from "@jitsi-fleet/scaler";
import type { ImageSource } from "./jitsi/image";
import { jibriContainer } from "./jitsi/jibri";
import type { AddressOf, Platform, Pool } from "./platform";

export interface JibriPoolArgs extends JibriPoolPolicy {
  readonly platform: Platform;
  /** A change replaces each Jibri, and is refused for one that records. */
  readonly images: ImageSource;
  readonly publicUrl: string;
  readonly domain: string;
  readonly edge: AddressOf<"edge">;
  /** Every shard's: a new one replaces each Jibri that is idle. */
  readonly shards: readonly AddressOf<"shard">[];
  readonly acceptAnyCertificate: boolean;
  readonly passwords: { readonly xmpp: pulumi.Input<string>; readonly recorder: pulumi.Input<string> };
}

/** The Jibris, shared by all shards: `free` of them. */
export class JibriPool extends pulumi.ComponentResource {
  readonly members: Pool["members"];

  constructor(name: string, args: JibriPoolArgs, opts?: pulumi.ComponentResourceOptions) {
    const { free, images, max, platform } = args;
    super("jitsi-fleet:index:JibriPool", name, { free, max, release: images.release }, opts);

    const pool = platform.pool(
      "jibri",
      name,
      {
        number: 1,
        size: free,
        containers: (member) => [
          jibriContainer(member, {
            images,
            publicUrl: args.publicUrl,
            edge: { domain: args.domain, address: args.edge.privateAddress },
            shards: args.shards,
            acceptAnyCertificate: args.acceptAnyCertificate,
            passwords: args.passwords,
          }),
        ],
      },
      { parent: this },
    );
    this.members = pool.members;
    this.registerOutputs({ members: this.members });
  }
}
