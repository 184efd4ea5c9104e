import * as pulumi from "@pulumi/pulumi";
import * as random from "@pulumi/random";
import { shardContainers } from "./jitsi/shard";
import type { TurnService } from "./jitsi/turn";
import type { AddressOf, Platform } from "./platform";
import type { Settings, ShardSpec } from "./settings";
import { ownSecrets, shardTold } from "./shardPlan";

export interface ShardArgs {
  readonly platform: Platform;
  readonly address: AddressOf<"shard">;
  readonly shard: ShardSpec;
  /**
   * What its containers are told of them: its release, the registry, who opens rooms, what is recorded, direct media. A
   * change is refused unless the shard is drained and empty.
   */
  readonly settings: Settings;
  /** The Jibris are every shard's, and so are their passwords. */
  readonly jibriPasswords: { readonly xmpp: pulumi.Input<string>; readonly recorder: pulumi.Input<string> };
  /** The relay that its users are told of. A change is refused unless the shard is drained and empty. */
  readonly turn?: TurnService;
}

/**
 * One shard: Prosody, Jicofo and the web server together in one place. A room lives on one shard for as long as
 * it lasts, so nothing of it is replaced while a room is on it.
 */
export class Shard extends pulumi.ComponentResource {
  readonly name: string;
  readonly address: AddressOf<"shard">;
  /**
   * With what bridges log in to its Prosody. Secret. Known only once the shard itself was changed: where that fails, its
   * bridges stay as they are too.
   */
  readonly bridgePassword: pulumi.Output<string>;

  constructor(name: string, args: ShardArgs, opts?: pulumi.ComponentResourceOptions) {
    const { address, jibriPasswords, settings, shard } = args;
    super(
      "jitsi-fleet:index:Shard",
      name,
      { state: shard.state, release: shard.release, place: shard.place },
      opts,
    );
    this.name = name;
    this.address = address;

    const own = ownSecrets(name);
    const password = (secret: string): pulumi.Output<string> =>
      new random.RandomPassword(secret, { length: 32, special: false }, { parent: this }).result;
    const secrets = {
      jicofo: password(own.jicofo),
      bridges: password(own.bridges),
      jibris: jibriPasswords.xmpp,
      recorder: jibriPasswords.recorder,
    };
    const containers = shardContainers({
      ...shardTold(settings, shard),
      address,
      secrets,
      ...(args.turn === undefined ? {} : { turn: args.turn }),
    });
    const metrics = (["jicofo", "prosody"] as const).map((component) => ({
      component,
      endpoint: address.endpoints.web,
      path: `/_metrics/${component}`,
      tags: { shard: name },
    }));
    const node = args.platform.node(name, { role: "shard", address, containers, metrics }, { parent: this });
    // By a promise, which is no dependency: where a host is down and left out, the bridges elsewhere are not.
    const changed = new Promise((resolve) => node.urn.apply(resolve));
    this.bridgePassword = pulumi.all([secrets.bridges, changed]).apply(([password]) => password);
    this.registerOutputs({ state: shard.state, release: shard.release });
  }
}
