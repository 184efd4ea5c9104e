import { readFileSync } from "node:fs";

/** The commands of a section's code blocks, one a line, without what follows a `#`. */
export function readmeCommands(heading: string): string[] {
  const readme = readFileSync("README.md", "utf8");
  const section = new RegExp(`^## ${heading}\\n([^]*?)(?=^## |(?![^]))`, "m").exec(readme)?.[1];
  if (section === undefined) throw new Error(`README.md has no section "${heading}"`);
  return [...section.matchAll(/^```sh\n([^]*?)^```/gm)]
    .flatMap(([, block = ""]) => block.split("\n"))
    .map((line) => line.replace(/\s+#.*$/, "").trim())
    .filter((line) => line !== "");
}
