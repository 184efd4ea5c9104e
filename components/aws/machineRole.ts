import * as iam from "@pulumi/aws/iam";
import * as pulumi from "@pulumi/pulumi";
import type { AwsContext } from "./context";
import { policy, trust, type Statement } from "./policies";

export interface MachineRoleArgs {
  readonly statements: pulumi.Input<readonly Statement[]>;
  readonly context: AwsContext;
}

/** What the machines of a node or a pool are allowed: a role of their own, with nothing in it that is another's. */
export class MachineRole extends pulumi.ComponentResource {
  readonly profile: iam.InstanceProfile;
  /** What must be there before a machine asks for anything. */
  readonly rights: pulumi.Resource;

  constructor(name: string, args: MachineRoleArgs, opts: pulumi.ComponentResourceOptions) {
    super("jitsi-fleet:aws:MachineRole", name, {}, opts);
    const { provider, settings } = args.context;
    const { permissionsBoundary } = settings.aws;
    const own = { parent: this, provider };
    const role = new iam.Role(
      name,
      {
        assumeRolePolicy: JSON.stringify(trust("ec2.amazonaws.com")),
        ...(permissionsBoundary === undefined ? {} : { permissionsBoundary }),
      },
      own,
    );
    this.rights = new iam.RolePolicy(
      name,
      { role: role.name, policy: pulumi.jsonStringify(pulumi.output(args.statements).apply(policy)) },
      own,
    );
    this.profile = new iam.InstanceProfile(name, { role: role.name }, own);
    this.registerOutputs();
  }
}
