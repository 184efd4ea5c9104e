import { mkdirSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";

/**
 * A folder that outlives a test run, for what is dear to make again: built programs, images, transpiled code.
 * It lies under `$XDG_CACHE_HOME/jitsi-fleet`, by default `~/.cache/jitsi-fleet`, and is made when it does not exist.
 * @param parts the folder's path within the cache
 */
export function cacheDir(...parts: string[]): string {
  const root = process.env["XDG_CACHE_HOME"];
  const directory = join(
    root === undefined || root === "" ? join(homedir(), ".cache") : root,
    "jitsi-fleet",
    ...parts,
  );
  mkdirSync(directory, { recursive: true });
  return directory;
}
