// npm run preview: sets up, then runs preview/preview.ts with the rest of the arguments.
import { installPrograms, runMain, runProgram } from "./setup.mjs";

await runMain(async () => {
  await installPrograms();
  return runProgram("preview/preview.ts", process.argv.slice(2));
});
