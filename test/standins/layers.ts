import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { createRequire } from "node:module";
import { basename, join } from "node:path";

import { cacheDir } from "../support/cache";
import { fileSha256, filesBelow, inputsHash } from "./contentHash";
import { npmModules, programsHash, standinPrograms } from "./programs";
import { run } from "./run";

/** One layer of an image: a tar archive that is kept in the cache, and its digest. */
export interface Layer {
  file: string;
  diffId: string;
}

/** The ids of the official images' users: s6 runs Jitsi's, haproxy HAProxy's. */
const s6Uid = 1000;
const haproxyUid = 99;

const suite = "bookworm";
const packages = [
  "ca-certificates",
  "coturn",
  "curl",
  "haproxy",
  "keepalived",
  "libcap2-bin",
  "libstdc++6",
  // Prosody needs it by a virtual name, which debootstrap does not resolve.
  "lua-bitop",
  "lua-sec",
  "nginx-light",
  "openssl",
  "prosody",
  // As in Jibri's official image.
  "rclone",
];
/** What no stand-in reads at run time: half of the size. */
const unneeded = [
  "usr/share/doc",
  "usr/share/info",
  "usr/share/locale",
  "usr/share/man",
  "var/cache/apt",
  "var/cache/debconf",
  "var/lib/apt/lists",
  "var/log",
];
const debootstrapLimitSeconds = 600;
const tarLimitSeconds = 120;

/** What the engine fills itself. */
const engines = ["./dev/*", "./proc/*", "./sys/*", "./run/*"];
/** Perl's modules: keepalived's SNMP library brings them, and reads none. */
const perlModules = "./usr/*/perl/*";
/** The same files make the same archive, so that an engine recognises a layer that it has. */
const reproducible = ["--sort=name", "--mtime=@0", "--numeric-owner"];
const withCapabilities = ["--xattrs", "--xattrs-include=security.capability"];

/** Makes a layer once for a hash of its inputs: `fill` gets an empty directory to put the root file system's part in. */
async function layer(
  name: string,
  hash: string,
  excluded: string[],
  fill: (directory: string) => Promise<void>,
): Promise<Layer> {
  const layers = cacheDir("images", "layers");
  const file = join(layers, `${name}-${hash}.tar`);
  const digest = `${file}.sha256`;
  if (!existsSync(digest)) {
    const work = mkdtempSync(join(layers, `${name}-`));
    try {
      const directory = join(work, "root");
      mkdirSync(directory);
      await fill(directory);
      const archive = join(work, "layer.tar");
      const exclusions = excluded.map((pattern) => `--exclude=${pattern}`);
      await run(
        "tar",
        [...reproducible, ...withCapabilities, ...exclusions, "-C", directory, "-cf", archive, "."],
        tarLimitSeconds,
      );
      writeFileSync(join(work, "sha256"), await fileSha256(archive));
      renameSync(archive, file);
      // The digest comes last: with it the layer is whole.
      renameSync(join(work, "sha256"), digest);
    } finally {
      rmSync(work, { recursive: true, force: true });
    }
  }
  return { file, diffId: `sha256:${readFileSync(digest, "utf8")}` };
}

/**
 * Debian with the real HAProxy, Prosody, nginx, coturn and rclone, straight from the distribution's archive.
 * @throws when not root: debootstrap needs to change its root directory.
 */
function debianLayer(): Promise<Layer> {
  const hash = inputsHash(
    [suite, ...packages, ...unneeded, perlModules, String(s6Uid), String(haproxyUid)],
    __dirname,
    [],
  );
  return layer("debian", hash, [...engines, perlModules], async (directory) => {
    if (process.getuid?.() !== 0) {
      throw new Error("the stand-ins' images are built with debootstrap, which must be run by root");
    }
    const archives = cacheDir("images", "debs");
    const options = ["--variant=minbase", `--cache-dir=${archives}`, `--include=${packages.join(",")}`];
    await run("debootstrap", [...options, suite, directory], debootstrapLimitSeconds);
    const inside = (...command: string[]): Promise<void> => run("chroot", [directory, ...command], 30);
    await inside("groupmod", "-g", String(haproxyUid), "haproxy");
    await inside("usermod", "-u", String(haproxyUid), "haproxy");
    await inside("useradd", "-u", String(s6Uid), "-U", "-m", "-s", "/bin/sh", "s6");
    // As in the official image: without the capability nobody may run the file at all.
    await inside("setcap", "cap_net_bind_service=+ep", "/usr/bin/turnserver");
    for (const path of unneeded) rmSync(join(directory, path), { recursive: true, force: true });
    mkdirSync(join(directory, "var/log"));
  });
}

/** Files that everybody may read and only root may change, whoever made them here. */
async function giveToRoot(directory: string): Promise<void> {
  await run("chown", ["-R", "0:0", directory], 10);
  await run("chmod", ["-R", "u=rwX,go=rX", directory], 10);
}

const nodePackage = createRequire(__filename)("node/package.json") as { version: string };

/** Node, the one of the project's own dependencies. */
function nodeLayer(): Promise<Layer> {
  const hash = inputsHash([nodePackage.version, process.arch], __dirname, []);
  return layer("node-binary", hash, [], async (directory) => {
    mkdirSync(join(directory, "usr/local/bin"), { recursive: true });
    cpSync(createRequire(__filename).resolve("node/bin/node"), join(directory, "usr/local/bin/node"));
    await giveToRoot(directory);
  });
}

/** The npm packages of the programs. */
async function modulesLayer(): Promise<Layer> {
  const modules = await npmModules();
  return layer("modules", inputsHash([basename(modules)], __dirname, []), [], async (directory) => {
    cpSync(join(modules, "node_modules"), join(directory, "opt/standin/node_modules"), { recursive: true });
    await giveToRoot(directory);
  });
}

async function programsLayer(): Promise<Layer> {
  const programs = await standinPrograms();
  return layer("programs", programsHash(), [], async (directory) => {
    cpSync(programs, join(directory, "opt/standin"), {
      recursive: true,
      filter: (path) => !path.endsWith("node_modules"),
    });
    await giveToRoot(directory);
  });
}

/** The files of `images/<role>`, if it has any, at the root, and directories that the container's user owns. */
function roleLayer(role: string, owned: string[], mountPoints: string[]): Promise<Layer> {
  const source = join(__dirname, "images", role);
  const hasFiles = existsSync(source);
  const hash = inputsHash([...owned, "", ...mountPoints], source, hasFiles ? filesBelow(source) : []);
  return layer(role, hash, [], async (directory) => {
    if (hasFiles) cpSync(source, directory, { recursive: true });
    await giveToRoot(directory);
    for (const path of [...owned, ...mountPoints]) mkdirSync(join(directory, path), { recursive: true });
    for (const path of owned) await run("chown", [`${s6Uid}:${s6Uid}`, join(directory, path)], 10);
  });
}

export interface LayerNeeds {
  /** `alone`: the program comes with the container. `programs`: it is one of the stand-ins'. */
  node: "none" | "alone" | "programs";
  /** Directories of the container's user, in which new volumes are born. */
  owned: string[];
  mountPoints: string[];
}

/** The layers of a role's image, the largest and most shared first. */
export async function layersOf(role: string, needs: LayerNeeds): Promise<Layer[]> {
  return [
    await debianLayer(),
    ...(needs.node === "none" ? [] : [await nodeLayer()]),
    ...(needs.node === "programs" ? [await modulesLayer(), await programsLayer()] : []),
    await roleLayer(role, needs.owned, needs.mountPoints),
  ];
}

/** A hash of everything that the layers are made of, but for the files beside this one. */
export function layerInputsHash(): string {
  return inputsHash([process.arch, nodePackage.version, programsHash()], __dirname, []);
}
