import { createHash } from "node:crypto";
import { createReadStream, readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";

/** The files below a directory, as sorted relative paths. */
export function filesBelow(directory: string): string[] {
  return readdirSync(directory, { recursive: true, encoding: "utf8" })
    .filter((path) => statSync(join(directory, path)).isFile())
    .sort();
}

/** A short hash of texts and of files (names, modes and contents): the same inputs, the same hash, on every machine. */
export function inputsHash(texts: string[], directory: string, files: string[]): string {
  const hash = createHash("sha256").update(JSON.stringify(texts));
  for (const file of files) {
    const executable = (statSync(join(directory, file)).mode & 0o100) !== 0;
    hash.update(JSON.stringify([file, executable])).update(readFileSync(join(directory, file)));
  }
  return hash.digest("hex").slice(0, 16);
}

/** The SHA-256 of a file of any size. */
export async function fileSha256(path: string): Promise<string> {
  const hash = createHash("sha256");
  for await (const part of createReadStream(path)) hash.update(part as Buffer);
  return hash.digest("hex");
}
