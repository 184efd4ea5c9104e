// npm start: sets up, then runs the lab: a living fleet of real HAProxy, the real scaler and simulated everything else.
import { parseArgs } from "node:util";
import { installPrograms, installSystemPackages, runMain, runProgram, UsageError } from "./setup.mjs";

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

/** The lab's options. Throws a UsageError. */
function optionsOf(args) {
  try {
    return checked(
      parseArgs({
        args,
        options: {
          minutes: { type: "string" },
          headless: { type: "boolean", default: false },
          json: { type: "boolean", default: false },
          seed: { type: "string", default: "1" },
          plant: { type: "string" },
          help: { type: "boolean", default: false },
        },
      }).values,
    );
  } catch (error) {
    throw new UsageError(`${error.message}\n\n${help}`);
  }
}

function checked(values) {
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

await runMain(async () => {
  const options = optionsOf(process.argv.slice(2));
  if (options.help) return void console.log(help);
  await installPrograms();
  installSystemPackages("haproxy", "openssl");
  return runProgram("lab/main.ts", [JSON.stringify(options)], {
    cwd: new URL("..", import.meta.url).pathname,
    // The channel: should this process be killed, the lab sees it close and ends.
    stdio: ["inherit", "inherit", "inherit", "ipc"],
  });
});
