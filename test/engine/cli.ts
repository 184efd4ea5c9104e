import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdtemp, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { cacheDir } from "../support/cache";
import { findOnPath } from "./pluginPath";

const run = promisify(execFile);

/** The version that is built where there is no Pulumi. */
export const pulumiVersion = "3.259.0";
const oldestUsable = { major: 3, minor: 200 };

const cliModule = "github.com/pulumi/pulumi/pkg/v3/cmd/pulumi";
/** How long {@link findCli} may take where it has to build. */
export const buildLimitMs = 30 * 60_000;

let found: Promise<string> | undefined;

/** As {@link findCli} with this process's PATH, asked once. */
export function pulumiCli(): Promise<string> {
  found ??= findCli(process.env["PATH"] ?? "");
  return found;
}

/**
 * The path of a real Pulumi CLI: the one on `path` if it is not too old, else one built from its Go module and kept in
 * the cache. The first build takes minutes.
 * @throws when there is neither a usable CLI nor Go
 */
export async function findCli(path: string): Promise<string> {
  return (await usableCli(path)) ?? (await builtCli(path));
}

async function usableCli(path: string): Promise<string | undefined> {
  const installed = await findOnPath("pulumi", path);
  if (installed === undefined) return undefined;
  const version = await run(installed, ["version"], { timeout: buildLimitMs, env: quiet(process.env) }).then(
    ({ stdout }) => stdout,
    () => "",
  );
  const [, major = "0", minor = "0"] = /v?(\d+)\.(\d+)\./.exec(version) ?? [];
  // The npm package `pulumi` is only a downloader: it is on PATH too, and does not answer with a version.
  const usable = Number(major) === oldestUsable.major && Number(minor) >= oldestUsable.minor;
  return usable ? installed : undefined;
}

async function builtCli(path: string): Promise<string> {
  const directory = cacheDir("pulumi", pulumiVersion);
  const binary = join(directory, "pulumi");
  if (existsSync(binary)) return binary;

  const go = await findOnPath("go", path);
  if (go === undefined) {
    throw new Error(
      `The engine tests need the Pulumi CLI. Install Pulumi ≥ ${oldestUsable.major}.${oldestUsable.minor} ` +
        "(https://www.pulumi.com/docs/install/), or Go ≥ 1.25 (https://go.dev/dl/), with which it is built from source.",
    );
  }
  const workshop = await mkdtemp(join(directory, "build-"));
  try {
    const options = { cwd: workshop, timeout: buildLimitMs, maxBuffer: 64 << 20 };
    const flags = `-s -w -X github.com/pulumi/pulumi/sdk/v3/go/common/version.Version=v${pulumiVersion}`;
    await writeFile(join(workshop, "go.mod"), "module pulumi-cli-build\n");
    await run(go, ["get", "-tool", `${cliModule}@v${pulumiVersion}`], options);
    await run(go, ["build", "-ldflags", flags, "-o", "pulumi", cliModule], options);
    // Only a finished binary gets its name, so that builds at the same time do not disturb each other.
    await rename(join(workshop, "pulumi"), binary);
  } catch (error) {
    throw new Error(`The Pulumi CLI ${pulumiVersion} could not be built with Go.`, { cause: error });
  } finally {
    await rm(workshop, { recursive: true, force: true });
  }
  return binary;
}

function quiet(environment: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  return { ...environment, PULUMI_SKIP_UPDATE_CHECK: "1" };
}
