import { applyLive } from "@jitsi-fleet/scaler/engine/live";
import { dockerClient } from "../connection";
import { hostLiveTarget, MAIN_FILE_VARIABLE, QUIET_FILES_VARIABLE, readInput, runCommand } from "./input";

/** Above the time that the keeper gives itself to bring quiet files into force. */
const LIMIT_SECONDS = 90;

/** Puts a container's live configuration in force. */
runCommand(async () => {
  const { target, connection, files: secretFiles } = await readInput(hostLiveTarget);
  return applyLive(dockerClient(connection, LIMIT_SECONDS), target, {
    loud: { ...secretFiles, [target.main]: process.env[MAIN_FILE_VARIABLE] ?? "" },
    quiet: JSON.parse(process.env[QUIET_FILES_VARIABLE] ?? "{}") as Record<string, string>,
  });
});
