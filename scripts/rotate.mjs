// npm run rotate: sets up, then runs operator/rotate.ts with the rest of the arguments, on the Pulumi project in this directory.
import { spawn } from "node:child_process";
import { fileURLToPath } from "node:url";
import { environment, installPackages, projectNode, runMain } from "./setup.mjs";

const inProject = (path) => fileURLToPath(new URL(`../${path}`, import.meta.url));

await runMain(() => {
  installPackages();
  const program = [
    inProject("node_modules/ts-node/dist/bin.js"),
    "--transpile-only",
    inProject("operator/rotate.ts"),
  ];
  const operator = spawn(projectNode(), [...program, ...process.argv.slice(2)], {
    env: environment(),
    stdio: "inherit",
  });
  // It ends in its own time. From a terminal Ctrl-C reaches it as well: it takes the first and overhears the rest.
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) process.on(signal, () => operator.kill(signal));
  return new Promise((resolve, reject) => {
    operator.on("error", reject);
    operator.on("exit", (code) => resolve(code ?? 1));
  });
});
