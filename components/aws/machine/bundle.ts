import {
  dockerName,
  MANIFEST_FILE,
  programKey,
  bundle,
  type MachineContainer,
  type MachineManifest,
  type ProgramName,
} from "@jitsi-fleet/scaler";
import * as pulumi from "@pulumi/pulumi";
import { createHash } from "node:crypto";
import { ownerOf } from "../../docker/container";
import { filesOf, programOf } from "../../docker/files";
import { liveTargetOf } from "../../live";
import {
  FLEET_DIRECTORY,
  SECRETS_FILE,
  type ContainerSpec,
  type Endpoint,
  type NodeRole,
  type PoolRole,
} from "../../platform";
import type { ShardSpec } from "../../settings";
import { stopRules } from "../../guard/stopRules";
import { NOTICED_SECONDS } from "../liveness";
import { composeFile } from "./compose";
import { sourceLine } from "./registries";
import { RUN_SCRIPT } from "./runScript";
import { secretParameters, splitFiles } from "./secrets";
import { tarball, type TarEntry } from "./tarball";

export interface MachineBundleArgs {
  readonly stack: string;
  /** The node's name, or the pool's: all machines of a pool share a bundle. */
  readonly name: string;
  readonly role: NodeRole | PoolRole;
  /** For a pool: poolContainers(). */
  readonly containers: readonly ContainerSpec[];
  /** Where ports are published that are not the world's. Machines of a pool publish none. */
  readonly privateAddress: string;
  /** Runs `apply`. Node 22 or later. */
  readonly nodeImage: string;
  /** A shard's, by the settings: its containers are replaced in drain or maint alone. */
  readonly shardState?: ShardSpec["state"];
  /** Images that a machine in a warm pool has, beside those of its containers: its instance's. */
  readonly pulledAhead?: readonly string[];
  /** The other nodes of the edge, where the node is one, and where their HAProxies answer one another. */
  readonly otherEdges?: readonly { readonly name: string; readonly entry: Endpoint }[];
  readonly allowCutCalls: boolean;
  /** Random, one for the stack, at least 32 characters: what tells that secrets changed tells nothing of them. */
  readonly salt: pulumi.Input<string>;
  /** Parameter of SSM that has whom registries let in; none: everybody is let in. */
  readonly registries?: string;
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

/**
 * Parameters of SSM for a machine's secrets, 4 KB each: an edge has a certificate's chain, a scaler all pools, a shard
 * accounts.
 */
const PARTS: Readonly<Record<NodeRole | PoolRole, number>> = {
  edge: 8,
  shard: 4,
  scaler: 8,
  bridge: 4,
  jibri: 4,
};

/** The bundle of a node, or of a pool's machines. */
export function machineBundle(args: MachineBundleArgs): MachineBundle {
  const { containers, endpoint, name, registries, role, stack } = args;
  const isNode = role === "edge" || role === "shard" || role === "scaler";
  const files = splitFiles(Object.assign({}, ...containers.map(filesInBundle)) as BundleFiles);
  const secrets = secretParameters(files.secret, `/jitsi/${stack}/${name}`, PARTS[role], args.salt);
  const programs = [
    ...new Set<ProgramName>(["machine", ...containers.flatMap(({ program }) => program ?? [])]),
  ];
  const plain = {
    ...files.plain,
    "compose.json": JSON.stringify(composeFile(args), undefined, 1),
    images: machineImages(args)
      .map((image) => `${image}\n`)
      .join(""),
    ...(isNode ? { reports: "" } : {}),
    ...(registries === undefined
      ? {}
      : { registries: `${sourceLine({ parameter: registries, endpoint })}\n` }),
    programs: programs.map((program) => `${program} ${programHash(program)}\n`).join(""),
  };
  const manifest: Omit<MachineManifest, "secrets"> = {
    stack,
    name,
    role,
    guard: guardOf(args),
    allowCutCalls: args.allowCutCalls,
    networks: isNode ? [] : [instanceNetwork(stack, name)],
    ...(endpoint === undefined ? {} : { endpoint }),
    containers: containers.map((spec) => machineContainer(args, spec, Object.keys(files.secret))),
  };
  const tar = secrets.revision.apply((revision) => {
    const parameters = Object.keys(secrets.values);
    const whole: MachineManifest = { ...manifest, secrets: { parameters, revision } };
    return tarball({
      ...mapContents(plain, (content): TarEntry => ({ content })),
      [MANIFEST_FILE]: { content: JSON.stringify(whole, undefined, 1) },
      run: { content: RUN_SCRIPT, isExecutable: true },
    });
  });
  return {
    content: tar.apply((bytes) => bytes.toString("base64")),
    sha256: tar.apply((bytes) => createHash("sha256").update(bytes).digest("hex")),
    parameters: secrets.values,
    programs,
  };
}

/** The images that a machine pulls, the one that brings the rest into force first. */
export const machineImages = ({
  containers,
  nodeImage,
  pulledAhead = [],
}: Pick<MachineBundleArgs, "containers" | "nodeImage" | "pulledAhead">): readonly string[] => [
  nodeImage,
  ...pulledAhead,
  ...containers.map(({ image }) => image),
];

/** The object of a program: uploaded once for all machines. */
export function programObject(name: ProgramName): { readonly key: string; readonly content: string } {
  return { key: programKey(programHash(name)), content: bundle(name) };
}

/** The Docker network of a pool's instances, apart from whatever else runs on the machine. */
export const instanceNetwork = (stack: string, pool: string): string => dockerName(stack, pool, "instances");

type BundleFiles = Readonly<Record<string, pulumi.Input<string>>>;

const programHash = (name: ProgramName): string => programOf({ program: name })?.program.sha256 ?? "";

/** A container's files by their path in the bundle, those that change under it among them. */
function filesInBundle(spec: ContainerSpec): BundleFiles {
  const own = mountedFiles(spec);
  const live: BundleFiles = spec.live
    ? {
        ...mapContents(spec.live.secretFiles, (content) => pulumi.secret(content)),
        ...spec.live.quietFiles,
        [spec.live.main.name]: spec.live.main.content,
      }
    : mapContents(spec.lookedUp?.files ?? {}, (content) => pulumi.secret(content));
  return {
    ...mapKeys(own, (path) => mountedPath(spec, path)),
    ...mapKeys(live, (file) => livePath(spec, file)),
  };
}

const mountedPath = ({ name }: ContainerSpec, path: string): string => `containers/${name}/${path}`;
const livePath = ({ name }: ContainerSpec, file: string): string => `live/${name}/${file}`;

/** What is mounted at FLEET_DIRECTORY but for a program; nothing where the container asks for none of it. */
function mountedFiles(spec: ContainerSpec): BundleFiles {
  const hasSecrets = Object.keys(spec.secrets).length > 0;
  if (!hasSecrets && spec.files.length === 0 && spec.program === undefined) return {};
  const none = { [SECRETS_FILE.slice(FLEET_DIRECTORY.length + 1)]: "" };
  return { ...filesOf(spec), ...(hasSecrets ? {} : none) };
}

function machineContainer(
  { name, privateAddress, stack }: MachineBundleArgs,
  spec: ContainerSpec,
  secret: readonly string[],
): MachineContainer {
  const { live, lookedUp } = spec;
  const found = (path: string, at: string): MachineContainer["files"][number] => ({
    path,
    from: secret.includes(at) ? "secrets" : "bundle",
  });
  const inLive = (files: object): MachineContainer["files"] =>
    Object.keys(files).map((file) => found(file, livePath(spec, file)));
  return {
    name: spec.name,
    dockerName: dockerName(stack, name, spec.name),
    image: spec.image,
    files: Object.keys(mountedFiles(spec)).map((path) => found(path, mountedPath(spec, path))),
    ...programOf(spec),
    owner: ownerOf(spec),
    isChecked: spec.healthCheck !== undefined,
    ...(live === undefined
      ? {}
      : {
          leave: {
            container: dockerName(stack, name, live.leave.container),
            command: [...live.leave.command],
            noticedSeconds: NOTICED_SECONDS,
          },
        }),
    listens: spec.ports
      .filter(({ protocol, reach }) => protocol === "tcp" && reach === "world")
      .map(({ published }) => ({ address: privateAddress, port: published })),
    ...(live === undefined
      ? {}
      : {
          live: {
            target: liveTargetOf(spec, live, (container) => dockerName(stack, name, container)),
            files: inLive({ ...live.secretFiles, [live.main.name]: live.main.content }),
            quietFiles: inLive(live.quietFiles),
          },
        }),
    ...(lookedUp === undefined
      ? {}
      : {
          lookedUp: {
            target: { container: dockerName(stack, name, spec.name), directory: lookedUp.directory },
            files: inLive(lookedUp.files),
          },
        }),
  };
}

function guardOf({ name, otherEdges, role, shardState, stack }: MachineBundleArgs): MachineManifest["guard"] {
  switch (role) {
    case "shard": {
      const rule = stopRules.shard;
      if (shardState === undefined) throw new Error(`the state of shard ${name} is not given`);
      return {
        kind: "shard",
        state: shardState,
        container: dockerName(stack, name, rule.container),
        command: [...rule.command],
      };
    }
    case "edge":
      return {
        kind: "edge",
        others: (otherEdges ?? []).map(({ entry, name: other }) => ({ name: other, ...entry })),
      };
    case "scaler":
    case "bridge":
    case "jibri":
      return { kind: "none" };
  }
}

const mapKeys = (files: BundleFiles, named: (key: string) => string): BundleFiles =>
  Object.fromEntries(Object.entries(files).map(([key, content]) => [named(key), content]));

const mapContents = <From, To>(
  files: Readonly<Record<string, From>>,
  made: (content: From) => To,
): Record<string, To> =>
  Object.fromEntries(Object.entries(files).map(([path, content]) => [path, made(content)]));
