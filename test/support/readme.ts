import { readFileSync } from "node:fs";

const text = readFileSync("README.md", "utf8");

/** The commands that README.md gives for something to do, from its row in "Day by day", as they stand. */
export function commandsTo(todo: string): string[] {
  const row = text.split("\n").find((line) => line.startsWith(`| ${todo} `));
  if (row === undefined) throw new Error(`README.md has no row "${todo}"`);
  const [, , how = ""] = row.split(/(?<!\\)\|/);
  return [...how.matchAll(/`((?:npm|pulumi) [^`]+)`/g)].map(([, command]) => command ?? "");
}

/** The commands of the blocks of code of a section of README.md, as they stand. */
export function commandsBelow(heading: string): string[] {
  const [, below = ""] = text.split(`\n## ${heading}\n`);
  const [section = ""] = below.split("\n## ");
  const blocks = [...section.matchAll(/```sh\n([^]*?)```/g)].map(([, block = ""]) => block);
  if (blocks.length === 0) throw new Error(`README.md has no block of code below "${heading}"`);
  return blocks.flatMap((block) => block.split("\n")).filter((line) => line.trim() !== "");
}
