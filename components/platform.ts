import type * as pulumi from "@pulumi/pulumi";
import type { HostRole } from "./settings/schema";

/** What something is for, and so where it may run and what must be true before it is stopped. */
export type Role = HostRole;

/** Where a port answers. */
export interface Endpoint {
  readonly address: string;
  readonly port: number;
}

/**
 * An address that stands before anything runs on it. Reserving first lets the edge name the shards, and the
 * shards their Prosody to the bridges, without a cycle.
 */
export interface Address<Port extends string = string> {
  /** Place that the platform chose: a Docker host's name. */
  readonly place: string;
  /** Address at which users reach it. */
  readonly publicAddress: string;
  /** Address at which the fleet's own parts reach it. */
  readonly privateAddress: string;
  /** Where each of the role's ports answers, for the fleet's own parts. */
  readonly endpoints: Readonly<Record<Port, Endpoint>>;
}

/** The ports of each role that others reach. `media` is UDP, and the world's. */
export interface RolePorts {
  edge: "http" | "https";
  shard: "web" | "xmpp";
  bridge: "media";
  jibri: never;
}
export type AddressOf<R extends Role> = Address<RolePorts[R]>;

/** A port that a container listens on, and where it is published. */
export interface PortSpec {
  readonly container: number;
  readonly published: number;
  readonly protocol: "tcp" | "udp";
  /** `world`: on every address. `private`: on the private address alone. */
  readonly reach: "world" | "private";
}

/** A file beside the container's program, read-only for it. A change replaces the container. */
export interface FileSpec {
  /** Below `FLEET_DIRECTORY`, such as `config/custom-jvb.conf`. */
  readonly path: string;
  readonly content: pulumi.Input<string>;
}

/** Where a container finds its files, and `SECRETS_FILE` beside them. */
export const FLEET_DIRECTORY = "/fleet";
/** The container's secrets: a shell file of `KEY='value'` lines, so that no environment shows them. */
export const SECRETS_FILE = `${FLEET_DIRECTORY}/secrets.env`;

/** A node that a live configuration sends users to. */
export interface Route {
  readonly node: string;
  readonly state: "ready" | "drain" | "maint";
  readonly endpoint: Endpoint;
  readonly place: string;
}

/**
 * Configuration that changes under the running process: written beside the current one, checked there, then put
 * in its place with a graceful reload. `<directory>/current` leads to the one in force.
 */
export interface LiveConfiguration {
  /** Directory in the container. */
  readonly directory: string;
  readonly main: { readonly name: string; readonly content: string };
  /** Files beside `main` that are secret: certificates and the like. */
  readonly secretFiles: Readonly<Record<string, pulumi.Input<string>>>;
  /** Run in the candidate's directory; a failure leaves all as it was. */
  readonly check: readonly string[];
  readonly reloadSignal: "SIGUSR2";
  /** A reload waits until the process is this old: HAProxy 2.6 loses its tables when reloaded sooner. */
  readonly settleSeconds: number;
  /** Where it sends users. One may leave, move or go to maint only from drain, and measured empty. */
  readonly routes: readonly Route[];
}

/** A container as every platform can run it: no AWS and no Docker words. */
export interface ContainerSpec {
  /** Its name in its node, by which the node's other containers reach it. */
  readonly name: string;
  readonly image: string;
  /** Replaces the image's entry point. */
  readonly command: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly secrets: Readonly<Record<string, pulumi.Input<string>>>;
  readonly files: readonly FileSpec[];
  readonly live?: LiveConfiguration;
  readonly ports: readonly PortSpec[];
  /** Directories that outlive the container. `keep`: outlives the stack too. */
  readonly volumes: readonly { readonly name: string; readonly path: string; readonly keep: boolean }[];
  /** Writable directories in memory. */
  readonly scratch: readonly {
    readonly path: string;
    readonly sizeMiB: number;
    readonly executable: boolean;
  }[];
  /** Command that exits 0 when healthy; none: the image's own. */
  readonly healthCheck?: readonly string[];
  readonly user: string;
  /** How long it may take to end after SIGTERM, before it is killed. */
  readonly stopGraceSeconds: number;
  readonly resources: { readonly memoryMiB: number; readonly sharedMemoryMiB?: number };
  /** `always`: started again whenever it ends. `never`: something else decides. */
  readonly restart: "always" | "never";
  /** Names that must resolve without DNS. */
  readonly knownHosts: Readonly<Record<string, string>>;
}

/** Containers that run together in one place, on one reserved address. */
export interface NodeArgs {
  readonly role: Role;
  readonly address: Address;
  readonly containers: readonly ContainerSpec[];
}

/** One of a pool's like machines. */
export interface Member<R extends Role> {
  readonly name: string;
  readonly address: AddressOf<R>;
}

export interface PoolArgs<R extends Role> {
  /** The pool's own number: its shard's, or 1. Identity of its members' ports. */
  readonly number: number;
  /** How many members there are. */
  readonly size: number;
  /** What one of them runs: its program, and whatever stands beside it. */
  readonly containers: (member: Member<R>) => readonly ContainerSpec[];
}

export interface Pool {
  /** The members, where each runs and, for a bridge, where it takes media. */
  readonly members: readonly { readonly name: string; readonly place: string; readonly media?: string }[];
}

/** A place to run the fleet. Small, uniform verbs only: a component never asks which platform it has. */
export interface Platform {
  /** The address of a node to come. */
  reserve<R extends "edge" | "shard">(role: R, name: string): AddressOf<R>;
  /** Containers in one place that keep their address. */
  node(name: string, args: NodeArgs, opts: pulumi.ComponentResourceOptions): void;
  /** Like machines, as many as `size` says. */
  pool<R extends "bridge" | "jibri">(
    role: R,
    name: string,
    args: PoolArgs<R>,
    opts: pulumi.ComponentResourceOptions,
  ): Pool;
}
