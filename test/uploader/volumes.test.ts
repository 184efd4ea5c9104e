import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import {
  closeSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  rmSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { finalizeScript } from "../../components/jitsi/finalize";
import { noteLeftover } from "../support/leftovers";
import { Bench, RECORDING_BYTES, recording, type Files } from "./bench";
import { DirectoryStore } from "./stores";
import { until } from "./uploaderProcess";

/** A file system of its own, so that it may be filled: mounted in a folder of its own. */
class OwnVolume {
  readonly #folder = mkdtempSync(join(tmpdir(), "fleet-volume-"));
  readonly path = join(this.#folder, "mounted");

  constructor(kind: "ext4" | "tmpfs") {
    noteLeftover("mounts", this.#folder);
    mkdirSync(this.path);
    const run = (command: string, ...args: string[]): void =>
      void execFileSync(command, args, { stdio: ["ignore", "ignore", "inherit"] });
    if (kind === "tmpfs") run("mount", "-t", "tmpfs", "-o", "size=8m,nr_inodes=120", "tmpfs", this.path);
    else {
      const image = join(this.#folder, "image");
      run("truncate", "-s", "16M", image);
      run("mkfs.ext4", "-q", "-N", "256", "-m", "0", image);
      run("mount", "-o", "loop", image, this.path);
    }
  }

  readOnly(is: boolean): void {
    execFileSync("mount", ["-o", `remount,${is ? "ro" : "rw"}`, this.path]);
  }

  /** Takes all that is left: of bytes as a recording does that goes on, or of inodes. */
  fill(what: "bytes" | "inodes"): void {
    if (what === "inodes") {
      for (let number = 0; ; number++)
        try {
          writeFileSync(join(this.path, `inode-${number}`), "");
        } catch {
          return;
        }
    }
    const file = openSync(join(this.path, "filler"), "w");
    for (const size of [1 << 16, 1 << 12, 1])
      try {
        for (;;) writeSync(file, Buffer.alloc(size, 1));
      } catch {
        continue;
      }
    closeSync(file);
  }

  close(): void {
    spawnSync("umount", ["-l", this.path]);
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

async function on(
  kind: "ext4" | "tmpfs",
  run: (bench: Bench<DirectoryStore>, volume: OwnVolume) => Promise<void>,
): Promise<void> {
  const volume = new OwnVolume(kind);
  const bench = new Bench(new DirectoryStore(), volume.path);
  try {
    await bench.open();
    await run(bench, volume);
  } finally {
    await bench.close(false);
    volume.close();
  }
}

const finalize = (storage: string, session: string): { status: number | null; stderr: string } =>
  spawnSync("/bin/sh", ["-c", finalizeScript(storage), "finalize", session], {
    encoding: "utf8",
    env: { PATH: process.env["PATH"], JIBRI_INSTANCE_ID: "jibri-1" },
  });

describe("the uploader on a volume that takes nothing more", () => {
  for (const kind of ["ext4", "tmpfs"] as const)
    for (const what of ["bytes", "inodes"] as const)
      it(`brings away what fills it: the last of its ${what} on ${kind}`, () =>
        on(kind, async (bench, volume) => {
          const [spooled, finished, left]: Files[] = [recording(), recording(), recording()];
          assert(spooled && finished && left);
          bench.add("spool", "jibri-0", "session-0", spooled);
          bench.add("recordings", "jibri-1", "session-1", finished);
          bench.add("recordings", "jibri-dead", "session-2", left);
          volume.fill(what);
          // There is nothing of the uploader's own yet, and no directory in the spool for this Jibri.
          const { status, stderr } = finalize(
            bench.storage,
            bench.path("recordings", "jibri-1", "session-1"),
          );
          assert.equal(status, 0, stderr);
          await bench.startUploader();
          await until(
            "all are uploaded",
            async () => (await bench.uploader.spool("?live=jibri-1"))?.uploaded === 3,
          );
          // A note that it is partial needs what there may not be.
          rmSync(join(bench.store.destination, "session-2", "partial.txt"), { force: true });
          await bench.assertStored({ "session-0": spooled, "session-1": finished, "session-2": left });
          assert.equal(existsSync(bench.path("recordings", "jibri-1", "session-1.finished")), false);
        }));

  it("says how much room there is, and when there is none, before a recording fails", () =>
    on("ext4", async (bench, volume) => {
      await bench.startUploader();
      await until("it looks", async () => (await bench.uploader.spool()) !== undefined);
      const before = (await bench.uploader.spool())?.volume;
      assert(before?.writable && before.room === Math.floor(before.freeBytes / RECORDING_BYTES));
      assert(before.room > 5 && before.freeBytes < before.totalBytes && (before.freeInodes ?? 0) > 64);
      volume.fill("inodes");
      await until("it sees no room", async () => (await bench.uploader.spool())?.volume?.room === 0);
      assert((await bench.uploader.spool())?.volume?.writable);
    }));

  it("brings what is on one that became read-only, once, and removes it when it can", () =>
    on("ext4", async (bench, volume) => {
      const [spooled, left] = [recording(), recording()];
      bench.add("spool", "jibri-1", "session-1", spooled);
      bench.add("recordings", "jibri-dead", "session-2", left);
      volume.readOnly(true);
      await bench.startUploader();
      await until("both are in the store, and that is told", async () => {
        const items = (await bench.uploader.spool("?live="))?.items ?? [];
        return items.length === 2 && items.every(({ attempts }) => attempts >= 3);
      });
      for (const session of ["session-1", "session-2"])
        assert.match(
          (await bench.item(session))?.error ?? "",
          /it is in the store, and cannot be removed here: EROFS/,
        );
      await bench.assertStored({ "session-1": spooled, "session-2": left });
      const bytes = [spooled, left]
        .flatMap((files) => Object.values(files))
        .reduce((sum, { length }) => sum + length, 0);
      const spool = await bench.uploader.spool();
      assert.equal(spool?.readBytes, bytes, "read back more than once");
      assert.deepEqual([spool.volume?.writable, spool.volume?.room], [false, 0]);
      volume.readOnly(false);
      await until("nothing is left", async () => (await bench.uploader.spool())?.items.length === 0);
      await bench.assertStored({ "session-1": spooled, "session-2": left });
    }));
});
