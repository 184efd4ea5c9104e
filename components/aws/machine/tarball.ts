import { extract, pack } from "tar-stream";
import { Readable } from "node:stream";
import { buffer, text } from "node:stream/consumers";

export interface TarEntry {
  readonly content: string;
  readonly isExecutable?: boolean;
}

/**
 * A tar of files by their path. The same files give the same bytes, whenever, wherever and in whichever order they are
 * given; it is not compressed, since a compressor's bytes differ from one processor to another.
 */
export function tarball(files: Readonly<Record<string, TarEntry>>): Promise<Buffer> {
  const tar = pack();
  const root = { uid: 0, gid: 0, uname: "root", gname: "root", mtime: new Date(0) };
  // By code units: a locale's order is not everyone's.
  const sorted = Object.entries(files).sort(([one], [other]) => (one < other ? -1 : 1));
  for (const [name, { content, isExecutable }] of sorted)
    tar.entry({ ...root, name, mode: isExecutable ? 0o500 : 0o400 }, content);
  tar.finalize();
  return buffer(tar);
}

/** What tarball() made of files. Throws where it is no tar. */
export async function untarred(tar: Buffer): Promise<Record<string, string>> {
  const files: Record<string, string> = {};
  for await (const entry of Readable.from([tar]).pipe(extract()))
    files[entry.header.name] = await text(entry);
  return files;
}
