import * as acm from "@pulumi/aws/acm";
import * as lb from "@pulumi/aws/lb";
import * as route53 from "@pulumi/aws/route53";
import * as pulumi from "@pulumi/pulumi";
import type { AwsContext } from "./context";
import type { Network } from "./network";
import { webPorts } from "./ports";
import type { Targets } from "./targets";

export interface FrontDoorArgs {
  readonly context: AwsContext;
  readonly network: Network;
  readonly targets: Targets;
}

/** The tag of what is of the front door. */
export const FRONT_DOOR_ROLE = "frontDoor";

/** Meetings' websockets are seldom silent for a minute. */
const IDLE_SECONDS = 350;
/** TLS 1.2 and 1.3, as browsers of the last ten years speak it. */
const TLS_POLICY = "ELBSecurityPolicy-TLS13-1-2-2021-06";

/**
 * How users reach the edges: a network load balancer in the edges' zones. It hands connections over as they are, or has
 * a certificate of its own and encrypts them anew; users' addresses it tells by the PROXY protocol.
 */
export class FrontDoor extends pulumi.ComponentResource {
  /** Where `domain` must lead. */
  readonly dnsName: pulumi.Output<string>;
  private readonly args: FrontDoorArgs;

  constructor(
    private readonly name: string,
    args: FrontDoorArgs,
    opts: pulumi.ComponentResourceOptions,
  ) {
    const { context, network } = args;
    const { domain } = context.settings;
    const { frontDoor, ipv6 } = context.settings.aws;
    super("jitsi-fleet:aws:FrontDoor", name, { domain, ...frontDoor }, opts);
    this.args = args;

    const balancer = new lb.LoadBalancer(
      name,
      {
        loadBalancerType: "network",
        ipAddressType: ipv6 ? "dualstack" : "ipv4",
        subnets: Object.values(network.subnets).flatMap(({ loadBalancer }) => loadBalancer ?? []),
        securityGroups: [network.groups.loadBalancer],
        enableCrossZoneLoadBalancing: true,
        tags: this.tags(),
      },
      { ...this.opts, dependsOn: [...network.ways] },
    );
    this.dnsName = balancer.dnsName;

    this.listener(balancer, "http", "TCP");
    if (frontDoor.certificate === "acm") {
      const certificateArn = frontDoor.certificateArn ?? this.certificate();
      this.listener(balancer, "https", "TLS", { certificateArn, sslPolicy: TLS_POLICY });
    } else this.listener(balancer, "https", "TCP");

    if (frontDoor.zoneId !== undefined) this.records(balancer, frontDoor.zoneId);
    this.registerOutputs({ dnsName: this.dnsName });
  }

  private listener(
    balancer: lb.LoadBalancer,
    what: keyof typeof webPorts,
    protocol: "TCP" | "TLS",
    tls: Pick<lb.ListenerArgs, "certificateArn" | "sslPolicy"> = {},
  ): void {
    const port = webPorts[what];
    new lb.Listener(
      `${this.name}-${what}`,
      {
        loadBalancerArn: balancer.arn,
        port,
        protocol,
        ...tls,
        ...(protocol === "TCP" ? { tcpIdleTimeoutSeconds: IDLE_SECONDS } : {}),
        defaultActions: [{ type: "forward", targetGroupArn: this.args.targets.groups[what] }],
        tags: this.tags(),
      },
      // To another group users are sent once the edges are in it: where none is known to be alive, to all of them.
      { ...this.opts, dependsOn: this.args.targets.attachments },
    );
  }

  /** A new certificate, once Route 53 has shown that the domain is ours. */
  private certificate(): pulumi.Output<string> {
    const { domain } = this.args.context.settings;
    const { frontDoor } = this.args.context.settings.aws;
    const requested = new acm.Certificate(
      this.name,
      { domainName: domain, validationMethod: "DNS", tags: this.tags() },
      this.opts,
    );
    const asked = requested.domainValidationOptions.apply(([option]) => {
      if (!option) throw new Error(`Certificate Manager asks for no record of ${domain}`);
      return option;
    });
    const record = new route53.Record(
      `${this.name}-validation`,
      {
        zoneId: frontDoor.zoneId ?? "",
        name: asked.resourceRecordName,
        type: asked.resourceRecordType,
        records: [asked.resourceRecordValue],
        ttl: 60,
        // Another stack's certificate of the same domain asks for the same one.
        allowOverwrite: true,
      },
      this.opts,
    );
    return new acm.CertificateValidation(
      this.name,
      { certificateArn: requested.arn, validationRecordFqdns: [record.fqdn] },
      this.opts,
    ).certificateArn;
  }

  private records({ dnsName, zoneId: ofBalancer }: lb.LoadBalancer, zoneId: string): void {
    const { domain } = this.args.context.settings;
    const { ipv6 } = this.args.context.settings.aws;
    for (const type of ipv6 ? ["A", "AAAA"] : ["A"])
      new route53.Record(
        `${this.name}-${type.toLowerCase()}`,
        {
          zoneId,
          name: domain,
          type,
          aliases: [{ name: dnsName, zoneId: ofBalancer, evaluateTargetHealth: false }],
        },
        this.opts,
      );
  }

  private tags(): Record<string, string> {
    return { Role: FRONT_DOOR_ROLE, Name: `jitsi-${this.args.context.stack}` };
  }

  private get opts(): pulumi.CustomResourceOptions {
    return { parent: this, provider: this.args.context.provider };
  }
}
