import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { DeclaredFleet } from "./declaredFleet";

/** What operators are told to type when AWS itself is to show something, or when something is lost. */
const documents = ["docs/aws-acceptance.md", "docs/recovery.md"];

/** The blocks of commands of a document. */
const commandsOf = (file: string): string[] =>
  [...readFileSync(file, "utf8").matchAll(/^```sh\n(.*?)^```$/gms)].map(([, block = ""]) => block);

describe("commands in the documents on AWS", () => {
  /** All that the program declares, with what its machines run. */
  let declared: string;
  before(async () => {
    const { resources } = await DeclaredFleet.whole();
    declared = resources
      .map(({ inputs }) => {
        const { contentBase64 } = inputs;
        const run = typeof contentBase64 === "string" ? Buffer.from(contentBase64, "base64").toString() : "";
        return JSON.stringify(inputs) + run;
      })
      .join("\n");
  });

  for (const file of documents) {
    it(`are commands that a shell can read: ${file}`, () => {
      const all = commandsOf(file);
      assert(all.length > 5);
      for (const block of all) execFileSync("bash", ["-n"], { input: block });
    });

    it(`name what there is: ${file}`, () => {
      const text = readFileSync(file, "utf8").replaceAll(/\$STACK|\bSTACK\b/g, "prod");
      const names = [...text.matchAll(/\bjitsi-prod-[a-z0-9-]*[a-z0-9]/g)].map(([name]) => name);
      assert(names.length > 0);
      // One of its name alone, or one that the name is the beginning of.
      const unknown = names.filter((name) => !new RegExp(`["/]${name}["\\\\]`).test(declared));
      assert.deepEqual(unknown, []);
    });
  }
});
