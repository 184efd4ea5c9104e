import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { finalizeScript } from "../../components/jitsi/finalize";

describe("the finalize script", () => {
  let storage = "";
  let script = "";
  beforeEach(() => {
    storage = join(mkdtempSync(join(tmpdir(), "fleet-finalize-")), "it's $HOME");
    mkdirSync(storage);
    script = join(storage, "..", "finalize.sh");
    writeFileSync(script, finalizeScript(storage));
    chmodSync(script, 0o755);
  });
  afterEach(() => rmSync(join(storage, ".."), { recursive: true }));

  const record = (session: string, content = session): string => {
    const directory = join(storage, "recordings", "jibri-1", session);
    mkdirSync(directory, { recursive: true });
    writeFileSync(join(directory, "room.mp4"), content);
    return directory;
  };
  const finalize = (directory: string, instance = "jibri-1"): { status: number | null; stderr: string } =>
    spawnSync(script, [directory], {
      encoding: "utf8",
      env: { PATH: process.env["PATH"], JIBRI_INSTANCE_ID: instance },
    });
  const spooled = (session: string): string =>
    readFileSync(join(storage, "spool", "jibri-1", session, "room.mp4"), "utf8");

  for (const session of ["session-1", "--help", "a b'c\"d$(id)`id`*", "日本\nü"])
    it(`hands ${JSON.stringify(session)} over`, () => {
      const directory = record(session);
      assert.deepEqual(pick(finalize(directory)), { status: 0, stderr: "" });
      assert.equal(spooled(session), session);
      assert.equal(existsSync(directory), false);
    });

  it("takes another name for what is finalized again", () => {
    for (const content of ["first", "second", "third"])
      assert.equal(finalize(`${record("session-1", content)}/`).status, 0);
    assert.deepEqual(["session-1", "session-1.2", "session-1.3"].map(spooled), ["first", "second", "third"]);
  });

  it("hands over under a name beside it where the spool takes nothing new", () => {
    const directory = record("session-1");
    writeFileSync(join(storage, "spool"), "in the way");
    assert.equal(finalize(directory).status, 0);
    assert.deepEqual(readdirSync(`${directory}.finished`), ["room.mp4"]);
    assert.equal(existsSync(directory), false);
  });

  it("leaves the recording where it is, and says why, whatever fails", () => {
    const directory = record("session-1");
    writeFileSync(join(storage, "spool"), "in the way");
    writeFileSync(`${directory}.finished`, "in the way");
    const { status, stderr } = finalize(directory);
    assert.notEqual(status, 0);
    assert.match(stderr, /cannot make .*the recording stays in/s);
    assert.deepEqual(readdirSync(directory), ["room.mp4"]);
  });

  it("refuses what is no session directory, and an instance without a name", () => {
    const directory = record("session-1");
    symlinkSync(directory, join(storage, "link"));
    for (const bad of [
      "",
      "/",
      "..",
      join(storage, "nothing"),
      join(storage, "link"),
      join(directory, "room.mp4"),
    ]) {
      const { status, stderr } = finalize(bad);
      assert.equal(status, 1, bad);
      assert.match(stderr, /^finalize: no /);
    }
    for (const instance of ["", "..", "../x"]) assert.equal(finalize(directory, instance).status, 1);
    assert.equal(existsSync(join(storage, "spool")), false);
  });
});

const pick = ({ status, stderr }: { status: number | null; stderr: string }): object => ({ status, stderr });
