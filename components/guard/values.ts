import * as pulumi from "@pulumi/pulumi";

/** What an Output holds, once the engine has it; at once where nothing of the engine is in it. */
export const valueOf = <Value>(value: pulumi.Input<Value>): Promise<pulumi.Unwrap<Value>> =>
  new Promise((resolve) => {
    pulumi.output(value).apply(resolve);
  });

/** What a hook is given of inputs or outputs, which hold an Output wherever a secret is in them. */
export const plain = (inputs: Record<string, unknown> | undefined): Promise<unknown> => valueOf(inputs ?? {});
