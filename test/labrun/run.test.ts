import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Verdict } from "../../lab/ledger";

interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs the lab's command to its end, with an empty folder for its temporary files. */
async function start(folder: string, ...options: string[]): Promise<Ended> {
  const command = join(__dirname, "../../scripts/start.mjs");
  const child = spawn(process.execPath, [command, ...options], {
    env: { ...process.env, TMPDIR: folder },
    stdio: ["ignore", "pipe", "pipe"],
  });
  const texts = { stdout: "", stderr: "" };
  for (const name of ["stdout", "stderr"] as const)
    child[name].setEncoding("utf8").on("data", (chunk: string) => (texts[name] += chunk));
  const code = await new Promise<number | null>((resolve, reject) => {
    child.once("error", reject);
    child.once("close", resolve);
  });
  return { code, ...texts };
}

function verdictOf({ stderr, stdout }: Ended): Verdict {
  const last = stdout.trimEnd().split("\n").at(-1) ?? "";
  assert(last.startsWith("{"), `no verdict: ${stdout}\n${stderr}`);
  return JSON.parse(last) as Verdict;
}

describe("npm start", function () {
  this.timeout(600_000);
  const folders: string[] = [];
  const folder = (): string => {
    const made = mkdtempSync(join(tmpdir(), "fleet-labrun-"));
    folders.push(made);
    return made;
  };
  let good: Promise<Ended>;
  let planted: Promise<Ended>;

  // Side by side, as they mostly wait.
  before(() => {
    good = start(folder(), "--minutes", "1", "--headless", "--json");
    planted = start(folder(), "--minutes", "1", "--headless", "--json", "--plant", "skip-drain");
  });
  after(async () => {
    await Promise.allSettled([good, planted]);
    for (const made of folders) rmSync(made, { recursive: true });
  });

  it("shows a fleet that cuts nobody while bridges and Jibris come and go", async () => {
    const ended = await good;
    const verdict = verdictOf(ended);
    assert.equal(ended.code, 0, ended.stderr);
    assert.equal(ended.stdout.trimEnd().split("\n").length, 1, "more than the verdict on stdout");
    assert.deepEqual([verdict.cuts, verdict.splitRooms, verdict.recordings.lost], [[], [], []]);
    assert(verdict.users.joined > 100 && verdict.users.refused === 0, JSON.stringify(verdict.users));
    assert(verdict.recordings.arrived > 2, JSON.stringify(verdict.recordings));
    for (const pool of [verdict.bridges, verdict.jibris])
      assert(pool.highest > pool.first && pool.removed > 0, JSON.stringify(pool));
  });

  it("names what a scaler cuts that does not drain", async () => {
    const ended = await planted;
    const { cuts, ok } = verdictOf(ended);
    assert.equal(ended.code, 1, ended.stderr);
    assert.equal(ok, false);
    const [cut] = cuts;
    assert(cut);
    assert.match(cut.instance, /^(jvb-s[12]|jibri)-/);
    assert.match(cut.why, /removed by the scaler/);
    assert(ended.stderr.includes(`CUT: ${cut.room} on ${cut.instance}`), ended.stderr);
  });

  it("leaves nothing behind", async () => {
    await Promise.all([good, planted]);
    assert.deepEqual(
      folders.flatMap((made) => readdirSync(made)).filter((name) => name.startsWith("jitsi-fleet-lab-")),
      [],
    );
  });

  it("refuses options that there are not", async () => {
    for (const [options, told] of [
      [["--minute", "1"], /--minute/],
      [["--minutes", "soon"], /--minutes is a number above 0, not "soon"/],
      [["--plant", "chaos"], /--plant knows skip-drain alone/],
    ] as const) {
      const { code, stderr } = await start(tmpdir(), ...options);
      assert.equal(code, 2);
      assert.match(stderr, told);
    }
  });
});
