import type { UploaderConfiguration } from "../configuration";
import { programLog } from "../log";
import { serveApi } from "./api";
import { LiveInstances } from "./live";
import { UploadLoop } from "./loop";
import { Rclone } from "./rclone";
import { Storage } from "./storage";

/** From a signal to the end, whatever is under way. */
const STOP_LIMIT_SECONDS = 5;

/** Runs the uploader until SIGTERM or SIGINT. What is not in the store then is uploaded after the next start. */
export async function runService(configuration: UploaderConfiguration): Promise<void> {
  const log = programLog({});
  const end = new AbortController();
  const live = new LiveInstances();
  const loop = new UploadLoop({
    configuration,
    storage: new Storage(configuration.storage),
    rclone: new Rclone(configuration.rclone, configuration.stallSeconds, end.signal),
    live,
    log,
  });
  const api = await serveApi(configuration, loop, live);
  log.info({ destination: configuration.destination }, "started");
  for (const signal of ["SIGTERM", "SIGINT"] as const)
    process.once(signal, () => {
      end.abort();
      setTimeout(() => process.exit(0), STOP_LIMIT_SECONDS * 1000).unref();
    });
  await loop.run(end.signal);
  api.close();
  log.info("ended");
}
