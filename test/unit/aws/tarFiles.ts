import { Readable } from "node:stream";
import { text } from "node:stream/consumers";
import { extract } from "tar-stream";

/** What a tar holds, by path. */
export async function filesIn(tar: Buffer): Promise<Record<string, string>> {
  const files: Record<string, string> = {};
  const reading = extract();
  Readable.from([tar]).pipe(reading);
  for await (const entry of reading) files[entry.header.name] = await text(entry);
  return files;
}
