import { readFileSync } from "node:fs";
import { declareFleet, type FleetOutputs } from "./components/fleet";
import { preflight } from "./components/preflight";
import { readSettings } from "./components/settings";

/** The program: what would cut a call is refused before anything is declared. */
export = async (): Promise<FleetOutputs & { readonly readme: string }> => {
  const settings = readSettings();
  const platform = await preflight(settings);
  return {
    ...declareFleet(settings, platform),
    // How to run the fleet day by day.
    readme: readFileSync("Pulumi.README.md", "utf8"),
  };
};
