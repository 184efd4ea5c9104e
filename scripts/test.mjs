// npm test: sets up, then runs the suites, two at a time where they share nothing, and sums them up. Suites can be
// named: npm test -- unit e2e
import { spawn } from "node:child_process";
import { environment, installPackages, installSystemPackages, runMain } from "./setup.mjs";

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
  scaler: { command: mocha("--timeout=60000", "test/scaler/**/*.test.ts"), system: true, aside: true },
  agent: {
    command: besideDocker(mocha("--timeout=60000", "test/agent/**/*.test.ts")),
    system: true,
    aside: true,
  },
  uploader: { command: mocha("--timeout=120000", "test/uploader/**/*.test.ts"), system: true, aside: true },
  aws: { command: mocha("--timeout=60000", "test/aws/**/*.test.ts"), system: true, aside: true },
  prod: {
    command: inOwnNetwork(mocha("--timeout=600000", "--bail", "test/prod/**/*.test.ts")),
    system: true,
    aside: true,
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
  keeper: { command: mocha("--timeout=60000", "test/keeper/**/*.test.ts"), system: true, aside: true },
  labrun: { command: mocha("test/labrun/**/*.test.ts"), system: true },
  machine: { command: mocha("--timeout=60000", "test/machine/machine.test.ts"), system: true, aside: true },
  machines: {
    command: mocha("--timeout=60000", "test/machine/{edge,pool}.test.ts"),
    system: true,
    aside: true,
    full: true,
  },
  engine: {
    command: mocha("--timeout=600000", "--ignore=test/engine/docker.test.ts", "test/engine/**/*.test.ts"),
    system: true,
    aside: true,
  },
  // That it brings the prod stack up, changes it and takes it down is shown by prod.
  awsPlugin: {
    command: mocha("--timeout=600000", "test/standins/aws.test.ts"),
    system: true,
    aside: true,
    full: true,
  },
  dockerPlugin: {
    command: besideDocker(mocha("--timeout=600000", "test/engine/docker.test.ts")),
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
  quickStart: { command: mocha("--timeout=600000", "test/quickStart/*.test.ts"), system: true },
  lab: { command: mocha("--timeout=300000", "test/e2e/lab/*.e2e.ts"), system: true },
  e2e: { command: mocha("--timeout=900000", "--bail", "test/e2e/*.e2e.ts"), system: true },
};
const check = ["types", "lint", "format", "unit"];

const help = `npm test [-- suite …] [--full] [--json]
Suites: ${Object.keys(suites).join(", ")}; check is ${check.join(", ")}. Without one: all but
${Object.keys(suites)
  .filter((name) => suites[name].full)
  .join(" and ")}, which take longer.
--full: those too, and larger sizes. --json: what ran and its figures, as the last line.`;

/** What mocha's own list of failures begins with, in one line. */
function firstFailure(text) {
  const list = text.slice(text.lastIndexOf(" failing"));
  const [, told = ""] = /^ +1\) ([^]*?)(?:^ +at |^ +2\) |$(?![^]))/m.exec(list) ?? [];
  return told.replace(/\s+/g, " ").slice(0, 400);
}

/** Runs a suite and counts what mocha says has passed and failed. A suite without mocha counts as one test. */
function run(name, full) {
  const { aside, command } = suites[name];
  const heading = `\n── ${name}: ${command.join(" ")}`;
  if (!aside) console.log(heading);
  const started = Date.now();
  return new Promise((resolve, reject) => {
    const env = { ...environment(), ...(full ? { FLEET_TEST_SIZE: "full" } : {}) };
    const child = spawn(command[0], command.slice(1), { env, stdio: ["ignore", "pipe", "inherit"] });
    let text = "";
    child.stdout.on("data", (chunk) => {
      text += chunk;
      if (!aside) process.stdout.write(chunk);
    });
    child.on("error", reject);
    child.on("close", (code) => {
      if (aside) console.log(`${heading}\n${text}`);
      const counted = (word) => Number(new RegExp(`^ +(\\d+) ${word}`, "m").exec(text)?.[1] ?? 0);
      const isMocha = command.includes("mocha");
      const passed = isMocha ? counted("passing") : code === 0 ? 1 : 0;
      const failed = isMocha ? counted("failing") : code === 0 ? 0 : 1;
      const ended = code !== 0 && failed === 0 ? 1 : failed;
      if (isMocha && code === 0 && passed === 0) return reject(new Error(`${name} ran no test`));
      resolve({
        name,
        passed,
        failed: ended,
        pending: counted("pending"),
        // Where only the end of the output is kept, it still tells what failed first.
        first: failed > 0 ? firstFailure(text) : "",
        seconds: Math.round((Date.now() - started) / 1000),
      });
    });
  });
}

await runMain(async () => {
  const args = process.argv.slice(2);
  if (args.includes("--help")) return void console.log(help);
  const named = args
    .filter((arg) => !arg.startsWith("--"))
    .flatMap((name) => (name === "check" ? check : [name]));
  const unknown = named.filter((name) => !(name in suites));
  if (unknown.length > 0) throw new Error(`There is no suite ${unknown.join(", ")}.\n${help}`);
  const isFull = args.includes("--full");
  const every = Object.keys(suites).filter((name) => isFull || !suites[name].full);
  const chosen = named.length > 0 ? named : every;

  installPackages();
  if (chosen.some((name) => suites[name].system)) installSystemPackages();

  const inTurn = async (names) => {
    const done = [];
    for (const name of names) done.push(await run(name, isFull));
    return done;
  };
  const lanes = [chosen.filter((name) => !suites[name].aside), chosen.filter((name) => suites[name].aside)];
  const results = (await Promise.all(lanes.map(inTurn))).flat();
  const sum = (key) => results.reduce((total, result) => total + result[key], 0);
  console.log("");
  for (const { name, passed, failed, pending, seconds, first } of results)
    console.log(
      `${failed === 0 ? "ok  " : "FAIL"} ${name}: ${passed} passed, ${failed} failed${pending > 0 ? `, ${pending} skipped` : ""} (${seconds} s)${first ? `\n     ${first}` : ""}`,
    );
  console.log(`${sum("passed")} passed, ${sum("failed")} failed`);
  if (args.includes("--json")) console.log(JSON.stringify(results));
  // Elsewhere a machine may lack what a test needs, or have the real plug-ins; CI has all that set-up installs.
  const skipped = process.env.CI ? sum("pending") : 0;
  return sum("failed") + skipped === 0 ? 0 : 1;
});
