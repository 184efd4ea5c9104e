import * as lb from "@pulumi/aws/lb";
import * as pulumi from "@pulumi/pulumi";
import type { AwsContext } from "./context";
import { CHECK_SECONDS, CHECKS } from "./liveness";
import type { Network } from "./network";
import { edgePorts, webPorts } from "./ports";
import { DEREGISTRATION_SECONDS, TargetHooks } from "./targetHooks";

export interface TargetsArgs {
  readonly context: AwsContext;
  readonly network: Network;
  /** Whether the whole stack is being taken down: then no edge waits for another. */
  readonly isDestroying: () => boolean;
}

/** An edge that is ill keeps the connections it has for so long: one that leaves is not ill, and serves on. */
const ILL_SECONDS = 60;

/**
 * Where the load balancer sends users: a group for each of their ports, in which the edges' machines are. A machine is
 * taken out before it ends, and only beside another one that serves.
 */
export class Targets extends pulumi.ComponentResource {
  /** The groups' ARNs. */
  readonly groups: Readonly<Record<keyof typeof webPorts, pulumi.Output<string>>>;
  /** What has the edges in the groups. */
  readonly attachments: pulumi.Resource[] = [];
  private readonly context: AwsContext;
  private readonly hooks: TargetHooks;

  constructor(
    private readonly name: string,
    { context, isDestroying, network }: TargetsArgs,
    opts: pulumi.ComponentResourceOptions,
  ) {
    super("jitsi-fleet:aws:Targets", name, {}, opts);
    this.context = context;
    this.hooks = new TargetHooks(context.settings, isDestroying);
    this.groups = {
      http: this.group("http", "TCP", network),
      https: this.group(
        "https",
        context.settings.aws.frontDoor.certificate === "acm" ? "TLS" : "TCP",
        network,
      ),
    };
    this.registerOutputs();
  }

  /** Has users sent to an edge's machine, by its id: another machine is another target, though its address is the same. */
  register(edge: string, instance: pulumi.Output<string>, parent: pulumi.Resource): void {
    for (const [what, targetGroupArn] of Object.entries(this.groups))
      this.attachments.push(
        new lb.TargetGroupAttachment(
          `${edge}-${what}`,
          { targetGroupArn, targetId: instance, port: webPorts[what as keyof typeof webPorts] },
          {
            parent,
            provider: this.context.provider,
            hooks: { beforeDelete: [this.hooks.takeOut], afterDelete: [this.hooks.letGo] },
          },
        ),
      );
  }

  private group(
    what: keyof typeof webPorts,
    protocol: "TCP" | "TLS",
    { vpcId }: Network,
  ): pulumi.Output<string> {
    const { provider, stack } = this.context;
    const group = new lb.TargetGroup(
      `${this.name}-${what}`,
      {
        vpcId,
        targetType: "instance",
        port: webPorts[what],
        protocol,
        // By the load balancer's addresses an edge knows that it is told the user's.
        preserveClientIp: "false",
        proxyProtocolV2: true,
        deregistrationDelay: DEREGISTRATION_SECONDS,
        targetHealthStates: [
          { enableUnhealthyConnectionTermination: false, unhealthyDrainingInterval: ILL_SECONDS },
        ],
        healthCheck: {
          protocol: "HTTP",
          port: String(edgePorts.metrics),
          path: "/live",
          interval: CHECK_SECONDS,
          healthyThreshold: CHECKS,
          unhealthyThreshold: CHECKS,
        },
        tags: { Role: "frontDoor", Name: `jitsi-${stack}` },
      },
      { parent: this, provider },
    );
    return group.arn;
  }
}
