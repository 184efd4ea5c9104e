import { CERTIFICATE_NAME, type ScalerConfiguration } from "@jitsi-fleet/scaler";
import * as pulumi from "@pulumi/pulumi";
import * as random from "@pulumi/random";
import { selfSigned } from "./certificate";
import type { AddressOf, ContainerSpec, Control, Endpoint, MetricsPage, Platform } from "./platform";
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

export interface ScalerContainerArgs {
  /** Node 22 or later. */
  readonly image: string;
  readonly control: Pick<Control, "program" | "network">;
  /** Where its API is to answer. */
  readonly api: Endpoint;
  readonly token: pulumi.Input<string>;
  readonly certificate: pulumi.Input<string>;
  readonly privateKey: pulumi.Input<string>;
  readonly configuration: pulumi.Input<Omit<ScalerConfiguration, "listen">>;
}

/** One node's scaler. Its API is for the private network alone. */
export function scalerContainer(args: ScalerContainerArgs): ContainerSpec {
  const { api, control, image } = args;
  const isOnMachine = control.network === "machine";
  const configuration: pulumi.Output<ScalerConfiguration> = pulumi
    .all([args.configuration, args.token, args.certificate, args.privateKey])
    .apply(([configured, token, certificate, privateKey]) => ({
      ...configured,
      listen: {
        address: isOnMachine ? api.address : "0.0.0.0",
        port: api.port,
        token,
        tls: { certificate, privateKey },
      },
    }));
  return {
    ...programContainer({ name: "scaler", program: control.program, image, configuration }),
    ...(isOnMachine
      ? { network: "machine" }
      : { ports: [{ container: api.port, published: api.port, protocol: "tcp", reach: "private" }] }),
  };
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
      const configuration = control.configuration(node).apply((controlled) => ({
        stack: pulumi.getStack(),
        tickSeconds,
        ...controlled,
        bridgePools,
        jibriPool,
      }));
      const { api } = address.endpoints;
      const { token } = this;
      const container = scalerContainer({
        image,
        control,
        api,
        token,
        certificate,
        privateKey,
        configuration,
      });
      const page: MetricsPage = {
        component: "scaler",
        endpoint: api,
        path: "/metrics",
        access: { token, certificate },
      };
      platform.node(
        node,
        { role: "scaler", address, containers: [container], metrics: [page] },
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
