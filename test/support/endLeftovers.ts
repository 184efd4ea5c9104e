import { rmSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { deleteNamespace, namespaceInode } from "../e2e/lab/network";
import { endByForce } from "../e2e/lab/remains";
import { processesOf, readLedger, type Leftover } from "./leftovers";

/**
 * Ends by force what is left of a test run: `endLeftovers MARK LEDGER`. First every process of it, so that nothing makes
 * anything anew; then what they have noted.
 */
const LIMIT_SECONDS = 30;

async function main(mark: string, ledger: string): Promise<void> {
  await endProcesses(mark);
  const left = readLedger(ledger);
  const names = (...kinds: Leftover["kind"][]): string[] => [
    ...new Set(left.filter(({ kind }) => kinds.includes(kind)).map(({ name }) => name)),
  ];
  await endByForce(
    {
      namespaces: names("namespace").flatMap((name) => namespaceInode(name) ?? []),
      cgroupParents: names("cgroup"),
      folders: names("mounts", "folder"),
    },
    LIMIT_SECONDS,
  );
  for (const name of names("namespace")) await deleteNamespace(name);
  for (const folder of names("folder")) rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
}

async function endProcesses(mark: string): Promise<void> {
  const limit = performance.now() + LIMIT_SECONDS * 1000;
  for (let pids = processesOf(mark); pids.length > 0; pids = processesOf(mark)) {
    if (performance.now() > limit)
      throw new Error(`processes ${pids.join(", ")} still run ${LIMIT_SECONDS} s after SIGKILL`);
    for (const pid of pids) {
      try {
        process.kill(pid, "SIGKILL");
      } catch {
        // Ended meanwhile.
      }
    }
    await sleep(50);
  }
}

const [mark = "", ledger = ""] = process.argv.slice(2);
main(mark, ledger).catch((error: unknown) => {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
});
