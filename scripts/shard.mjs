// npm run shard: sets up, then runs operator/shard.ts with the rest of the arguments, on the Pulumi project in this directory.
import { installPrograms, runMain, runProgram } from "./setup.mjs";

await runMain(async () => {
  await installPrograms();
  return runProgram("operator/shard.ts", process.argv.slice(2));
});
