import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { chmod, chown, mkdir, readdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { labels } from "../labels";
import { MACHINE, type MachineContainer } from "./manifest";
import type { Secrets } from "./secretParts";

/** What a machine knows of itself. */
export interface Self {
  readonly id: string;
  /** Undefined where it has none. */
  readonly publicAddress: string | undefined;
  readonly privateAddress: string;
}

/**
 * A text, its placeholders filled in.
 * @throws where it asks for a public address and the machine has none
 */
export function fill(text: string, { id, privateAddress, publicAddress }: Self): string {
  if (text.includes(MACHINE.publicAddress) && publicAddress === undefined)
    throw new Error(
      "this machine has no public IPv4 address, and users could not reach it: its subnet must give it one",
    );
  return text
    .replaceAll(MACHINE.id, id)
    .replaceAll(MACHINE.privateAddress, privateAddress)
    .replaceAll(MACHINE.publicAddress, publicAddress ?? "");
}

/** Where the files of the machine's containers lie: in memory. */
export const FILES_FOLDER = "/run/jitsi-fleet/files";
/** Programs that the machine has fetched. */
const PROGRAMS_FOLDER = "/var/lib/jitsi-fleet/programs";

/** The texts of a bundle, plain and secret, as this machine is to have them. */
export class Content {
  constructor(
    /** The machine's root, as this process sees it. */
    private readonly root: string,
    /** On the machine. */
    private readonly bundle: string,
    private readonly secrets: Secrets,
    private readonly self: Self,
  ) {}

  /** `at`: its path in the bundle. */
  async text(at: string, from: "bundle" | "secrets"): Promise<string> {
    const text =
      from === "secrets" ? this.secrets[at] : await readFile(join(this.root, this.bundle, at), "utf8");
    if (text === undefined) throw new Error(`${at} is not among the machine's secrets`);
    return fill(text, this.self);
  }

  /** A container's files below /fleet; none where it has none. */
  async mounted({ files, name, program }: MachineContainer): Promise<Record<string, string>> {
    const texts = files.map(async ({ from, path }): Promise<[string, string]> => [
      path,
      await this.text(`containers/${name}/${path}`, from),
    ]);
    const own = Object.fromEntries(await Promise.all(texts));
    if (!program) return own;
    const text = await readFile(join(this.root, PROGRAMS_FOLDER, `${program.sha256}.js`), "utf8");
    return { ...own, "program.js": text };
  }
}

/**
 * Lays a container's files down where they are mounted from: for its user to read, for nobody to write. The folder's
 * name changes with them, so that nothing changes under what runs.
 * @returns the folder, as the machine names it
 */
export async function layDown(
  root: string,
  { name, owner }: Pick<MachineContainer, "name" | "owner">,
  files: Readonly<Record<string, string>>,
): Promise<string> {
  const folder = `${FILES_FOLDER}/${name}-${hashOf(files)}`;
  const target = join(root, folder);
  if (existsSync(target)) return folder;
  const next = `${target}.next`;
  await rm(next, { recursive: true, force: true });
  const own = async (path: string, mode: number): Promise<void> => {
    await chown(path, owner.uid, owner.gid);
    await chmod(path, mode);
  };
  for (const [path, content] of Object.entries(files)) {
    const file = join(next, path);
    await mkdir(dirname(file), { recursive: true, mode: 0o700 });
    await writeFile(file, content, { mode: 0o600 });
    await own(file, 0o440);
    for (let parent = dirname(file); parent.startsWith(next); parent = dirname(parent))
      await own(parent, 0o550);
  }
  await rename(next, target);
  return folder;
}

/** Takes away what was laid down for containers that are no more. */
export async function clearAway(root: string, kept: readonly string[]): Promise<void> {
  const folder = join(root, FILES_FOLDER);
  const names = new Set(kept.map((path) => path.slice(FILES_FOLDER.length + 1)));
  for (const name of existsSync(folder) ? await readdir(folder) : [])
    if (!names.has(name)) await rm(join(folder, name), { recursive: true });
}

/** A service with its container's files mounted, and a revision that changes with all of it. */
export function withFiles(
  service: Readonly<Record<string, unknown>>,
  folder: string | undefined,
): { readonly service: Record<string, unknown>; readonly revision: string } {
  const mount = {
    type: "bind",
    source: folder,
    target: "/fleet",
    read_only: true,
    bind: { create_host_path: false },
  };
  const volumes = [...((service["volumes"] as unknown[] | undefined) ?? []), ...(folder ? [mount] : [])];
  const revision = hashOf({ ...service, volumes });
  const own = service["labels"] as Record<string, string> | undefined;
  return { service: { ...service, volumes, labels: { ...own, [labels.revision]: revision } }, revision };
}

const hashOf = (value: object): string =>
  createHash("sha256").update(JSON.stringify(value)).digest("hex").slice(0, 16);
