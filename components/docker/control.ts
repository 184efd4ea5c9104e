import { CERTIFICATE_NAME, type EdgesConfiguration } from "@jitsi-fleet/scaler";
import * as pulumi from "@pulumi/pulumi";
import * as random from "@pulumi/random";
import { selfSigned } from "../certificate";
import type { ContainerSpec, Control, ControlConfiguration, Endpoint } from "../platform";
import { HostAgent, type DockerPool } from "./hostAgent";
import type { Place } from "./node";
import { AGENT_PORT, agentName } from "./ports";

export interface DockerControlArgs {
  /** Node 22 or later, for the agents. */
  readonly nodeImage: string;
  /** What brings finished recordings to the store, where Jibris may run. */
  readonly uploads: readonly ContainerSpec[];
  readonly places: readonly Place[];
  readonly pools: readonly DockerPool[];
  readonly shards: readonly { readonly name: string; readonly web: Endpoint }[];
  /** How the scaler asks the edge. Secret. */
  readonly edges: pulumi.Output<EdgesConfiguration>;
}

/** The agents of all hosts that run bridges or Jibris, one certificate and one token for them. */
export class DockerControl extends pulumi.ComponentResource implements Control {
  readonly program = "scaler";
  private readonly controlled: pulumi.Output<ControlConfiguration>;

  constructor(name: string, args: DockerControlArgs, opts?: pulumi.ComponentResourceOptions) {
    const { edges, nodeImage, places, pools, shards, uploads } = args;
    super("jitsi-fleet:docker:Control", name, { hosts: places.map(({ host }) => host.name) }, opts);

    const own = selfSigned(name, CERTIFICATE_NAME, this);
    const token = new random.RandomPassword(
      `${name}-token`,
      { length: 40, special: false },
      { parent: this },
    );
    for (const place of places)
      new HostAgent(
        agentName(place.host.name),
        {
          place,
          pools,
          nodeImage,
          uploads,
          token: token.result,
          tls: own,
        },
        { parent: this },
      );

    const agents = places.map(({ host }) => ({
      host: host.name,
      url: `https://${host.privateAddress}:${AGENT_PORT}`,
      drained: host.drained,
    }));
    this.controlled = pulumi
      .all([token.result, own.certificate, edges])
      .apply(([agentToken, agentCertificate, keepers]) => ({
        fleet: {
          kind: "docker" as const,
          agents,
          agentToken,
          agentCertificate,
          shards: shards.map(({ name: shard, web }) => ({ shard, url: `http://${web.address}:${web.port}` })),
          edges: keepers,
        },
      }));
    this.registerOutputs();
  }

  configuration(): pulumi.Output<ControlConfiguration> {
    return this.controlled;
  }
}
