import { CERTIFICATE_NAME, type ScalerConfiguration } from "@jitsi-fleet/scaler";
import * as pulumi from "@pulumi/pulumi";
import * as random from "@pulumi/random";
import { selfSigned } from "./certificate";
import type { AddressOf, Control, Platform } from "./platform";
import { programContainer } from "./program";

export interface ScalerServiceArgs {
  readonly platform: Platform;
  /** A node each. */
  readonly addresses: readonly { readonly name: string; readonly address: AddressOf<"scaler"> }[];
  /** Node 22 or later. A change restarts the scaler; nothing else. */
  readonly image: string;
  /** Time from one look at the fleet to the next. A change restarts the scaler. */
  readonly tickSeconds: number;
  readonly control: Control;
  /** The pools and what they are to be. A change restarts the scaler, which takes the fleet as it finds it. */
  readonly bridgePools: ScalerConfiguration["bridgePools"];
  readonly jibriPool: NonNullable<ScalerConfiguration["jibriPool"]>;
}

/**
 * What decides how many bridges and Jibris there are, and tells why. One node of it acts, whatever their number; while
 * none does the fleet goes on as it is. It keeps nothing: what it finds is what it goes on from.
 */
export class ScalerService extends pulumi.ComponentResource {
  /** The API of its first node, on the private network. */
  readonly url: string;
  /** What a request to the API must carry (`Authorization: Bearer …`). Secret. */
  readonly token: pulumi.Output<string>;
  /** PEM: the certificate of the API, by the name jitsi-fleet. */
  readonly certificate: pulumi.Output<string>;

  constructor(name: string, args: ScalerServiceArgs, opts?: pulumi.ComponentResourceOptions) {
    const { addresses, bridgePools, control, image, jibriPool, platform, tickSeconds } = args;
    super("jitsi-fleet:index:ScalerService", name, { tickSeconds }, opts);

    const { certificate, privateKey } = selfSigned(name, CERTIFICATE_NAME, this);
    this.certificate = certificate;
    this.token = new random.RandomPassword(
      `${name}-token`,
      { length: 40, special: false },
      { parent: this },
    ).result;
    for (const { address, name: node } of addresses) {
      const { api } = address.endpoints;
      const configuration: pulumi.Output<ScalerConfiguration> = pulumi
        .all([control.configuration(node), this.token, certificate, privateKey])
        .apply(([controlled, token, certPem, keyPem]) => ({
          stack: pulumi.getStack(),
          tickSeconds,
          listen: {
            address: "0.0.0.0",
            port: api.port,
            token,
            tls: { certificate: certPem, privateKey: keyPem },
          },
          ...controlled,
          bridgePools,
          jibriPool,
        }));
      platform.node(
        node,
        {
          role: "scaler",
          address,
          containers: [
            {
              ...programContainer({ name: "scaler", program: control.program, image, configuration }),
              ports: [{ container: api.port, published: api.port, protocol: "tcp", reach: "private" }],
            },
          ],
        },
        { parent: this },
      );
    }
    const [first] = addresses;
    if (!first) throw new Error("a fleet without a scaler's node");
    const { api } = first.address.endpoints;
    this.url = `https://${api.address}:${api.port}`;
    this.registerOutputs({ url: this.url });
  }
}
