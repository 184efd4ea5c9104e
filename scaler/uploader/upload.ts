import type { Logger } from "pino";
import { PART, storeName } from "./names";
import type { Rclone, RemoteFile } from "./rclone";
import {
  StorageFault,
  type SessionDirectory,
  type SessionFile,
  type StagedFile,
  type Storage,
} from "./storage";

export interface UploadTools {
  readonly storage: Storage;
  readonly rclone: Rclone;
  readonly destination: string;
  readonly log: Logger;
}

export interface Uploaded {
  readonly bytes: number;
  readonly isPartial: boolean;
}

/** Says that a recording is whole: comes last, for who watches the store. */
const LAST_FILE = "metadata.json";
/** Directories to try for a session whose own holds other recordings. */
const MOST_DIRECTORIES = 100;

interface Item {
  readonly file: SessionFile;
  readonly staged: StagedFile;
  /** Below the session's directory in the store. */
  readonly name: string;
}

/**
 * Brings a session to the store and removes it from the volume once all of it was read back from there. May be ended
 * at any point and repeated. Throws StorageFault for the volume's faults, else what rclone says.
 */
export async function uploadSession(session: SessionDirectory, tools: UploadTools): Promise<Uploaded> {
  const { log, storage } = tools;
  const content = await storage.content(session);
  if (!content) throw new StorageFault("it is gone");
  if (content.strangers.length > 0)
    log.warn({ strangers: content.strangers }, "neither file nor directory: not uploaded");
  const isLast = ({ names }: SessionFile): boolean => names.length === 1 && String(names[0]) === LAST_FILE;
  const files = content.files.toSorted((a, b) => Number(isLast(a)) - Number(isLast(b)));

  await storage.staged(files, async (staged) => {
    const items = files.flatMap((file, index) => {
      const held = staged[index];
      return held ? [{ file, staged: held, name: file.names.map(storeName).join("/") }] : [];
    });
    if (items.length > 0) await bringAll(items, session, tools);
  });

  const now = await storage.content(session);
  if (now && versionsOf(now.files) !== versionsOf(content.files))
    throw new StorageFault("it changed while it was uploaded");
  log.info("removing");
  await storage.remove(session);
  return { bytes: content.bytes, isPartial: content.isPartial };
}

const versionsOf = (files: readonly SessionFile[]): string =>
  files
    .map(({ path, version }) => `${path.toString("hex")} ${version}`)
    .sort()
    .join("\n");

async function bringAll(
  items: readonly Item[],
  session: SessionDirectory,
  tools: UploadTools,
): Promise<void> {
  const { directory, there } = await chooseDirectory(items, session, tools);
  for (const item of items) {
    const final = { fs: tools.destination, remote: `${directory}/${item.name}` };
    if (there.has(item)) await removePart(final, tools);
    else await bring(item, final, tools);
  }
}

/**
 * The session's directory in the store, and which items are there already. A file comes to its final name proven:
 * one that differs is another recording, which is not touched, and this one goes beside it.
 */
async function chooseDirectory(
  items: readonly Item[],
  { instance, name }: SessionDirectory,
  tools: UploadTools,
): Promise<{ directory: string; there: ReadonlySet<Item> }> {
  for (let number = 0; number < MOST_DIRECTORIES; number++) {
    const suffix = number === 0 ? "" : `~${storeName(instance)}${number === 1 ? "" : `~${number}`}`;
    const directory = storeName(Buffer.concat([name, Buffer.from(suffix)]));
    const there = new Set<Item>();
    const hasOther = async (item: Item): Promise<boolean> => {
      const state = await compare(
        item,
        { fs: tools.destination, remote: `${directory}/${item.name}` },
        tools,
      );
      if (state === "same") there.add(item);
      return state === "other";
    };
    let isTaken = false;
    for (const item of items) isTaken ||= await hasOther(item);
    if (!isTaken) return { directory, there };
    tools.log.warn({ directory }, "the store has another recording there: it is left alone");
  }
  throw new Error("the store has other recordings in every directory that this one could take");
}

/** Compares a file with what the store gives back for a name. */
async function compare(
  { file, staged }: Item,
  remote: RemoteFile,
  { rclone }: UploadTools,
): Promise<"same" | "other" | "missing"> {
  const size = await rclone.size(remote);
  if (size === undefined) return "missing";
  if (size !== file.size) return "other";
  return (await rclone.sha256(remote)) === (await staged.sha256()) ? "same" : "other";
}

async function bring(item: Item, final: RemoteFile, tools: UploadTools): Promise<void> {
  const { log, rclone } = tools;
  const part = { ...final, remote: final.remote + PART };
  const about = { file: final.remote, bytes: item.file.size };
  if ((await compare(item, part, tools)) !== "same") {
    log.info(about, "sending");
    await rclone.copy({ fs: item.staged.directory, remote: item.staged.name }, part);
    log.info(about, "reading back");
    const state = await compare(item, part, tools);
    if (state !== "same") throw new Error(`${part.remote} in the store is ${state}, not what was sent`);
  }
  log.info(about, "moving");
  await rclone.move(part, final);
  const size = await rclone.size(final);
  if (size !== item.file.size)
    throw new Error(`${final.remote} in the store has ${size ?? "no"} bytes, not ${item.file.size}`);
  log.info({ ...about, sha256: await item.staged.sha256() }, "in the store");
}

/** Of a move that was cut off between copy and removal. */
async function removePart(final: RemoteFile, { rclone }: UploadTools): Promise<void> {
  const part = { ...final, remote: final.remote + PART };
  if ((await rclone.size(part)) !== undefined) await rclone.remove(part);
}
