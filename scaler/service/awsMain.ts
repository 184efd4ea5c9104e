import { AwsFleet } from "../fleets/aws/fleet";
import { runScaler } from "./program";

/** The scaler of Auto Scaling groups: a program of its own, for AWS's clients are three times as large as all the rest. */
runScaler(({ fleet }, log) => {
  if (fleet.kind !== "aws")
    throw new Error(`fleet.kind is ${fleet.kind}: this is the scaler of Auto Scaling groups`);
  return new AwsFleet(fleet, log);
});
