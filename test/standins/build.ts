import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { linkSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import Docker from "dockerode";

import { cacheDir } from "../support/cache";
import { filesBelow, inputsHash } from "./contentHash";
import { layerInputsHash, layersOf, type LayerNeeds } from "./layers";

export type Role =
  "prosody" | "web" | "jicofo" | "jvb" | "jibri" | "haproxy" | "keepalived" | "coturn" | "node";
/** Two releases that differ in the version they report and in nothing else. */
export type Release = "r1" | "r2";

/** The part of an image's configuration that the roles differ in. */
interface ImageConfig {
  User: string;
  Entrypoint: string[];
  Cmd?: string[];
  ExposedPorts: Record<string, object>;
  /** As in the official images: a path without a mount gets an anonymous volume. */
  Volumes?: Record<string, object>;
  Env?: string[];
  WorkingDir?: string;
  StopSignal?: string;
}

const releases: Release[] = ["r1", "r2"];
const inputsLabel = "jitsi-fleet.standin.inputs";
const loadLimitMilliseconds = 900_000;

const config: ImageConfig = {
  User: "s6",
  Entrypoint: ["/init"],
  ExposedPorts: {},
  Volumes: { "/config": {} },
};
const needs: LayerNeeds = { node: "none", owned: [], mountPoints: ["config", "secrets"] };

/**
 * A bridge's last minute is six seconds in the images: the product gives its containers their environment, so that a
 * test of a whole fleet cannot set it.
 */
const timeScale = "STANDIN_TIME_SCALE=0.1";

const roles: Record<Role, { config: ImageConfig; needs: LayerNeeds }> = {
  prosody: {
    config: {
      ...config,
      ExposedPorts: { "5222/tcp": {}, "5280/tcp": {} },
      Volumes: { "/config": {}, "/prosody-plugins-custom": {} },
    },
    needs: {
      ...needs,
      owned: ["var/lib/prosody"],
      mountPoints: [...needs.mountPoints, "prosody-plugins-custom"],
    },
  },
  web: {
    config: {
      ...config,
      ExposedPorts: { "8000/tcp": {}, "8443/tcp": {} },
      Volumes: { "/config": {}, "/usr/share/jitsi-meet/transcripts": {} },
    },
    needs: { ...needs, owned: ["storage"] },
  },
  jicofo: { config, needs: { ...needs, node: "programs" } },
  jvb: { config: { ...config, Env: [timeScale] }, needs: { ...needs, node: "programs" } },
  jibri: {
    config: { ...config, Env: [timeScale] },
    needs: { ...needs, node: "programs", owned: ["storage"] },
  },
  haproxy: {
    config: {
      User: "haproxy",
      Entrypoint: ["/docker-entrypoint.sh"],
      Cmd: ["haproxy", "-f", "/usr/local/etc/haproxy/haproxy.cfg"],
      ExposedPorts: {},
      WorkingDir: "/var/lib/haproxy",
      StopSignal: "SIGUSR1",
    },
    needs: { ...needs, mountPoints: ["usr/local/etc/haproxy", "var/lib/haproxy"] },
  },
  keepalived: {
    config: { User: "", Entrypoint: ["keepalived"], ExposedPorts: {} },
    needs: { node: "none", owned: [], mountPoints: [] },
  },
  coturn: {
    config: {
      User: "nobody:nogroup",
      Entrypoint: ["docker-entrypoint.sh"],
      Cmd: ["--log-file=stdout"],
      ExposedPorts: { "3478/tcp": {}, "3478/udp": {}, "5349/tcp": {}, "5349/udp": {} },
      Volumes: { "/var/lib/coturn": {} },
    },
    needs: { node: "none", owned: [], mountPoints: ["var/lib/coturn"] },
  },
  node: {
    config: { User: "", Entrypoint: ["docker-entrypoint.sh"], Cmd: ["node"], ExposedPorts: {} },
    needs: { node: "alone", owned: [], mountPoints: [] },
  },
};

const path = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
const architectures: Partial<Record<string, string>> = { x64: "amd64", arm64: "arm64" };

/** The name and tag of a stand-in's image. */
export function imageName(role: Role, release: Release): string {
  return `jitsi-fleet-standin/${role}:${release}`;
}

const allImages = (Object.keys(roles) as Role[]).flatMap((role) =>
  releases.map((release) => ({ role, release, name: imageName(role, release) })),
);

/** One hash of everything the images are made of. */
function imagesHash(): string {
  const files = filesBelow(join(__dirname, "images")).map((file) => join("images", file));
  return inputsHash([layerInputsHash()], __dirname, ["build.ts", "layers.ts", ...files]);
}

async function hasImages(engine: Docker, hash: string): Promise<boolean> {
  const found = await engine.listImages({ filters: { label: [`${inputsLabel}=${hash}`] } });
  const names = new Set(found.flatMap((image) => image.RepoTags ?? []));
  return allImages.every(({ name }) => names.has(name));
}

/** Writes what `docker save` would have written of all the images, the layers linked from the cache. */
async function writeArchive(directory: string, hash: string): Promise<void> {
  const manifest: { Config: string; RepoTags: string[]; Layers: string[] }[] = [];
  const linked = new Set<string>();
  for (const { role, release, name } of allImages) {
    const layers = await layersOf(role, roles[role].needs);
    for (const { file, diffId } of layers) {
      if (linked.has(diffId)) continue;
      linkSync(file, join(directory, `${diffId.slice("sha256:".length)}.tar`));
      linked.add(diffId);
    }
    const image = JSON.stringify({
      architecture: architectures[process.arch] ?? process.arch,
      os: "linux",
      created: "1970-01-01T00:00:00Z",
      config: {
        ...roles[role].config,
        Env: [path, `RELEASE=${release}`, ...(roles[role].config.Env ?? [])],
        Labels: { [inputsLabel]: hash },
      },
      rootfs: { type: "layers", diff_ids: layers.map((layer) => layer.diffId) },
      history: layers.map(() => ({
        created: "1970-01-01T00:00:00Z",
        created_by: "jitsi-fleet test/standins",
      })),
    });
    const imageFile = `${createHash("sha256").update(image).digest("hex")}.json`;
    writeFileSync(join(directory, imageFile), image);
    manifest.push({
      Config: imageFile,
      RepoTags: [name],
      Layers: layers.map((layer) => `${layer.diffId.slice("sha256:".length)}.tar`),
    });
  }
  writeFileSync(join(directory, "manifest.json"), JSON.stringify(manifest));
}

/** Streams the archive into an engine, and waits for the engine's last word. */
async function load(engine: Docker, directory: string): Promise<void> {
  const tar = spawn("tar", ["-C", directory, "-cf", "-", "."], {
    stdio: ["ignore", "pipe", "inherit"],
    timeout: loadLimitMilliseconds,
  });
  const progress = await engine.loadImage(tar.stdout, { quiet: true });
  const told: string[] = [];
  for await (const part of progress) told.push(String(part));
  if (told.join("").includes('"error"')) throw new Error(`docker load failed: ${told.join("").slice(-1000)}`);
  // The stand-ins of earlier sources have lost their names to these.
  await engine.pruneImages({ filters: { dangling: ["true"], label: [inputsLabel] } });
}

/**
 * Brings the stand-ins' images into Docker engines, given by their unix sockets. Engines that have them are left alone;
 * what the images are made of is kept in the cache. The first time takes a minute or two and needs root, the Debian
 * archive and the npm registry; later ones only load.
 * @throws when a part cannot be built or an engine refuses the images.
 */
export async function ensureImages(sockets: string[]): Promise<void> {
  const hash = imagesHash();
  const engines = sockets.map((socketPath) => new Docker({ socketPath, timeout: loadLimitMilliseconds }));
  const present = await Promise.all(engines.map((engine) => hasImages(engine, hash)));
  const lacking = engines.filter((_, index) => present[index] !== true);
  if (lacking.length === 0) return;
  const archives = cacheDir("images", "archives");
  const directory = mkdtempSync(join(archives, `${hash}-`));
  try {
    await writeArchive(directory, hash);
    await Promise.all(lacking.map((engine) => load(engine, directory)));
  } finally {
    rmSync(directory, { recursive: true });
  }
}
