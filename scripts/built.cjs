// Runs a TypeScript program of this project as one plain file, made by esbuild and kept: to read and translate each of its
// sources anew, as ts-node does, takes two seconds of a processor, and an update runs dozens of commands.
//
//   node scripts/built.cjs components/docker/commands/sweep.ts [ARGUMENT …]
const { createHash } = require("node:crypto");
const { mkdirSync, readFileSync, renameSync, statSync, writeFileSync } = require("node:fs");
const Module = require("node:module");
const { join, relative } = require("node:path");

const ROOT = join(__dirname, "..");
const KEPT = join(ROOT, ".cache", "built");
/** What a program depends on beside its sources. */
const ALWAYS = ["package-lock.json", relative(ROOT, __filename)];

/** What tells that a file is as it was. */
function stateOf(path) {
  const { mtimeMs, size } = statSync(join(ROOT, path));
  return `${mtimeMs} ${size}`;
}

/** The kept text's file, unless there is none or a source has changed since. */
function keptFile(list) {
  try {
    const { name, sources } = JSON.parse(readFileSync(list, "utf8"));
    if (Object.entries(sources).some(([path, state]) => stateOf(path) !== state)) return undefined;
    const file = join(KEPT, name);
    statSync(file);
    return file;
  } catch {
    return undefined;
  }
}

/** Whole or not at all: others may be reading and writing it. */
function put(file, text) {
  const draft = `${file}.${process.pid}`;
  writeFileSync(draft, text);
  renameSync(draft, file);
}

function built(entry) {
  const { outputFiles, metafile } = require("esbuild").buildSync({
    absWorkingDir: ROOT,
    entryPoints: [entry],
    bundle: true,
    write: false,
    metafile: true,
    platform: "node",
    target: "node22",
    format: "cjs",
    // Messages are to be of the classes that Pulumi has; the others bring files of their own, or are large.
    external: ["@pulumi/*", "@grpc/*", "google-protobuf", "@aws-sdk/*", "esbuild", "typescript"],
    // dockerode brings it for hosts on ssh://; here ssh itself is run.
    alias: { ssh2: "node:net" },
    logLevel: "error",
  });
  const own = Object.keys(metafile.inputs).filter((path) => !path.includes("node_modules"));
  const sources = [...own, ...ALWAYS];
  return {
    text: outputFiles[0].text,
    sources: Object.fromEntries(sources.map((path) => [path, stateOf(path)])),
  };
}

/** Loads a program by its path in this project. Returns its exports. Throws what esbuild says where a source is broken. */
function load(entry) {
  const called = entry.replaceAll("/", "-").replace(/\.ts$/, "");
  const list = join(KEPT, `${called}.json`);
  const file = keptFile(list);
  if (file !== undefined) return require(file);
  const { text, sources } = built(entry);
  const name = `${called}-${createHash("sha256").update(text).digest("hex").slice(0, 16)}.js`;
  const made = join(KEPT, name);
  try {
    mkdirSync(KEPT, { recursive: true });
    put(made, text);
    put(list, JSON.stringify({ name, sources }));
  } catch {
    // Where nothing can be written, it is made anew the next time.
    const module = new Module(made);
    module.paths = Module._nodeModulePaths(KEPT);
    module._compile(text, made);
    return module.exports;
  }
  return require(made);
}

module.exports = { load };

if (require.main === module) {
  const [entry] = process.argv.splice(2, 1);
  process.argv[1] = join(ROOT, entry);
  load(entry);
}
