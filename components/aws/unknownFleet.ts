import * as pulumi from "@pulumi/pulumi";
import type { AwsFleetSettings } from "../settings";
import { placeBySettings, readFleetStatus } from "./fleetStatus";
import { awsName } from "./names";

/**
 * A hook before the first thing of a fleet is made: there must be none of the stack's name yet. One is there whose state
 * is lost. Of what has a name AWS would refuse a second one in mid-update, and topics and queues it would hand over.
 */
export function makeNoSecondFleet(stack: string, settings: AwsFleetSettings): pulumi.ResourceHook {
  return new pulumi.ResourceHook(
    "make-no-second-fleet",
    async () => {
      const known = await readFleetStatus(placeBySettings(stack, settings));
      if (known === "never up") return;
      const found =
        "unknown" in known ? known.unknown : `its scaler ${known.replica} wrote at ${known.knownAt}`;
      const message =
        `The state of stack ${stack} knows of no fleet, but on AWS there is one (${awsName(stack, "fleet")}: ${found}). ` +
        "Nothing was changed, and that fleet runs on. Bring its state back: docs/recovery.md#the-state-is-lost";
      if (!pulumi.runtime.isDryRun()) throw new Error(message);
      void pulumi.log.warn(`As things are now, this update would be refused. ${message}`);
    },
    { onDryRun: true },
  );
}
