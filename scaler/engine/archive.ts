import { buffer } from "node:stream/consumers";
import { pack } from "tar-stream";

export interface Ownership {
  readonly uid: number;
  readonly gid: number;
  readonly mode: number;
}

/** A tar of files by their path, with the directories they need, which their owner may write. */
export async function archive(
  files: Readonly<Record<string, string>>,
  ownership: Ownership,
): Promise<Buffer> {
  const tar = pack();
  const directories = new Set(Object.keys(files).flatMap(parents));
  for (const name of [...directories].sort())
    tar.entry({ name, type: "directory", ...ownership, mode: ownership.mode | 0o311 });
  for (const [name, content] of Object.entries(files)) tar.entry({ name, ...ownership }, content);
  tar.finalize();
  return buffer(tar);
}

/** `a/b/` and `a/` of `a/b/c`. */
function parents(path: string): string[] {
  const parts = path.split("/").slice(0, -1);
  return parts.map((_, index) => `${parts.slice(0, index + 1).join("/")}/`);
}
