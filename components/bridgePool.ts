import * as pulumi from "@pulumi/pulumi";
import type { BridgePoolPolicy } from "@jitsi-fleet/scaler";
import { bridgeContainer } from "./jitsi/bridge";
import type { ImageSource } from "./jitsi/image";
import type { Platform, Pool } from "./platform";
import type { Shard } from "./shard";

export interface BridgePoolArgs extends BridgePoolPolicy {
  readonly platform: Platform;
  readonly shard: Shard;
  /** Number of the shard: identity of the bridges' ports. */
  readonly number: number;
  /** A change replaces each bridge, and is refused for one with participants. */
  readonly images: ImageSource;
}

/** The video bridges of one shard: `min` of them. */
export class BridgePool extends pulumi.ComponentResource {
  /** Each bridge, its host and the address at which it takes media. */
  readonly members: Pool["members"];

  constructor(name: string, args: BridgePoolArgs, opts?: pulumi.ComponentResourceOptions) {
    const { capacity, images, max, min, number, platform, shard } = args;
    super("jitsi-fleet:index:BridgePool", name, { min, max, capacity, release: images.release }, opts);

    const pool = platform.pool(
      "bridge",
      name,
      {
        number,
        size: min,
        containers: (member) => [
          bridgeContainer(member, { images, shard: shard.address, password: shard.bridgePassword }),
        ],
      },
      { parent: this },
    );
    this.members = pool.members;
    this.registerOutputs({ members: this.members });
  }
}
