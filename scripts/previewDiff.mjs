// node scripts/previewDiff.mjs <stack> <before> <after>: what changed between two previews as text, in Markdown. Depends on
// nothing but Node, git and the two files.
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";

/** Below what a comment may have. */
const mostCharacters = 60_000;

const [stack, before, after] = process.argv.slice(2);
if (!stack || !before || !after) {
  console.error("node scripts/previewDiff.mjs <stack> <before> <after>");
  process.exit(2);
}
const compared = spawnSync("git", ["diff", "--no-index", "--no-color", "--unified=4", before, after], {
  encoding: "utf8",
  maxBuffer: 1 << 28,
});
if (compared.status !== 0 && compared.status !== 1)
  throw new Error(`git diff: ${compared.stderr || compared.error}`);
// Without git's header: the two files' names say nothing.
const hunks = compared.stdout.replace(/^[^]*?(?=^@@)/m, "").replace(/^@@.*@@.*$/gm, "@@");
const [summary = ""] = readFileSync(after, "utf8").split("\n");
console.log(`### Preview of ${stack}\n\n${summary}\n`);
if (compared.status === 0) {
  console.log("Nothing of it changes.");
} else {
  // A fence longer than any in the text, which nobody can close from within.
  const fence = "`".repeat(Math.max(3, ...[...hunks.matchAll(/`+/g)].map(([run]) => run.length + 1)));
  const cut =
    hunks.length > mostCharacters
      ? `${hunks.slice(0, mostCharacters)}\n… cut: run npm run preview -- ${stack}`
      : hunks;
  console.log(
    `<details open><summary>What changes</summary>\n\n${fence}diff\n${cut.trimEnd()}\n${fence}\n\n</details>`,
  );
}
