import * as command from "@pulumi/command";
import * as docker from "@pulumi/docker";
import {
  dockerName,
  INSTANCE,
  labels,
  MEDIA_PORT,
  type AgentConfiguration,
  type PoolTemplate,
} from "@jitsi-fleet/scaler";
import { loginsFor } from "@jitsi-fleet/scaler/engine/registries";
import * as pulumi from "@pulumi/pulumi";
import { programContainer } from "../program";
import { RECORDINGS_VOLUME, uploadLinks } from "../jitsi/recordings";
import type { ContainerSpec, InstanceSpec, InstanceTemplate, PoolRole } from "../platform";
import { SUBJECT_VARIABLE, TARGET_VARIABLE, type SweepTarget } from "./commands/input";
import { instanceBody } from "./container";
import { poolTemplate } from "./files";
import { madeLabel } from "./mending";
import type { DockerSubject } from "./subject";
import { commandLine, DockerNode, plainConnection, secretInput, type Place } from "./node";
import { AGENT_PORT } from "./ports";

/** A pool as the platform knows it: how its instances are made, wherever the scaler wants them. */
export interface DockerPool {
  readonly role: PoolRole;
  readonly name: string;
  readonly shard: string | undefined;
  readonly template: InstanceTemplate;
}

export interface HostAgentArgs {
  readonly place: Place;
  readonly pools: readonly DockerPool[];
  readonly nodeImage: string;
  /** What brings finished recordings to the store, where Jibris may run. */
  readonly uploads: readonly ContainerSpec[];
  readonly token: pulumi.Input<string>;
  readonly tls: { readonly certificate: pulumi.Input<string>; readonly privateKey: pulumi.Input<string> };
}

const AGENT = "agent";
const SOCKET = "/run/docker.sock";

/**
 * The scaler's hands on one Docker host: an agent that alone speaks to the engine, and does there what it was made for
 * and nothing else. Its instances are in no state of Pulumi's; what is left of them at the end, a sweep takes away.
 */
export class HostAgent extends pulumi.ComponentResource {
  constructor(name: string, args: HostAgentArgs, opts?: pulumi.ComponentResourceOptions) {
    const { place, pools } = args;
    const { host, stack } = place;
    const roles = (["bridge", "jibri"] as const).filter((role) => host.roles.includes(role));
    super("jitsi-fleet:docker:HostAgent", name, { host: host.name, slots: host.slots }, opts);
    const onHost = { parent: this, provider: place.provider };

    // Bridges and Jibris apart: a page that a Jibri's browser shows must not reach a bridge's control. Both networks
    // whatever the roles: instances stay on theirs until they are empty when a host loses a role.
    const labelled = (number: number): { label: string; value: string }[] =>
      Object.entries({ [labels.stack]: stack, ...madeLabel(number) }).map(([label, value]) => ({
        label,
        value,
      }));
    // Instances are on it, which a replacement would cut off, unless it is lost.
    const keptLabels = (resource: string): pulumi.CustomResourceOptions => ({
      ...onHost,
      ...(place.mending.isLost({ resource }) ? {} : { ignoreChanges: ["labels"] }),
    });
    const networks = (["bridge", "jibri"] as const).map((role) => {
      const thing = {
        resource: `${name}-${role}s`,
        place: host.name,
        name: dockerName(stack, host.name, `${role}s`),
      };
      const made = place.mending.network(thing);
      return new docker.Network(
        thing.resource,
        { name: thing.name, labels: labelled(made) },
        keptLabels(thing.resource),
      );
    });
    const recordings = {
      resource: `${name}-recordings`,
      place: host.name,
      name: dockerName(stack, RECORDINGS_VOLUME),
    };
    const made = place.mending.volume(recordings);
    const storage = new docker.Volume(
      recordings.resource,
      { name: recordings.name, labels: labelled(made) },
      { ...keptLabels(recordings.resource), retainOnDelete: true },
    );
    const templates = pools.filter(({ role }) => roles.includes(role)).map((pool) => templateOn(place, pool));
    const registries = loginsFor(
      templates.map(({ image }) => image),
      place.registries,
    );
    const hasJibris = roles.includes("jibri");
    const configuration: pulumi.Output<AgentConfiguration> = pulumi
      .all([
        args.token,
        args.tls.certificate,
        args.tls.privateKey,
        pulumi.all(templates.map(({ made }) => made)),
      ])
      .apply(([token, certificate, privateKey, known]) => ({
        stack,
        host: host.name,
        listen: { address: "0.0.0.0", port: AGENT_PORT, token, tls: { certificate, privateKey } },
        dockerSocket: SOCKET,
        ...(hasJibris ? { uploader: uploadLinks({}).uploader } : {}),
        slots: { bridge: host.slots.bridges, jibri: host.slots.jibris },
        publicAddress: host.publicAddress,
        mediaPorts: host.ports,
        templates: known,
        ...(registries.length === 0 ? {} : { registries: [...registries] }),
      }));

    const node = new DockerNode(
      name,
      {
        role: "agent",
        place,
        containers: [
          ...(hasJibris ? args.uploads : []),
          {
            ...programContainer({ name: AGENT, program: "agent", image: args.nodeImage, configuration }),
            ports: [{ container: AGENT_PORT, published: AGENT_PORT, protocol: "tcp", reach: "private" }],
            volumes: [{ of: "machine", source: socketOf(place), path: SOCKET }],
            // The socket is root's. Without capabilities that is all that root may do.
            user: "0:0",
          },
        ],
        volumes: { [RECORDINGS_VOLUME]: storage.name },
        networks: { [AGENT]: networks.map((network) => network.name) },
      },
      { parent: this, dependsOn: networks },
    );
    this.sweep(name, place, node);
    this.registerOutputs();
  }

  /** Deleted before the agent and the networks: it ends what the scaler started. */
  private sweep(name: string, place: Place, node: DockerNode): void {
    const { guard, host, stack } = place;
    const target: SweepTarget = {
      connection: plainConnection(host),
      stack,
      agent: dockerName(stack, name, AGENT),
    };
    const subject: DockerSubject = { role: "instances", node: name, place: host.name };
    new command.local.Command(
      `${name}-sweep`,
      {
        delete: commandLine("sweep"),
        environment: {
          [TARGET_VARIABLE]: JSON.stringify(target),
          [SUBJECT_VARIABLE]: JSON.stringify(subject),
        },
        stdin: secretInput(host),
        addPreviousOutputInEnv: false,
      },
      { parent: this, dependsOn: node, hooks: { beforeDelete: [guard.stop] } },
    );
  }
}

const socketOf = ({ host }: Place): string => {
  const url = new URL(host.address);
  return host.socket ?? (url.protocol === "unix:" ? url.pathname : "/var/run/docker.sock");
};

/** How the pool's instances are made on this host, and of which image. */
function templateOn(
  place: Place,
  { name, role, shard, template }: DockerPool,
): { readonly image: string; readonly made: pulumi.Output<PoolTemplate> } {
  const { host, stack, tags } = place;
  const spec: InstanceSpec = template({
    name: INSTANCE,
    publicAddress: host.publicAddress,
    privateAddress: host.privateAddress,
    mediaPort: MEDIA_PORT,
  });
  const container = instanceBody(spec, {
    network: dockerName(stack, host.name, `${role}s`),
    volumes: { [RECORDINGS_VOLUME]: dockerName(stack, RECORDINGS_VOLUME) },
    labels: tags,
  });
  return { image: spec.image, made: poolTemplate({ pool: name, role, shard, spec }, container) };
}
