import * as s3 from "@pulumi/aws/s3";
import * as ssm from "@pulumi/aws/ssm";
import { CACHE, machineKeys, type ProgramName } from "@jitsi-fleet/scaler";
import * as pulumi from "@pulumi/pulumi";
import * as random from "@pulumi/random";
import { existsSync, mkdirSync, renameSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { Bucket } from "./bucket";
import type { AwsContext } from "./context";
import { machineBundle, programObject, type MachineBundleArgs } from "./machine/bundle";
import { registriesValue } from "./machine/registries";
import type { MachineRights } from "./policies";

/** How long a bundle can be looked at that is in force no more. */
const OLD_DAYS = 30;

type BundleArgs = Omit<
  MachineBundleArgs,
  "stack" | "nodeImage" | "allowCutCalls" | "salt" | "endpoint" | "registries"
>;

export interface WrittenBundleOptions {
  readonly parent: pulumi.Resource;
  /** What must be in force before machines are told of it. */
  readonly after?: readonly pulumi.Resource[];
  /** Of the pointer, for who reads the state: it is no part of the bundle. */
  readonly metadata?: Readonly<Record<string, pulumi.Input<string>>>;
  /** Before and after machines are told of another. */
  readonly hooks?: pulumi.ResourceHookBinding;
}

/** A machine's bundle as it is written. */
export interface WrittenBundle {
  /** `s3://<bucket>/<key>` of the pointer that its machines follow. */
  readonly pointer: pulumi.Output<string>;
  /** What a machine needs there before it starts. */
  readonly written: pulumi.Resource;
  /** What its machines may read and write, but for the region. */
  readonly rights: Pick<MachineRights, "reads" | "writes" | "parameters">;
}

/** The bucket in which machines find what they run, and what is in it. Secrets are not: they are parameters of SSM. */
export class Bundles extends pulumi.ComponentResource {
  readonly bucket: Bucket;
  /** Name of the parameter that has whom registries let in; undefined where all let everybody in. */
  readonly registries: string | undefined;
  /** The parameter. */
  readonly registriesWritten: readonly pulumi.Resource[];
  private readonly salt: pulumi.Output<string>;
  private readonly programs = new Map<ProgramName, pulumi.Resource>();

  constructor(
    private readonly name: string,
    private readonly context: AwsContext,
    opts: pulumi.ComponentResourceOptions,
  ) {
    super("jitsi-fleet:aws:Bundles", name, {}, opts);
    this.bucket = new Bucket(
      name,
      {
        context,
        role: "control",
        keep: false,
        rules: [
          {
            id: "old",
            status: "Enabled",
            filter: { prefix: "" },
            noncurrentVersionExpiration: { noncurrentDays: OLD_DAYS },
          },
        ],
      },
      { parent: this },
    );
    this.salt = new random.RandomPassword(
      `${name}-salt`,
      { length: 40, special: false },
      { parent: this },
    ).result;
    const { registries: logins } = context.settings.images;
    this.registries = logins.length === 0 ? undefined : `/jitsi/${context.stack}/registries`;
    this.registriesWritten =
      this.registries === undefined
        ? []
        : [
            // One for all: another password is no other bundle.
            new ssm.Parameter(
              `${name}-registries`,
              {
                name: this.registries,
                type: "SecureString",
                value: pulumi.secret(registriesValue(logins)),
                tags: { Role: "control" },
              },
              { parent: this, provider: context.provider },
            ),
          ];
    this.registerOutputs();
  }

  /** Writes what the machines of a node or a pool run: all of it first, then the pointer to it. */
  write(args: BundleArgs, options: WrittenBundleOptions): WrittenBundle {
    const { settings, stack } = this.context;
    const { name, role } = args;
    const made = machineBundle({
      ...args,
      stack,
      nodeImage: settings.images.node,
      allowCutCalls: settings.allowCutCalls,
      salt: this.salt,
      ...(this.registries === undefined ? {} : { registries: this.registries }),
      ...(settings.aws.endpoint === undefined ? {} : { endpoint: settings.aws.endpoint }),
    });
    const keys = machineKeys(name);
    const opts = { parent: options.parent, provider: this.context.provider };
    const tags = { Role: role };
    const bundle = new s3.BucketObjectv2(
      `${name}-bundle`,
      {
        bucket: this.bucket.bucket,
        key: made.sha256.apply((sha256) => keys.bundle(sha256)),
        contentBase64: made.content,
        tags,
      },
      { ...opts, ...AS_BEFORE, ...KEPT_UNTIL_REPLACED },
    );
    const secrets = Object.entries(made.parameters).map(
      ([parameter, value], index) =>
        new ssm.Parameter(
          `${name}-secrets-${index + 1}`,
          { name: parameter, type: "SecureString", value: pulumi.secret(value), tags },
          opts,
        ),
    );
    const programs = made.programs.map((program) => this.program(program));
    const pointer = new s3.BucketObjectv2(
      `${name}-pointer`,
      {
        bucket: this.bucket.bucket,
        key: keys.pointer,
        content: pulumi.interpolate`${made.sha256}\n`,
        ...(options.metadata === undefined ? {} : { metadata: options.metadata }),
        tags,
      },
      {
        ...opts,
        ...AS_BEFORE,
        dependsOn: [bundle, ...secrets, ...this.registriesWritten, ...programs, ...(options.after ?? [])],
        ...(options.hooks === undefined ? {} : { hooks: options.hooks }),
      },
    );
    const isNode = role !== "bridge" && role !== "jibri";
    return {
      pointer: pulumi.interpolate`s3://${this.bucket.bucket}/${keys.pointer}`,
      written: pointer,
      rights: {
        reads: [keys.pointer, keys.bundle("*"), "programs/*"],
        writes: isNode ? [keys.report] : [],
        parameters: [
          ...Object.keys(made.parameters),
          ...(this.registries === undefined ? [] : [this.registries]),
        ],
      },
    };
  }

  /** One of the fleet's own programs, once for all machines. */
  private program(name: ProgramName): pulumi.Resource {
    const known = this.programs.get(name);
    if (known) return known;
    const { content, key } = programObject(name);
    const object = new s3.BucketObjectv2(
      `${this.name}-${name}`,
      // As a file: the state keeps its hash alone.
      {
        bucket: this.bucket.bucket,
        key,
        source: new pulumi.asset.FileAsset(kept(key, content)),
        tags: { Role: "control" },
      },
      { parent: this, provider: this.context.provider, ...AS_BEFORE, ...KEPT_UNTIL_REPLACED },
    );
    this.programs.set(name, object);
    return object;
  }
}

/**
 * Stacks may have them as the older type, which puts each with the ACL `private`. This one states none, as a bucket asks
 * whose owner has all that is in it.
 */
const AS_BEFORE = { aliases: [{ type: "aws:s3/bucketObject:BucketObject" }] };

/** What has a key of its own, its provider deletes first: by then pointers still lead there, and machines start. */
const KEPT_UNTIL_REPLACED = { deleteBeforeReplace: false } as const;

/** A file of the content that its name tells, the same at each run. */
function kept(key: string, content: string): string {
  const path = join(CACHE, key);
  if (existsSync(path)) return path;
  mkdirSync(dirname(path), { recursive: true });
  const part = `${path}.${process.pid}`;
  writeFileSync(part, content);
  renameSync(part, path);
  return path;
}
