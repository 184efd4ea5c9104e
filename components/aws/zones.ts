import { getAvailabilityZonesOutput } from "@pulumi/aws/getAvailabilityZones";
import * as pulumi from "@pulumi/pulumi";
import { SettingsError } from "../settings";
import type { AwsContext } from "./context";

/**
 * Whether the region has the zones that the settings name: only AWS knows. Throws a SettingsError where it has not. To
 * be waited for, as by `dependsOn`, so that nothing was changed by then.
 */
export function existingZones({ provider, settings, stack }: AwsContext): pulumi.Output<pulumi.Resource[]> {
  const { region, zones } = settings.aws;
  return getAvailabilityZonesOutput({ allAvailabilityZones: false, state: "available" }, { provider }).apply(
    ({ names }) => {
      const faults = zones.flatMap((zone, index) =>
        names.includes(zone)
          ? []
          : [
              {
                path: `aws.zones[${index}]`,
                message: `${zone} is no zone of ${region} that this account may use; there are ${names.join(", ")}`,
              },
            ],
      );
      if (faults.length > 0) throw new SettingsError(faults, stack);
      return [];
    },
  );
}
