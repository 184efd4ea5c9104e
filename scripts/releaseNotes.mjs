// node scripts/releaseNotes.mjs vX.Y.Z: prints the changelog's section of a release. Depends on nothing but Node.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { runMain, UsageError } from "./setup.mjs";

const root = join(import.meta.dirname, "..");
const read = (file) => readFileSync(join(root, file), "utf8");

/** The text below the heading of a version, up to the next one. */
function sectionOf(changelog, version) {
  const sections = changelog.split(/^## /m).slice(1);
  const section = sections.find((one) => one.split(/\s/, 1)[0] === version);
  return section?.slice(section.indexOf("\n")).trim();
}

await runMain(() => {
  const [tag, ...more] = process.argv.slice(2);
  if (!/^v\d+\.\d+\.\d+$/.test(tag ?? "") || more.length > 0)
    throw new UsageError("node scripts/releaseNotes.mjs vX.Y.Z");
  const version = tag.slice(1);
  const { version: packaged } = JSON.parse(read("package.json"));
  if (packaged !== version) throw new Error(`package.json has version ${packaged}, not ${version}`);
  const notes = sectionOf(read("CHANGELOG.md"), version);
  if (!notes) throw new Error(`CHANGELOG.md has no section "## ${version}", or nothing in it`);
  console.log(notes);
});
