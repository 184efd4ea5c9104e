// Sets a fresh clone up: npm's packages, and the system's where that may be done. Depends on nothing but Node and npm.
import { execFileSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { delimiter, join } from "node:path";
import { installPackages } from "./packages.mjs";
import { run } from "./run.mjs";

const root = join(import.meta.dirname ?? new URL(".", import.meta.url).pathname, "..");

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
  { command: "chromium", brings: "chromium", for: "the tests of what Jibri's browser takes" },
  { command: "prosody", brings: "prosody", for: "the tests of the XMPP clients" },
  { command: "docker-registry", brings: "docker-registry", for: "the tests of private registries" },
];

const paths = (process.env.PATH ?? "").split(delimiter).concat("/usr/sbin", "/sbin");
const onPath = (command) => paths.some((path) => existsSync(join(path, command)));

/** Installs what a command for operators needs of npm's packages, unless it is there. */
export const installPrograms = () => installPackages(root, false);

/** Installs all of npm's packages, unless they are there. */
export const installEverything = () => installPackages(root, true);

/** Whether the Node that runs this is as new as package.json asks for: whether it runs the project's TypeScript. */
function isNewEnough({ node }) {
  const numbers = (version) => version.match(/\d+/g).map(Number);
  const [[major, minor], [oldestMajor, oldestMinor]] = [process.versions.node, node].map(numbers);
  return major > oldestMajor || (major === oldestMajor && minor >= oldestMinor);
}

/** The Node that the project pins where it is installed, else the one that runs this. */
function nodeToRun() {
  const pinned = join(root, "node_modules", ".bin", "node");
  if (existsSync(pinned)) return pinned;
  const { engines } = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
  if (isNewEnough(engines)) return process.execPath;
  throw new Error(
    `Node ${engines.node} is needed; this is ${process.versions.node}, and npm's package node brought none. ` +
      "Install a newer one, or have that package run its install script: npm install-scripts approve node; npm ci",
  );
}

/** Runs one of the project's TypeScript programs to its end, in this folder. Returns its exit code. */
export const runProgram = (program, args, options) =>
  run(nodeToRun(), [join(root, "scripts", "built.cjs"), program, ...args], {
    env: environment(),
    ...options,
  });

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

/** Words on a command line that ask for nothing there is: told with how to ask, and exit code 2. */
export class UsageError extends Error {}

/** Runs a main function: a failure is told in words, without a trace. */
export async function runMain(main) {
  try {
    process.exitCode = (await main()) ?? 0;
  } catch (error) {
    console.error(error.message);
    process.exitCode = error instanceof UsageError ? 2 : 1;
  }
}
