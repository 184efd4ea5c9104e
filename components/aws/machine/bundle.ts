import type { ProgramName } from "@jitsi-fleet/scaler";
import type * as pulumi from "@pulumi/pulumi";
import type { ContainerSpec, NodeRole, PoolRole } from "../../platform";
import type { ShardSpec } from "../../settings";

export interface MachineBundleArgs {
  readonly stack: string;
  /** The node's name, or the pool's: all machines of a pool share a bundle. */
  readonly name: string;
  readonly role: NodeRole | PoolRole;
  /** For a pool: poolContainers(). */
  readonly containers: readonly ContainerSpec[];
  /** Where ports are published that are not the world's. Machines of a pool publish none. */
  readonly privateAddress: string;
  /** Labels on all containers. */
  readonly tags: Readonly<Record<string, string>>;
  /** Runs `apply`. Node 22 or later. */
  readonly nodeImage: string;
  /** A shard's, by the settings: its containers are replaced in drain or maint alone. */
  readonly shardState?: ShardSpec["state"];
  /** The other nodes of the edge, by name, where the node is one of the edge. */
  readonly otherEdges?: readonly string[];
  readonly allowCutCalls: boolean;
  /** Random, one for the stack, at least 32 characters: what tells that secrets changed tells nothing of them. */
  readonly salt: pulumi.Input<string>;
  /** All AWS calls of the machine go there: an emulator's. */
  readonly endpoint?: string;
}

/**
 * All that a machine runs. To upload, in this order: programs, the bundle and the secrets; then the pointer, whose
 * text is `sha256` and a line feed.
 */
export interface MachineBundle {
  /** A tar, base64. The same content gives the same bytes. No secret is in it. */
  readonly content: pulumi.Output<string>;
  /** Of the tar's bytes: in its key, and in the pointer. */
  readonly sha256: pulumi.Output<string>;
  /** SecureString parameters of SSM by their name, each within 4 KB; as many whatever the secrets are. */
  readonly parameters: Readonly<Record<string, pulumi.Output<string>>>;
  /** The fleet's own programs that the machine fetches by programKey(). */
  readonly programs: readonly ProgramName[];
}

export declare function machineBundle(args: MachineBundleArgs): MachineBundle;

export interface PoolContainersArgs {
  readonly stack: string;
  /** The pool's name. */
  readonly name: string;
  readonly role: PoolRole;
  readonly template: import("../../platform").InstanceTemplate;
  readonly tags: Readonly<Record<string, string>>;
  readonly nodeImage: string;
  /** What brings recordings to the store: on the machine's network, on loopback. For Jibris alone. */
  readonly uploads: readonly ContainerSpec[];
  readonly agentPort: number;
  readonly token: pulumi.Input<string>;
  readonly tls: { readonly certificate: pulumi.Input<string>; readonly privateKey: pulumi.Input<string> };
}

/** What runs on a machine of a pool: the agent, which launches the machine's one instance itself, and what uploads. */
export declare function poolContainers(args: PoolContainersArgs): ContainerSpec[];

/** The object of a program: upload it once for all machines. */
export declare function programObject(name: ProgramName): { readonly key: string; readonly content: string };
