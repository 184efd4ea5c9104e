import { bundle, type ProgramName } from "@jitsi-fleet/scaler";
import * as pulumi from "@pulumi/pulumi";
import { createHash } from "node:crypto";
import { FLEET_DIRECTORY, SECRETS_FILE, type ContainerSpec } from "../platform";

/** A container's files by their path below FLEET_DIRECTORY, its secrets among them as a shell file. */
export function filesOf(
  spec: Pick<ContainerSpec, "files" | "secrets">,
): Record<string, pulumi.Input<string>> {
  const secrets = pulumi.output(spec.secrets).apply((values) =>
    Object.entries(values)
      .map(([key, value]) => `${key}='${value.replaceAll("'", `'\\''`)}'\n`)
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
