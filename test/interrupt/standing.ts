import { spawn } from "node:child_process";
import { setTimeout as sleep } from "node:timers/promises";
import { startLab } from "../e2e/lab/lab";

/** A suite in the middle of its work: a lab with two Docker hosts, another engine, and a process of its own group. */
describe("a suite", () => {
  it("stands until it is ended", async () => {
    await startLab({ suffix: "-int" });
    spawn("sleep", ["600"], { detached: true, stdio: "ignore" });
    console.log("standing");
    await sleep(600_000);
  });
});
