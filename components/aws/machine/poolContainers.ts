import { dockerName, INSTANCE, MACHINE, MEDIA_PORT, type AgentConfiguration } from "@jitsi-fleet/scaler";
import * as pulumi from "@pulumi/pulumi";
import { instanceBody } from "../../docker/container";
import { poolTemplate } from "../../docker/files";
import { RECORDINGS_VOLUME, uploadLinks } from "../../jitsi/recordings";
import type { ContainerSpec, InstanceTemplate, Member, PoolRole } from "../../platform";
import { programContainer } from "../../program";
import { instanceNetwork } from "./bundle";

/** A machine's bridge takes media at JVB's usual port: it is alone there. */
export const BRIDGE_MEDIA_PORT = 10000;

const SOCKET = "/run/docker.sock";

export interface PoolContainersArgs {
  readonly stack: string;
  /** The pool's name. */
  readonly name: string;
  readonly role: PoolRole;
  /** As of a pool: the one that its instances serve. */
  readonly shard: string | undefined;
  readonly template: InstanceTemplate;
  readonly nodeImage: string;
  /** What brings recordings to the store, on the machine's network and listening on loopback. Jibris' alone. */
  readonly uploads: readonly ContainerSpec[];
  /** TCP port at which the scaler reaches the agent, on the machine's private address. */
  readonly agentPort: number;
  readonly token: pulumi.Input<string>;
  readonly tls: { readonly certificate: pulumi.Input<string>; readonly privateKey: pulumi.Input<string> };
}

/** The machine's one instance, before there is a machine. */
const ownMember: Member = {
  name: INSTANCE,
  publicAddress: MACHINE.publicAddress,
  privateAddress: MACHINE.privateAddress,
  mediaPort: MEDIA_PORT,
};

/** The image of a pool's instances, which is not among those of the machine's containers. */
export const instanceImage = (template: InstanceTemplate): string => template(ownMember).image;

/**
 * What runs on a machine of a pool: the agent, and what uploads. The agent launches the machine's one instance by
 * itself, once: another revision of it comes with another machine.
 */
export function poolContainers(args: PoolContainersArgs): ContainerSpec[] {
  const { agentPort, name, role, shard, stack, template, tls, token } = args;
  const spec = template(ownMember);
  const made = poolTemplate(
    { pool: name, role, shard, spec },
    instanceBody(spec, {
      network: instanceNetwork(stack, name),
      volumes: { [RECORDINGS_VOLUME]: dockerName(stack, RECORDINGS_VOLUME) },
      labels: {},
    }),
  );
  const configuration: pulumi.Output<AgentConfiguration> = pulumi
    .all([token, tls.certificate, tls.privateKey, made])
    .apply(([shared, certificate, privateKey, instance]) => ({
      stack,
      host: MACHINE.id,
      listen: {
        address: MACHINE.privateAddress,
        port: agentPort,
        token: shared,
        tls: { certificate, privateKey },
      },
      dockerSocket: SOCKET,
      ...(role === "jibri" ? { uploader: uploadLinks({ network: "machine" }).uploader } : {}),
      slots: { bridge: role === "bridge" ? 1 : 0, jibri: role === "jibri" ? 1 : 0 },
      publicAddress: MACHINE.publicAddress,
      mediaPorts: { first: BRIDGE_MEDIA_PORT, last: BRIDGE_MEDIA_PORT },
      templates: [instance],
      own: { pool: name, instance: `${name}-${MACHINE.id}` },
    }));
  return [
    ...(role === "jibri" ? args.uploads : []),
    {
      ...programContainer({ name: "agent", program: "agent", image: args.nodeImage, configuration }),
      // It asks the instance at its address on Docker's network, and what uploads on loopback.
      network: "machine",
      volumes: [{ of: "machine", source: SOCKET, path: SOCKET }],
      // The socket is root's. Without capabilities that is all that root may do.
      user: "0:0",
    },
  ];
}
