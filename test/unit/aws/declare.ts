import * as pulumi from "@pulumi/pulumi";
import type { RegisterResourceRequest } from "@pulumi/pulumi/proto/resource_pb";
import { getMonitor } from "@pulumi/pulumi/runtime/settings";
import { writeFileSync } from "node:fs";
import program from "../../../index";
import type { Declared } from "./declaredFleet";

/**
 * Runs the program with the settings of its first argument on Pulumi's mocks, with an output for everything, and writes
 * what it declares into the file of its second, for the stack of its third: as a process of its own, since a program runs once a process.
 */
const [settings = "{}", file = "", STACK = "prod"] = process.argv.slice(2);
const declared = new Map<string, Declared>();

/** What AWS and the other providers would say of a resource. */
function made(type: string, name: string): Record<string, unknown> {
  const kind = type.split(":").at(-1) ?? "";
  return {
    arn: kind === "Topic" ? `arn:aws:sns:eu-central-1:123456789012:${name}` : `arn:aws:${kind}:::${name}`,
    result: `secret-${name}-0123456789abcdef`,
    privateKeyPem: `secret-key-${name}`,
    certPem: `-----BEGIN CERTIFICATE----- ${name}`,
    latestVersion: 1,
    ...(type === "aws:imagebuilder/image:Image"
      ? { outputResources: [{ amis: [{ image: `ami-of-${name}` }] }] }
      : {}),
    ...(/^aws:iam\/(?:role|instanceProfile):/.test(type) ? { name: `id-${name}` } : {}),
    ...(type === "aws:ec2/vpc:Vpc" ? { ipv6CidrBlock: "2a05:d014:1234:5600::/56" } : {}),
    ...(type === "aws:lb/loadBalancer:LoadBalancer"
      ? { dnsName: `id-${name}.test`, zoneId: `id-of-${name}` }
      : {}),
    ...(type === "aws:s3/bucket:Bucket" ? { bucket: `bucket-${name}` } : {}),
    ...(type === "aws:sqs/queue:Queue" ? { url: `https://sqs.test/${name}` } : {}),
    ...(type === "aws:acm/certificate:Certificate"
      ? {
          domainValidationOptions: [
            { resourceRecordName: "_a", resourceRecordType: "CNAME", resourceRecordValue: "_b" },
          ],
        }
      : {}),
  };
}

/** As Pulumi marks a secret on its way to the engine. */
const SIGNATURE = "4dabf18193072939515e22adb298388d";
const SECRET = "1b47061264138c4ac30d75fd1eb44270";

/** The same, each secret as `{ secret: … }`. */
function marked(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(marked);
  if (typeof value !== "object" || value === null) return value;
  if ((value as Record<string, unknown>)[SIGNATURE] === SECRET)
    return { secret: (value as Record<string, unknown>)["value"] };
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, marked(inner)]));
}

async function main(): Promise<void> {
  await pulumi.runtime.setMocks(
    {
      newResource: ({ inputs, name, type }) => {
        const key = `${type} ${name}`;
        const known = declared.get(key);
        if (known) known.inputs = marked(inputs) as Record<string, unknown>;
        return { id: `id-${name}`, state: { ...made(type, name), ...(inputs as object) } };
      },
      call: ({ token }): Record<string, unknown> =>
        token === "pulumi:pulumi:readStackResourceOutputs"
          ? {}
          : {
              names: ["eu-central-1a", "eu-central-1b", "eu-central-1c"],
              zoneIds: [],
              groupNames: [],
              arns: [],
              id: "eu-central-1",
              region: "eu-central-1",
            },
    },
    "jitsi-fleet",
    STACK,
    false,
    "organization",
  );
  observe();
  const texts = Object.entries(JSON.parse(settings) as Record<string, unknown>).map(([key, value]) => [
    `jitsi-fleet:${key}`,
    typeof value === "string" ? value : JSON.stringify(value),
  ]);
  pulumi.runtime.setAllConfig(Object.fromEntries(texts) as Record<string, string>);
  process.env["PULUMI_CONFIG_SECRET_KEYS"] = JSON.stringify(["jitsi-fleet:auth", "jitsi-fleet:images"]);
  process.once("beforeExit", () => {
    writeFileSync(file, JSON.stringify([...declared.values()]));
  });
  await program();
}

interface ObservedMonitor {
  registerResource(request: RegisterResourceRequest, callback: unknown): unknown;
  registerResourceHook(request: unknown, callback: (error: null, answer: object) => void): void;
}

/** The mocks show neither parents nor options, and know no hooks. */
function observe(): void {
  const monitor = getMonitor() as unknown as ObservedMonitor;
  const register = monitor.registerResource.bind(monitor);
  monitor.registerResourceHook = (_request, callback) => {
    callback(null, {});
  };
  monitor.registerResource = (request, callback) => {
    const [type, name] = [request.getType(), request.getName()];
    const hooks = request.getHooks();
    declared.set(`${type} ${name}`, {
      type,
      name,
      parent: request.getParent().split("::").at(-1) ?? "",
      inputs: {},
      ignoreChanges: request.getIgnorechangesList(),
      dependsOn: request.getDependenciesList().map((urn) => urn.split("::").slice(-2).join(" ")),
      deleteBeforeReplace: request.getDeletebeforereplace(),
      createBeforeReplace: request.getDeletebeforereplacedefined() && !request.getDeletebeforereplace(),
      retainOnDelete: request.getRetainondelete() ?? false,
      hooks: {
        beforeUpdate: hooks?.getBeforeUpdateList() ?? [],
        afterUpdate: hooks?.getAfterUpdateList() ?? [],
        afterCreate: hooks?.getAfterCreateList() ?? [],
        beforeDelete: hooks?.getBeforeDeleteList() ?? [],
      },
    });
    return register(request, callback);
  };
}

void main();
