import type { LiveTarget } from "@jitsi-fleet/scaler";
import { ownerOf } from "./docker/container";
import type { ContainerSpec, LiveConfiguration } from "./platform";

/** A live configuration as whoever applies it is told of it. `dockerNameOf`: of a container of the node. */
export const liveTargetOf = (
  spec: ContainerSpec,
  live: LiveConfiguration,
  dockerNameOf: (container: string) => string,
): LiveTarget => ({
  container: dockerNameOf(spec.name),
  directory: live.directory,
  main: live.main.name,
  check: [...live.check],
  reloadSignal: live.reloadSignal,
  settleSeconds: live.settleSeconds,
  run: live.run,
  owner: ownerOf(spec),
  settled: { container: dockerNameOf(live.settled.container), command: [...live.settled.command] },
});
