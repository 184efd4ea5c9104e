/** The lab's command: runs it until its time is over or somebody ends it, and judges. */
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { Lab } from "./lab";
import { Ledger, type Verdict } from "./ledger";
import { Processes } from "./processes";
import { line, screen, summary } from "./status";
import { plan } from "./traffic";
import { Users } from "./users";

/** What scripts/start.mjs read from the command line. */
interface Options {
  readonly minutes?: number;
  readonly headless: boolean;
  readonly json: boolean;
  readonly seed: number;
  readonly plant?: "skip-drain";
}

/** About how long a simulated day takes. */
const DAY_SECONDS = 150;
/** From so many minutes on, a run is long enough to show both pools grow and shrink. */
const JUDGED_MINUTES = 2;
const LAST_UPLOADS_SECONDS = 20;

/** Day after day, until the last or until `closing`. */
async function days({ minutes, seed }: Options, users: Users, closing: AbortSignal): Promise<void> {
  const count = minutes === undefined ? Infinity : Math.max(1, Math.round((minutes * 60) / DAY_SECONDS));
  const daySeconds = minutes === undefined ? DAY_SECONDS : (minutes * 60) / count;
  for (let day = 0; day < count && !closing.aborted; day += 1) {
    const over = sleep(daySeconds * 1000, undefined, { signal: closing }).catch(() => undefined);
    await Promise.all([users.play(plan(seed, day, daySeconds)), over]);
  }
}

/** Resolves with whether the run came to its planned end. */
async function run(options: Options, lab: Lab, ledger: Ledger, closing: AbortController): Promise<boolean> {
  const out = options.json ? process.stderr : process.stdout;
  const showsScreen = !options.headless && out.isTTY;
  const began = Date.now();
  let looks = 0;
  const show = async (): Promise<void> => {
    looks += 1;
    const figures = ledger.verdict("no harm");
    if (options.plant && figures.cuts.length > 0) closing.abort();
    const seconds = (Date.now() - began) / 1000;
    if (showsScreen) {
      const status = screen(await lab.look(), figures, seconds, out.columns);
      out.write(`\x1b[H\x1b[J${lab.whereToLook}\n\n${status}\n`);
    } else if (looks % 10 === 0) out.write(`${line(await lab.look(), figures, seconds)}\n`);
  };
  // A part that does not answer just now is asked again in a second.
  const shown = setInterval(() => void show().catch(() => undefined), 1000);
  try {
    await days(options, new Users(lab.edge, ledger, closing.signal), closing.signal);
    const cameToItsEnd = !closing.signal.aborted;
    const limit = Date.now() + LAST_UPLOADS_SECONDS * 1000;
    while (ledger.underway > 0 && Date.now() < limit) await sleep(200);
    return cameToItsEnd;
  } finally {
    clearInterval(shown);
  }
}

async function main(): Promise<Verdict> {
  const options = JSON.parse(process.argv[2] ?? "{}") as Options;
  const closing = new AbortController();
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP", "disconnect"])
    process.on(signal, () => closing.abort());
  const folder = mkdtempSync(join(tmpdir(), "jitsi-fleet-lab-"));
  process.once("exit", () => rmSync(folder, { recursive: true, force: true }));
  for (const name of ["logs", "programs", "store"]) mkdirSync(join(folder, name));
  const processes = new Processes(join(folder, "logs"), join(folder, "programs"));
  const say = (text: string): void =>
    void (options.json ? process.stderr : process.stdout).write(`${text}\n`);

  const ledger = new Ledger();
  try {
    const lived = async (): Promise<Verdict> => {
      const lab = await Lab.start(folder, processes, ledger, options.plant !== undefined, closing.signal);
      say(lab.whereToLook);
      const cameToItsEnd = await run(options, lab, ledger, closing);
      if (!cameToItsEnd) return ledger.verdict("no harm");
      return ledger.verdict((options.minutes ?? 0) >= JUDGED_MINUTES ? "scaling" : "users");
    };
    const verdict = await Promise.race([lived(), processes.failed]);
    say(summary(verdict));
    if (options.json) process.stdout.write(`${JSON.stringify(verdict)}\n`);
    return verdict;
  } finally {
    await processes.endAll();
  }
}

// Also for what nobody awaited: the processes and the folder go with the exit.
process.on("uncaughtException", (error) => {
  console.error(error);
  process.exit(1);
});
main().then(
  ({ ok }) => process.exit(ok ? 0 : 1),
  (error: unknown) => {
    console.error(`The lab failed: ${error instanceof Error ? error.message : String(error)}`);
    process.exit(1);
  },
);
