import { createHash, randomUUID } from "node:crypto";
import { constants } from "node:fs";
import { link, lstat, mkdir, open, readdir, rename, rm, rmdir, unlink } from "node:fs/promises";
import { join } from "node:path";

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

/** A fault of the volume: nothing that the store could be blamed for. */
export class StorageFault extends Error {}

const PARTIAL_FILE = "partial.txt";
const PARTIAL_TEXT = `The Jibri that made this recording ended before it had finalized it.
This is what there was: the end may be missing, and the file may need repair.
`;
/** Names to try for a session whose own is taken in the spool. */
const MOST_OF_A_NAME = 100;

/** The volume that a host's Jibris record to. Follows no symbolic link below its root. */
export class Storage {
  constructor(private readonly root: string) {}

  /** All sessions of a stage. None where it does not exist yet. */
  async sessions(stage: Stage): Promise<SessionDirectory[]> {
    const found: SessionDirectory[] = [];
    for (const instance of await this.#instances(stage))
      for (const name of await directories(instance.path)) {
        const path = below(instance.path, name);
        const stat = await ifThere(lstat(path));
        if (stat?.isDirectory())
          found.push({ stage, instance: instance.name, name, path, modifiedAt: stat.mtimeMs });
      }
    return found;
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
   * without that word: it may be what fills it.
   * @returns whether the word is in it
   */
  async spoolAsPartial({ instance, name, path }: SessionDirectory): Promise<boolean> {
    const isMarked = await told(markPartial(path));
    const spool = below(Buffer.from(join(this.root, "spool")), instance);
    await told(mkdir(spool, { recursive: true }));
    for (let number = 1; ; number++) {
      const target = below(spool, number === 1 ? name : Buffer.concat([name, Buffer.from(`.${number}`)]));
      try {
        await rename(path, target);
        return isMarked;
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
            if (!["ENOTEMPTY", "EEXIST", "ENOENT"].includes(codeOf(error))) throw faultOf(error);
          });
      }
  }

  /**
   * Holds files under plain names while something is done with them: hard links, since rclone cannot name every
   * file, and since a link in the file's place would not be followed.
   */
  async staged<Result>(
    files: readonly SessionFile[],
    use: (staged: readonly StagedFile[]) => Promise<Result>,
  ): Promise<Result> {
    const directory = join(this.#staging, randomUUID());
    await told(mkdir(directory, { recursive: true }));
    try {
      const staged: StagedFile[] = [];
      for (const [index, { path }] of files.entries()) {
        const name = String(index);
        await told(link(path, join(directory, name)));
        let hash: Promise<string> | undefined;
        staged.push({ directory, name, sha256: () => (hash ??= told(sha256Of(join(directory, name)))) });
      }
      return await use(staged);
    } finally {
      await rm(directory, { recursive: true, force: true });
    }
  }

  /** Removes what a life that was killed had staged. */
  async clearStaging(): Promise<void> {
    await told(rm(this.#staging, { recursive: true, force: true }));
  }

  get #staging(): string {
    return join(this.root, "uploading");
  }

  async #instances(stage: Stage): Promise<{ name: Buffer; path: Buffer }[]> {
    const root = Buffer.from(join(this.root, stage));
    return (await directories(root)).map((name) => ({ name, path: below(root, name) }));
  }
}

const below = (directory: Buffer, name: Buffer): Buffer => Buffer.concat([directory, Buffer.from("/"), name]);

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
    if (code === "ENOSPC" || code === "EDQUOT") return false;
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
