// npm run rotate: sets up, then runs operator/rotate.ts with the rest of the arguments, on the Pulumi project in this directory.
import { installPrograms, runMain, runProgram } from "./setup.mjs";

await runMain(async () => {
  await installPrograms();
  return runProgram("operator/rotate.ts", process.argv.slice(2));
});
