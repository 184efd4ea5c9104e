import { buildSync } from "esbuild";
import { join } from "node:path";

/**
 * The service as one file that needs nothing but Node 22. The same sources give the same text, wherever they are.
 * Throws what esbuild says where a source is broken.
 */
export function bundleService(): string {
  const { outputFiles } = buildSync({
    // Paths would be told relative to where this runs.
    absWorkingDir: __dirname,
    entryPoints: [join("service", "main.ts")],
    bundle: true,
    write: false,
    minify: true,
    platform: "node",
    target: "node22",
    // pino and prom-client are CommonJS, and require what Node brings.
    format: "cjs",
    logLevel: "silent",
  });
  const [file] = outputFiles;
  if (!file) throw new Error("esbuild gave nothing for the service");
  return file.text;
}
