import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { parse } from "yaml";

const folder = ".github/workflows";
const help = (): string =>
  spawnSync(process.execPath, ["scripts/test.mjs", "--help"], { encoding: "utf8" }).stdout;

interface Workflow {
  readonly jobs: Record<
    string,
    {
      readonly strategy?: { readonly matrix: { readonly suite?: string[] } };
      readonly steps: readonly { readonly run?: string }[];
    }
  >;
}
const workflow = (file: string): Workflow => parse(readFileSync(`${folder}/${file}`, "utf8")) as Workflow;

describe("GitHub's workflows", () => {
  it("run every suite that npm test runs", () => {
    const [, all = "", full = ""] =
      /^Suites: (.*); check is .*?all but\n(.*)$/ms.exec(help().split(", which take longer")[0] ?? "") ?? [];
    const { suite } = workflow("test.yml").jobs;
    const longer = full.trim().split(" and ");
    const checked = ["types", "lint", "format", "unit"];
    const wanted = all.split(", ").filter((name) => ![...longer, ...checked].includes(name));
    assert(wanted.length > 10, help());
    assert.deepEqual(suite?.strategy?.matrix.suite, wanted.sort());
  });

  it("call scripts of package.json, and files, that there are", () => {
    const { scripts } = JSON.parse(readFileSync("package.json", "utf8")) as {
      scripts: Record<string, string>;
    };
    const commands = readdirSync(folder).flatMap((file) =>
      Object.values(workflow(file).jobs).flatMap(({ steps }) => steps.flatMap(({ run }) => run ?? [])),
    );
    const named = commands.flatMap((run) => [
      ...run.matchAll(/npm (?:run )?(?:--silent )?(test|check|preview|[a-z:]+)\b/g),
    ]);
    assert(named.length >= 4, "no workflow runs a script");
    for (const [, name = ""] of named) assert(name in scripts, name);
    for (const [, file = ""] of commands.join("\n").matchAll(/node (?:after\/)?(scripts\/\S+)/g))
      readFileSync(file);
  });
});

describe("a release's notes", () => {
  const notes = (...args: string[]) =>
    spawnSync(process.execPath, ["scripts/releaseNotes.mjs", ...args], { encoding: "utf8" });

  it("are the changelog's section of that version", () => {
    const { version } = JSON.parse(readFileSync("package.json", "utf8")) as { version: string };
    const { stdout, stderr, status } = notes(`v${version}`);
    assert.equal(status, 0, stderr);
    assert(readFileSync("CHANGELOG.md", "utf8").includes(stdout.trim()));
    assert.doesNotMatch(stdout, /^## /m);
  });

  it("are refused where tag and package differ, and for what is no version", () => {
    assert.match(notes("v99.0.0").stderr, /package\.json has version .*, not 99\.0\.0/);
    assert.equal(notes("v99.0.0").status, 1);
    assert.equal(notes("latest").status, 2);
  });
});
