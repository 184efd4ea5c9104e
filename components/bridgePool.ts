import type { BridgePoolPolicy } from "@jitsi-fleet/scaler";
import * as pulumi from "@pulumi/pulumi";
import { bridgeContainer } from "./jitsi/bridge";
import type { ImageSource } from "./jitsi/image";
import type { Platform } from "./platform";
import type { Shard } from "./shard";

export interface BridgePoolArgs {
  readonly platform: Platform;
  readonly shard: Shard;
  /** How many, by what load. A change reaches the scaler; no bridge is touched but by its decision. */
  readonly policy: BridgePoolPolicy;
  /** A change replaces each bridge once it is drained and empty, another ahead of it. */
  readonly images: ImageSource;
}

/** The video bridges of one shard: as many as the scaler decides. */
export class BridgePool extends pulumi.ComponentResource {
  readonly name: string;
  readonly policy: BridgePoolPolicy;

  constructor(name: string, args: BridgePoolArgs, opts?: pulumi.ComponentResourceOptions) {
    const { images, platform, policy, shard } = args;
    super("jitsi-fleet:index:BridgePool", name, { ...policy, release: images.release }, opts);
    this.name = name;
    this.policy = policy;

    platform.pool(
      "bridge",
      name,
      {
        template: (member) =>
          bridgeContainer(member, { images, shard: shard.address, password: shard.bridgePassword }),
        shard: shard.name,
        min: policy.min,
        max: policy.max,
      },
      { parent: this },
    );
    this.registerOutputs();
  }
}
