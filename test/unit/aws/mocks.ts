import assert from "node:assert/strict";
import * as pulumi from "@pulumi/pulumi";
import { getMonitor } from "@pulumi/pulumi/runtime/settings";
import { parseSettings } from "../../../components/settings";
import { awsContext, type AwsContext } from "../../../components/aws/context";

/** A resource as the program registers it. */
export interface Registered {
  readonly type: string;
  readonly name: string;
  readonly inputs: Readonly<Record<string, unknown>>;
}

/** What is asked, and what is answered. */
export type Answers = Readonly<Record<string, unknown>>;

/** What AWS says of a resource that the program reads. */
const outputs: Readonly<Record<string, object>> = {
  "aws:ec2/vpc:Vpc": { ipv6CidrBlock: "2a05:d014:1234:5600::/56" },
  "aws:imagebuilder/image:Image": { outputResources: [{ amis: [{ image: "ami-baked" }] }] },
  "aws:acm/certificate:Certificate": {
    domainValidationOptions: [
      { resourceRecordName: "_a.meet", resourceRecordType: "CNAME", resourceRecordValue: "_b.aws" },
    ],
  },
};

/** The engine's part that hooks are told to. */
interface ObservedMonitor {
  registerResourceHook(request: unknown, callback: (error: null, answer: object) => void): void;
}

/**
 * Runs a part of the program with the engine's mocks, and gives what it registered, by type and name. Who asks AWS
 * something is told his own question, and `answers`, or what those say to the question.
 */
export async function registeredBy<T>(
  given: Record<string, unknown>,
  program: (context: AwsContext) => T,
  answers: Answers | ((token: string, asked: Answers) => Answers) = {},
): Promise<{
  readonly all: readonly Registered[];
  readonly result: T;
  readonly only: (type: string) => Registered[];
}> {
  const all: Registered[] = [];
  // Pulumi takes a stack trace for each promise: most of the time would go there.
  const { stackTraceLimit } = Error;
  Error.stackTraceLimit = 0;
  await pulumi.runtime.setMocks(
    {
      call: ({ inputs, token }) => {
        const asked = inputs as Answers;
        return { ...asked, ...(typeof answers === "function" ? answers(token, asked) : answers) };
      },
      newResource: ({ id, inputs, name, type }) => {
        all.push({ type, name, inputs: inputs as Record<string, unknown> });
        const arn = `arn:${type.split(":").at(-1) ?? ""}:${name}`;
        return {
          id: id === undefined || id === "" ? `${name}-id` : id,
          state: { arn, ...inputs, ...outputs[type] } as Record<string, unknown>,
        };
      },
    },
    "jitsi-fleet",
    "test",
  );
  // The mocks know no hooks: what has one would wait for ever.
  const monitor = getMonitor() as unknown as ObservedMonitor;
  monitor.registerResourceHook = (_request, callback) => {
    callback(null, {});
  };
  const settings = parseSettings(given, "test");
  assert(settings.platform === "aws");
  const result = program(awsContext(settings, "test"));
  await pulumi.runtime.disconnect();
  Error.stackTraceLimit = stackTraceLimit;
  return { all, result, only: (type) => all.filter((one) => one.type === type) };
}
