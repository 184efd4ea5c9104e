// npm start: sets up, then runs the lab: a living fleet of real HAProxy, the real scaler and simulated everything else.
import { spawn } from "node:child_process";
import { parseArgs } from "node:util";
import { environment, installPackages, installSystemPackages, projectNode, runMain } from "./setup.mjs";

const help = `npm start [-- --minutes N] [--headless] [--json] [--seed N] [--plant skip-drain]
A fleet on this machine, with simulated users: real HAProxy and the real scaler; shards, bridges and Jibris are
stand-ins. Needs no account and no Docker. A day of its users takes two to three minutes.

--minutes N          ends after N minutes with a verdict (default: at Ctrl-C). From 2 minutes on it also asks that
                     bridges and Jibris were added and taken away.
--headless           no status screen: one line every ten seconds.
--json               the verdict as one line of JSON, the last of stdout; everything else goes to stderr.
--seed N             another set of conferences (a whole number, default 1).
--plant skip-drain   proves that the lab sees a cut: the scaler removes without draining first. Ends at the first cut.

Exit code: 0 if no call and no recording was cut, no room split and no recording lost; 1 if one was, or a part
failed; 2 for options that do not exist.`;

/** The lab's options, or what is wrong with them. */
function optionsOf(args) {
  const { values } = parseArgs({
    args,
    options: {
      minutes: { type: "string" },
      headless: { type: "boolean", default: false },
      json: { type: "boolean", default: false },
      seed: { type: "string", default: "1" },
      plant: { type: "string" },
      help: { type: "boolean", default: false },
    },
  });
  const { minutes, plant, seed } = values;
  if (minutes !== undefined && !(/^\d+(\.\d+)?$/.test(minutes) && Number(minutes) > 0))
    throw new Error(`--minutes is a number above 0, not "${minutes}"`);
  if (!/^\d{1,9}$/.test(seed)) throw new Error(`--seed is a whole number, not "${seed}"`);
  if (plant !== undefined && plant !== "skip-drain")
    throw new Error(`--plant knows skip-drain alone, not "${plant}"`);
  return {
    ...values,
    seed: Number(seed),
    ...(minutes === undefined ? {} : { minutes: Number(minutes) }),
  };
}

/** Runs the lab with the project's Node; whatever ends this, ends it too. */
function runLab(options) {
  const lab = spawn(
    projectNode(),
    ["node_modules/ts-node/dist/bin.js", "--transpile-only", "lab/main.ts", JSON.stringify(options)],
    {
      cwd: new URL("..", import.meta.url).pathname,
      env: environment(),
      stdio: ["inherit", "inherit", "inherit", "ipc"],
    },
  );
  // From a terminal Ctrl-C reaches the lab as well: it takes the first for its end and overhears the rest.
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) process.on(signal, () => lab.kill(signal));
  return new Promise((resolve, reject) => {
    lab.on("error", reject);
    lab.on("exit", (code) => resolve(code ?? 1));
  });
}

await runMain(async () => {
  let options;
  try {
    options = optionsOf(process.argv.slice(2));
  } catch (error) {
    console.error(`${error.message}\n\n${help}`);
    return 2;
  }
  if (options.help) return void console.log(help);
  installPackages();
  installSystemPackages("haproxy", "openssl");
  return runLab(options);
});
