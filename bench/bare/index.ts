import * as pulumi from "@pulumi/pulumi";
import { readFileSync } from "node:fs";

/** A resource of the fleet, as its preview showed it. */
interface Declared {
  readonly type: string;
  readonly name: string;
  readonly inputs: Record<string, unknown>;
}

type ResourceClass = new (
  name: string,
  inputs: object,
  opts: pulumi.CustomResourceOptions,
) => pulumi.Resource;

const resources = JSON.parse(
  readFileSync(process.env["BARE_RESOURCES"] ?? "", "utf8"),
) as readonly Declared[];
const providers = new Map<string, pulumi.ProviderResource>();

/** The SDK's class of a type, such as `aws:ec2/vpc:Vpc`: of each package the module alone that has it. */
function classOf(type: string): ResourceClass {
  const [pkg = "", module = "", name = ""] = type.split(":");
  const folder = pkg === "aws" ? `/${module.split("/")[0] ?? ""}` : "";
  // eslint-disable-next-line @typescript-eslint/no-require-imports -- which modules there are, the fleet says.
  const sdk = require(`@pulumi/${pkg}${folder}`) as Record<string, unknown>;
  const parts = pkg === "command" ? (sdk[module] as Record<string, unknown>) : sdk;
  return parts[name] as ResourceClass;
}

for (const { inputs, name, type } of resources) {
  const [pkg = ""] = type.split(":");
  if (type.startsWith("pulumi:providers:")) {
    const kind = type.split(":")[2] ?? "";
    // eslint-disable-next-line @typescript-eslint/no-require-imports -- as above
    const { Provider } = require(kind === "aws" ? "@pulumi/aws/provider" : `@pulumi/${kind}`) as {
      Provider: new (name: string, inputs: object) => pulumi.ProviderResource;
    };
    providers.set(kind, new Provider(name, inputs));
  } else if (type.startsWith("jitsi-fleet:")) new pulumi.ComponentResource(type, name, {});
  else {
    const provider = providers.get(pkg);
    new (classOf(type))(name, inputs, provider === undefined ? {} : { provider });
  }
}
