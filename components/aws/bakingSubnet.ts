import { getSubnetOutput } from "@pulumi/aws/ec2/getSubnet";
import * as pulumi from "@pulumi/pulumi";
import { SettingsError } from "../settings";
import type { AwsSettings } from "../settings/awsSchema";
import type { AwsContext } from "./context";

/** Where images are baked: in the first zone, among the pools' machines. */
export const bakingZone = ({ zones }: Pick<AwsSettings, "zones">): string => zones[0] ?? "";

/**
 * Whether a machine that Image Builder launches comes to a public address, without which it reaches no archive and no
 * registry: Image Builder cannot ask for one, as launch templates do, so that the subnet must give it. An own network's
 * does; of an existing one only AWS knows. Throws a SettingsError where it does not. To be waited for, as by `dependsOn`,
 * so that nothing was changed by then.
 */
export function openBakingSubnet({
  provider,
  settings,
  stack,
}: AwsContext): pulumi.Output<pulumi.Resource[]> {
  const { image, network } = settings.aws;
  if (!image.baked || network.type === "own") return pulumi.output([]);
  const zone = bakingZone(settings.aws);
  const id = network.subnets.find((subnet) => subnet.use === "machines" && subnet.zone === zone)?.id ?? "";
  return getSubnetOutput({ id }, { provider }).apply(({ mapPublicIpOnLaunch }) => {
    if (mapPublicIpOnLaunch) return [];
    const message = `is true, but ${id}, in which it would be baked, gives what is launched there no public address; run aws ec2 modify-subnet-attribute --subnet-id ${id} --map-public-ip-on-launch, or set it to false`;
    throw new SettingsError([{ path: "aws.image.baked", message }], stack);
  });
}
