import { CERTIFICATE_NAME } from "@jitsi-fleet/scaler";
import * as pulumi from "@pulumi/pulumi";
import * as random from "@pulumi/random";
import { selfSigned, type OwnCertificate } from "../certificate";

/** What the scaler and the agents of all machines of pools know one another by. */
export class AgentAccess extends pulumi.ComponentResource {
  /** Secret. */
  readonly token: pulumi.Output<string>;
  readonly tls: OwnCertificate;

  constructor(name: string, opts?: pulumi.ComponentResourceOptions) {
    super("jitsi-fleet:aws:AgentAccess", name, {}, opts);
    this.tls = selfSigned(name, CERTIFICATE_NAME, this);
    this.token = new random.RandomPassword(
      `${name}-token`,
      { length: 40, special: false },
      { parent: this },
    ).result;
    this.registerOutputs();
  }
}
