import type { EdgesConfiguration, ProgramName, ScalerConfiguration } from "@jitsi-fleet/scaler";
import type * as pulumi from "@pulumi/pulumi";
import type { Program } from "../monitoring/metric";

/** What a node is for. */
export type NodeRole = "edge" | "shard" | "scaler";
/** What a pool's instances are for: how many there are, the scaler decides. */
export type PoolRole = "bridge" | "jibri";

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

/** The ports of each role that others reach. */
export interface RolePorts {
  edge: "http" | "https" | "keeper" | "peers" | "metrics" | "entry";
  shard: "web" | "xmpp";
  scaler: "api";
}
export type AddressOf<R extends NodeRole> = Address<RolePorts[R]>;

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

/** A directory that outlives the container. */
export type VolumeSpec =
  /** The container's own. `keep`: outlives the stack too. */
  | { readonly of: "container"; readonly name: string; readonly path: string; readonly keep: boolean }
  /** The live configuration of another container of the node, and what it may write beside it. */
  | { readonly of: "neighbour"; readonly container: string; readonly path: string }
  /** The place's: all that runs there and asks for it sees the same. Outlives the stack. */
  | { readonly of: "place"; readonly name: string; readonly path: string }
  /** A file or directory of the machine itself. */
  | { readonly of: "machine"; readonly source: string; readonly path: string };

/** Where a container finds its files, and `SECRETS_FILE` beside them. */
export const FLEET_DIRECTORY = "/fleet";
/** The container's secrets: a shell file of `KEY='value'` lines, so that no environment shows them. */
export const SECRETS_FILE = `${FLEET_DIRECTORY}/secrets.env`;
/** Where a container finds the program of the fleet's own that it runs. */
export const PROGRAM_FILE = `${FLEET_DIRECTORY}/program.js`;

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
  /** Directory below it in which the process may write: its sockets. */
  readonly run: string;
  readonly main: { readonly name: string; readonly content: string };
  /** Files beside `main` that are secret: certificates and the like. */
  readonly secretFiles: Readonly<Record<string, pulumi.Input<string>>>;
  /** Files beside `main` that something else brings to the running process: a change of them alone is no reload. */
  readonly quietFiles: Readonly<Record<string, string>>;
  /** Says that the quiet files are in force: ends with 0 once they are, for a process that ran before. */
  readonly settled: { readonly container: string; readonly command: readonly string[] };
  /** Has who sends users there send new ones elsewhere, while it serves on: before its container is stopped. */
  readonly leave: { readonly container: string; readonly command: readonly string[] };
  /** Run in the candidate's directory; a failure leaves all as it was. */
  readonly check: readonly string[];
  readonly reloadSignal: "SIGUSR2";
  /** A reload waits until the process is this old: HAProxy 2.6 loses its tables when reloaded sooner. */
  readonly settleSeconds: number;
  /** Where it sends users. One may leave, move or go to maint only from drain, and measured empty. */
  readonly routes: readonly Route[];
}

/**
 * Secret files that a process looks up again whenever it needs them: a change of them replaces and tells nothing.
 * `<directory>/current` leads to them.
 */
export interface LookedUpFiles {
  /** Directory in the container. */
  readonly directory: string;
  readonly files: Readonly<Record<string, pulumi.Input<string>>>;
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
  /** The fleet's own program that it finds at `PROGRAM_FILE`. A change replaces the container. */
  readonly program?: ProgramName;
  readonly live?: LiveConfiguration;
  /** Of a container that has no live configuration. */
  readonly lookedUp?: LookedUpFiles;
  readonly ports: readonly PortSpec[];
  readonly volumes: readonly VolumeSpec[];
  /** Writable directories in memory. */
  readonly scratch: readonly {
    readonly path: string;
    readonly sizeMiB: number;
    readonly executable: boolean;
  }[];
  /** Command that exits 0 when healthy; none: the image's own. */
  readonly healthCheck?: readonly string[];
  readonly user: string;
  /** What of root's rights it keeps, as capabilities(7) names them, such as CAP_NET_ADMIN; default: none. */
  readonly capabilities?: readonly string[];
  /** `machine`: it is on the machine's own network and publishes nothing. Default `node`: on its node's. */
  readonly network?: "node" | "machine";
  /** How long it may take to end after SIGTERM, before it is killed. */
  readonly stopGraceSeconds: number;
  readonly resources: { readonly memoryMiB: number; readonly sharedMemoryMiB?: number };
  /** `always`: started again whenever it ends. `never`: something else decides. */
  readonly restart: "always" | "never";
  /** Names that must resolve without DNS, and their addresses. */
  readonly knownHosts: Readonly<Record<string, readonly string[]>>;
}

/** A page of a program's metrics, on the private network. */
export interface MetricsPage {
  /** Whose metrics it has. */
  readonly component: Program;
  readonly endpoint: Endpoint;
  readonly path: string;
  /** What tells its metrics from another's of that program: a shard's name. */
  readonly tags?: Readonly<Record<string, string>>;
  /** What it takes to be answered; none: it is plain HTTP, and whoever is on the private network is. */
  readonly access?: {
    /** As `Authorization: Bearer …` carries it. Secret. */
    readonly token: pulumi.Input<string>;
    /** PEM: the only one that is trusted, by the name jitsi-fleet. */
    readonly certificate: pulumi.Input<string>;
  };
}

/** Containers that run together in one place, on one reserved address. */
export interface NodeArgs {
  readonly role: NodeRole;
  readonly address: Address;
  readonly containers: readonly ContainerSpec[];
  /** What they tell of themselves. */
  readonly metrics: readonly MetricsPage[];
}

/** One of a pool's like instances, as its container is told of it before there is one. */
export interface Member {
  /** A new one at each launch, never used again. */
  readonly name: string;
  readonly publicAddress: string;
  readonly privateAddress: string;
  /** Bridges: the UDP port at which it takes media. */
  readonly mediaPort: string;
}

/** The container of a pool's instance. It is launched and ended by the scaler alone, and never started again. */
export interface InstanceSpec extends Omit<
  ContainerSpec,
  "capabilities" | "files" | "live" | "lookedUp" | "network" | "ports" | "program" | "restart"
> {
  readonly files: readonly (FileSpec & { readonly executable?: boolean })[];
  /** Whether the world reaches it at the member's media port. */
  readonly takesMedia: boolean;
}

/** How the instances of a pool are made. A change replaces each once it is empty, another ahead of it. */
export type InstanceTemplate = (member: Member) => InstanceSpec;

export interface PoolArgs {
  readonly template: InstanceTemplate;
  /** The shard that its instances serve; none: every one. */
  readonly shard?: string;
  /** Instances there always are, and those there may be at most. */
  readonly min: number;
  readonly max: number;
  /** What runs beside the instances, once in a place, and outlives them. */
  readonly beside?: readonly ContainerSpec[];
}

/** What a store of recordings asks of the containers that write to it. */
export interface RecordingStore {
  /** Where recordings go, as rclone writes it: a directory, or remote:bucket/prefix. */
  readonly destination: pulumi.Input<string>;
  /** `bucket`: has a file whole or not at all. `directory`: shows one while it grows. */
  readonly kind: "bucket" | "directory";
  /** For rclone's container, which are not secret. */
  readonly files: readonly FileSpec[];
  /** For rclone's environment. */
  readonly env: Readonly<Record<string, string>>;
  /** For its environment likewise, but nobody may see them. */
  readonly secrets: Readonly<Record<string, pulumi.Input<string>>>;
  readonly volumes: readonly VolumeSpec[];
  /** `machine`: who is on the machine's own network may write, and needs no key. */
  readonly network?: "machine";
}

export interface FrontDoorArgs {
  readonly edges: readonly { readonly name: string; readonly address: AddressOf<"edge"> }[];
  /** Public names that lead to it. */
  readonly names: readonly string[];
}

/** How users reach the edge. */
export interface FrontDoor {
  /** What the names must lead to, where nothing of the stack sees to it: addresses, or the name of another. */
  readonly addresses: pulumi.Input<readonly string[]>;
}

export interface ControlArgs {
  /** How the edge is asked what is in force there, by who does not reach it otherwise. Secret. */
  readonly edges: pulumi.Output<EdgesConfiguration>;
}

/** What the scaler needs to see the pools and to act on them. */
export interface Control extends pulumi.Resource {
  /** The scaler that such hands are for. */
  readonly program: ProgramName;
  /** `machine`: who is on the machine's own network may act, and needs no key. */
  readonly network?: "machine";
  /** How a node of the service finds its hands. Secret. */
  configuration(scaler: string): pulumi.Output<ControlConfiguration>;
}
export type ControlConfiguration = Pick<ScalerConfiguration, "fleet">;

/** Whom dashboards and alarms are for. */
export interface MonitoredArgs {
  /** Names of the shards. */
  readonly shards: readonly string[];
  /** Names of the pools. */
  readonly pools: readonly string[];
}

/** A place to run the fleet. Small, uniform verbs only: a component never asks which platform it has. */
export interface Platform {
  /** IPv4 addresses at which users reach bridges. */
  readonly mediaAddresses: readonly string[];
  /** Names of the edge's nodes, in their order. */
  readonly edges: readonly string[];
  /** Names of the scaler's nodes: one decides, and another takes over where there is one. */
  readonly scalers: readonly string[];
  /** Addresses or ranges that tell the edge users' addresses by PROXY protocol. */
  readonly proxyProtocolFrom: readonly string[];
  /** The address of a node to come. */
  reserve<R extends NodeRole>(role: R, name: string): AddressOf<R>;
  /** Containers in one place that keep their address. */
  node(name: string, args: NodeArgs, opts: pulumi.ComponentResourceOptions): pulumi.Resource;
  /** Like instances, as many as the scaler decides. */
  pool(role: PoolRole, name: string, args: PoolArgs, opts: pulumi.ComponentResourceOptions): void;
  /** Where finished recordings go. */
  recordings(name: string, opts?: pulumi.ComponentResourceOptions): RecordingStore;
  /** What stands between users and the edge. */
  frontDoor(name: string, args: FrontDoorArgs, opts?: pulumi.ComponentResourceOptions): FrontDoor;
  /** The scaler's eyes and hands. After all pools, which it is to know. */
  control(name: string, args: ControlArgs, opts?: pulumi.ComponentResourceOptions): Control;
  /** Dashboards and alarms of what the machines' collectors bring, where the settings ask for it. */
  monitor(name: string, args: MonitoredArgs, opts: pulumi.ComponentResourceOptions): void;
  /**
   * What goes first when the stack is taken down, before anything of it is touched: it is refused while a call or a
   * recording is on. Last of all.
   */
  keystone(name: string, dependsOn: readonly pulumi.Resource[]): void;
}
