// npm test: sets up, then runs the suites, two at a time where they share nothing, and sums them up. Suites can be
// named: npm test -- unit e2e
import { parseArgs } from "node:util";
import { runSuites } from "./runSuites.mjs";
import { installEverything, installSystemPackages, runMain, UsageError } from "./setup.mjs";

const mocha = (...args) => ["mocha", ...args];
const besideDocker = (command) => [
  "ts-node",
  "--transpile-only",
  "test/support/withDockerEngine.ts",
  ...command,
];
const inOwnNetwork = (command) => ["ts-node", "--transpile-only", "test/support/ownNetwork.ts", ...command];
/**
 * In the order of their cost. `system`: needs more than npm's packages. `aside`: one after another beside those that are
 * not, since several share a Docker engine or ports, and both lanes take as long; its output is shown at its end.
 * `full`: runs with --full, or when named: too long for every time.
 */
const suites = {
  types: { command: ["tsc", "-p", "."] },
  lint: { command: ["eslint", "--max-warnings=0", "."] },
  format: { command: ["prettier", "--check", "--log-level=warn", "."] },
  unit: { command: mocha("test/unit/**/*.test.ts") },
  scaler: { command: mocha("--timeout=300000", "test/scaler/**/*.test.ts"), system: true, aside: true },
  agent: {
    command: besideDocker(mocha("--timeout=300000", "test/agent/**/*.test.ts")),
    system: true,
    aside: true,
  },
  uploader: { command: mocha("--timeout=300000", "test/uploader/**/*.test.ts"), system: true, aside: true },
  aws: { command: mocha("--timeout=300000", "test/aws/**/*.test.ts"), system: true, aside: true },
  prod: {
    command: inOwnNetwork(mocha("--timeout=1800000", "--bail", "test/prod/**/*.test.ts")),
    system: true,
    aside: true,
  },
  changes: {
    command: inOwnNetwork(mocha("--timeout=1800000", "test/changes/**/*.test.ts")),
    system: true,
    aside: true,
    full: true,
  },
  recovery: {
    command: inOwnNetwork(mocha("--timeout=1800000", "test/recovery/**/*.test.ts")),
    system: true,
    aside: true,
    full: true,
  },
  docker: { command: mocha("test/docker/**/*.test.ts"), system: true, aside: true },
  // Its files wait more than they work, and share nothing; but for the one that floods.
  haproxy: {
    command: mocha(
      "--parallel",
      "--jobs=3",
      "--ignore=test/haproxy/split.test.ts",
      "test/haproxy/**/*.test.ts",
    ),
    system: true,
    aside: true,
  },
  split: { command: mocha("test/haproxy/split.test.ts"), system: true, aside: true },
  // Telegraf alone takes six minutes of a processor to build.
  monitoring: {
    command: mocha("--timeout=3000000", "test/monitoring/**/*.test.ts"),
    system: true,
    aside: true,
    full: true,
  },
  keeper: { command: mocha("--timeout=300000", "test/keeper/**/*.test.ts"), system: true, aside: true },
  labrun: { command: mocha("test/labrun/**/*.test.ts"), system: true },
  machine: { command: mocha("--timeout=300000", "test/machine/machine.test.ts"), system: true, aside: true },
  machines: {
    command: mocha("--timeout=300000", "test/machine/{credentials,edge,pool}.test.ts"),
    system: true,
    aside: true,
    full: true,
  },
  interrupt: {
    command: mocha("--timeout=1800000", "test/interrupt/*.test.ts"),
    system: true,
    aside: true,
  },
  engine: {
    command: mocha("--timeout=1800000", "--ignore=test/engine/docker.test.ts", "test/engine/**/*.test.ts"),
    system: true,
    aside: true,
  },
  // That it brings the prod stack up, changes it and takes it down is shown by prod.
  awsPlugin: {
    command: mocha("--timeout=1800000", "test/standins/aws.test.ts"),
    system: true,
    aside: true,
    full: true,
  },
  dockerPlugin: {
    command: besideDocker(mocha("--timeout=1800000", "test/engine/docker.test.ts")),
    system: true,
    aside: true,
  },
  standins: {
    command: besideDocker(
      mocha(
        "--timeout=300000",
        "--ignore=test/standins/aws.test.ts",
        "test/standins/**/*.{test,e2e}.ts",
        "test/e2e/clients/**/*.test.ts",
      ),
    ),
    system: true,
    aside: true,
  },
  quickStart: { command: mocha("--timeout=1800000", "test/quickStart/*.test.ts"), system: true },
  lab: { command: mocha("--timeout=300000", "test/e2e/lab/*.e2e.ts"), system: true },
  e2e: { command: mocha("--timeout=1800000", "--bail", "test/e2e/*.e2e.ts"), system: true },
};
const check = ["types", "lint", "format", "unit"];

const help = `npm test [-- suite …] [--full] [--json]
Suites: ${Object.keys(suites).join(", ")}; check is ${check.join(", ")}. Without one: all but
${Object.keys(suites)
  .filter((name) => suites[name].full)
  .join(" and ")}, which take longer.
--full: those too, and larger sizes. --json: what ran and its figures, as the last line.
Ctrl-C ends the suites and takes away what they made: processes, Docker engines, networks, mounts.

Exit code: 0 if all passed; 1 if not; 2 for what is not asked like this.`;

/** What is asked for. Throws a UsageError. */
function argumentsOf(args) {
  try {
    const options = { full: { type: "boolean" }, json: { type: "boolean" }, help: { type: "boolean" } };
    const { positionals, values } = parseArgs({ args, allowPositionals: true, options });
    const named = positionals.flatMap((name) => (name === "check" ? check : [name]));
    const unknown = named.filter((name) => !(name in suites));
    if (unknown.length > 0) throw new Error(`There is no suite ${unknown.join(", ")}`);
    return { ...values, named };
  } catch (error) {
    throw new UsageError(`${error.message}\n\n${help}`);
  }
}

await runMain(async () => {
  const asked = argumentsOf(process.argv.slice(2));
  if (asked.help) return void console.log(help);
  const every = Object.keys(suites).filter((name) => asked.full || !suites[name].full);
  const chosen = asked.named.length > 0 ? asked.named : every;

  await installEverything();
  if (chosen.some((name) => suites[name].system)) installSystemPackages();

  const results = await runSuites(suites, chosen, asked.full ? { FLEET_TEST_SIZE: "full" } : {});
  const sum = (key) => results.reduce((total, result) => total + result[key], 0);
  console.log("");
  for (const { name, passed, failed, pending, seconds, first } of results)
    console.log(
      `${failed === 0 ? "ok  " : "FAIL"} ${name}: ${passed} passed, ${failed} failed${pending > 0 ? `, ${pending} skipped` : ""} (${seconds} s)${first ? `\n     ${first}` : ""}`,
    );
  console.log(`${sum("passed")} passed, ${sum("failed")} failed`);
  if (asked.json) console.log(JSON.stringify(results));
  // Elsewhere a machine may lack what a test needs, or have the real plug-ins; CI has all that set-up installs.
  const skipped = process.env.CI ? sum("pending") : 0;
  return sum("failed") + skipped === 0 ? 0 : 1;
});
