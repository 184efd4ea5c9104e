import * as command from "@pulumi/command";
import * as docker from "@pulumi/docker";
import { dockerName, labels, type RegistryLogin } from "@jitsi-fleet/scaler";
import { loginsFor } from "@jitsi-fleet/scaler/engine/registries";
import * as pulumi from "@pulumi/pulumi";
import {
  FLEET_DIRECTORY,
  type ContainerSpec,
  type LiveConfiguration,
  type LookedUpFiles,
  type NodeRole,
} from "../platform";
import type { DockerHostSpec } from "../settings";
import {
  MAIN_FILE_VARIABLE,
  QUIET_FILES_VARIABLE,
  ROUTES_VARIABLE,
  SUBJECT_VARIABLE,
  TARGET_VARIABLE,
  type FilesTarget,
  type HostLiveTarget,
  type HostLookedUpTarget,
  type ImagesTarget,
} from "./commands/input";
import { containerArgs, ownerOf } from "./container";
import { liveTargetOf } from "../live";
import { filesOf, programOf, revisionOf, shardRevision } from "./files";
import type { Guard } from "./guard";
import { fillTriggers, madeLabel, type Mending, type Thing } from "./mending";
import type { DockerSubject } from "./subject";

/** A Docker host as nodes see it. */
export interface Place {
  readonly host: DockerHostSpec;
  readonly stack: string;
  readonly tags: Readonly<Record<string, string>>;
  readonly guard: Guard;
  readonly mending: Mending;
  readonly provider: docker.Provider;
  /** Whom the registries of its images let in, where they do not let everybody in. */
  readonly registries: readonly RegistryLogin[];
}

export interface DockerNodeArgs {
  readonly role: NodeRole | "agent";
  readonly containers: readonly ContainerSpec[];
  readonly place: Place;
  /** Volumes of the place that containers ask for, by their name in the specs. */
  readonly volumes?: Readonly<Record<string, pulumi.Input<string>>>;
  /** Networks that a container joins beside the node's own, by the container's name. */
  readonly networks?: Readonly<Record<string, readonly pulumi.Input<string>[]>>;
}

/**
 * Containers that run together on one Docker host, in a network of their own. Each has a volume with its files and
 * secrets, written before it starts. What would stop a container asks the guard first.
 */
export class DockerNode extends pulumi.ComponentResource {
  private readonly args: DockerNodeArgs;
  private readonly subject: DockerSubject;
  /** What brings those of its images that not everybody gets. */
  private readonly pulled: readonly pulumi.Resource[];
  /** By the container whose live configuration it holds, or what that looks up. */
  private readonly liveVolumes = new Map<string, Volume>();

  constructor(
    private readonly name: string,
    args: DockerNodeArgs,
    opts: pulumi.ComponentResourceOptions,
  ) {
    const images = Object.fromEntries(args.containers.map((spec) => [spec.name, spec.image]));
    super("jitsi-fleet:docker:Node", name, { role: args.role, host: args.place.host.name, images }, opts);
    this.args = args;
    this.subject = { role: args.role, node: name, place: args.place.host.name };

    const made = args.place.mending.network(this.thing(name, this.dockerName()));
    const network = new docker.Network(
      name,
      { name: this.dockerName(), labels: this.labels(madeLabel(made)) },
      this.childOptions(),
    );
    this.pulled = this.pulls(made);
    const started: pulumi.Resource[] = [];
    for (const spec of args.containers) started.push(this.container(spec, network, started));

    this.registerOutputs();
  }

  private container(
    spec: ContainerSpec,
    network: docker.Network,
    earlier: readonly pulumi.Resource[],
  ): pulumi.Resource {
    const { containers, place, role } = this.args;
    const { guard, host, mending, tags } = place;
    const { privateAddress } = host;
    const { volumes, written } = this.volumes(spec);
    const resource = `${this.name}-${spec.name}`;
    const made = mending.container(this.thing(resource, this.dockerName(spec.name)));
    const container = new docker.Container(
      resource,
      {
        ...containerArgs(spec, {
          name: this.dockerName(spec.name),
          privateAddress,
          networks: [network.name, ...(this.args.networks?.[spec.name] ?? [])],
          volumes,
        }),
        labels: this.labels({
          [labels.revision]:
            role === "shard"
              ? shardRevision(containers, { tags, privateAddress })
              : revisionOf(spec, { tags, privateAddress }),
          ...madeLabel(made),
        }),
      },
      this.childOptions({
        dependsOn: [...this.pulled, ...written, ...earlier],
        deleteBeforeReplace: true,
        // The daemon reports these in its own words.
        ignoreChanges: ["memorySwap"],
        hooks: { beforeUpdate: [guard.stop], beforeDelete: [guard.stop] },
      }),
    );
    if (spec.live) return this.liveConfiguration(spec, spec.live, container);
    return spec.lookedUp ? this.lookedUp(spec, spec.lookedUp, container) : container;
  }

  /**
   * A command of its own: whatever else pulls finds the images there, and a new password stops nothing and asks no guard.
   */
  private pulls(made: number): readonly pulumi.Resource[] {
    const { host, registries } = this.args.place;
    const images = [...new Set(this.args.containers.map(({ image }) => image))].filter(
      (image) => loginsFor([image], registries).length > 0,
    );
    if (images.length === 0) return [];
    const target: ImagesTarget = { connection: plainConnection(host), images };
    return [
      new command.local.Command(
        `${this.name}-images`,
        {
          create: commandLine("pullImages"),
          environment: { [TARGET_VARIABLE]: JSON.stringify(target) },
          stdin: secretInput(host, { registries: loginsFor(images, registries) }),
          // Where the node's network is lost, so are images, as a rule.
          triggers: [made],
          addPreviousOutputInEnv: false,
        },
        { parent: this },
      ),
    ];
  }

  /** The container's volumes, and what must have been written into them before it starts. */
  private volumes(spec: ContainerSpec): {
    volumes: docker.types.input.ContainerVolume[];
    written: pulumi.Resource[];
  } {
    const volume = (suffix: string, keep: boolean, filling?: string): Volume => {
      const [resource, name] = [`${this.name}-${spec.name}-${suffix}`, this.dockerName(spec.name, suffix)];
      const number = this.args.place.mending.volume(
        this.thing(resource, name),
        this.dockerName(spec.name),
        filling && `${this.name}-${spec.name}-${filling}`,
      );
      const made = new docker.Volume(
        resource,
        { name, labels: this.labels(madeLabel(number)) },
        this.childOptions({ retainOnDelete: keep }),
      );
      return { name: made.name, triggers: fillTriggers(made, number) };
    };
    const volumes = spec.volumes.map((asked): docker.types.input.ContainerVolume => {
      const containerPath = asked.path;
      switch (asked.of) {
        case "container":
          return { volumeName: volume(asked.name, asked.keep).name, containerPath };
        case "neighbour":
          return { volumeName: this.liveVolume(asked.container).name, containerPath };
        case "place":
          return { volumeName: this.sharedVolume(asked.name), containerPath };
        case "machine":
          return { hostPath: asked.source, containerPath };
      }
    });
    const changing = spec.live ?? spec.lookedUp;
    if (changing) {
      const live = volume("live", false, spec.live ? "configuration" : "lookup");
      this.liveVolumes.set(spec.name, live);
      volumes.push({ volumeName: live.name, containerPath: changing.directory });
    }
    if (Object.keys(spec.secrets).length === 0 && spec.files.length === 0 && spec.program === undefined)
      return { volumes, written: [] };

    const files = volume("files", false, "files");
    const writing = this.filesCommand(spec, files);
    return {
      volumes: [...volumes, { volumeName: files.name, containerPath: FLEET_DIRECTORY, readOnly: true }],
      written: [writing],
    };
  }

  private liveVolume(container: string): Volume {
    const volume = this.liveVolumes.get(container);
    if (volume === undefined) throw new Error(`${this.name} has no live configuration of ${container}`);
    return volume;
  }

  private sharedVolume(name: string): pulumi.Input<string> {
    const volume = this.args.volumes?.[name];
    if (volume === undefined)
      throw new Error(`${this.name} asks for the volume ${name}, which its place has not`);
    return volume;
  }

  private filesCommand(spec: ContainerSpec, volume: Volume): command.local.Command {
    const target: pulumi.Output<FilesTarget> = volume.name.apply((name) => ({
      connection: plainConnection(this.args.place.host),
      volume: name,
      image: spec.image,
      owner: ownerOf(spec),
      ...programOf(spec),
    }));
    return new command.local.Command(
      `${this.name}-${spec.name}-files`,
      {
        create: commandLine("writeFiles"),
        environment: {
          [TARGET_VARIABLE]: pulumi.jsonStringify(target),
          [SUBJECT_VARIABLE]: JSON.stringify(this.subject),
        },
        stdin: secretInput(this.args.place.host, { files: filesOf(spec) }),
        triggers: volume.triggers,
        addPreviousOutputInEnv: false,
      },
      { parent: this, dependsOn: [...this.pulled] },
    );
  }

  private liveConfiguration(
    spec: ContainerSpec,
    live: LiveConfiguration,
    container: docker.Container,
  ): command.local.Command {
    const target: HostLiveTarget = {
      connection: plainConnection(this.args.place.host),
      ...liveTargetOf(spec, live, (container) => this.dockerName(container)),
    };
    return new command.local.Command(
      `${this.name}-${spec.name}-configuration`,
      {
        create: commandLine("applyLive"),
        environment: {
          [TARGET_VARIABLE]: JSON.stringify(target),
          [MAIN_FILE_VARIABLE]: live.main.content,
          [QUIET_FILES_VARIABLE]: JSON.stringify(live.quietFiles),
          [ROUTES_VARIABLE]: JSON.stringify(live.routes),
        },
        stdin: secretInput(this.args.place.host, { files: live.secretFiles }),
        triggers: this.liveVolume(spec.name).triggers,
        addPreviousOutputInEnv: false,
      },
      { parent: this, dependsOn: [container] },
    );
  }

  private lookedUp(
    spec: ContainerSpec,
    { directory, files }: LookedUpFiles,
    container: docker.Container,
  ): command.local.Command {
    const target: HostLookedUpTarget = {
      connection: plainConnection(this.args.place.host),
      container: this.dockerName(spec.name),
      directory,
    };
    return new command.local.Command(
      `${this.name}-${spec.name}-lookup`,
      {
        create: commandLine("applyLookedUp"),
        environment: { [TARGET_VARIABLE]: JSON.stringify(target) },
        stdin: secretInput(this.args.place.host, { files }),
        triggers: this.liveVolume(spec.name).triggers,
        addPreviousOutputInEnv: false,
      },
      { parent: this, dependsOn: [container] },
    );
  }

  private labels(
    more: Readonly<Record<string, pulumi.Input<string>>> = {},
  ): { label: string; value: pulumi.Input<string> }[] {
    const { stack, tags } = this.args.place;
    const { role, node, place } = this.subject;
    const all = {
      ...tags,
      [labels.stack]: stack,
      [labels.role]: role,
      [labels.node]: node,
      [labels.place]: place,
      ...more,
    };
    return Object.entries(all).map(([label, value]) => ({ label, value }));
  }

  private thing(resource: string, name: string): Thing {
    return { resource, place: this.args.place.host.name, name };
  }

  private dockerName(...parts: string[]): string {
    return dockerName(this.args.place.stack, this.name, ...parts);
  }

  private childOptions(more: pulumi.CustomResourceOptions = {}): pulumi.CustomResourceOptions {
    return { parent: this, provider: this.args.place.provider, ...more };
  }
}

/** A volume of a container, and what triggers the command that fills it. */
interface Volume {
  readonly name: pulumi.Output<string>;
  readonly triggers: pulumi.Input<string | number>[];
}

/** Run from the project's folder, where pulumi runs the program. */
export const commandLine = (name: string): string =>
  `node scripts/built.cjs components/docker/commands/${name}.ts`;

/** What a command reads from standard input: files, whom registries let in, and the key to a host on tcp://. */
export function secretInput(
  { tls }: DockerHostSpec,
  given: {
    readonly files?: Readonly<Record<string, pulumi.Input<string>>>;
    readonly registries?: readonly RegistryLogin[];
  } = {},
): pulumi.Output<string> {
  return pulumi.secret(pulumi.jsonStringify({ ...(tls === undefined ? {} : { tls }), files: {}, ...given }));
}

export function plainConnection({ address, hostKey }: DockerHostSpec): FilesTarget["connection"] {
  return { address, ...(hostKey === undefined ? {} : { hostKey }) };
}
