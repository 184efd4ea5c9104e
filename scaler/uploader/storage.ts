import { createHash } from "node:crypto";
import { constants } from "node:fs";
import {
  access,
  link,
  lstat,
  mkdir,
  open,
  readdir,
  rename,
  rm,
  rmdir,
  statfs,
  unlink,
} from "node:fs/promises";
import { basename, dirname, join } from "node:path";

/** `recordings`: a Jibri writes there. `spool`: whole, to be uploaded. */
export type Stage = "recordings" | "spool";

/** Names are bytes: who made a room chose them, and not all are text. */
export interface SessionDirectory {
  readonly stage: Stage;
  readonly instance: Buffer;
  readonly name: Buffer;
  readonly path: Buffer;
  /** Of its directory: when the last file was begun. Milliseconds since 1970. */
  readonly modifiedAt: number;
}

export interface SessionFile {
  readonly path: Buffer;
  /** Below the session: its directories' names and its own. */
  readonly names: readonly Buffer[];
  readonly size: number;
  /** Another file or other content has another one. */
  readonly version: string;
}

export interface SessionContent {
  readonly files: readonly SessionFile[];
  readonly bytes: number;
  /** When anything of it changed last, by the system's own mark, which no program sets. Milliseconds since 1970. */
  readonly changedAt: number;
  readonly isPartial: boolean;
  /** What is neither file nor directory: symbolic links before all, which are never followed. */
  readonly strangers: readonly string[];
}

/** A file held by a name that rclone takes as it is. */
export interface StagedFile {
  readonly directory: string;
  readonly name: string;
  readonly sha256: () => Promise<string>;
}

/** How much the volume still takes. */
export interface Volume {
  readonly freeBytes: number;
  readonly totalBytes: number;
  /** Null where the file system counts none. */
  readonly freeInodes: number | null;
  readonly writable: boolean;
}

/** A fault of the volume: nothing that the store could be blamed for. */
export class StorageFault extends Error {}

const PARTIAL_FILE = "partial.txt";
const PARTIAL_TEXT = `The Jibri that made this recording ended before it had finalized it.
This is what there was: the end may be missing, and the file may need repair.
`;
/** At the end of the name of a session that is whole and could not be moved to the spool: the finalize script's word. */
const FINISHED = Buffer.from(".finished");
/** What says that a volume takes nothing new. */
const EXHAUSTED = ["ENOSPC", "EDQUOT", "EROFS"];
/** Names of files that rclone takes as they are, in paths of its own. */
const PLAIN = /^[\p{L}\p{N}_ .,@+=~()/-]+$/u;
/** Names to try for a session whose own is taken in the spool. */
const MOST_OF_A_NAME = 100;

/** The volume that a host's Jibris record to. Follows no symbolic link below its root. */
export class Storage {
  /** Directories for links, while they are free. */
  #staging: string[] = [];

  constructor(private readonly root: string) {}

  /** All sessions of a stage. None where it does not exist yet. */
  async sessions(stage: Stage): Promise<SessionDirectory[]> {
    const found: SessionDirectory[] = [];
    for (const place of ["recordings", "spool"] as const)
      for (const instance of await this.#instances(place))
        for (const entry of await directories(instance.path)) {
          const isFinished = place === "recordings" && endsInFinished(entry);
          if ((isFinished ? "spool" : place) !== stage) continue;
          const path = below(instance.path, entry);
          const name = isFinished ? entry.subarray(0, -FINISHED.length) : entry;
          const stat = await ifThere(lstat(path));
          if (stat?.isDirectory())
            found.push({ stage, instance: instance.name, name, path, modifiedAt: stat.mtimeMs });
        }
    return found;
  }

  async volume(): Promise<Volume> {
    const { bavail, blocks, bsize, ffree, files } = await told(statfs(this.root));
    return {
      freeBytes: bavail * bsize,
      totalBytes: blocks * bsize,
      freeInodes: files === 0 ? null : ffree,
      writable: await access(this.root, constants.W_OK).then(
        () => true,
        () => false,
      ),
    };
  }

  /** What is in a session; undefined if it is gone. */
  async content(session: SessionDirectory): Promise<SessionContent | undefined> {
    const files: SessionFile[] = [];
    const strangers: string[] = [];
    let changedAt = 0;
    const walk = async (path: Buffer, names: readonly Buffer[]): Promise<void> => {
      const stat = await ifThere(lstat(path));
      if (!stat) return;
      changedAt = Math.max(changedAt, stat.mtimeMs, stat.ctimeMs);
      if (stat.isDirectory())
        for (const name of (await ifThere(readdir(path, { encoding: "buffer" }))) ?? [])
          await walk(below(path, name), [...names, name]);
      else if (stat.isFile())
        files.push({ path, names, size: stat.size, version: `${stat.ino} ${stat.size} ${stat.mtimeMs}` });
      else strangers.push(names.map(String).join("/"));
    };
    await told(walk(session.path, []));
    if (changedAt === 0) return undefined;
    return {
      files,
      bytes: files.reduce((sum, { size }) => sum + size, 0),
      changedAt,
      isPartial: files.some(
        ({ names: [name, ...rest] }) => rest.length === 0 && String(name) === PARTIAL_FILE,
      ),
      strangers,
    };
  }

  /**
   * Says in a session that it is what a dead Jibri left, and moves it to the spool. Where the volume is full it goes
   * without that word, and stays beside where it was: it may be what fills it.
   * @returns whether the word is in it; immovable: the volume takes no change at all
   */
  async spoolAsPartial(session: SessionDirectory): Promise<"marked" | "unmarked" | "immovable"> {
    const isMarked = await told(markPartial(session.path));
    try {
      await this.#moveToSpool(session);
    } catch (error) {
      if (!isExhausted(error)) throw error;
      try {
        await rename(session.path, Buffer.concat([session.path, FINISHED]));
      } catch (again) {
        if (codeOf(again) === "EROFS") return "immovable";
        throw faultOf(again);
      }
    }
    return isMarked ? "marked" : "unmarked";
  }

  async #moveToSpool({ instance, name, path }: SessionDirectory): Promise<void> {
    const root = Buffer.from(join(this.root, "spool"));
    const spool = below(root, instance);
    for (const directory of [root, spool]) await made(directory);
    for (let number = 1; ; number++) {
      const target = below(spool, number === 1 ? name : Buffer.concat([name, Buffer.from(`.${number}`)]));
      try {
        await rename(path, target);
        return;
      } catch (error) {
        const isTaken = ["ENOTEMPTY", "EEXIST", "ENOTDIR"].includes(codeOf(error));
        if (!isTaken || number === MOST_OF_A_NAME) throw faultOf(error);
      }
    }
  }

  async remove({ path }: SessionDirectory): Promise<void> {
    // By unlink and rmdir alone, which take names as bytes and follow nothing.
    await told(removeTree(path));
  }

  /** Removes directories of instances that are empty and were not touched since a moment. */
  async removeEmptyInstances(isDead: (instance: string) => boolean, since: number): Promise<void> {
    for (const stage of ["recordings", "spool"] as const)
      for (const { name, path } of await this.#instances(stage)) {
        if (!isDead(String(name))) continue;
        const stat = await ifThere(lstat(path));
        if (stat && stat.ctimeMs < since)
          await rmdir(path).catch((error: unknown) => {
            if (!["ENOTEMPTY", "EEXIST", "ENOENT", "EROFS"].includes(codeOf(error))) throw faultOf(error);
          });
      }
  }

  /**
   * Holds files under plain names while something is done with them: hard links, since rclone cannot name every
   * file, and since a link in the file's place would not be followed. Where the volume takes none, a file is used
   * where it is, if rclone can name it.
   */
  async staged<Result>(
    files: readonly SessionFile[],
    use: (staged: readonly StagedFile[]) => Promise<Result>,
  ): Promise<Result> {
    const directory = this.#staging.pop();
    try {
      const staged: StagedFile[] = [];
      for (const [index, { path }] of files.entries())
        staged.push(await hold(path, directory, String(index)));
      return await use(staged);
    } finally {
      if (directory !== undefined) {
        await emptied(directory);
        this.#staging.push(directory);
      }
    }
  }

  /**
   * Makes the directories for links ahead: a full volume has none to give. Removes what a life that was killed had
   * staged.
   */
  async prepareStaging(count: number): Promise<void> {
    const root = join(this.root, "uploading");
    const wanted = Array.from({ length: count }, (_, index) => String(index));
    for (const name of (await ifThere(readdir(root))) ?? [])
      if (wanted.includes(name)) await emptied(join(root, name));
      else await unlessReadOnly(rm(join(root, name), { recursive: true, force: true }));
    this.#staging = [];
    for (const name of wanted)
      try {
        for (const directory of [root, join(root, name)]) await made(directory);
        this.#staging.push(join(root, name));
      } catch (error) {
        if (!isExhausted(error)) throw faultOf(error);
      }
  }

  async #instances(stage: Stage): Promise<{ name: Buffer; path: Buffer }[]> {
    const root = Buffer.from(join(this.root, stage));
    return (await directories(root)).map((name) => ({ name, path: below(root, name) }));
  }
}

const below = (directory: Buffer, name: Buffer): Buffer => Buffer.concat([directory, Buffer.from("/"), name]);

const endsInFinished = (name: Buffer): boolean =>
  name.length > FINISHED.length && name.subarray(-FINISHED.length).equals(FINISHED);

async function hold(path: Buffer, directory: string | undefined, name: string): Promise<StagedFile> {
  const held = (inside: string, as: string): StagedFile => ({
    directory: inside,
    name: as,
    sha256: () => told(sha256Of(join(inside, as))),
  });
  try {
    if (directory === undefined)
      throw new StorageFault("the volume had no room to hold it under another name");
    await told(link(path, join(directory, name)));
    return held(directory, name);
  } catch (error) {
    const text = path.toString("utf8");
    const isNameable = Buffer.from(text).equals(path) && PLAIN.test(text);
    if (!isNameable || (directory !== undefined && !isExhausted(error))) throw error;
    return held(dirname(text), basename(text));
  }
}

async function emptied(directory: string): Promise<void> {
  for (const name of (await ifThere(readdir(directory))) ?? [])
    await unlessReadOnly(rm(join(directory, name), { recursive: true, force: true }));
}

/** Makes one directory, if there is none: with `recursive`, Node says ENOENT where the system says EROFS. */
const made = async (directory: Buffer | string): Promise<void> => {
  await mkdir(directory).catch((error: unknown) => {
    if (codeOf(error) !== "EEXIST") throw faultOf(error);
  });
};

const unlessReadOnly = async (work: Promise<unknown>): Promise<void> => {
  await work.catch((error: unknown) => {
    if (codeOf(error) !== "EROFS") throw faultOf(error);
  });
};

const isExhausted = (error: unknown): boolean =>
  EXHAUSTED.includes(codeOf(error)) ||
  (error instanceof StorageFault && EXHAUSTED.includes(codeOf(error.cause)));

const codeOf = (error: unknown): string =>
  error instanceof Error && "code" in error && typeof error.code === "string" ? error.code : "";

const faultOf = (error: unknown): StorageFault =>
  new StorageFault(error instanceof Error ? error.message : String(error), { cause: error });

/** What fails here is the volume's fault. */
const told = <Result>(work: Promise<Result>): Promise<Result> =>
  work.catch((error: unknown) => {
    throw faultOf(error);
  });

/** Undefined for what is not there: it may go at any moment. */
const ifThere = <Result>(work: Promise<Result>): Promise<Result | undefined> =>
  work.catch((error: unknown) => {
    if (["ENOENT", "ENOTDIR"].includes(codeOf(error))) return undefined;
    throw faultOf(error);
  });

async function directories(path: Buffer): Promise<Buffer[]> {
  const entries = await ifThere(readdir(path, { encoding: "buffer", withFileTypes: true }));
  return (entries ?? []).filter((entry) => entry.isDirectory()).map(({ name }) => name);
}

async function removeTree(path: Buffer): Promise<void> {
  for (const entry of (await ifThere(readdir(path, { encoding: "buffer", withFileTypes: true }))) ?? [])
    if (entry.isDirectory()) await removeTree(below(path, entry.name));
    else await ifThere(unlink(below(path, entry.name)));
  await ifThere(rmdir(path));
}

async function markPartial(session: Buffer): Promise<boolean> {
  try {
    // Exclusive: a link in its place is not written through.
    const file = await open(below(session, Buffer.from(PARTIAL_FILE)), "wx", 0o644);
    try {
      await file.writeFile(PARTIAL_TEXT);
    } finally {
      await file.close();
    }
    return true;
  } catch (error) {
    const code = codeOf(error);
    if (code === "EEXIST") return true;
    if (EXHAUSTED.includes(code)) return false;
    throw error;
  }
}

async function sha256Of(path: string): Promise<string> {
  // Non-blocking: a pipe in its place must not stop everything.
  const file = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  if (!(await file.stat()).isFile()) {
    await file.close();
    throw new Error("it is no file any more");
  }
  const hash = createHash("sha256");
  for await (const chunk of file.createReadStream({ highWaterMark: 1 << 20 })) hash.update(chunk as Buffer);
  return hash.digest("hex");
}
