import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { parse } from "yaml";

describe("the stack files in the repository", () => {
  const git = (...args: string[]): string => execFileSync("git", args, { encoding: "utf8" }).trim();
  const files = git("ls-files", "--", ":(glob)**/Pulumi.*.yaml", ":(glob)**/Pulumi.*.yml").split("\n");

  it("are all looked at", () => {
    for (const name of ["dev", "hosts", "prod"]) assert(files.includes(`Pulumi.${name}.yaml`), name);
  });

  // With one, pulumi stack init asks for the passphrase that it was made with, which is nobody's but ours.
  it("carry no salt, no key and nothing encrypted: whoever begins a stack with one chooses the passphrase", () => {
    for (const file of files) {
      // As git has it: Pulumi writes the salt of a stack that is begun here into the file.
      const stack = parse(git("show", `:${file}`)) as Record<string, unknown>;
      assert.deepEqual(Object.keys(stack), ["config"], file);
      assert.doesNotMatch(JSON.stringify(stack), /"secure":/, file);
    }
  });
});
