import * as assert from "node:assert/strict";
import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { runOrFail } from "./commands";
import { deleteNamespace, inNamespace, namespaceInode } from "./network";
import { describeRemains, endByForce, findProcesses, type Marks } from "./remains";

describe("lab: what remains, and its end by force", function () {
  this.timeout(600_000);
  const namespace = `jfh-r${process.pid}`;
  const cgroup = ["/sys/fs/cgroup/pids", "/sys/fs/cgroup"].find((folder) => existsSync(folder)) ?? "";
  let folder: string;
  let marks: Marks;
  let started: ChildProcess[];

  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), "remains-"));
    await runOrFail(["ip", "netns", "add", namespace]);
    started = [];
    marks = {
      namespaces: [namespaceInode(namespace) ?? 0],
      cgroupParents: [`/${namespace}`],
      folders: [folder],
    };
  });

  afterEach(async () => {
    for (const child of started) child.kill("SIGKILL");
    await endByForce(marks, 5);
    await deleteNamespace(namespace);
    rmSync(folder, { recursive: true });
  });

  const start = async (argv: string[]): Promise<ChildProcess> => {
    const [file = "", ...args] = argv;
    const child = spawn(file, args, { stdio: "ignore" });
    started.push(child);
    await once(child, "spawn");
    return child;
  };

  it("finds processes by namespace and by cgroup, mounts and cgroups, and ends them", async () => {
    assert.deepEqual(describeRemains(marks), [`mount /run/netns/${namespace}`]);

    const inside = await start([...inNamespace(namespace), "sleep", "60"]);
    const contained = await start(["sleep", "60"]);
    const bystander = await start(["sleep", "60"]);
    mkdirSync(join(cgroup, namespace, "container"), { recursive: true });
    writeFileSync(join(cgroup, namespace, "container", "cgroup.procs"), String(contained.pid));
    const mounted = join(folder, "with a blank");
    mkdirSync(mounted);
    await runOrFail(["mount", "--bind", mounted, mounted]);
    // nsenter changes the namespace a moment after it was started.
    const giveUpAt = Date.now() + 5000;
    while (!findProcesses(marks).includes(inside.pid ?? 0) && Date.now() < giveUpAt) {
      await new Promise((next) => setTimeout(next, 10));
    }

    assert.deepEqual(describeRemains(marks).sort(), [
      `cgroup ${join(cgroup, namespace)}`,
      `cgroup ${join(cgroup, namespace, "container")}`,
      `mount /run/netns/${namespace}`,
      `mount ${mounted}`,
      `process ${inside.pid ?? 0} (sleep 60)`,
      `process ${contained.pid ?? 0} (sleep 60)`,
    ]);
    await endByForce(marks, 5);
    assert.deepEqual(describeRemains(marks), [`mount /run/netns/${namespace}`]);
    assert.equal(bystander.exitCode ?? bystander.signalCode, null, "others live on");
  });

  it("refuses to call a namespace ended that is mounted elsewhere", async () => {
    const elsewhere = mkdtempSync(join(tmpdir(), "elsewhere-"));
    const point = join(elsewhere, "namespace");
    writeFileSync(point, "");
    await runOrFail(["mount", "--bind", `/run/netns/${namespace}`, point]);
    await assert.rejects(endByForce(marks, 5), new RegExp(`still held by the mounts ${point}`));
    await runOrFail(["umount", point]);
    rmSync(elsewhere, { recursive: true });
  });
});
