import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { Bench, recording, type Files } from "./bench";
import type { RcloneRequest } from "./rcloneProcess";
import { DirectoryStore, S3Store, type TestStore } from "./stores";
import { until } from "./uploaderProcess";

const kinds: Readonly<Record<string, () => Promise<TestStore>>> = {
  "a directory": () => Promise.resolve(new DirectoryStore()),
  S3: () => S3Store.create(),
};
/** A bucket has a file whole or not at all: it is sent under its own name. */
const isBucket = (kind: string): boolean => kind === "S3";
const named = (request: RcloneRequest, text: string): boolean => request.body.includes(text);

for (const [kind, create] of Object.entries(kinds))
  describe(`the uploader with ${kind} as store`, () => {
    let bench: Bench;
    before(async function () {
      // The first time pip brings moto.
      this.timeout(600_000);
      bench = new Bench(await create());
      await bench.open();
    });
    beforeEach(() => bench.clear());
    after(() => bench.close());

    const arriving = isBucket(kind) ? "room.mp4" : "room.mp4.part";
    const sent = (): RcloneRequest[] =>
      bench.rclone.requests.filter(({ command }) => command === "operations/copyfile");

    it("brings a large recording, its metadata last, then removes it and counts it", async () => {
      const files = { ...recording(12_000_000), "sub/second.mp4": randomBytes(10), "empty.txt": Buffer.of() };
      bench.add("spool", "jibri-1", "session-1", files);
      await bench.startUploader();
      await bench.emptied();
      await bench.assertStored({ "session-1": files });
      const moves = bench.rclone.requests.filter(({ command }) => command === "operations/movefile");
      assert.equal(moves.length, isBucket(kind) ? 0 : 4);
      const last = (isBucket(kind) ? sent() : moves)[3];
      assert(last && named(last, "metadata.json"));
      await until("it is counted", async () => (await bench.uploader.spool())?.uploaded === 1);
      const bytes = Object.values(files).reduce((sum, { length }) => sum + length, 0);
      const { volume, ...counts } = (await bench.uploader.spool()) ?? {};
      assert(volume && volume.room > 0);
      assert.deepEqual(counts, {
        items: [],
        uploaded: 1,
        uploadedBytes: bytes,
        partial: 0,
        sentBytes: bytes,
        readBytes: bytes,
      });
    });

    it("does not send what is right in the store, be it under its final name or not yet", async () => {
      const files = recording();
      bench.add("spool", "jibri-1", "session-1", files);
      await bench.store.put("session-1/room.mp4", files["room.mp4"] as Buffer);
      await bench.store.put("session-1/room.mp4.part", Buffer.from("of a move that was cut off"));
      await bench.store.put("session-1/metadata.json.part", files["metadata.json"] as Buffer);
      await bench.startUploader();
      await bench.emptied();
      await bench.assertStored({ "session-1": files });
      // What a bucket has under no name of its own is not used.
      assert.equal(sent().length, isBucket(kind) ? 1 : 0);
    });

    it("sends again what the store gives back altered, and removes nothing until then", async () => {
      const files = recording();
      bench.add("spool", "jibri-1", "session-1", files);
      const altered = Buffer.from(files["room.mp4"] as Buffer);
      altered[5000] = 255 - (altered[5000] ?? 0);
      let times = 0;
      // Same size; where a transfer is compared by size and time alone it passes.
      bench.rclone.before = async (request) => {
        if (request.command !== "read" || !named(request, arriving) || times === 2) return;
        times += 1;
        await bench.store.put(`session-1/${arriving}`, altered);
      };
      await bench.startUploader();
      assert.match(await bench.failure("session-1"), /not what was sent/);
      assert.deepEqual(bench.spooled(), ["session-1"]);
      await bench.emptied();
      await bench.assertStored({ "session-1": files });
    });

    const onDirectory = isBucket(kind) ? () => undefined : it;
    onDirectory("keeps the session if its file is lost after it got its final name", async () => {
      const files = recording();
      bench.add("spool", "jibri-1", "session-1", files);
      let isLost = false;
      // As the uploader looks whether it has arrived.
      bench.rclone.before = async (request) => {
        if (isLost || request.command !== "operations/stat" || !named(request, "room.mp4")) return;
        isLost = (await bench.store.files()).has("session-1/room.mp4");
        if (isLost) await bench.store.put("session-1/room.mp4", Buffer.from("short"));
      };
      await bench.startUploader();
      // On a busy machine a try may have failed for its slowness before.
      await until("it is told", async () =>
        /has 5 bytes, not 100000/.test((await bench.item("session-1"))?.error ?? ""),
      );
      await bench.emptied();
      const stored = await bench.store.files();
      assert.deepEqual(stored.get("session-1~jibri-1/room.mp4"), files["room.mp4"]);
    });

    it("leaves another recording of that name alone, and goes beside it", async () => {
      const [first, second, third] = [recording(), recording(), recording()];
      for (const [index, files] of [first, second, third].entries()) {
        bench.add("spool", index === 2 ? "jibri-2" : "jibri-1", "session-1", files);
        if (index === 0) await bench.startUploader();
        await bench.emptied();
      }
      await bench.assertStored({
        "session-1": first,
        "session-1~jibri-1": second,
        "session-1~jibri-2": third,
      });
    });

    it("takes any name as data", async () => {
      const base = "Besprechung \"1\" 'x' $(touch /tmp/pwned) `id` ; ünï ‛ ／ 日本";
      const files: Files = {
        [`${base}.mp4`]: randomBytes(1000),
        "--delete-before.mp4": randomBytes(1000),
        "a %2e%2e?b#c&d=[e]{f}*\\g.mp4": randomBytes(1000),
        "..hidden": randomBytes(10),
        " space at its ends ": randomBytes(10),
        "line\nbreak.mp4": randomBytes(10),
        "same.mp4": randomBytes(20),
        "same.mp4.part": randomBytes(30),
        [`${"ä".repeat(120)}.mp4.mp4.mp4.mp`]: randomBytes(10),
        "metadata.json": Buffer.from("{}"),
      };
      bench.add("spool", "jibri 1", "-- ..“session” ../", files);
      // No text at all.
      writeFileSync(
        Buffer.concat([
          Buffer.from(`${bench.path("spool", "jibri 1", "-- ..“session” ../")}/`),
          Buffer.of(0xff, 0xfe),
        ]),
        "bytes",
      );
      await bench.startUploader();
      await bench.emptied();
      const stored = await bench.store.files();
      const contents = [...stored.values()].map((content) => content.toString("hex")).sort();
      const expected = [...Object.values(files), Buffer.from("bytes")].map((content) =>
        content.toString("hex"),
      );
      assert.deepEqual(contents, expected.sort());
      const plain = [
        "--delete-before.mp4",
        "a %2e%2e?b#c&d=[e]{f}*\\g.mp4",
        "..hidden",
        " space at its ends ",
        "same.mp4",
      ];
      for (const name of plain) assert.deepEqual(stored.get(`-- ..“session” ../${name}`), files[name], name);
    });

    it("follows no link", async () => {
      const files = recording();
      bench.add("spool", "jibri-1", "session-1", files);
      const secret = bench.path("secret");
      mkdirSync(secret);
      writeFileSync(bench.path("secret", "key"), "secret");
      symlinkSync(bench.path("secret", "key"), bench.path("spool", "jibri-1", "session-1", "key.mp4"));
      symlinkSync(secret, bench.path("spool", "jibri-1", "session-1", "directory"));
      symlinkSync(secret, bench.path("spool", "jibri-1", "linked-session"));
      symlinkSync(bench.path("spool", "jibri-1"), bench.path("spool", "linked-instance"));
      await bench.startUploader();
      await until("it is uploaded", async () => (await bench.uploader.spool())?.uploaded === 1);
      await bench.assertStored({ "session-1": files });
      assert.equal(readFileSync(bench.path("secret", "key"), "utf8"), "secret");
    });

    it("ends right though it is killed at every single question to rclone", async () => {
      const lives: Record<string, Files> = {};
      const orders = ["before", "after"] as const;
      let isEveryStepSeen = false;
      // S3 takes longer, and a second file only repeats the steps of the first.
      const stride = kind === "S3" ? 3 : 1;
      for (let step = 1; !isEveryStepSeen; step += stride) {
        const session = `session-${step}`;
        const files = { "room.mp4": randomBytes(1000) };
        lives[session] = files;
        let asked = 0;
        // Killed before rclone hears it, or as it has answered: each by turns.
        bench.rclone.reset();
        bench.rclone[orders[step % 2] ?? "before"] = async ({ command }) => {
          if (["job/status", "core/stats", "core/stats-delete"].includes(command) || ++asked !== step) return;
          await bench.uploader.end("SIGKILL");
        };
        bench.add("spool", "jibri-1", session, files);
        await bench.startUploader();
        await until("it is killed or done", () => !bench.uploader.isRunning || bench.spooled().length === 0);
        isEveryStepSeen = bench.uploader.isRunning;
        if (isEveryStepSeen) assert(step > (isBucket(kind) ? 6 : 9), `only ${step} steps`);
        else await bench.startUploader();
        await bench.emptied();
        await bench.uploader.end("SIGKILL");
      }
      await bench.assertStored(lives);
    });

    it("ends right though it is killed while it removes the session", async () => {
      const files = {
        ...recording(),
        ...Object.fromEntries(Array.from({ length: 9 }, (_, i) => [`${i}`, randomBytes(9)])),
      };
      bench.add("spool", "jibri-1", "session-1", files);
      await bench.startUploader();
      await until("it removes", () => bench.uploader.output.includes('"removing"'));
      await bench.uploader.end("SIGKILL");
      await bench.startUploader();
      await bench.emptied();
      await bench.assertStored({ "session-1": files });
    });

    it("goes on when rclone is killed in the middle and started again", async () => {
      const files = recording(6_000_000);
      bench.add("spool", "jibri-1", "session-1", files);
      let kills = 0;
      const killAt = ["operations/copyfile", "read", ...(isBucket(kind) ? [] : ["operations/movefile"])];
      bench.rclone.after = async ({ command }) => {
        if (command !== killAt[kills]) return;
        kills += 1;
        await bench.rclone.kill();
      };
      await bench.startUploader();
      for (let kill = 1; kill <= killAt.length; kill++) {
        await until(`rclone is killed the ${kill}th time`, () => kills === kill);
        await bench.failure("session-1");
        await bench.rclone.start();
      }
      await bench.emptied();
      await bench.assertStored({ "session-1": files });
    });

    it("ends at once on SIGTERM, and goes on at the next start", async () => {
      const files = recording(6_000_000);
      bench.add("spool", "jibri-1", "session-1", files);
      let isHeld = false;
      bench.rclone.after = ({ command }) => {
        if (command !== "operations/copyfile" || isHeld) return undefined;
        isHeld = true;
        return new Promise(() => undefined);
      };
      await bench.startUploader();
      await until("it uploads", () => isHeld);
      assert.equal((await bench.item("session-1"))?.state, "uploading");
      // What it waits for never comes.
      assert.equal(await bench.uploader.end("SIGTERM"), 0);
      await bench.startUploader();
      await bench.emptied();
      await bench.assertStored({ "session-1": files });
    });

    it("lets one session that fails hold up no other", async () => {
      const [failing, good] = [recording(), recording()];
      bench.add("spool", "jibri-1", "failing", failing);
      await bench.startUploader();
      bench.rclone.before = async ({ command, body }) => {
        if (command === "read" && body.includes("failing/"))
          await bench.store.put(`failing/${arriving}`, Buffer.of(1));
      };
      await until("it failed twice", async () => ((await bench.item("failing"))?.attempts ?? 0) >= 2);
      bench.add("spool", "jibri-2", "good", good);
      await until("the other is uploaded", async () => (await bench.uploader.spool())?.uploaded === 1);
      assert.deepEqual(bench.spooled(), ["failing"]);
      bench.rclone.reset();
      await bench.emptied();
      await bench.assertStored({ failing, good });
    });
  });
