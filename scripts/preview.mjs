// npm run preview: sets up, then runs preview/preview.ts with the rest of the arguments.
import { spawnSync } from "node:child_process";
import { environment, installPackages, projectNode, runMain } from "./setup.mjs";

await runMain(() => {
  installPackages();
  const argv = [
    "--require",
    "ts-node/register/transpile-only",
    "preview/preview.ts",
    ...process.argv.slice(2),
  ];
  return spawnSync(projectNode(), argv, { env: environment(), stdio: "inherit" }).status ?? 1;
});
