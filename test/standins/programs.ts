import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { ModuleKind, ScriptTarget, transpileModule } from "typescript";

import { cacheDir } from "../support/cache";
import { filesBelow, inputsHash } from "./contentHash";
import { run } from "./run";

const sources = join(__dirname, "programs");
const recordings = join(__dirname, "..", "fixtures", "recorded");
/** The metrics pages that the programs tell again with live values. */
const recordedPages = [
  "jibri_metrics.http",
  "jicofo_metrics_json.http",
  "jicofo_metrics_with_jibri.http",
  "jvb2_conf_metrics.http",
  "jvb_metrics_json.http",
];
const npmLimitSeconds = 180;

/** Makes a directory once: filled beside its place, then moved there, so that it is whole whenever it exists. */
async function madeOnce(directory: string, fill: (directory: string) => Promise<void>): Promise<string> {
  if (existsSync(directory)) return directory;
  const unfinished = mkdtempSync(`${directory}-`);
  try {
    await fill(unfinished);
    renameSync(unfinished, directory);
  } catch (error) {
    rmSync(unfinished, { recursive: true });
    // Another process may have been faster.
    if (!existsSync(directory)) throw error;
  }
  return directory;
}

const packageLists = ["package.json", "package-lock.json"];

/** The directory with the npm packages of the programs, installed from the lock file beside this one. */
export function npmModules(): Promise<string> {
  const hash = inputsHash([], __dirname, packageLists);
  return madeOnce(join(cacheDir("images"), `modules-${hash}`), async (directory) => {
    for (const list of packageLists) cpSync(join(__dirname, list), join(directory, list));
    await run("npm", ["ci", "--ignore-scripts", "--no-audit", "--no-fund"], npmLimitSeconds, directory);
  });
}

/** A hash of the programs, the pages that they tell and the packages that they need. */
export function programsHash(): string {
  const packages = inputsHash([], __dirname, packageLists);
  const pages = inputsHash([], recordings, recordedPages);
  return inputsHash([packages, pages], sources, filesBelow(sources));
}

/**
 * The stand-ins' programs as plain JavaScript that any Node runs: `<directory>/<role>/main.js`, the npm packages beside
 * them. These very files go into the images.
 */
export async function standinPrograms(): Promise<string> {
  const modules = await npmModules();
  return madeOnce(join(cacheDir("images"), `programs-${programsHash()}`), (directory) => {
    const files = filesBelow(sources).filter((name) => name.endsWith(".ts") && !name.endsWith(".d.ts"));
    for (const file of files) {
      const { outputText } = transpileModule(readFileSync(join(sources, file), "utf8"), {
        compilerOptions: { module: ModuleKind.CommonJS, target: ScriptTarget.ES2023 },
      });
      const target = join(directory, file.replace(/\.ts$/, ".js"));
      mkdirSync(dirname(target), { recursive: true });
      writeFileSync(target, outputText);
    }
    mkdirSync(join(directory, "recorded"));
    for (const page of recordedPages) cpSync(join(recordings, page), join(directory, "recorded", page));
    symlinkSync(join(modules, "node_modules"), join(directory, "node_modules"));
    return Promise.resolve();
  });
}
