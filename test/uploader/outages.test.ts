import assert from "node:assert/strict";
import { rmSync, writeFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { Bench, recording } from "./bench";
import { DirectoryStore, S3Store } from "./stores";
import { until } from "./uploaderProcess";

describe("the uploader beside an S3 store that fails", () => {
  let store: S3Store;
  let bench: Bench;
  before(async function () {
    this.timeout(600_000);
    store = await S3Store.create();
    bench = new Bench(store);
    await bench.open();
  });
  beforeEach(() => bench.clear());
  afterEach("no secret was logged", () => {
    assert.match(bench.uploader.output, /"error"/);
    assert.doesNotMatch(bench.uploader.output, /rclones-password|the-secret-key|X-Amz-Signature/);
  });
  after(() => bench.close());

  const sessions = { "session-1": recording(6_000_000), "session-2": recording(), "session-3": recording() };
  const addAll = (): void => {
    for (const [session, files] of Object.entries(sessions)) bench.add("spool", "jibri-1", session, files);
  };

  it("brings everything after the store refused", async () => {
    bench.rclone.before = async ({ command }) => {
      if (command !== "operations/copyfile") return;
      bench.rclone.reset();
      await store.proxy.refuse();
    };
    addAll();
    await bench.startUploader();
    assert.match(await bench.failure("session-1"), /refused|EOF|reset/);
    await until(
      "all fail",
      async () => (await bench.uploader.spool())?.items.every(({ attempts }) => attempts > 0) ?? false,
    );
    await store.proxy.accept();
    await bench.emptied();
    await bench.assertStored(sessions);
  });

  it("does not let each of many sessions hammer a store that is down", async () => {
    await store.proxy.refuse();
    for (let number = 0; number < 10; number++)
      bench.add("spool", "jibri-1", `many-${number}`, recording(10));
    await bench.startUploader();
    await until("some fail", async () => {
      const items = (await bench.uploader.spool())?.items ?? [];
      return items.filter(({ attempts }) => attempts > 0).length >= 3;
    });
    const attempts = (): number => bench.uploader.output.split('"failed"').length - 1;
    const atFirst = attempts();
    await sleep(3000);
    const more = attempts() - atFirst;
    // At most two at once, about once a second: ten would have been tried thirty times.
    assert(more <= 12, `${more} attempts in 3 s`);
    await store.proxy.accept();
    await bench.emptied();
  });

  it("gives up on a store that hangs, and brings everything once it goes on", async () => {
    bench.rclone.before = ({ command }) => {
      if (command !== "operations/copyfile") return;
      bench.rclone.reset();
      store.moto.pause();
    };
    addAll();
    await bench.startUploader();
    try {
      assert.match(await bench.failure("session-1"), /took nothing for 3 s|does not answer|brought nothing/);
    } finally {
      store.moto.resume();
    }
    await bench.emptied();
    await bench.assertStored(sessions);
  });

  it("takes no answer that was cut off for the whole", async () => {
    store.proxy.cutAfter = 1_000_000;
    bench.add("spool", "jibri-1", "session-1", sessions["session-1"]);
    try {
      await bench.startUploader();
      await bench.failure("session-1");
      assert(store.proxy.cuts > 0);
      assert.deepEqual(bench.spooled(), ["session-1"]);
    } finally {
      store.proxy.cutAfter = Infinity;
    }
    await bench.emptied();
    await bench.assertStored({ "session-1": sessions["session-1"] });
  });

  it("tells that the bucket is gone, and brings everything once there is one", async () => {
    await store.moto.stop();
    await store.moto.start();
    bench.add("spool", "jibri-1", "session-2", sessions["session-2"]);
    await bench.startUploader();
    assert.match(await bench.failure("session-2"), /NoSuchBucket|bucket/);
    await store.createBucket();
    await bench.emptied();
    await bench.assertStored({ "session-2": sessions["session-2"] });
  });
});

describe("the uploader beside a directory that fails", () => {
  const store = new DirectoryStore();
  const bench = new Bench(store);
  before(() => bench.open());
  beforeEach(() => bench.clear());
  after(() => bench.close());

  it("tells why it cannot be written, and brings everything once it can", async () => {
    const files = recording();
    rmSync(store.destination, { recursive: true });
    writeFileSync(store.destination, "a file in its place: not even root writes below it");
    bench.add("spool", "jibri-1", "session-1", files);
    await bench.startUploader();
    assert.match(await bench.failure("session-1"), /not a directory|is a file/i);
    rmSync(store.destination);
    await bench.emptied();
    await bench.assertStored({ "session-1": files });
  });

  it("brings everything though rclone was not there at first", async () => {
    const files = recording();
    bench.add("spool", "jibri-1", "session-1", files);
    await bench.rclone.kill();
    await bench.startUploader();
    assert.match(await bench.failure("session-1"), /rclone/);
    await bench.rclone.start();
    await bench.emptied();
    await bench.assertStored({ "session-1": files });
  });
});
