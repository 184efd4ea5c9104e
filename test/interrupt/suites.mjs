// Runs suites as npm test does: one that stands until it is ended, and one that nobody should see.
import { runSuites } from "../../scripts/runSuites.mjs";
import { runMain } from "../../scripts/setup.mjs";

const besideDocker = ["ts-node", "--transpile-only", "test/support/withDockerEngine.ts"];

await runMain(async () => {
  const standing = { command: [...besideDocker, "mocha", "--timeout=600000", "test/interrupt/standing.ts"] };
  await runSuites({ standing, next: { command: ["echo", "the next suite"] } }, ["standing", "next"], {});
  return 0;
});
