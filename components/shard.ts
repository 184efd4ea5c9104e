import * as pulumi from "@pulumi/pulumi";
import * as random from "@pulumi/random";
import type { ImageSource } from "./jitsi/image";
import { shardContainers, type ShardSecrets } from "./jitsi/shard";
import type { AddressOf, Platform } from "./platform";
import type { Settings, ShardSpec } from "./settings";

export interface ShardArgs {
  readonly platform: Platform;
  readonly address: AddressOf<"shard">;
  readonly shard: ShardSpec;
  readonly publicUrl: string;
  /** Where the images come from. A change is refused unless the shard is drained and empty. */
  readonly images: ImageSource;
  /** A change is refused unless the shard is drained and empty. */
  readonly auth: Settings["auth"];
  /** A change is refused unless the shard is drained and empty. */
  readonly recordings: Settings["recordings"];
  /** The Jibris are every shard's, and so are their passwords. */
  readonly jibriPasswords: { readonly xmpp: pulumi.Input<string>; readonly recorder: pulumi.Input<string> };
}

/**
 * One shard: Prosody, Jicofo and the web server together in one place. A room lives on one shard for as long as
 * it lasts, so nothing of it is replaced while a room is on it.
 */
export class Shard extends pulumi.ComponentResource {
  readonly address: AddressOf<"shard">;
  /** With what bridges log in to its Prosody. Secret. */
  readonly bridgePassword: pulumi.Output<string>;

  constructor(name: string, args: ShardArgs, opts?: pulumi.ComponentResourceOptions) {
    const { address, auth, images, shard } = args;
    super(
      "jitsi-fleet:index:Shard",
      name,
      { state: shard.state, release: shard.release, host: shard.host },
      opts,
    );
    this.address = address;

    const password = (user: string): pulumi.Output<string> =>
      new random.RandomPassword(`${name}-${user}`, { length: 32, special: false }, { parent: this }).result;
    const secrets: ShardSecrets = {
      jicofo: password("jicofo"),
      bridges: password("bridges"),
      jibris: args.jibriPasswords.xmpp,
      recorder: args.jibriPasswords.recorder,
    };
    this.bridgePassword = pulumi.output(secrets.bridges);

    args.platform.node(
      name,
      {
        role: "shard",
        address,
        containers: shardContainers({
          name,
          publicUrl: args.publicUrl,
          images,
          address,
          auth,
          recordings: args.recordings,
          secrets,
          ...(auth.type === "jwt" ? { jwtSecret: pulumi.secret(auth.appSecret) } : {}),
        }),
      },
      { parent: this },
    );
    this.registerOutputs({ state: shard.state, release: shard.release });
  }
}
