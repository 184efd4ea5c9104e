// Runs suites of tests, two at a time where they share nothing, and ends all of them where it is interrupted. Depends on
// nothing but Node.
import { spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { constants, tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { environment, runProgram } from "./setup.mjs";

const SIGNALS = ["SIGINT", "SIGTERM", "SIGHUP"];
/** How long a suite that is interrupted may take to put away what it has; a Docker engine takes its containers down. */
const GRACE_SECONDS = 90;

/** What mocha's own list of failures begins with, in one line. */
function firstFailure(text) {
  const list = text.slice(text.lastIndexOf(" failing"));
  const [, told = ""] = /^ +1\) ([^]*?)(?:^ +at |^ +2\) |$(?![^]))/m.exec(list) ?? [];
  return told.replace(/\s+/g, " ").slice(0, 1500);
}

/** Counts what mocha says has passed and failed. A suite without mocha counts as one test. */
function resultOf(name, command, code, text, seconds) {
  const counted = (word) => Number(new RegExp(`^ +(\\d+) ${word}`, "m").exec(text)?.[1] ?? 0);
  const isMocha = command.includes("mocha");
  const passed = isMocha ? counted("passing") : code === 0 ? 1 : 0;
  const failed = isMocha ? counted("failing") : code === 0 ? 0 : 1;
  if (isMocha && code === 0 && passed === 0) throw new Error(`${name} ran no test`);
  return {
    name,
    passed,
    failed: code !== 0 && failed === 0 ? 1 : failed,
    pending: counted("pending"),
    // Where only the end of the output is kept, it still tells what failed first.
    first: failed > 0 ? firstFailure(text) : "",
    seconds,
  };
}

/** A run of suites: its processes carry its mark, and note in its ledger what outlives them. */
class Run {
  children = new Set();
  interruptedBy;

  constructor(more) {
    this.folder = mkdtempSync(join(tmpdir(), "fleet-run-"));
    const outer = process.env.FLEET_TEST_RUN;
    this.mark = `${outer === undefined ? "" : `${outer}.`}${this.folder.split("-").at(-1)}`;
    this.ledger = join(this.folder, "ledger");
    this.env = { ...environment(), ...more, FLEET_TEST_RUN: this.mark, FLEET_TEST_LEDGER: this.ledger };
  }

  async suite(name, { aside, command }) {
    const heading = `\n── ${name}: ${command.join(" ")}`;
    if (!aside) console.log(heading);
    const started = performance.now();
    // In a group of its own: where this is interrupted, each is ended in its turn, and with all that it started.
    const child = spawn(command[0], command.slice(1), {
      detached: true,
      env: this.env,
      stdio: ["ignore", "pipe", "inherit"],
    });
    this.children.add(child);
    let text = "";
    child.stdout.on("data", (chunk) => {
      text += chunk;
      if (!aside) process.stdout.write(chunk);
    });
    const code = await new Promise((resolve, reject) => {
      child.on("error", reject);
      child.on("close", resolve);
    }).finally(() => this.children.delete(child));
    if (aside) console.log(`${heading}\n${text}`);
    return resultOf(name, command, code, text, Math.round((performance.now() - started) / 1000));
  }

  /** Interrupted, it is the end of the process that all waits for. */
  isEnding() {
    return this.interruptedBy && new Promise(() => undefined);
  }

  /** Ends the suites: first as they end themselves, then, or at a second signal, by force. */
  async end(again) {
    const running = [...this.children];
    for (const child of running) child.kill("SIGTERM");
    const ended = Promise.all(
      running.map(
        (child) => child.exitCode ?? child.signalCode ?? new Promise((resolve) => child.on("exit", resolve)),
      ),
    );
    await Promise.race([ended, again, sleep(GRACE_SECONDS * 1000, undefined, { ref: false })]);
    for (const { pid } of running) {
      try {
        process.kill(-pid, "SIGKILL");
      } catch {
        // None of the group is left.
      }
    }
    return process.platform === "linux"
      ? runProgram("test/support/endLeftovers.ts", [this.mark, this.ledger])
      : 0;
  }

  dispose() {
    rmSync(this.folder, { recursive: true, force: true });
  }
}

/**
 * Runs suites by name. Those that are `aside` run one after another beside the others; their output is shown at their end.
 * Returns what each has counted. At SIGINT, SIGTERM or SIGHUP it ends them, takes away what they leave behind, and ends
 * the process.
 * @param more added to their environment
 */
export async function runSuites(suites, chosen, more) {
  const run = new Run(more);
  let again;
  const secondSignal = new Promise((resolve) => (again = resolve));
  const interrupt = (signal) => {
    if (run.interruptedBy) return again();
    run.interruptedBy = signal;
    console.error(
      `\n${signal}: ending ${[...run.children].length} suites and what they started; once more ends them at once …`,
    );
    void run.end(secondSignal).then((code) => {
      run.dispose();
      if (code !== 0) console.error("Not all of it could be taken away.");
      process.exit(128 + constants.signals[signal]);
    });
  };
  for (const signal of SIGNALS) process.on(signal, interrupt);
  const inTurn = async (names) => {
    const done = [];
    for (const name of names) {
      done.push(
        await run.suite(name, suites[name]).catch((error) => run.isEnding() ?? Promise.reject(error)),
      );
      await run.isEnding();
    }
    return done;
  };
  const lanes = [chosen.filter((name) => !suites[name].aside), chosen.filter((name) => suites[name].aside)];
  try {
    return (await Promise.all(lanes.map(inTurn))).flat();
  } finally {
    for (const signal of SIGNALS) process.off(signal, interrupt);
    run.dispose();
  }
}
