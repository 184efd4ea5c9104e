import { appendFileSync, existsSync, readdirSync, readFileSync } from "node:fs";

/** Marks every process of a test run, by what scripts/runSuites.mjs sets. */
const MARK = "FLEET_TEST_RUN";
/** The file that takes down what outlives the processes of a test run. */
const LEDGER = "FLEET_TEST_LEDGER";

/** What is still there when every process of a test run has ended. */
export interface Leftover {
  /**
   * `namespace`: a network namespace's name. `cgroup`: a Docker daemon's cgroup parent. `mounts`: a folder that stays,
   * with nothing mounted below it. `folder`: one that goes as well.
   */
  readonly kind: "namespace" | "cgroup" | "mounts" | "folder";
  readonly name: string;
}

/** Takes down, before it is made, what must be taken away should the run be interrupted. */
export function noteLeftover(kind: Leftover["kind"], name: string): void {
  const file = process.env[LEDGER];
  if (file !== undefined) appendFileSync(file, `${JSON.stringify({ kind, name })}\n`);
}

export function readLedger(file: string): Leftover[] {
  const lines = existsSync(file) ? readFileSync(file, "utf8").split("\n") : [];
  return lines.filter((line) => line !== "").map((line) => JSON.parse(line) as Leftover);
}

/** The processes of a run and of the runs within it, with all that descend from them. Empty where there is no /proc. */
export function processesOf(mark: string): number[] {
  const pids = readdirOr("/proc")
    .filter((name) => /^\d+$/.test(name))
    .map(Number);
  const parents = new Map(pids.map((pid) => [pid, parentOf(pid)]));
  const found = new Set(pids.filter((pid) => isMarked(pid, mark)));
  for (let before = -1; before !== found.size;) {
    before = found.size;
    for (const [pid, parent] of parents) if (parent !== undefined && found.has(parent)) found.add(pid);
  }
  return [...found].filter((pid) => pid !== process.pid && !isZombie(pid));
}

function isMarked(pid: number, mark: string): boolean {
  const marks = readOr(`/proc/${pid}/environ`)
    .split("\0")
    .filter((entry) => entry.startsWith(`${MARK}=`));
  return marks.some((entry) => `${entry.slice(MARK.length + 1)}.`.startsWith(`${mark}.`));
}

/** The fields after the command's name in brackets: state, parent, … */
const statOf = (pid: number): string[] => readOr(`/proc/${pid}/stat`).split(") ").at(-1)?.split(" ") ?? [];
const isZombie = (pid: number): boolean => statOf(pid)[0] === "Z";
function parentOf(pid: number): number | undefined {
  const [, parent] = statOf(pid);
  return parent === undefined ? undefined : Number(parent);
}

/** "" where it ended meanwhile, or is another user's. */
function readOr(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch {
    return "";
  }
}

function readdirOr(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}
