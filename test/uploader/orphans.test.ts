import assert from "node:assert/strict";
import { appendFileSync, existsSync, mkdirSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { Bench, recording } from "./bench";
import { DirectoryStore } from "./stores";
import { until } from "./uploaderProcess";

describe("the uploader and what Jibris leave", () => {
  const bench = new Bench(new DirectoryStore());
  before(() => bench.open());
  beforeEach(() => bench.clear());
  after(() => bench.close());

  /** Asks as the agent does for some seconds. */
  const askFor = async (seconds: number, query: string): Promise<void> => {
    const limit = Date.now() + seconds * 1000;
    while (Date.now() < limit) {
      await bench.uploader.spool(query);
      await sleep(200);
    }
  };

  it("takes the recording of a dead Jibri, says so, and leaves that of a living one", async () => {
    const [dead, alive] = [recording(), recording()];
    bench.add("recordings", "jibri-dead", "session-1", dead);
    bench.add("recordings", "jibri-alive", "session-2", alive);
    mkdirSync(bench.path("recordings", "jibri-dead", "empty", "sub"), { recursive: true });
    await bench.startUploader();
    await askFor(2, "?live=jibri-other,jibri-alive");
    await until("it is uploaded", async () => (await bench.uploader.spool())?.uploaded === 1);
    const spool = await bench.uploader.spool();
    assert.equal(spool?.partial, 1);
    const [item] = spool.items;
    assert.deepEqual(spool.items, [
      {
        instance: "jibri-alive",
        session: "session-2",
        state: "recording",
        bytes: Object.values(alive).reduce((sum, { length }) => sum + length, 0),
        quietSeconds: item?.quietSeconds,
        attempts: 0,
        partial: false,
      },
    ]);
    assert.deepEqual(bench.recording(), ["session-2"]);
    const stored = await bench.store.files();
    assert.match(String(stored.get("session-1/partial.txt")), /ended before it had finalized/);
    assert.deepEqual(stored.get("session-1/room.mp4"), dead["room.mp4"]);
    assert.equal(stored.size, 3);
    await until("nothing of the dead is left", async () => {
      await bench.uploader.spool("?live=jibri-alive");
      return ["recordings", "spool"].every((stage) => !existsSync(bench.path(stage, "jibri-dead")));
    });
  });

  it("takes nobody for dead while nobody tells who lives", async () => {
    bench.add("recordings", "jibri-1", "session-1", recording());
    await bench.startUploader();
    await askFor(2, "");
    assert.deepEqual(bench.recording(), ["session-1"]);
    assert.equal((await bench.item("session-1"))?.partial, false);
    await until("it is uploaded", async () => (await bench.uploader.spool("?live="))?.uploaded === 1);
  });

  it("waits while a recording still changes", async () => {
    bench.add("recordings", "jibri-1", "session-1", recording());
    await bench.startUploader(1.5);
    for (let written = 0; written < 9; written++) {
      appendFileSync(bench.path("recordings", "jibri-1", "session-1", "room.mp4"), "more");
      await bench.uploader.spool("?live=");
      await sleep(300);
    }
    assert.deepEqual(bench.recording(), ["session-1"]);
    await until("it is uploaded", async () => (await bench.uploader.spool("?live="))?.uploaded === 1);
    assert.equal((await bench.store.files()).get("session-1/room.mp4")?.length, 100_000 + 36);
  });

  it("takes another name where the spool has one of that name", async () => {
    const [first, second] = [recording(), recording()];
    // Without rclone nothing leaves the spool.
    await bench.rclone.kill();
    bench.add("spool", "jibri-1", "session-1", first);
    bench.add("recordings", "jibri-1", "session-1", second);
    await bench.startUploader();
    await until("both are in the spool", async () => {
      await bench.uploader.spool("?live=");
      return bench.spooled().length === 2;
    });
    await bench.uploader.end("SIGKILL");
    await bench.rclone.start();
    await bench.startUploader();
    await bench.emptied();
    const stored = await bench.store.files();
    assert.deepEqual(stored.get("session-1/room.mp4"), first["room.mp4"]);
    assert.deepEqual(stored.get("session-1.2/room.mp4"), second["room.mp4"]);
    assert(stored.has("session-1.2/partial.txt"));
  });

  it("answers on its one path alone", async () => {
    await bench.startUploader();
    await until("it answers", async () => (await bench.uploader.spool()) !== undefined);
    for (const path of ["/", "/v1/health", "/v1/spool/", "/v1/spoolx", "/metrics"])
      assert.equal((await bench.uploader.ask(path)).status, 404, path);
  });
});
