import { askSelf } from "../askSelf";
import { scalerConfiguration } from "../configuration";
import { decide } from "../core/decide";
import { readConfiguration } from "../readConfiguration";
import { runProgram } from "../runProgram";
import { runService, type FleetMaker } from "./service";

const ANSWER_LIMIT_SECONDS = 4;

/** Prints what the API of the scaler that runs here says. */
async function print(page: string): Promise<void> {
  const { listen } = readConfiguration(scalerConfiguration);
  const { status, body } = await askSelf(listen, `/v1/${page}`, ANSWER_LIMIT_SECONDS);
  if (status !== 200) throw new Error(`${status} ${body.trim()}`);
  console.log(body);
}

/**
 * The scaler: looks at the fleet, decides, acts, explains. With a word after its name it asks the one that runs here,
 * so that whoever is on its host need not have the token.
 */
export function runScaler(fleetOf: FleetMaker): void {
  runProgram({
    "": () => runService(readConfiguration(scalerConfiguration), decide, fleetOf),
    pools: () => print("pools"),
    instances: () => print("instances"),
    hosts: () => print("hosts"),
    decisions: () => print("decisions"),
  });
}
