import assert from "node:assert/strict";
import { selfSigned } from "../support/selfSigned";
import { Bench, recording } from "./bench";
import { StrictStore, type Quirks } from "./strictStore";
import { until } from "./uploaderProcess";

const metadata = Buffer.from("{}");
const files = { ...recording(12_000_000), "metadata.json": metadata, "small.mp4": Buffer.from("small") };
const bytes = Object.values(files).reduce((sum, { length }) => sum + length, 0);

/** Runs with a store of its own: rclone is told of it at its start. */
async function beside(
  quirks: Quirks,
  settings: ConstructorParameters<typeof StrictStore>[0],
  run: (bench: Bench<StrictStore>, store: StrictStore) => Promise<void>,
): Promise<void> {
  const store = new StrictStore(settings);
  store.quirks = quirks;
  const bench = new Bench(store);
  try {
    await bench.open();
    bench.add("spool", "jibri-1", "session-1", files);
    await run(bench, store);
  } finally {
    await bench.close();
  }
}

describe("the uploader beside stores that are not as AWS's S3 by default", () => {
  const brings: readonly [what: string, quirks: Quirks, settings?: object][] = [
    ["whose ETag is no MD5 (SSE-KMS by default)", { etagIsNoMd5: true }],
    ["that allows no ACLs but the owner's (bucket owner enforced)", { acl: "enforced" }],
    ["the same, of another provider", { acl: "enforced" }, { provider: "Minio" }],
    ["that has no ACLs", { acl: "none" }],
    ["the same, of another provider", { acl: "none" }, { provider: "Other" }],
    ["that takes ACLs of one kind alone (R2)", { acl: "private" }],
    ["the same, of another provider", { acl: "private" }, { provider: "Cloudflare" }],
    ["that copies nothing within itself", { copy: "none" }],
    ["that takes longer over a copy than anybody waits", { copy: "endless" }],
    ["at an address, which has no names for buckets", {}, { provider: "Wasabi" }],
  ];
  for (const [what, quirks, settings] of brings)
    it(`brings everything to one ${what}${settings ? ` ${JSON.stringify(settings)}` : ""}`, () =>
      beside(quirks, settings ?? {}, async (bench, store) => {
        await bench.startUploader();
        await bench.emptied();
        await bench.assertStored({ "session-1": files });
        // What was refused aside, everything is sent once and read back once.
        assert.equal(store.bytes.read, bytes);
        assert(store.bytes.sent <= 2 * bytes, `${store.bytes.sent} bytes sent of ${bytes}`);
        const spool = await bench.uploader.spool();
        assert.deepEqual([spool?.uploadedBytes, spool?.readBytes], [bytes, bytes]);
      }));

  it("brings everything to one whose certificate is of a private authority, given as ca", () => {
    const pem = String(selfSigned("store.school.lan", ["IP:127.0.0.1"]));
    return beside({ pem }, { ca: pem.slice(pem.indexOf("-----BEGIN CERTIFICATE")) }, async (bench) => {
      await bench.startUploader();
      await bench.emptied();
      await bench.assertStored({ "session-1": files });
    });
  });

  it("tells of a certificate that nobody known signed", () => {
    const pem = String(selfSigned("store.school.lan", ["IP:127.0.0.1"]));
    return beside({ pem }, {}, async (bench) => {
      await bench.startUploader();
      assert.match(await bench.failure("session-1"), /certificate/);
      assert.deepEqual(bench.spooled(), ["session-1"]);
    });
  });

  const refuses: readonly [what: string, quirks: Quirks, words: RegExp][] = [
    [
      "a bucket of another region",
      { region: "eu-west-1" },
      /the region 'us-east-1' is wrong; expecting 'eu-west-1'/,
    ],
    [
      "a clock that is off",
      { clockOffSeconds: 3600 },
      /RequestTimeTooSkewed.*difference between the request time/s,
    ],
  ];
  for (const [what, quirks, words] of refuses)
    it(`tells of ${what} in the store's words, and brings everything once that is mended`, () =>
      beside(quirks, {}, async (bench, store) => {
        await bench.startUploader();
        assert.match(await bench.failure("session-1"), words);
        assert.deepEqual(bench.spooled(), ["session-1"]);
        store.quirks = {};
        await bench.emptied();
        await bench.assertStored({ "session-1": files });
        assert.equal(store.bytes.read, bytes);
      }));

  const overloads = [
    { status: 429, code: "TooManyRequests", message: "Please reduce your request rate." },
    { status: 503, code: "SlowDown", message: "Please reduce your request rate." },
  ];
  for (const overload of overloads)
    it(`goes on after ${overload.status} with Retry-After, and sends nothing twice that arrived`, () =>
      beside({}, {}, async (bench, store) => {
        let left = 6;
        store.refuse = () => (left-- > 0 ? { ...overload, headers: { "Retry-After": "1" } } : undefined);
        await bench.startUploader();
        await bench.emptied();
        assert(left < 0, "nothing was refused");
        await bench.assertStored({ "session-1": files });
        assert.equal(store.bytes.read, bytes);
      }));

  it("tells of a store that asks for a longer wait than it has, and goes on after it", () =>
    beside({}, {}, async (bench, store) => {
      const overload = { status: 503, code: "SlowDown", message: "Please reduce your request rate." };
      store.refuse = () => ({ ...overload, headers: { "Retry-After": "3600" } });
      await bench.startUploader();
      // rclone waits as it is asked to, and tells nobody.
      assert.match(await bench.failure("session-1"), /asks for a wait of more than 3 s \(Retry-After\)/);
      store.refuse = () => undefined;
      await bench.emptied();
      await bench.assertStored({ "session-1": files });
    }));

  it("does not read or send again and again what the store takes and then refuses to name, list or give", () =>
    beside({}, {}, async (bench, store) => {
      const denied = { status: 403, code: "AccessDenied", message: "Deletion is not for you." };
      // All arrives; then the last file is refused for ever.
      store.refuse = (method, key) =>
        method === "PUT" && key.endsWith("metadata.json") ? denied : undefined;
      await bench.startUploader();
      await until(
        "it was tried four times",
        async () => ((await bench.item("session-1"))?.attempts ?? 0) >= 4,
      );
      assert.match(await bench.failure("session-1"), /AccessDenied.*Deletion is not for you/s);
      const others = bytes - metadata.length;
      assert.equal(store.bytes.read, others, "read back more than once");
      assert.equal(store.bytes.sent, others, "sent more than once");
      store.refuse = () => undefined;
      await bench.emptied();
      await bench.assertStored({ "session-1": files });
    }));

  it("waits ever longer with a store that alters what it is given", () =>
    beside({}, {}, async (bench, store) => {
      store.refuse = (method, key) => {
        if (method === "GET" && key.endsWith("room.mp4")) void store.put(key, Buffer.alloc(12_000_000, 1));
        return undefined;
      };
      await bench.startUploader();
      await until("it was tried twice", async () => ((await bench.item("session-1"))?.attempts ?? 0) >= 2);
      assert.match((await bench.item("session-1"))?.error ?? "", /is other, not what was sent/);
      assert.match(bench.uploader.output, /"isCostly":true/);
      store.refuse = () => undefined;
      await bench.emptied();
      await bench.assertStored({ "session-1": files });
    }));
});
