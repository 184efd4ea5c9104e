import { mkdtemp, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { stringify } from "yaml";

/**
 * A Pulumi program of one test, in a temporary folder, that finds the project's own npm packages.
 * @param source a CommonJS module, plain JavaScript or TypeScript; its exports are the stack's outputs
 * @returns the program's folder
 */
export async function temporaryProgram(source: string, extension: "js" | "ts" = "js"): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), "pulumi-program-"));
  const options = { typescript: extension === "ts", nodeargs: "--stack-trace-limit=1" };
  const project = { name: "temporary", runtime: { name: "nodejs", options } };
  await writeFile(join(directory, "Pulumi.yaml"), stringify(project));
  await writeFile(
    join(directory, "package.json"),
    JSON.stringify({ name: "temporary", main: `index.${extension}` }),
  );
  await writeFile(join(directory, `index.${extension}`), source);
  await symlink(join(__dirname, "..", "..", "node_modules"), join(directory, "node_modules"));
  return directory;
}
