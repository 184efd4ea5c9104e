import * as pulumi from "@pulumi/pulumi";

/** What a hook is given of inputs or outputs, which hold an Output wherever a secret is in them. */
export function plain(inputs: Record<string, unknown> | undefined): Promise<unknown> {
  return new Promise((resolve) => {
    pulumi.output(inputs ?? {}).apply(resolve);
  });
}
