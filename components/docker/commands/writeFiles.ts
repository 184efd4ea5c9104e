import { bundle } from "@jitsi-fleet/scaler";
import { FLEET_DIRECTORY, PROGRAM_FILE } from "../../platform";
import { pullIfAbsent } from "@jitsi-fleet/scaler/engine/pull";
import { dockerClient } from "../connection";
import { archive } from "@jitsi-fleet/scaler/engine/archive";
import { filesTarget, readInput, runCommand } from "./input";

/** Puts a container's files into its volume, before it is created. Repeating it changes nothing. */
runCommand(async () => {
  const { target, connection, files: given } = await readInput(filesTarget);
  const { program } = target;
  const files = program
    ? { ...given, [PROGRAM_FILE.slice(FLEET_DIRECTORY.length + 1)]: bundle(program.name) }
    : given;
  const docker = dockerClient(connection, 600);
  await pullIfAbsent(docker, target.image);
  const carrier = await docker.createContainer({
    Image: target.image,
    Entrypoint: ["/bin/true"],
    HostConfig: { Binds: [`${target.volume}:${FLEET_DIRECTORY}`], NetworkMode: "none" },
  });
  try {
    await carrier.putArchive(await archive(files, { ...target.owner, mode: 0o440 }), {
      path: FLEET_DIRECTORY,
    });
  } finally {
    await carrier.remove({ force: true, v: true });
  }
  return `${Object.keys(files).length} files in ${target.volume}`;
});
