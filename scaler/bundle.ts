import { buildSync } from "esbuild";
import { createHash } from "node:crypto";
import { mkdirSync, readdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";

/** The programs that run from a stock Node image: where each begins. */
const entryPoints = {
  scaler: join("service", "main.ts"),
  awsScaler: join("service", "awsMain.ts"),
  agent: join("agent", "main.ts"),
  uploader: join("uploader", "main.ts"),
  keeper: join("keeper", "main.ts"),
  machine: join("machine", "main.ts"),
} as const;
export type ProgramName = keyof typeof entryPoints;
export const programNames = Object.keys(entryPoints) as ProgramName[];

/** This package's folder, wherever this very file was bundled to. */
const SOURCES = dirname(require.resolve("@jitsi-fleet/scaler/package.json"));
/** What is dear to make again. */
export const CACHE = join(SOURCES, "..", ".cache");
/** Where bundles are kept, by what they were made of: each preview would spend seconds on making them anew. */
const KEPT = join(CACHE, "bundles");
const made = new Map<ProgramName, string>();

/**
 * A program as one file that needs nothing but Node 22. The same sources give the same text, wherever they are.
 * Throws what esbuild says where a source is broken.
 */
export function bundle(program: ProgramName): string {
  const known = made.get(program) ?? kept(program);
  made.set(program, known);
  return known;
}

function kept(program: ProgramName): string {
  const file = join(KEPT, `${program}-${sourcesHash()}.js`);
  try {
    return readFileSync(file, "utf8");
  } catch {
    const text = built(program);
    keep(file, text);
    return text;
  }
}

/** Whole or not at all; where nothing can be written, it is made anew the next time. */
function keep(file: string, text: string): void {
  const draft = `${file}.${process.pid}`;
  try {
    mkdirSync(KEPT, { recursive: true });
    writeFileSync(draft, text);
    renameSync(draft, file);
  } catch {
    return;
  }
}

/** Of all that a bundle is made of: this package's sources, and the versions of the others. */
function sourcesHash(): string {
  const hash = createHash("sha256");
  const sources = readdirSync(SOURCES, { recursive: true, encoding: "utf8" })
    .filter((path) => /\.(?:ts|json)$/.test(path) && !path.startsWith("node_modules"))
    .sort();
  for (const path of [...sources, join("..", "package-lock.json")])
    hash
      .update(`${path}\0`)
      .update(readFileSync(join(SOURCES, path)))
      .update("\0");
  return hash.digest("hex").slice(0, 16);
}

function built(program: ProgramName): string {
  const { outputFiles } = buildSync({
    // Paths would be told relative to where this runs.
    absWorkingDir: SOURCES,
    entryPoints: [entryPoints[program]],
    bundle: true,
    write: false,
    minify: true,
    platform: "node",
    target: "node22",
    // pino, prom-client, dockerode and AWS's clients are CommonJS, and require what Node brings.
    format: "cjs",
    // dockerode brings them for hosts on ssh:// and for builds: the agent speaks to its own host's socket alone.
    alias: { ssh2: "node:net", "@grpc/grpc-js": "node:net", "@grpc/proto-loader": "node:net" },
    logLevel: "silent",
  });
  const [file] = outputFiles;
  if (!file) throw new Error(`esbuild gave nothing for the ${program}`);
  return file.text;
}
