import { buildSync } from "esbuild";
import { join } from "node:path";

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

/**
 * A program as one file that needs nothing but Node 22. The same sources give the same text, wherever they are.
 * Throws what esbuild says where a source is broken.
 */
export function bundle(program: ProgramName): string {
  const { outputFiles } = buildSync({
    // Paths would be told relative to where this runs.
    absWorkingDir: __dirname,
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
