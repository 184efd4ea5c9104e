import { scalerConfiguration } from "../configuration";
import { decide } from "../core/decide";
import { readConfiguration } from "../readConfiguration";
import { runService } from "./service";

/** The scaler: looks at the fleet, decides, acts, explains. */
async function main(): Promise<void> {
  await runService(readConfiguration(scalerConfiguration), decide);
}

main().then(
  () => process.exit(0),
  (error: unknown) => {
    console.error(error instanceof Error ? error.message : String(error));
    process.exit(1);
  },
);
