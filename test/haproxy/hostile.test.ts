import assert from "node:assert/strict";
import fc from "fast-check";
import { RunningHaproxy } from "./running";
import { serversOf, StandInShard, type Seen } from "./standInShard";
import { asNginx } from "./client";

const numRuns = process.env["FLEET_TEST_SIZE"] === "full" ? 3000 : 150;

const get = (target: string, headers = ""): string =>
  `GET ${target} HTTP/1.1\r\nHost: meet.test\r\nConnection: close\r\n${headers}\r\n`;
const post = (headers: string, body: string): string =>
  `POST /RoomA HTTP/1.1\r\nHost: meet.test\r\n${headers}\r\n\r\n${body}`;
const inner = "GET /RoomB HTTP/1.1\r\nHost: meet.test\r\nX-Inner: 1\r\n\r\n";

/** What a careful server answers with 4xx or by closing, or answers well: never with a failure of its own. */
const malformed: Record<string, string> = {
  "invalid percent encoding": get("/%zz%"),
  "half a percent encoding": get("/room%4"),
  "an encoded NUL": get("/a%00b"),
  "a NUL": get("/a\0b"),
  "control characters": get("/a\x01\x7fb"),
  "bytes that are no ASCII": get("/\xc3\xa4\xff"),
  "a space in the path": get("/a b"),
  "dots above the root": get("/../../etc/passwd"),
  "encoded dots above the root": get("/%2e%2e/%2e%2e/etc/passwd"),
  "an encoded slash": get("/a%2fb"),
  "a fragment": get("/room#x"),
  "an absolute form": get("http://meet.test/RoomA"),
  "an absolute form without path": get("http://meet.test"),
  "an authority form": "CONNECT meet.test:443 HTTP/1.1\r\nHost: meet.test:443\r\nConnection: close\r\n\r\n",
  "an asterisk": "OPTIONS * HTTP/1.1\r\nHost: meet.test\r\nConnection: close\r\n\r\n",
  "a target without slash": get("RoomA"),
  "a query alone": get("?room=RoomA"),
  "a path of 20 KB": get(`/${"a".repeat(20_000)}`),
  "a path of 12 KB": get(`/${"a".repeat(12_000)}`),
  "a path of 6000 parts": get("/a".repeat(6000)),
  "12 KB of nested encoding": get(`/%${"25".repeat(6000)}41`),
  "4000 encoded characters": get(`/${"%c3%a4".repeat(2000)}`),
  "6000 parameters": get(`/http-bind?${"a&".repeat(6000)}room=RoomA`),
  "3000 rooms": get(`/http-bind?${"room=a&".repeat(2000)}`),
  "an unknown method": "FOO /RoomA HTTP/1.1\r\nHost: meet.test\r\nConnection: close\r\n\r\n",
  "a method that is none": "G@T: /RoomA HTTP/1.1\r\nHost: meet.test\r\n\r\n",
  "a method of 20 KB": `${"X".repeat(20_000)} / HTTP/1.1\r\n\r\n`,
  "2000 headers": get("/RoomA", "X: y\r\n".repeat(2000)),
  "a header of 20 KB": get("/RoomA", `X: ${"y".repeat(20_000)}\r\n`),
  "HTTP/0.9": "GET /RoomA\r\n",
  "HTTP/1.1 without host": "GET /RoomA HTTP/1.1\r\nConnection: close\r\n\r\n",
  "two hosts": get("/RoomA", "Host: other.test\r\n"),
  "an unknown version": "GET /RoomA HTTP/9.9\r\nHost: meet.test\r\n\r\n",
  "HTTP/2 without negotiation": "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
  "no HTTP": "\x16\x03\x01\x02\0\x01\0\x01\xfc\x03\x03\r\n\r\n",
  "line feeds alone": "GET /RoomA HTTP/1.1\nHost: meet.test\nConnection: close\n\n",
  "a folded header": get("/RoomA", "X: a\r\n b\r\n"),
  "a header name with a space": get("/RoomA", "Content-Length : 5\r\n"),
  "a length and chunks": post(
    `Content-Length: ${inner.length + 5}\r\nTransfer-Encoding: chunked`,
    `0\r\n\r\n${inner}`,
  ),
  "chunks and a length": post(
    "Transfer-Encoding: chunked\r\nContent-Length: 4",
    `5c\r\n${inner}\r\n0\r\n\r\n`,
  ),
  "chunks in disguise": post("Content-Length: 4\r\nTransfer-Encoding: xchunked", `0\r\n\r\n${inner}`),
  "chunks after a tab": post("Content-Length: 4\r\nTransfer-Encoding:\tchunked", `0\r\n\r\n${inner}`),
  "chunks twice": post("Transfer-Encoding: chunked\r\nTransfer-Encoding: identity", `0\r\n\r\n${inner}`),
  "two lengths": post(`Content-Length: 0\r\nContent-Length: ${inner.length}`, inner),
  "a list of lengths": post(`Content-Length: 0, ${inner.length}`, inner),
  "a negative length": post("Content-Length: -1", inner),
  "a length with a sign": post("Content-Length: +0", inner),
  "a chunk of negative size": post("Transfer-Encoding: chunked", `-1\r\n${inner}`),
  "a chunk of too many digits": post("Transfer-Encoding: chunked", `10000000000000000\r\n${inner}`),
  "a length on GET": get("/RoomA", `Content-Length: ${inner.length}\r\n`) + inner,
};

/** Ways to the shard's health that its nginx, or another careless server, would take for it. */
const disguises = [
  "/_health",
  "/_HEALTH",
  "/_health/",
  "/_health/prosody",
  "/_health?room=RoomA",
  "/_health#",
  "/%5fhealth",
  "/%5Fheal%74%68",
  "//_health",
  "/.//_health",
  "/x/../_health",
  "/x/%2e%2e/_health",
  "/x%2f..%2f_health",
  "/%2f_health",
  "/tenant/_health",
  "/tenant/_health/prosody",
  "/a/b/%5Fhealth",
  "/a%2f_health",
  "/libs/../_health",
  "/config.js/../_health?room=RoomA",
  "/_health/x/..",
  "/_health/.",
  "http://meet.test/_health",
];

/** Whether nginx would answer with the shard's health, after it has taken leading directories away. */
function isHealth(target: string): boolean {
  const { directories, last } = asNginx(target.replace(/^http:\/\/[^/]*/, "").replace(/[?#].*$/, ""));
  return last === "_health" || (directories.at(-1) === "_health" && last === "prosody");
}

const statuses = (answer: string): number[] =>
  Array.from(answer.matchAll(/HTTP\/1\.[01] (\d{3})/g), ([, status]) => Number(status));

describe("hostile requests to HAProxy with the program's configuration", function () {
  this.timeout(numRuns * 2000 + 120_000);
  const haproxy = new RunningHaproxy();
  /** A room of another shard than RoomA. */
  let other = "";
  const shards = ["s1", "s2", "s3"].map((name) => new StandInShard(name));

  before(async () => {
    await haproxy.start(await serversOf(shards));
  });
  before(async () => {
    const home = async (room: string): Promise<string> => (await haproxy.seen(`/${room}`)).shard;
    for (const letter of "BCDEFGHIJKLMNOP") {
      other = `Room${letter}`;
      if ((await home(other)) !== (await home("RoomA"))) return;
    }
    throw new Error("all rooms are on one shard, so the test shows nothing");
  });
  after(async () => {
    await haproxy.stop();
    for (const shard of shards) shard.close();
  });

  /** Answers, each from the shard of the room that it was for, none a failure. */
  async function sent(bytes: string): Promise<number[]> {
    const answer = await haproxy.raw(bytes.replaceAll("RoomB", other));
    const all = statuses(answer);
    assert(
      all.every((status) => status < 500),
      answer.slice(0, 500),
    );
    assert(all.length > 0 || answer === "" || !answer.startsWith("HTTP/"), answer.slice(0, 500));
    for (const [json] of answer.matchAll(/\{"shard":.*?\}/g)) {
      const { shard, path } = JSON.parse(json) as Seen;
      const room = /\/Room[A-Z]$/.exec(path)?.[0];
      if (room !== undefined) assert.equal(shard, (await haproxy.seen(room)).shard, path);
    }
    return all;
  }
  const unseen = (): void =>
    assert.deepEqual(
      shards.flatMap(({ smuggled }) => smuggled),
      [],
    );

  for (const [what, bytes] of Object.entries(malformed))
    it(`answers ${what} cleanly`, async () => {
      await sent(bytes);
      unseen();
    });

  it("still serves users after all that", async () => {
    assert.deepEqual(await sent(get("/RoomA")), [200]);
  });

  it("keeps the shards' health from users in every disguise", async () => {
    for (const target of disguises) {
      const all = await sent(get(target));
      assert(
        all.every((status) => status >= 400),
        `${target}: ${all.join()}`,
      );
    }
    unseen();
  });

  it("keeps the shards' health from users in every disguise made of parts", () => {
    const part = fc.constantFrom(
      "_health",
      "%5fhealth",
      "_h%65alth",
      "prosody",
      "x",
      "libs",
      "..",
      ".",
      "%2e%2e",
      "%2E",
      "",
      "%2f",
      "config.js",
      "http-bind",
      "_health%2fprosody",
    );
    const target = fc.array(part, { minLength: 1, maxLength: 6 }).map((parts) => `/${parts.join("/")}`);
    return fc.assert(
      fc.asyncProperty(target, fc.constantFrom("", "?room=RoomA", "?"), async (path, query) => {
        const all = await sent(get(path + query));
        if (isHealth(path))
          assert(
            all.every((status) => status >= 400),
            `${path}: ${all.join()}`,
          );
        unseen();
      }),
      { numRuns },
    );
  });

  it("passes a websocket's handshake on wherever it asks, but for what is hidden", async () => {
    const upgrade =
      "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";
    const targets = ["/RoomA", "/libs/x.js", "/", "/_health"];
    const all = targets.map((target) => sent(`GET ${target} HTTP/1.1\r\nHost: meet.test\r\n${upgrade}\r\n`));
    assert.deepEqual(await Promise.all(all), [[101], [101], [101], [404]]);
    unseen();
  });

  it("answers what can only be refused with a refusal", async () => {
    for (const what of [
      "a NUL",
      "a space in the path",
      "a path of 20 KB",
      "a header of 20 KB",
      "two lengths",
      "a negative length",
      "no HTTP",
    ])
      assert.match(String((await sent(malformed[what] ?? ""))[0]), /^(400|414|431)$/, what);
  });
});
