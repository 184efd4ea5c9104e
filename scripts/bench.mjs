// npm run bench:<name>: sets up, then runs bench/<name>.ts with the rest of the arguments.
import { installEverything, runMain, runProgram, UsageError } from "./setup.mjs";

const names = ["edge", "preview"];

await runMain(async () => {
  const [name, ...args] = process.argv.slice(2);
  if (!names.includes(name))
    throw new UsageError(
      `There is no bench "${name ?? ""}"; there are: ${names.map((known) => `npm run bench:${known}`).join(", ")}`,
    );
  await installEverything();
  return runProgram(`bench/${name}.ts`, args);
});
