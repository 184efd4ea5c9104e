// npm's packages as the lock file has them, installed without taking away what works. Depends on nothing but Node and npm.
import {
  cpSync,
  existsSync,
  linkSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { run } from "./run.mjs";

const LOOK_MILLISECONDS = 200;
/** How long to wait for another command that installs. */
const WAIT_MINUTES = 15;

/**
 * Installs npm's packages where one of those that the lock file wants is missing or another one.
 * @param root the project's folder
 * @param withDev whether those for development are wanted as well
 */
export async function installPackages(root, withDev) {
  if (lacking(root, withDev).length === 0) return;
  const release = await lock(join(root, ".cache"));
  try {
    clearAway(root);
    // Another command may have brought them meanwhile.
    const names = lacking(root, withDev);
    if (names.length > 0) await installBeside(root, withDev, names);
  } finally {
    release();
  }
}

/** What of the lock file is not in node_modules as it is wanted, by npm's own note of what is there. */
export function lacking(root, withDev) {
  const wanted = packagesIn(join(root, "package-lock.json"));
  const there = packagesIn(join(root, "node_modules", ".package-lock.json"));
  return Object.entries(wanted).flatMap(([path, { dev, devOptional, integrity, optional, version }]) => {
    if (path === "" || (!withDev && (dev || devOptional))) return [];
    const found = there[path];
    // One for another system.
    if (!found && (optional || devOptional)) return [];
    const isThere = found && found.version === version && found.integrity === integrity;
    return isThere && existsSync(join(root, path, "package.json")) ? [] : [path];
  });
}

function packagesIn(file) {
  return existsSync(file) ? JSON.parse(readFileSync(file, "utf8")).packages : {};
}

/** Into a folder of its own, and from there to their place at once: until all are there, what was there stays. */
async function installBeside(root, withDev, names) {
  // On stderr: stdout may be read by a program.
  console.error(`Installing npm packages: ${names.length} are missing or others …`);
  const beside = join(root, ".cache", `setup-${process.pid}`);
  const workspaces = Object.values(packagesIn(join(root, "package-lock.json"))).flatMap(
    ({ link, resolved }) => (link ? [resolved] : []),
  );
  for (const file of [
    ".npmrc",
    "package.json",
    "package-lock.json",
    ...workspaces.map((at) => join(at, "package.json")),
  ])
    if (existsSync(join(root, file))) cpSync(join(root, file), join(beside, file));
  try {
    const hasNoDev =
      existsSync(join(root, "node_modules", ".package-lock.json")) &&
      lacking(root, true).length > names.length;
    const dev = withDev || !hasNoDev ? "--include=dev" : "--omit=dev";
    const code = await run("npm", ["ci", dev, "--no-fund", "--no-audit", "--loglevel=error"], {
      cwd: beside,
      stdio: ["ignore", process.stderr, "inherit"],
    });
    if (code !== 0)
      throw new Error(
        `npm ci ended with code ${code}, for the reason above; node_modules is as it was, and lacks ${names.slice(0, 3).join(", ")}${names.length > 3 ? " …" : ""}. Once npm reaches its registry, run this again`,
      );
    for (const at of ["", ...workspaces]) swap(beside, root, join(at, "node_modules"));
  } finally {
    rmSync(beside, { recursive: true, force: true });
  }
}

function swap(from, to, folder) {
  const old = join(from, "old", folder);
  mkdirSync(join(old, ".."), { recursive: true });
  if (existsSync(join(to, folder))) renameSync(join(to, folder), old);
  if (existsSync(join(from, folder))) renameSync(join(from, folder), join(to, folder));
}

/** What an ended command left beside; was it ended in the middle of its swap, what was there is put back. */
function clearAway(root) {
  const folder = join(root, ".cache");
  for (const name of readdirSync(folder).filter((entry) => /^setup-\d+$/.test(entry))) {
    const old = join(folder, name, "old", "node_modules");
    if (existsSync(old) && !existsSync(join(root, "node_modules")))
      renameSync(old, join(root, "node_modules"));
    rmSync(join(folder, name), { recursive: true, force: true });
  }
}

/** Waits until no other command that lives has the folder's lock. Returns what gives it back. */
async function lock(folder) {
  mkdirSync(folder, { recursive: true });
  const file = join(folder, "setup.lock");
  const own = `${file}.${process.pid}`;
  const limit = performance.now() + WAIT_MINUTES * 60_000;
  let told = false;
  writeFileSync(own, identity(process.pid));
  try {
    for (;;) {
      if (isDone(() => linkSync(own, file), "EEXIST")) return () => rmSync(file, { force: true });
      const holder = contentOf(file);
      const pid = Number(holder?.split(" ")[0]);
      if (holder !== undefined && identity(pid) !== holder) {
        breakLock(file, holder);
        continue;
      }
      if (performance.now() > limit)
        throw new Error(
          `Process ${pid} installs npm packages and has not ended within ${WAIT_MINUTES} minutes. Look what it does, or end it`,
        );
      if (!told) console.error(`Process ${pid} installs npm packages; waiting for it …`);
      told = true;
      await sleep(LOOK_MILLISECONDS);
    }
  } finally {
    rmSync(own, { force: true });
  }
}

/** Takes the lock of one that has ended away, unless another has just done so and taken it. */
function breakLock(file, holder) {
  const aside = `${file}.${process.pid}.old`;
  if (!isDone(() => renameSync(file, aside), "ENOENT")) return;
  if (contentOf(aside) !== holder) isDone(() => linkSync(aside, file), "EEXIST");
  rmSync(aside);
}

/** A process, by its id and, where the system tells, its start: ids are used again. "" where it does not run. */
function identity(pid) {
  try {
    process.kill(pid, 0);
  } catch (error) {
    if (error.code !== "EPERM") return "";
  }
  // The fields after the command's name in brackets: its state first, the 20th of them when it started.
  const fields = contentOf(`/proc/${pid}/stat`)?.split(") ").at(-1)?.split(" ");
  return fields?.[0] === "Z" ? "" : `${pid} ${fields?.[19] ?? ""}`;
}

function contentOf(file) {
  let text;
  isDone(() => (text = readFileSync(file, "utf8")), "ENOENT");
  return text;
}

/** Whether it could be done; throws where it failed for another reason than that. */
function isDone(work, reason) {
  try {
    work();
    return true;
  } catch (error) {
    if (error.code === reason) return false;
    throw error;
  }
}
