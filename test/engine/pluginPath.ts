import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { access, chmod, constants, mkdir, readdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { homedir } from "node:os";
import { delimiter, dirname, join } from "node:path";
import { ModuleKind, ScriptTarget, transpileModule, version as typescriptVersion } from "typescript";
import { cacheDir } from "../support/cache";

/** The plug-ins there is a stand-in for, and the module in `plugins/` that is one. */
const standIns = {
  "pulumi-language-nodejs": "languageHost",
  "pulumi-resource-aws": "aws",
  "pulumi-resource-command": "command",
  "pulumi-resource-docker": "docker",
  "pulumi-resource-random": "random",
  "pulumi-resource-tls": "tls",
} as const;

/** A plug-in's executable, as the engine looks for it. */
export type PluginName = keyof typeof standIns;

/**
 * The value of PATH with which the engine finds every plug-in the project needs: the real ones that are on `path` or
 * that Pulumi has installed for this user, and the project's stand-ins for the others.
 */
export async function pluginPath(path = process.env["PATH"] ?? ""): Promise<string> {
  const names = Object.keys(standIns) as PluginName[];
  const real = await Promise.all(
    names.map(async (name) => ({ name, directory: await directoryOfReal(name, path) })),
  );
  const missing = real.filter(({ directory }) => directory === undefined).map(({ name }) => name);
  const directories = [
    ...(missing.length > 0 ? [await directoryOfStandIns(missing)] : []),
    path,
    ...real.flatMap(({ directory }) => directory ?? []),
  ];
  return [...new Set(directories)].join(delimiter);
}

async function directoryOfReal(name: PluginName, path: string): Promise<string | undefined> {
  const onPath = await findOnPath(name, path);
  if (onPath !== undefined) return dirname(onPath);
  const provider = /^pulumi-resource-(.*)$/.exec(name)?.[1];
  if (provider === undefined) return undefined;
  const sdk = await readFile(require.resolve(`@pulumi/${provider}/package.json`), "utf8");
  const { version } = JSON.parse(sdk) as { version: string };
  const home = process.env["PULUMI_HOME"] ?? join(homedir(), ".pulumi");
  const installed = join(home, "plugins", `resource-${provider}-v${version}`);
  return (await findOnPath(name, installed)) === undefined ? undefined : installed;
}

/** Where an executable is on a PATH, or undefined. */
export async function findOnPath(name: string, path: string): Promise<string | undefined> {
  for (const directory of path.split(delimiter).filter((entry) => entry !== "")) {
    const candidate = join(directory, name);
    const executable = await access(candidate, constants.X_OK).then(
      () => true,
      () => false,
    );
    if (executable) return candidate;
  }
  return undefined;
}

/**
 * A folder with just these stand-ins as executables. They are transpiled once and kept: with ts-node each plug-in
 * process would take most of a second longer to start, and an update starts one per provider.
 */
async function directoryOfStandIns(names: PluginName[]): Promise<string> {
  const sources = await sourcesOfStandIns();
  const modulesPath = join(dirname(require.resolve("@pulumi/pulumi/package.json")), "..", "..");
  const key = createHash("sha256")
    .update(JSON.stringify([typescriptVersion, process.execPath, modulesPath, names, sources]))
    .digest("hex")
    .slice(0, 16);
  const directory = join(cacheDir("plugins"), key);
  if (existsSync(directory)) return directory;

  const draft = `${directory}.${process.pid}`;
  for (const [file, source] of Object.entries(sources)) {
    const target = join(draft, "lib", file.replace(/\.ts$/, ".js"));
    await mkdir(dirname(target), { recursive: true });
    await writeFile(target, transpiled(source, file));
  }
  for (const name of names) {
    const launcher = join(draft, name);
    const script = join(directory, "lib", `${standIns[name]}.js`);
    await writeFile(
      launcher,
      `#!/bin/sh\nNODE_PATH=${quoted(modulesPath)} exec ${quoted(process.execPath)} ${quoted(script)} "$@"\n`,
    );
    await chmod(launcher, 0o755);
  }
  // Another process may have been faster; its folder is the same.
  await rename(draft, directory).catch(() => rm(draft, { recursive: true, force: true }));
  return directory;
}

async function sourcesOfStandIns(): Promise<Record<string, string>> {
  const root = join(__dirname, "plugins");
  const files = (await readdir(root, { recursive: true })).filter((file) => file.endsWith(".ts")).sort();
  return Object.fromEntries(
    await Promise.all(files.map(async (file) => [file, await readFile(join(root, file), "utf8")] as const)),
  );
}

function transpiled(source: string, fileName: string): string {
  return transpileModule(source, {
    fileName,
    compilerOptions: { module: ModuleKind.CommonJS, target: ScriptTarget.ES2023, esModuleInterop: true },
  }).outputText;
}

function quoted(text: string): string {
  return `'${text.replaceAll("'", String.raw`'\''`)}'`;
}
