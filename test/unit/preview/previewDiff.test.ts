import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parse } from "yaml";

describe("the comment on a pull request", () => {
  const directory = mkdtempSync(join(tmpdir(), "preview-diff-"));
  after(() => rmSync(directory, { recursive: true }));
  function comment(before: string, after: string): string {
    const files = Object.entries({ before, after }).map(([name, text]) => {
      const file = join(directory, name);
      writeFileSync(file, text);
      return file;
    });
    const { status, stderr, stdout } = spawnSync(
      process.execPath,
      ["scripts/previewDiff.mjs", "dev", ...files],
      {
        encoding: "utf8",
      },
    );
    assert.equal(status, 0, stderr);
    return stdout;
  }

  it("shows what changes, and nothing else", () => {
    const lines = Array.from({ length: 40 }, (_, index) => `  thing ${index}`);
    const text = comment(
      ["Stack dev: 40 resources", ...lines].join("\n"),
      ["Stack dev: 41 resources", ...lines, "  thing new"].join("\n"),
    );
    assert.match(text, /^### Preview of dev\n\nStack dev: 41 resources\n/);
    assert.match(text, /```diff\n@@\n-Stack dev: 40 resources\n\+Stack dev: 41 resources\n/);
    assert.match(text, /\n\+ {2}thing new\n/);
    assert.doesNotMatch(text, /thing 20|diff --git|before/);
  });

  it("says that nothing changes", () => {
    assert.match(comment("Stack dev: 1\n", "Stack dev: 1\n"), /Nothing of it changes\.\n$/);
  });

  it("cannot be left from within, and is not longer than a comment may be", () => {
    const text = comment("Stack dev\n", "Stack dev\n  ````\n  <b>bold</b>\n");
    assert.match(text, /\n`````diff\n[^]*\n\+ {2}````\n[^]*\n`````\n/);
    const long = comment("Stack dev\n", `Stack dev\n${"  thing\n".repeat(20_000)}`);
    assert.ok(long.length < 61_000);
    assert.match(long, /… cut: run npm run preview -- dev/);
  });

  it("is written by a job that runs nothing of the pull request, and no secret is about", () => {
    const text = readFileSync(".github/workflows/preview.yml", "utf8");
    const { jobs, on, permissions } = parse(text) as {
      on: unknown;
      permissions: object;
      jobs: Record<string, { permissions: Record<string, string>; steps: { uses?: string; run?: string }[] }>;
    };
    // Not pull_request_target: that one hands rights to whoever's code.
    assert.equal(on, "pull_request");
    assert.deepEqual(permissions, {});
    assert.doesNotMatch(text, /secrets\./);
    assert.deepEqual(jobs["preview"]?.permissions, { contents: "read" });
    const writing = Object.values(jobs).filter((job) => Object.values(job.permissions).includes("write"));
    assert.equal(writing.length, 1);
    for (const step of writing[0]?.steps ?? [])
      assert.doesNotMatch(`${step.uses ?? ""}${step.run ?? ""}`, /checkout|npm|node /);
  });
});
