import { bundle, type PoolTemplate, type ProgramName } from "@jitsi-fleet/scaler";
import * as pulumi from "@pulumi/pulumi";
import { createHash } from "node:crypto";
import {
  FLEET_DIRECTORY,
  SECRETS_FILE,
  type ContainerSpec,
  type InstanceSpec,
  type PoolRole,
} from "../platform";
import { inShell } from "../quoting";

/** A container's files by their path below FLEET_DIRECTORY, its secrets among them as a shell file. */
export function filesOf(
  spec: Pick<ContainerSpec, "files" | "secrets">,
): Record<string, pulumi.Input<string>> {
  const secrets = pulumi.output(spec.secrets).apply((values) =>
    Object.entries(values)
      .map(([key, value]) => `${key}=${inShell(value)}\n`)
      .join(""),
  );
  return {
    [SECRETS_FILE.slice(FLEET_DIRECTORY.length + 1)]: secrets,
    ...Object.fromEntries(spec.files.map(({ path, content }) => [path, content])),
  };
}

const hashes = new Map<ProgramName, string>();

/** The program of the fleet's own that a container runs, and the hash of its text. It is bundled where it is written. */
export function programOf({
  program,
}: Pick<ContainerSpec, "program">): { program: { name: ProgramName; sha256: string } } | undefined {
  if (program === undefined) return undefined;
  const sha256 = hashes.get(program) ?? createHash("sha256").update(bundle(program)).digest("hex");
  hashes.set(program, sha256);
  return { program: { name: program, sha256 } };
}

/** A hash that is secret itself, since what it is of may be guessed from few possibilities. */
export function secretHash(value: pulumi.Input<unknown>): pulumi.Output<string> {
  return pulumi
    .jsonStringify(value)
    .apply((text) => createHash("sha256").update(text).digest("hex").slice(0, 16));
}

/**
 * Changes with whatever of a container replaces it. What it looks up, or takes while it runs, does not. The label of
 * Docker containers, and what the preflight compares: the secrets in it are those that the state has by then.
 */
export const revisionOf = (
  spec: ContainerSpec,
  on: { readonly tags?: Readonly<Record<string, string>>; readonly privateAddress: string },
): pulumi.Output<string> =>
  secretHash({
    spec: { ...spec, live: undefined, lookedUp: undefined, files: filesOf(spec), program: programOf(spec) },
    tags: on.tags,
    privateAddress: on.privateAddress,
  });

/**
 * The same of all of a shard's containers, which each of them has: they are replaced together, and where they differ an
 * update was interrupted.
 */
export const shardRevision = (
  containers: readonly ContainerSpec[],
  on: Parameters<typeof revisionOf>[1],
): pulumi.Output<string> => secretHash(containers.map((spec) => revisionOf(spec, on)));

/** How an agent makes a pool's instances: the container, and the files that it finds. */
export function poolTemplate(
  of: {
    readonly pool: string;
    readonly role: PoolRole;
    readonly shard?: string | undefined;
    readonly spec: InstanceSpec;
  },
  container: Record<string, unknown>,
): pulumi.Output<PoolTemplate> {
  const { pool, role, shard, spec } = of;
  const executable = new Set(spec.files.filter((file) => file.executable).map(({ path }) => path));
  const files = pulumi.output(filesOf(spec)).apply((contents) =>
    Object.entries(contents).map(([path, content]) => ({
      path,
      content,
      executable: executable.has(path),
    })),
  );
  const made = { container, files };
  return pulumi.all([files, secretHash(made)]).apply(([known, revision]) => ({
    pool,
    role,
    ...(shard === undefined ? {} : { shard }),
    revision,
    stopGraceSeconds: spec.stopGraceSeconds,
    container,
    files: known,
  }));
}
