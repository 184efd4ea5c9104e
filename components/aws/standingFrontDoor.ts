import { getSubnetOutput } from "@pulumi/aws/ec2/getSubnet";
import { getLbsOutput } from "@pulumi/aws/lb/getLbs";
import { getLoadBalancerOutput } from "@pulumi/aws/lb/getLoadBalancer";
import * as pulumi from "@pulumi/pulumi";
import { SettingsError } from "../settings";
import type { Fault } from "../settings/faults";
import { loadBalancerZones } from "./addresses";
import type { AwsContext } from "./context";
import { FRONT_DOOR_ROLE } from "./frontDoor";
import { ownTags } from "./names";

/** A subnet in which the load balancer stands. */
interface Standing {
  readonly id: string;
  readonly zone: string;
  /** Of the stack's own network. */
  readonly isOwn: boolean;
}

/**
 * Whether the load balancer that stands may stay where it is. Its provider replaces one that is to leave a subnet, which
 * fails in mid-update, since the edges' target groups are the old one's. Only AWS knows where it stands. Throws a
 * SettingsError where the settings want it elsewhere. To be waited for, as by `dependsOn`, so that nothing was changed by
 * then.
 */
export function standingFrontDoor(context: AwsContext): pulumi.Output<pulumi.Resource[]> {
  const { provider, stack } = context;
  const asked = { tags: { ...ownTags(stack), Role: FRONT_DOOR_ROLE } };
  return getLbsOutput(asked, { provider })
    .apply(({ arns }) => pulumi.all(arns.map((arn) => standingSubnets(arn, context))))
    .apply((all) => {
      const faults = all
        .flat()
        .flatMap((standing) => fault(standing, context) ?? [])
        .slice(0, 1);
      if (faults.length > 0) throw new SettingsError(faults, stack);
      return [];
    });
}

function standingSubnets(arn: string, { provider, stack }: AwsContext): pulumi.Output<Standing[]> {
  return getLoadBalancerOutput({ arn }, { provider }).apply(({ subnets }) =>
    pulumi.all(
      subnets.map((id) =>
        getSubnetOutput({ id }, { provider }).apply(({ availabilityZone: zone, tags }) => ({
          id,
          zone,
          isOwn: tags["Stack"] === stack,
        })),
      ),
    ),
  );
}

/** What is wrong with the settings while the load balancer stands in this subnet. */
function fault({ id, isOwn, zone }: Standing, { settings: { aws } }: AwsContext): Fault | undefined {
  const { network } = aws;
  if (!loadBalancerZones(aws).includes(zone))
    return {
      path: "aws.zones",
      message: `the load balancer stands in ${zone}, which it cannot leave: name ${zone} among the first two; others may come after. To leave the zone for good: docs/recovery.md#a-zone-is-out`,
    };
  if (network.type === "own")
    return isOwn
      ? undefined
      : {
          path: "aws.network.type",
          message: `the load balancer stands in ${id} of another network, which it cannot leave; set it to existing, with that subnet, or make another stack`,
        };
  const index = network.subnets.findIndex((subnet) => subnet.use === "loadBalancer" && subnet.zone === zone);
  if (network.subnets[index]?.id === id) return undefined;
  return {
    path: isOwn ? "aws.network.type" : `aws.network.subnets[${index}].id`,
    message: `the load balancer stands in ${id}, which it cannot leave; ${isOwn ? "set it to own, or make another stack" : `set it to ${id}`}`,
  };
}
