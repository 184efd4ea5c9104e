import assert from "node:assert/strict";
import fc from "fast-check";
import { foldScript } from "../../components/jitsi/unicodeFold";
import { asNginx, requestsOf } from "./client";
import { KeyEcho, runLua } from "./keyEcho";

const numRuns = process.env["FLEET_TEST_SIZE"] === "full" ? 5000 : 200;

const hex = (text: string): string => Buffer.from(text).toString("hex");
/** The script lowers ASCII before it folds. */
const asciiLowered = (text: string): string => text.replace(/[A-Z]/g, (letter) => letter.toLowerCase());
const unhex = `local function unhex(text) return (text:gsub("%x%x", function(two) return string.char(tonumber(two, 16)) end)) end`;

describe("folding of names by the script", function () {
  this.timeout(600_000);

  it("folds every code point of Unicode as JavaScript does", () => {
    const output = runLua(`${foldScript()}
for codePoint = 0, 0x10FFFF do
  if codePoint < 0xD800 or codePoint > 0xDFFF then
    local character = utf8.char(codePoint)
    local folded = foldUnicode(character)
    if folded ~= character then
      print(codePoint .. "=" .. folded:gsub(".", function(byte) return ("%02x"):format(byte:byte()) end) .. ";")
    end
  end
end`);
    const folded = new Map(
      Array.from(output.matchAll(/(\d+)=(\w*);/g), ([, from, to]) => [Number(from), to]),
    );
    for (let codePoint = 0x80; codePoint <= 0x10ffff; codePoint++) {
      if (codePoint >= 0xd800 && codePoint <= 0xdfff) continue;
      const character = String.fromCodePoint(codePoint);
      const lowered = character.normalize("NFKD").toLowerCase().normalize("NFKD");
      const expected = lowered.replace(/\p{M}/gu, "").replaceAll("ς", "σ");
      const actual = folded.get(codePoint);
      if (actual === undefined ? expected !== character : actual !== hex(expected))
        assert.fail(`U+${codePoint.toString(16)} is ${actual} for ${hex(expected)}`);
    }
  });

  it("folds what the client makes of a name as the name itself", () => {
    const characters: string[] = [];
    for (let codePoint = 0x80; codePoint <= 0x1ffff; codePoint++)
      if (codePoint < 0xd800 || codePoint > 0xdfff) characters.push(String.fromCodePoint(codePoint));
    const unit = fc.oneof(
      fc.constantFrom(..."ΣσςİıIißẞÅ한글é́̈%ﬁ".split("")),
      fc.nat(characters.length - 1).map((at) => characters[at] ?? ""),
    );
    const names = fc.sample(fc.string({ unit, minLength: 2, maxLength: 12 }), numRuns * 50);
    const pairs = [...characters, ...names].flatMap((name) =>
      [name.normalize("NFKC").toLowerCase(), name.normalize("NFD")]
        .filter((shape) => shape !== name)
        .map((shape) => [hex(asciiLowered(name)), hex(asciiLowered(shape))]),
    );
    assert(pairs.length > 10_000, "too few names differ to show anything");
    const output = runLua(`${foldScript()}${unhex}
for one, other in ([[${pairs.map((pair) => pair.join("=")).join(";")};]]):gmatch("(%x*)=(%x*);") do
  if foldUnicode(unhex(one)) ~= foldUnicode(unhex(other)) then print("differs: " .. one .. " " .. other .. ";") end
end`);
    // A few tell enough.
    const differing = Array.from(output.matchAll(/differs: (\w*) (\w*);/g), ([, ...both]) => both).slice(
      0,
      5,
    );
    assert.deepEqual(differing, []);
  });

  it("leaves bytes that are no UTF-8 as they are", () => {
    const bytes = "ff c3 28 c3 ed a0 80 f8 88 80 80 80 c0 af e0 80 af f5 80 80 80 80 bf eb 80".replaceAll(
      " ",
      "",
    );
    assert.match(
      runLua(`${foldScript()}${unhex}
print("same: " .. tostring(foldUnicode(unhex("${bytes}")) == unhex("${bytes}")))`),
      /same: true/,
    );
  });
});

describe("the routing key on real HAProxy", function () {
  this.timeout(numRuns * 6000);
  const echo = new KeyEcho();
  before(() => echo.start());
  after(() => echo.stop());

  const keys = async (paths: readonly string[]): Promise<string[]> =>
    Promise.all(paths.map(async (path) => (await echo.ask(path)).key));
  const same = async (paths: readonly string[]): Promise<string> => {
    const made = await keys(paths);
    const [first = ""] = made;
    assert(
      first !== "" && made.every((key) => key === first),
      `not one key:\n${paths.map((path, index) => `${Buffer.from(made[index] ?? "", "hex").toString()}  ${path}`).join("\n")}`,
    );
    return first;
  };

  const character = fc.oneof(
    { weight: 4, arbitrary: fc.constantFrom(..."abcXYZ019-_.~ %/+@&;=!'()|\\\"<>^`{}[]:?#".split("")) },
    {
      weight: 2,
      arbitrary: fc.constantFrom(..."äÖéßẞİıΣςσÅﬁ％４１﹪한글日本語ابجक्षि😀".split(""), "a\u0308", "\u0301"),
    },
    { weight: 2, arbitrary: fc.string({ unit: "grapheme", minLength: 1, maxLength: 1 }) },
    { weight: 1, arbitrary: fc.string({ unit: "binary", minLength: 1, maxLength: 1 }) },
    { weight: 1, arbitrary: fc.constantFrom("%41", "%c3%a4", "%25", "%2541", "%ff", "%zz", "%2f", "..") },
  );
  const name = fc.string({ unit: character, minLength: 1, maxLength: 12 });
  const tenant = fc.option(name, { nil: undefined });
  const wordsOf = (page: string): string[] =>
    page
      .split(/\/|%(?:25)*2f/i)
      .slice(1)
      .map((part) => part.replace(/%(?:25)*[\da-f]{2}|\W/gi, ""));
  const encoded = (text: string, times: number): string =>
    times === 0 ? text : encoded(encodeURIComponent(text.toWellFormed()), times - 1);

  it("is one for every request of a room, whatever its name", () =>
    fc.assert(
      fc.asyncProperty(name, tenant, fc.integer({ min: 0, max: 2 }), async (room, owner, times) => {
        const directory = owner === undefined ? "" : `/${encoded(owner, Math.max(1, times))}`;
        const requests = requestsOf(`${directory}/${encoded(room, times)}`);
        // nginx refuses NUL. An encoded slash beside a name of nothing but signs is nothing that clients agree on.
        fc.pre(requests.length > 0 && !requests.join().includes("%00"));
        fc.pre(!/%(25)*2f/i.test(requests.join()) || wordsOf(requests[0] ?? "").every((word) => word !== ""));
        await same(requests);
      }),
      { numRuns },
    ));

  it("is one for every way to write a name", async () => {
    for (const at of ["", "/School", "/Schule%20Köln"].map((path) => encodeURI(decodeURI(path))))
      for (const room of [
        "Room7",
        "Grüße aus Köln",
        "100% sicher",
        "ΟΔΟΣ",
        "ﬁnance",
        "İstanbul",
        "한국어",
        "x".repeat(400),
      ]) {
        const plain = encodeURIComponent(room);
        const small = encodeURIComponent(room.normalize("NFKC").toLowerCase());
        const key = await same([
          `${at}/${plain}`,
          `${at}/${encodeURIComponent(plain)}`,
          `${at}/${encodeURIComponent(room.normalize("NFD"))}`,
          `${at}/${hex(room).replace(/../g, "%$&")}`,
          `${at}/${plain.toLowerCase()}`,
          `${at}/${plain}/`,
          `/${at}//${plain}`.replace("///", "//"),
          `${at}/./x/../${plain}`,
          `${at}/${plain}?lang=de&room=other`,
          `${at}/http-bind?room=${small}`,
          `${at}/http-bind?prefix=x&Room=${small}&room=y`,
          `${at}/xmpp-websocket?token=a%20b&room=${encodeURIComponent(small)}&x`,
          `${at}/config.js?room=${small}&room=y`,
          `${at}/_unlock?room=${small.toUpperCase()}`,
          `${at}/conference-request/v1?room=${small}&room=y`,
        ]);
        assert(key.length <= 2 * 255, `${key.length / 2} bytes are more than a stick table keeps`);
      }
  });

  it("is that of the room which nginx sees", () => {
    const noise = fc.constantFrom("", ".", "..", "x/..", "x%2f..", "%2e", "y/%2E%2e", "%2F", "a/b");
    const parts = fc.constantFrom(
      "Room1",
      "%52oom1",
      "r%6Fom1",
      "School",
      "sch%6f%6fl",
      "libs",
      "_health",
      "config.js",
    );
    const path = fc.array(fc.tuple(noise, parts), { minLength: 1, maxLength: 4 });
    return fc.assert(
      fc.asyncProperty(path, async (written) => {
        const target = `/${written.map((two) => two.join("/")).join("/")}`;
        const { directories, last } = asNginx(target);
        const plain = [...directories, last].map((part) => `/${part}`).join("");
        const [one, two] = await Promise.all([echo.ask(target), echo.ask(plain)]);
        assert.deepEqual(one, two, `${target} is ${plain}`);
      }),
      { numRuns },
    );
  });

  it("is another for another room or tenant", async () => {
    const made = await keys([
      "/room",
      "/Other",
      "/a/room",
      "/b/room",
      "/xroom",
      "/a/b/Room",
      "/http-bind?room=a",
      "/c/_unlock?room=a",
    ]);
    assert.equal(new Set(made).size, made.length - 1);
    assert.equal(made[5], made[3], "the tenant is the directory before the room");
  });

  it("is none for what belongs to no room", async () => {
    const paths = [
      "/",
      "/libs/app.bundle.min.js?v=1&room=x",
      "/a/libs/app.bundle.min.js",
      "/.well-known/assetlinks.json",
      "/static/close.html",
      "/favicon.ico",
      "/a/manifest.json",
      "/http-bind",
      "/http-bind?room=",
      "/http-bind?room=&room=a",
      "/a/config.js?xroom=a",
    ];
    assert.deepEqual(
      (await Promise.all(paths.map((path) => echo.ask(path)))).map(({ status, key }) => ({ status, key })),
      paths.map(() => ({ status: 200, key: "" })),
    );
  });

  it("names the tenant", async () => {
    const tenants = [
      "/room",
      "/School/room",
      "/Sch%C3%BCle/room",
      "/school/http-bind?room=a",
      "/a/School/config.js",
    ];
    const made = await Promise.all(tenants.map((path) => echo.ask(path)));
    assert.deepEqual(
      made.map((one) => Buffer.from(one.tenant, "hex").toString()),
      ["", "school", "schule", "school", "school"],
    );
  });

  it("is made without the script for plain requests", async () => {
    for (const at of ["", "/School"])
      for (const path of [
        "/Room_7.a~b-c",
        "/Room7?jwt=a%20b",
        "/http-bind?room=room7",
        "/xmpp-websocket?token=a%20b&room=room7&x=%25",
        "/config.js?room=room7",
        "/_unlock?room=room7",
        "/conference-request/v1?room=room7",
      ]) {
        const [byMap, byScript] = await Promise.all([
          echo.ask(at + path, "map"),
          echo.ask(at + path, "script"),
        ]);
        assert.deepEqual(byMap, byScript, at + path);
        assert.notEqual(byMap.key, "", at + path);
      }
  });

  it("is for plain requests what the script makes of them", () => {
    const word = fc.oneof(
      fc.string({ unit: fc.constantFrom(..."abXY09-_.~".split("")), minLength: 1, maxLength: 8 }),
      fc.constantFrom(
        "libs",
        "lang",
        "_health",
        "_HEALTH",
        "http-bind",
        "http-binds",
        "xmpp-websocket",
        "config.js",
      ),
      fc.constantFrom(
        "_unlock",
        "conference-request",
        "v1",
        "_api",
        "room-info",
        "robots.txt",
        "Libs",
        "HTTP-BIND",
      ),
      fc.constantFrom("x".repeat(120), "y".repeat(300)),
    );
    const parameter = fc.tuple(
      fc.constantFrom("room", "ROOM", "xroom", "token", ""),
      fc.constantFrom("=", ""),
      word,
    );
    const target = fc
      .tuple(fc.array(word, { maxLength: 4 }), fc.array(parameter, { maxLength: 3 }))
      .map(([path, query]) => `/${path.join("/")}?${query.map((part) => part.join("")).join("&")}`);
    return fc.assert(
      fc.asyncProperty(target, async (path) => {
        const [byRules, byScript] = await Promise.all([echo.ask(path), echo.ask(path, "script")]);
        assert.deepEqual(
          { status: byRules.status, key: byRules.key },
          { status: byScript.status, key: byScript.key },
          path,
        );
      }),
      { numRuns: numRuns * 3 },
    );
  });
});
