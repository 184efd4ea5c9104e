import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { constants, tmpdir } from "node:os";
import { join } from "node:path";
import { processesOf } from "../support/leftovers";

const SUFFIX = "-int";

/** What is on the machine of the run's lab, or below its own folder, by name. */
function leftBy(folder: string): string[] {
  const entries = (path: string): string[] => (existsSync(path) ? readdirSync(path) : []);
  const mounts = readFileSync("/proc/self/mountinfo", "utf8")
    .split("\n")
    .map((line) => line.split(" ")[4] ?? "");
  return [
    ...["/run", "/run/netns", "/sys/fs/cgroup", "/sys/fs/cgroup/pids"].flatMap((path) =>
      entries(path)
        .filter((name) => name.endsWith(SUFFIX))
        .map((name) => join(path, name)),
    ),
    ...mounts.filter((path) => path.startsWith(`${folder}/`)),
    ...entries(join(folder, "tmp")).map((name) => join(folder, "tmp", name)),
  ];
}

describe("npm test that is interrupted", () => {
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const)
    it(`by a ${signal} to itself alone leaves nothing behind`, async () => {
      const mark = `${process.env["FLEET_TEST_RUN"] ?? "alone"}.interrupt${signal}`;
      const folder = mkdtempSync(join(tmpdir(), "interrupt-"));
      mkdirSync(join(folder, "tmp"));
      const child = spawn(process.execPath, ["test/interrupt/suites.mjs"], {
        env: {
          ...process.env,
          ...{ FLEET_TEST_RUN: mark, TMPDIR: join(folder, "tmp"), XDG_CACHE_HOME: folder },
          // ts-node's, which it keeps for its next start.
          DISABLE_V8_COMPILE_CACHE: "1",
        },
        stdio: ["ignore", "pipe", "pipe"],
      });
      let output = "";
      const standing = new Promise<void>((resolve, reject) => {
        for (const stream of [child.stdout, child.stderr])
          stream.setEncoding("utf8").on("data", (text: string) => {
            output += text;
            if (output.includes("standing\n")) resolve();
          });
        child.once("exit", () => reject(new Error(`it ended by itself:\n${output}`)));
      });
      await standing;
      assert(processesOf(mark).length > 5, "what is interrupted has processes");
      assert(leftBy(folder).length > 5, "and other things");

      const ended = once(child, "exit");
      child.kill(signal);
      const [code] = (await ended) as [number | null];
      assert.equal(code, 128 + constants.signals[signal], output);
      assert.deepEqual(processesOf(mark), []);
      assert.deepEqual(leftBy(folder), []);
      assert.doesNotMatch(output, /the next suite/);
      rmSync(folder, { recursive: true });
    });
});
