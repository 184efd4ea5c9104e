import type { Logger } from "pino";
import type { UploaderConfiguration } from "../configuration";
import { PART, storeName } from "./names";
import { CostlyFault, type Rclone, type RemoteFile } from "./rclone";
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
  readonly store: Pick<UploaderConfiguration, "destination" | "kind">;
  /** What earlier tries of this session found out. */
  readonly known: Known;
  readonly log: Logger;
}

/** What is known of a session's files, so that nothing is read or sent twice for want of memory. */
export class Known {
  /** SHA-256 of local files, by version. */
  readonly hashes = new Map<string, string>();
  /** Which versions were read back whole from under which names. */
  readonly proven = new Set<string>();
  /** Names in the store under which nothing was before this session's own file was sent there. */
  readonly own = new Set<string>();
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
  try {
    await storage.remove(session);
  } catch (error) {
    throw new StorageFault(`it is in the store, and cannot be removed here: ${wordsOf(error)}`, {
      cause: error,
    });
  }
  return { bytes: content.bytes, isPartial: content.isPartial };
}

const wordsOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

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
    const final = { fs: tools.store.destination, remote: `${directory}/${item.name}` };
    if (there.has(item)) await removePart(final, tools);
    else if (tools.store.kind === "bucket") await bringToBucket(item, final, tools);
    else await bringToDirectory(item, final, tools);
  }
}

/**
 * The session's directory in the store, and which items are there already. One that differs is another recording, unless
 * this session sent it: it is not touched, and this one goes beside it.
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
      const remote = `${directory}/${item.name}`;
      const state = await compare(item, { fs: tools.store.destination, remote }, tools);
      if (state === "same") there.add(item);
      return state === "other" && !tools.known.own.has(remote);
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
  { known, rclone }: UploadTools,
): Promise<"same" | "other" | "missing"> {
  const size = await rclone.size(remote);
  if (size === undefined) return "missing";
  if (size !== file.size) return "other";
  const proof = proofOf(file, remote);
  if (known.proven.has(proof)) return "same";
  if ((await rclone.sha256(remote)) !== (await localHash(file, staged, known))) return "other";
  known.proven.add(proof);
  return "same";
}

const proofOf = (file: SessionFile, { remote }: RemoteFile): string => `${versionOf(file)} ${remote}`;
const versionOf = ({ path, version }: SessionFile): string => `${path.toString("hex")} ${version}`;

async function localHash(file: SessionFile, staged: StagedFile, { hashes }: Known): Promise<string> {
  const hash = hashes.get(versionOf(file)) ?? (await staged.sha256());
  hashes.set(versionOf(file), hash);
  return hash;
}

/**
 * A bucket has a file whole or not at all, so that it is sent under its own name: many stores copy or rename slowly, in
 * part or not at all.
 */
async function bringToBucket(item: Item, final: RemoteFile, tools: UploadTools): Promise<void> {
  const about = { file: final.remote, bytes: item.file.size };
  // Nothing is there, or what this session sent before.
  tools.known.own.add(final.remote);
  await send(item, final, about, tools);
  await removePart(final, tools);
  tools.log.info({ ...about, sha256: await localHash(item.file, item.staged, tools.known) }, "in the store");
}

/** Sends a file and reads it back. */
async function send(item: Item, to: RemoteFile, about: object, tools: UploadTools): Promise<void> {
  const { log, rclone } = tools;
  log.info(about, "sending");
  await rclone.copy({ fs: item.staged.directory, remote: item.staged.name }, to);
  log.info(about, "reading back");
  const state = await compare(item, to, tools);
  if (state !== "same") throw new CostlyFault(`${to.remote} in the store is ${state}, not what was sent`);
}

/** A directory shows a file while it grows: it comes to its name once it is proven. */
async function bringToDirectory(item: Item, final: RemoteFile, tools: UploadTools): Promise<void> {
  const { log, rclone } = tools;
  const part = { ...final, remote: final.remote + PART };
  const about = { file: final.remote, bytes: item.file.size };
  if ((await compare(item, part, tools)) !== "same") await send(item, part, about, tools);
  log.info(about, "moving");
  await rclone.move(part, final);
  const size = await rclone.size(final);
  if (size !== item.file.size)
    throw new Error(`${final.remote} in the store has ${size ?? "no"} bytes, not ${item.file.size}`);
  tools.known.proven.add(proofOf(item.file, final));
  log.info({ ...about, sha256: await localHash(item.file, item.staged, tools.known) }, "in the store");
}

/** Of a move that was cut off between copy and removal, and in buckets of earlier versions. */
async function removePart(final: RemoteFile, { rclone }: UploadTools): Promise<void> {
  const part = { ...final, remote: final.remote + PART };
  if ((await rclone.size(part)) !== undefined) await rclone.remove(part);
}
