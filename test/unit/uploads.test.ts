import assert from "node:assert/strict";
import fc from "fast-check";
import { storeRemote } from "../../components/jitsi/uploads";
import { storeName } from "../../scaler/uploader/names";
import { backOffSeconds } from "../../scaler/backOff";
import { StoreGate } from "../../scaler/uploader/retry";

describe("storeRemote", () => {
  const s3 = {
    type: "s3",
    bucket: "meetings",
    prefix: "2026/all",
    region: "eu-central-1",
    provider: "AWS",
    accessKeyId: "the-id",
    secretAccessKey: "the-key",
  } as const;

  it("names a directory as rclone's container sees it", () => {
    const { destination, secrets } = storeRemote({ type: "directory", path: "/srv/recordings" });
    assert.deepEqual({ destination, secrets }, { destination: "/store", secrets: {} });
  });

  it("names bucket and prefix, and keeps credentials to the secrets", () => {
    const { destination, env, secrets } = storeRemote(s3);
    assert.equal(destination, "store:meetings/2026/all");
    assert.equal(storeRemote({ ...s3, prefix: "" }).destination, "store:meetings");
    assert.deepEqual(secrets, {
      RCLONE_CONFIG_STORE_ACCESS_KEY_ID: "the-id",
      RCLONE_CONFIG_STORE_SECRET_ACCESS_KEY: "the-key",
    });
    assert.doesNotMatch(JSON.stringify(env), /the-id|the-key/);
    assert.equal(env["RCLONE_CONFIG_STORE_REGION"], "eu-central-1");
    assert.equal(env["RCLONE_CONFIG_STORE_FORCE_PATH_STYLE"], undefined);
  });

  it("writes bucket names into the path where the endpoint is not AWS's", () => {
    const { env } = storeRemote({ ...s3, provider: "Minio", endpoint: "https://s3.example" });
    assert.equal(env["RCLONE_CONFIG_STORE_ENDPOINT"], "https://s3.example");
    assert.equal(env["RCLONE_CONFIG_STORE_FORCE_PATH_STYLE"], "true");
  });

  it("is told as its provider's but where that would name buckets by a host that cannot be", () => {
    const told = (provider: "AWS" | "Wasabi", endpoint?: string) =>
      storeRemote({ ...s3, provider, ...(endpoint === undefined ? {} : { endpoint }) }).env;
    const providers = [
      told("AWS"),
      told("AWS", "https://s3.eu-central-1.amazonaws.com"),
      told("AWS", "https://s3.school.net"),
      told("Wasabi", "https://s3.wasabisys.com"),
      told("Wasabi", "http://10.0.0.4:9000"),
      told("Wasabi", "http://[fd00::4]:9000"),
    ].map((env) => env["RCLONE_CONFIG_STORE_PROVIDER"]);
    assert.deepEqual(providers, ["AWS", "AWS", "Other", "Wasabi", "Other", "Other"]);
    // A new bucket of AWS takes no other ACL; rclone sends one whatever it is told.
    assert.equal(told("AWS")["RCLONE_CONFIG_STORE_ACL"], "bucket-owner-full-control");
    assert.equal(told("Wasabi", "https://s3.wasabisys.com")["RCLONE_CONFIG_STORE_ACL"], undefined);
  });

  it("is reached by a proxy, whose password nobody sees, and trusted by its own authority", () => {
    const proxy = "http://fleet:pw@proxy.school.net:3128";
    const { env, files, secrets } = storeRemote({ ...s3, ca: "the-ca", endpoint: "https://s3.lan", proxy });
    assert.deepEqual([secrets["HTTPS_PROXY"], secrets["HTTP_PROXY"]], [proxy, proxy]);
    assert.deepEqual(files, [{ path: "store-ca.pem", content: "the-ca" }]);
    assert.equal(env["RCLONE_CA_CERT"], "/fleet/store-ca.pem");
    assert.doesNotMatch(JSON.stringify(env), /fleet:pw/);
  });
});

describe("a name in the store", () => {
  it("is the name itself wherever that can be", () => {
    for (const name of ["room_2026-01-01.mp4", "a b'\"$(x)", "日本", "--x", "..x", "a\\b"])
      assert.equal(storeName(Buffer.from(name)), name);
  });

  it("fits with its ending, harms nothing, and is another one for another name", () => {
    const names = fc.uint8Array({ minLength: 1, maxLength: 255 }).map((bytes) => Buffer.from(bytes));
    const texts = fc.string({ unit: "binary", minLength: 1, maxLength: 60 }).map((text) => Buffer.from(text));
    const name = fc.oneof(names, texts).filter((bytes) => !bytes.includes(0) && !bytes.includes(0x2f));
    fc.assert(
      fc.property(name, name, (one, other) => {
        const stored = storeName(one);
        assert(Buffer.byteLength(`${stored}.part`) <= 255);
        assert(!stored.endsWith(".part"));
        assert.doesNotMatch(stored, /[\p{Cc}/\ufffd]/u);
        if (!one.equals(other)) assert.notEqual(stored, storeName(other));
      }),
      { numRuns: 500 },
    );
    assert.equal(storeName(Buffer.from("x.part")).endsWith(".part"), false);
    assert.match(storeName(Buffer.from(`${"x".repeat(250)}.mp4`)), /~[0-9a-f]{16}\.mp4$/);
  });
});

describe("the uploader's patience", () => {
  const retry = { firstSeconds: 5, longestSeconds: 300 };

  it("doubles up to the longest, and differs by chance", () => {
    for (const [failures, most] of [
      [1, 5],
      [2, 10],
      [6, 160],
      [7, 300],
      [5000, 300],
    ] as const) {
      const waits = Array.from({ length: 50 }, () => backOffSeconds(failures, retry));
      assert(waits.every((seconds) => seconds >= most / 2 && seconds <= most));
      assert(new Set(waits).size > 1);
    }
  });

  it("lets a session that fails alone hold up none, and two be tried as one", () => {
    const gate = new StoreGate(retry);
    gate.failed("a", 0);
    gate.failed("a", 1000);
    assert.equal(gate.room(1000, 2), 2);
    gate.failed("b", 1000);
    assert.equal(gate.room(3000, 2), 0);
    assert.equal(gate.room(6001, 2), 1);
    gate.failed("a", 7000);
    assert.equal(gate.room(11_000, 2), 0);
    gate.succeeded();
    assert.equal(gate.room(11_000, 2), 2);
  });
});
