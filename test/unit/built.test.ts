import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

describe("a program that is kept as one file", () => {
  let folder: string;
  const run = (...args: string[]): string =>
    execFileSync(process.execPath, [join(folder, "scripts", "built.cjs"), "main.ts", ...args], {
      encoding: "utf8",
    });
  const write = (name: string, text: string): void => writeFileSync(join(folder, name), text);
  const kept = (): string[] => readdirSync(join(folder, ".cache", "built")).sort();

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "fleet-built-"));
    mkdirSync(join(folder, "scripts"));
    cpSync("scripts/built.cjs", join(folder, "scripts", "built.cjs"));
    symlinkSync(join(process.cwd(), "node_modules"), join(folder, "node_modules"));
    write("package-lock.json", "{}");
    write(
      "main.ts",
      `import { word } from "./word";\nconsole.log(word as string, ...process.argv.slice(2));\n`,
    );
    write("word.ts", `export const word: string = "first";\n`);
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  it("gets its arguments, and is not made anew while its sources are as they were", () => {
    assert.equal(run("a", "b"), "first a b\n");
    const before = kept();
    assert.equal(before.length, 2);
    assert.equal(run(), "first\n");
    assert.deepEqual(kept(), before);
  });

  it("is made anew after a change of what it imports, or of the packages", () => {
    run();
    write("word.ts", `export const word: string = "another";\n`);
    assert.equal(run(), "another\n");
    const [list = ""] = kept().filter((name) => name.endsWith(".json"));
    writeFileSync(join(folder, ".cache", "built", list), "damaged");
    write("package-lock.json", `{ "other": true }`);
    assert.equal(run(), "another\n");
  });

  it("runs where nothing can be kept", () => {
    write(".cache", "a file in the folder's place");
    assert.equal(run("c"), "first c\n");
  });

  it("says what is wrong with a source, and where", () => {
    write("word.ts", `export const word: string = ;\n`);
    const { status, stderr } = spawnSync(
      process.execPath,
      [join(folder, "scripts", "built.cjs"), "main.ts"],
      {
        encoding: "utf8",
      },
    );
    assert.notEqual(status, 0);
    assert.match(stderr, /word\.ts:1:28: ERROR: Unexpected ";"/);
  });
});
