// npm run bench:<name>: sets up, then runs bench/<name>.ts with the rest of the arguments.
import { spawnSync } from "node:child_process";
import { environment, installPackages, projectNode, runMain } from "./setup.mjs";

await runMain(() => {
  const [name, ...args] = process.argv.slice(2);
  installPackages();
  const ran = spawnSync(
    projectNode(),
    ["--require", "ts-node/register/transpile-only", `bench/${name}.ts`, ...args],
    {
      env: environment(),
      stdio: "inherit",
    },
  );
  return ran.status ?? 1;
});
