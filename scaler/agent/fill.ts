import { buffer } from "node:stream/consumers";
import { pack } from "tar-stream";
import { INSTANCE, MEDIA_PORT, type PoolTemplate } from "../configuration";

/** What takes the placeholders' places. Only a bridge has a media port. */
export interface Filling {
  readonly instance: string;
  readonly mediaPort: number | undefined;
}

/** A template's container, the placeholders in all of its keys and texts filled in. */
export function fillBody({ container }: PoolTemplate, filling: Filling): Record<string, unknown> {
  return fillRecord(container, filling);
}

function fillRecord(record: object, filling: Filling): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(record).map(([key, value]) => [fillText(key, filling), fillValue(value, filling)]),
  );
}

function fillValue(value: unknown, filling: Filling): unknown {
  if (typeof value === "string") return fillText(value, filling);
  if (Array.isArray(value)) return value.map((item) => fillValue(item, filling));
  return typeof value === "object" && value !== null ? fillRecord(value, filling) : value;
}

function fillText(text: string, { instance, mediaPort }: Filling): string {
  const named = text.replaceAll(INSTANCE, instance);
  return mediaPort === undefined ? named : named.replaceAll(MEDIA_PORT, String(mediaPort));
}

/**
 * A tar of a template's files, the placeholders filled in, with the directories they need: the container's user may
 * read them, nobody may write them.
 * @throws when the container's user is not written as numbers: which these are, only its image knows.
 */
export function archiveOf({ container, files }: PoolTemplate, filling: Filling): Promise<Buffer> {
  const owner = ownerOf(container["User"]);
  const tar = pack();
  const directories = new Set(files.flatMap(({ path }) => parents(path)));
  for (const name of [...directories].sort()) tar.entry({ name, type: "directory", ...owner, mode: 0o550 });
  for (const { content, executable, path: name } of files)
    tar.entry({ name, ...owner, mode: executable ? 0o550 : 0o440 }, fillText(content, filling));
  tar.finalize();
  return buffer(tar);
}

function ownerOf(user: unknown): { uid: number; gid: number } {
  const [, uid, gid] = /^(\d+)(?::(\d+))?$/.exec(typeof user === "string" ? user : "0") ?? [];
  if (uid === undefined)
    throw new Error("the container's User must be numbers, uid:gid: files are given to it");
  return { uid: Number(uid), gid: Number(gid ?? 0) };
}

/** `a/` and `a/b/` of `a/b/c`. */
function parents(path: string): string[] {
  const parts = path.split("/").slice(0, -1);
  return parts.map((_, index) => `${parts.slice(0, index + 1).join("/")}/`);
}
