// Child processes of the scripts. Depends on nothing but Node.
import { spawn } from "node:child_process";

const SIGNALS = ["SIGINT", "SIGTERM", "SIGHUP"];

/**
 * Runs a program to its end and returns its exit code. What ends this process ends it too: it gets the signal and its
 * own time. That a signal ended it is told.
 */
export async function run(file, args, options) {
  const child = spawn(file, args, { stdio: "inherit", ...options });
  // From a terminal Ctrl-C reaches it as well: it takes the first and overhears the rest.
  const forward = (signal) => child.kill(signal);
  for (const signal of SIGNALS) process.on(signal, forward);
  try {
    const [code, signal] = await new Promise((resolve, reject) => {
      child.on("error", reject);
      child.on("exit", (...ended) => resolve(ended));
    });
    if (signal) console.error(`${[file, ...args].join(" ")} was ended by ${signal}`);
    return code ?? 1;
  } finally {
    for (const signal of SIGNALS) process.off(signal, forward);
  }
}
