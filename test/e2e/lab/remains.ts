import { readdirSync, readFileSync, readlinkSync, rmdirSync } from "node:fs";
import { dirname, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { runOrFail } from "./commands";
import { NETNS_FOLDER } from "./network";

/** By what one tells that a process, a mount or a cgroup belongs to a lab or to one of its hosts. */
export interface Marks {
  /** Inodes of network namespaces. */
  namespaces: readonly number[];
  /** Cgroup parents of Docker daemons: the containers have network namespaces of their own. */
  cgroupParents: readonly string[];
  /** Folders below which nothing may be mounted. */
  folders: readonly string[];
}

const CGROUP_ROOT = "/sys/fs/cgroup";

/** The processes in one of the namespaces or below one of the cgroup parents, this one excepted. */
export function findProcesses(marks: Marks): number[] {
  const pids = readdirSync("/proc").filter((name) => /^\d+$/.test(name));
  return pids.map(Number).filter((pid) => pid !== process.pid && belongs(pid, marks));
}

function belongs(pid: number, marks: Marks): boolean {
  try {
    const namespace = /\d+/.exec(readlinkSync(`/proc/${pid}/ns/net`))?.[0];
    if (marks.namespaces.includes(Number(namespace))) return true;
    const cgroups = readFileSync(`/proc/${pid}/cgroup`, "utf8").split("\n");
    // A line is "number:controllers:path".
    const paths = cgroups.map((line) => line.split(":").slice(2).join(":"));
    return paths.some((path) => marks.cgroupParents.some((parent) => path.startsWith(`${parent}/`)));
  } catch {
    // Ended meanwhile, or a zombie.
    return false;
  }
}

/** Mounts below the folders and mounts of the namespaces themselves, deepest first. */
export function findMounts(marks: Marks): string[] {
  const lines = readFileSync("/proc/self/mountinfo", "utf8").trimEnd().split("\n");
  const mounts = lines.map((line) => {
    const [, , , root = "", point = ""] = line.split(" ");
    // Blanks and the like are written as octal numbers.
    return {
      root,
      point: point.replace(/\\(\d{3})/g, (_match, code: string) => String.fromCharCode(parseInt(code, 8))),
    };
  });
  return mounts
    .filter(
      ({ root, point }) =>
        marks.folders.some((folder) => point === folder || point.startsWith(`${folder}/`)) ||
        marks.namespaces.some((inode) => root === `net:[${inode}]`),
    )
    .map(({ point }) => point)
    .reverse();
}

/** The cgroups of the parents, deepest first, in every hierarchy there is. */
export function findCgroups(marks: Marks): string[] {
  const hierarchies = ["", ...childFolders(CGROUP_ROOT)];
  const parents = hierarchies.flatMap((hierarchy) =>
    marks.cgroupParents.map((parent) => join(CGROUP_ROOT, hierarchy, parent)),
  );
  const withChildren = (folder: string): string[] => [
    ...childFolders(folder).flatMap((name) => withChildren(join(folder, name))),
    folder,
  ];
  return parents
    .filter((parent) => childFolders(join(parent, "..")).includes(parent.split("/").at(-1) ?? ""))
    .flatMap(withChildren);
}

function childFolders(folder: string): string[] {
  try {
    return readdirSync(folder, { withFileTypes: true })
      .filter((entry) => entry.isDirectory())
      .map((entry) => entry.name);
  } catch {
    return [];
  }
}

/**
 * Kills the processes, then takes mounts and cgroups away; of the namespaces nothing is left but their names.
 * Rejects when something withstands that for so many seconds.
 */
export async function endByForce(marks: Marks, timeoutSeconds: number): Promise<void> {
  const giveUpAt = Date.now() + timeoutSeconds * 1000;
  for (let pids = findProcesses(marks); pids.length > 0; pids = findProcesses(marks)) {
    if (Date.now() > giveUpAt) {
      throw new Error(`processes ${pids.join(", ")} still run ${timeoutSeconds} s after SIGKILL`);
    }
    for (const pid of pids) kill(pid);
    await sleep(20);
  }
  for (const point of findMounts({ ...marks, namespaces: [] })) {
    // Lazily: the kernel may still be clearing up after a killed container.
    await runOrFail(["umount", "--lazy", "--", point]);
  }
  const held = findMounts(marks).filter((point) => dirname(point) !== NETNS_FOLDER);
  if (held.length > 0)
    throw new Error(`the lab's namespaces are still held by the mounts ${held.join(", ")}`);
  for (const folder of findCgroups(marks)) await removeCgroup(folder, giveUpAt);
}

/** The kernel takes a moment to let go of a process that was just killed. */
async function removeCgroup(folder: string, giveUpAt: number): Promise<void> {
  for (;;) {
    try {
      rmdirSync(folder);
      return;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EBUSY" || Date.now() > giveUpAt) throw error;
      await sleep(20);
    }
  }
}

function kill(pid: number): void {
  try {
    process.kill(pid, "SIGKILL");
  } catch {
    // Ended meanwhile.
  }
}

/** What is left, in words; empty when nothing is. */
export function describeRemains(marks: Marks): string[] {
  return [
    ...findProcesses(marks).map((pid) => `process ${pid} (${commandOf(pid)})`),
    ...findMounts(marks).map((point) => `mount ${point}`),
    ...findCgroups(marks).map((folder) => `cgroup ${folder}`),
  ];
}

function commandOf(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, "utf8").replaceAll("\0", " ").trim();
  } catch {
    return "ended meanwhile";
  }
}
