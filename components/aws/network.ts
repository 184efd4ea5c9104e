import * as cloudwatch from "@pulumi/aws/cloudwatch";
import * as ec2 from "@pulumi/aws/ec2";
import * as iam from "@pulumi/aws/iam";
import * as vpc from "@pulumi/aws/vpc";
import * as pulumi from "@pulumi/pulumi";
import type { AwsNetwork } from "../settings/awsSchema";
import { rangeText } from "../settings/ipv4Range";
import { ipv6Subnet, loadBalancerZones, zoneRanges, type ZoneUse } from "./addresses";
import { bakingZone } from "./bakingSubnet";
import type { AwsContext } from "./context";
import { flowLogsPolicy, flowLogsTrust } from "./flowLogs";
import { flows, securityRoles, securityRules, type SecurityRole, type SecurityRule } from "./securityRules";

/** A zone's subnets, by what stands in them. */
export interface ZoneSubnets extends Record<Exclude<ZoneUse, "loadBalancer">, pulumi.Input<string>> {
  /** In the first two zones. */
  readonly loadBalancer?: pulumi.Input<string>;
}

const FLOW_LOG_DAYS = 30;

/**
 * Where the fleet stands: subnets in each zone, all with a way to the internet, and a closed security group for each
 * role. A VPC of its own, or one that is there, in which it makes its security groups alone.
 */
export class Network extends pulumi.ComponentResource {
  readonly vpcId: pulumi.Output<string>;
  /** By zone. */
  readonly subnets: Readonly<Record<string, ZoneSubnets>>;
  /** The security groups, by role. */
  readonly groups: Readonly<Record<SecurityRole, pulumi.Output<string>>>;
  /** What must be there before a machine can reach anything, and be reached. */
  readonly ways: readonly pulumi.Resource[];

  constructor(
    private readonly name: string,
    private readonly context: AwsContext,
    opts: pulumi.ComponentResourceOptions,
  ) {
    const { ipv6, network, zones } = context.settings.aws;
    super("jitsi-fleet:aws:Network", name, { network, zones, ipv6 }, opts);

    const [vpcId, subnets, routes] =
      network.type === "own" ? this.own(network.range) : this.existing(network);
    this.vpcId = pulumi.output(vpcId);
    this.subnets = subnets;
    if (context.settings.aws.flowLogs) this.flowLogs();
    const groups = securityRoles.map((role) => [role, this.securityGroup(role)] as const);
    this.groups = Object.fromEntries(groups.map(([role, { id }]) => [role, id])) as Network["groups"];
    this.ways = [...routes, ...this.rules()];
    this.registerOutputs({ vpcId: this.vpcId });
  }

  /** A VPC of the fleet's own. */
  private own(range: string): [pulumi.Output<string>, Network["subnets"], pulumi.Resource[]] {
    const { name, opts } = this;
    const { ipv6, region, zones } = this.context.settings.aws;
    const own = new ec2.Vpc(
      name,
      {
        cidrBlock: range,
        enableDnsHostnames: true,
        assignGeneratedIpv6CidrBlock: ipv6,
        tags: this.tags(),
      },
      opts,
    );
    // Whatever is put there without a group of the fleet's speaks to nobody.
    new ec2.DefaultSecurityGroup(`${name}-default`, { vpcId: own.id, tags: this.tags("default") }, opts);
    const gateway = new ec2.InternetGateway(name, { vpcId: own.id, tags: this.tags() }, opts);
    const table = new ec2.RouteTable(name, { vpcId: own.id, tags: this.tags() }, opts);
    const out = { routeTableId: table.id, gatewayId: gateway.id };
    const routes: pulumi.Resource[] = [
      new ec2.Route(name, { ...out, destinationCidrBlock: "0.0.0.0/0" }, opts),
      ...(ipv6 ? [new ec2.Route(`${name}-ipv6`, { ...out, destinationIpv6CidrBlock: "::/0" }, opts)] : []),
    ];
    // What goes to these costs nothing by them, and does not leave AWS.
    for (const service of ["s3", "dynamodb"])
      new ec2.VpcEndpoint(
        `${name}-${service}`,
        {
          vpcId: own.id,
          serviceName: `com.amazonaws.${region}.${service}`,
          vpcEndpointType: "Gateway",
          routeTableIds: [table.id],
          tags: this.tags(service),
        },
        opts,
      );
    const subnets = zones.map((zone) => {
      const ofUse = (use: ZoneUse): pulumi.Output<string> => {
        const subnet = this.subnet(own, zone, use);
        const suffix = `${name}-${zone}-${use}`;
        routes.push(
          new ec2.RouteTableAssociation(suffix, { routeTableId: table.id, subnetId: subnet.id }, opts),
        );
        return subnet.id;
      };
      const loadBalancer = this.hasLoadBalancer(zone) ? { loadBalancer: ofUse("loadBalancer") } : {};
      return [zone, { nodes: ofUse("nodes"), pools: ofUse("pools"), ...loadBalancer }] as const;
    });
    return [own.id, Object.fromEntries(subnets), routes];
  }

  private subnet(own: ec2.Vpc, zone: string, use: ZoneUse): ec2.Subnet {
    const { image, ipv6, network, zones } = this.context.settings.aws;
    const isForBaking = image.baked && use === "pools" && zone === bakingZone({ zones });
    const range = zoneRanges(network, zone)?.[use];
    if (!range) throw new Error(`${zone} has no range for ${use}`);
    return new ec2.Subnet(
      `${this.name}-${zone}-${use}`,
      {
        vpcId: own.id,
        availabilityZone: zone,
        cidrBlock: rangeText(range),
        // Machines have none: a bridge could not tell users of it.
        ...(ipv6 && use === "loadBalancer"
          ? {
              ipv6CidrBlock: own.ipv6CidrBlock.apply((block) => ipv6Subnet(block, zone, use)),
              assignIpv6AddressOnCreation: true,
            }
          : {}),
        // Image Builder asks for none by itself, as pools do.
        ...(isForBaking ? { mapPublicIpOnLaunch: true } : {}),
        tags: this.tags(`${zone}-${use}`),
      },
      this.opts,
    );
  }

  /** A VPC that is there, its subnets and its ways as they are. */
  private existing({
    subnets,
    vpcId,
  }: Extract<AwsNetwork, { type: "existing" }>): [string, Network["subnets"], pulumi.Resource[]] {
    const { network, zones } = this.context.settings.aws;
    const idOf = (zone: string, use: "machines" | "loadBalancer"): string =>
      subnets.find((subnet) => subnet.zone === zone && subnet.use === use)?.id ?? "";
    // Of the nodes' addresses AWS is to give none to anything else there.
    const reserved = zones.flatMap((zone) => {
      const range = zoneRanges(network, zone)?.nodes;
      return range === undefined
        ? []
        : [
            new ec2.SubnetCidrReservation(
              `${this.name}-${zone}`,
              {
                subnetId: idOf(zone, "machines"),
                cidrBlock: rangeText(range),
                reservationType: "explicit",
                description: `jitsi-fleet ${this.context.stack}: fixed addresses`,
              },
              this.opts,
            ),
          ];
    });
    const byZone = zones.map((zone) => {
      const machines = idOf(zone, "machines");
      const loadBalancer = this.hasLoadBalancer(zone) ? { loadBalancer: idOf(zone, "loadBalancer") } : {};
      return [zone, { nodes: machines, pools: machines, ...loadBalancer }] as const;
    });
    return [vpcId, Object.fromEntries(byZone), reserved];
  }

  private hasLoadBalancer(zone: string): boolean {
    return loadBalancerZones(this.context.settings.aws).includes(zone);
  }

  private securityGroup(role: SecurityRole): ec2.SecurityGroup {
    return new ec2.SecurityGroup(
      `${this.name}-${role}`,
      {
        vpcId: this.vpcId,
        description: `jitsi-fleet ${this.context.stack}: ${role}`,
        // Groups name one another: none could go before the other's rules are gone.
        revokeRulesOnDelete: true,
        tags: this.tags(role),
      },
      this.opts,
    );
  }

  private rules(): pulumi.Resource[] {
    const { settings } = this.context;
    return securityRules(flows(settings), settings.aws.ipv6).map((rule) => {
      const args = {
        securityGroupId: this.groups[rule.role],
        ...this.peerOf(rule),
        ipProtocol: rule.protocol,
        fromPort: rule.first,
        toPort: rule.last,
        description: rule.why,
      };
      const name = `${this.name}-${rule.name}`;
      return rule.direction === "ingress"
        ? new vpc.SecurityGroupIngressRule(name, args, this.opts)
        : new vpc.SecurityGroupEgressRule(name, args, this.opts);
    });
  }

  private peerOf({ peer }: SecurityRule) {
    if ("role" in peer) return { referencedSecurityGroupId: this.groups[peer.role] };
    return "ipv4" in peer ? { cidrIpv4: peer.ipv4 } : { cidrIpv6: peer.ipv6 };
  }

  private flowLogs(): void {
    const { settings } = this.context;
    const name = `${this.name}-flows`;
    const log = new cloudwatch.LogGroup(
      name,
      { retentionInDays: FLOW_LOG_DAYS, tags: { Role: "network" } },
      this.opts,
    );
    const role = new iam.Role(
      name,
      {
        assumeRolePolicy: JSON.stringify(flowLogsTrust()),
        ...(settings.aws.permissionsBoundary === undefined
          ? {}
          : { permissionsBoundary: settings.aws.permissionsBoundary }),
      },
      this.opts,
    );
    const policy = new iam.RolePolicy(
      name,
      { role: role.id, policy: log.arn.apply((arn) => JSON.stringify(flowLogsPolicy(arn))) },
      this.opts,
    );
    new ec2.FlowLog(
      name,
      {
        vpcId: this.vpcId,
        trafficType: "ALL",
        logDestination: log.arn,
        iamRoleArn: role.arn,
        tags: this.tags("flows"),
      },
      { ...this.opts, dependsOn: [policy] },
    );
  }

  private tags(suffix?: string): Record<string, string> {
    const { stack } = this.context;
    return { Role: "network", Name: `jitsi-${stack}${suffix === undefined ? "" : `-${suffix}`}` };
  }

  private get opts(): pulumi.CustomResourceOptions {
    return { parent: this, provider: this.context.provider };
  }
}
