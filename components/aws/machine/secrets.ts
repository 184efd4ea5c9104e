import * as pulumi from "@pulumi/pulumi";
import { revisionOf, splitIntoParts } from "@jitsi-fleet/scaler";

export interface SecretParameters {
  /** SecureString parameters of SSM by their name. */
  readonly values: Readonly<Record<string, pulumi.Output<string>>>;
  /** Changes with any of the secrets. No secret itself. */
  readonly revision: pulumi.Output<string>;
}

/**
 * A machine's secret files as a fixed number of parameters, whatever they hold: how many resources there are is known
 * before any secret is.
 * @param files by their path in the bundle
 * @param path of the parameters, such as /jitsi/prod/edge-1
 */
export function secretParameters(
  files: Readonly<Record<string, pulumi.Input<string>>>,
  path: string,
  count: number,
  salt: pulumi.Input<string>,
): SecretParameters {
  if (Object.keys(files).length === 0) return { values: {}, revision: pulumi.output("none") };
  const packed = pulumi.secret(pulumi.all([files, salt])).apply(([secrets, salted]) => {
    const revision = revisionOf(secrets, salted);
    return { revision, parts: splitIntoParts(secrets, revision, count) };
  });
  const values = Array.from({ length: count }, (_, index): [string, pulumi.Output<string>] => [
    `${path}/${index + 1}`,
    packed.apply(({ parts }) => parts[index] ?? ""),
  ]);
  return {
    values: Object.fromEntries(values),
    revision: pulumi.unsecret(packed.apply(({ revision }) => revision)),
  };
}

/** What an Output holds is taken for secret: what is none is known as plain text from the start. */
export function splitFiles(files: Readonly<Record<string, pulumi.Input<string>>>): {
  readonly plain: Readonly<Record<string, string>>;
  readonly secret: Readonly<Record<string, pulumi.Input<string>>>;
} {
  const all = Object.entries(files);
  return {
    plain: Object.fromEntries(all.filter((file): file is [string, string] => typeof file[1] === "string")),
    secret: Object.fromEntries(all.filter(([, content]) => typeof content !== "string")),
  };
}
