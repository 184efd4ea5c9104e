// Sets a fresh clone up: npm's packages, and the system's where that may be done. Depends on nothing but Node and npm.
import { execFileSync, spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { delimiter, join } from "node:path";

const root = join(import.meta.dirname ?? new URL(".", import.meta.url).pathname, "..");
const stamp = join(root, "node_modules", ".fleet-setup");

/** What the lab and the tests run, by the command that shows it is there and Debian's package that brings it. */
const systemPackages = [
  { command: "dockerd", brings: "docker.io", for: "the Docker hosts of the end-to-end tests" },
  { command: "debootstrap", brings: "debootstrap", for: "their images" },
  { command: "haproxy", brings: "haproxy", for: "the lab and the routing tests" },
  { command: "turnserver", brings: "coturn", for: "the tests of the relay" },
  { command: "openssl", brings: "openssl", for: "certificates" },
  { command: "ip", brings: "iproute2", for: "the tests' own networks" },
  { command: "iptables", brings: "iptables", for: "the tests' own networks" },
  { command: "nsenter", brings: "util-linux", for: "the tests' own networks" },
  { command: "busybox", brings: "busybox-static", for: "the tests of the Docker plug-in" },
  { command: "sshd", brings: "openssh-server", for: "the tests of hosts on ssh://" },
  { command: "rclone", brings: "rclone", for: "the tests of the uploader" },
  { command: "python3", brings: "python3-venv", for: "the S3 store of the tests" },
  { command: "pebble", brings: "pebble", for: "the tests of certificates" },
  { command: "prosody", brings: "prosody", for: "the tests of the XMPP clients" },
];

const paths = (process.env.PATH ?? "").split(delimiter).concat("/usr/sbin", "/sbin");
const onPath = (command) => paths.some((path) => existsSync(join(path, command)));

/** Installs npm's packages as the lock file has them, unless that was done. */
export function installPackages() {
  const lock = readFileSync(join(root, "package-lock.json"));
  const wanted = createHash("sha256").update(lock).digest("hex");
  if (existsSync(stamp) && readFileSync(stamp, "utf8") === wanted) return;
  // On stderr: stdout may be read by a program.
  console.error("Installing npm packages …");
  execFileSync("npm", ["ci", "--no-fund", "--no-audit", "--loglevel=error"], {
    cwd: root,
    stdio: ["inherit", process.stderr, "inherit"],
  });
  if (spawnSync(projectNode(), ["--version"]).status !== 0)
    throw new Error(
      "npm's package node brought no node: its install script was not run. Allow it: npm install-scripts approve node",
    );
  writeFileSync(stamp, wanted);
}

/** The Node that the project pins, newer than many machines'. */
export function projectNode() {
  return join(root, "node_modules", ".bin", "node");
}

/** Installs the system's packages that bring these commands (all, if none are named), or says which are missing. */
export function installSystemPackages(...commands) {
  const missing = systemPackages.filter(
    ({ command }) => !onPath(command) && (commands.length === 0 || commands.includes(command)),
  );
  if (missing.length === 0) return;
  const names = missing.map(({ brings }) => brings);
  if (process.getuid?.() !== 0 || !onPath("apt-get")) {
    const list = missing.map((entry) => `  ${entry.brings} (${entry.command}): ${entry.for}`).join("\n");
    throw new Error(
      `These are missing; install them as Debian names them, or your system's like:\n${list}\nOn Debian, as root: apt-get install ${names.join(" ")}`,
    );
  }
  console.error(`Installing system packages: ${names.join(", ")} …`);
  const apt = (...args) =>
    execFileSync("apt-get", ["-qq", "-o", "Dpkg::Use-Pty=0", ...args], {
      stdio: ["ignore", "ignore", "inherit"],
      env: { ...process.env, DEBIAN_FRONTEND: "noninteractive" },
    });
  apt("update");
  apt("install", "--yes", "--no-install-recommends", ...names);
}

/** The environment of everything that is run: the project's Node and tools first. */
export function environment() {
  return {
    ...process.env,
    PATH: [join(root, "node_modules", ".bin"), process.env.PATH, "/usr/sbin", "/sbin"].join(delimiter),
  };
}

/** Runs a main function: a failure is told in words, without a trace. */
export async function runMain(main) {
  try {
    process.exitCode = (await main()) ?? 0;
  } catch (error) {
    console.error(error.message);
    process.exitCode = 1;
  }
}
