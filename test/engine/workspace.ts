import { spawn } from "node:child_process";
import { copyFile, mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { delimiter, dirname, join, resolve } from "node:path";
import { parse, stringify } from "yaml";
import { pulumiCli } from "./cli";
import { pluginPath } from "./pluginPath";

/** What a call of the CLI gave. */
export interface CliResult {
  exitCode: number;
  stdout: string;
  stderr: string;
  durationMs: number;
}

/** A resource in the exported state. */
export interface StateResource {
  urn: string;
  type: string;
  id?: string;
  custom: boolean;
  parent?: string;
  provider?: string;
  protect?: boolean;
  retainOnDelete?: boolean;
  deletedWith?: string;
  delete?: boolean;
  external?: boolean;
  dependencies?: string[];
  aliases?: string[];
  ignoreChanges?: string[];
  initErrors?: string[];
  pendingReplacement?: boolean;
  inputs?: Record<string, unknown>;
  outputs?: Record<string, unknown>;
}

/** The exported state of a stack. */
export interface ExportedState {
  version: number;
  deployment: { resources?: StateResource[]; pending_operations?: unknown[] };
}

/** The state of a fleet as it was before one of its shards was added. */
export function stateWithout(shard: string, { deployment, version }: ExportedState): ExportedState {
  const isOfShard = (urn: string): boolean => new RegExp(`^${shard}(-|$)`).test(urn.split("::").at(-1) ?? "");
  const text = JSON.stringify(
    (deployment.resources ?? []).filter(({ urn }) => !isOfShard(urn)),
    (_, value: unknown) =>
      Array.isArray(value)
        ? value.filter((one) => !(typeof one === "string" && one.startsWith("urn:pulumi:") && isOfShard(one)))
        : value,
  );
  return { version, deployment: { ...deployment, resources: JSON.parse(text) as StateResource[] } };
}

/** One step of a preview as JSON. */
export interface PreviewStep {
  op: string;
  urn: string;
  oldState?: StateResource;
  newState?: StateResource;
  diffReasons?: string[];
  replaceReasons?: string[];
  detailedDiff?: Record<string, { kind: string; inputDiff: boolean }> | null;
}

/** A preview as JSON. */
export interface PreviewJson {
  steps: PreviewStep[];
  changeSummary: Partial<Record<string, number>>;
  diagnostics?: { urn?: string; message: string; severity: string }[];
}

type Config = Record<string, unknown>;

export interface EngineStackOptions {
  /** The program's folder, with its Pulumi.yaml. Nothing is written into it. */
  programDir: string;
  /** The stack's name. @default "test" */
  stack?: string;
  /** A stack's configuration file to start from, like the project's Pulumi.dev.yaml. */
  configFile?: string;
  /** The stack's configuration, on top of that file; a key without a namespace gets the project's. */
  config?: Config;
  /** Added to the environment of every call. */
  env?: Record<string, string>;
}

export interface CallOptions {
  /** More arguments of the command. */
  args?: string[];
  /** When the call is interrupted. @default 900 */
  timeoutSeconds?: number;
}

const interruptGraceMs = 15_000;

/**
 * A stack of a program on the real engine, with a state, a Pulumi home and a configuration of its own in a temporary
 * folder. The calls do not throw when Pulumi fails: look at the exit code.
 */
export class EngineStack {
  private constructor(
    /** The stack's name. */
    public stack: string,
    private readonly cli: string,
    private readonly directory: string,
    private readonly environment: NodeJS.ProcessEnv,
    private readonly programDir: string,
  ) {}

  /** @throws when there is no CLI, no project, or the stack cannot be made */
  static async create(options: EngineStackOptions): Promise<EngineStack> {
    const stackName = options.stack ?? "test";
    const [cli, path] = await Promise.all([pulumiCli(), pluginPath()]);
    const directory = await mkdtemp(join(tmpdir(), "pulumi-stack-"));
    const [home, state, project] = [
      join(directory, "home"),
      join(directory, "state"),
      join(directory, "project"),
    ];
    await Promise.all([home, state, project].map((folder) => mkdir(folder)));
    const name = await copyProject(options.programDir, project);
    const settings = await stackFile(name, options.configFile, options.config ?? {});
    await writeFile(join(project, `Pulumi.${stackName}.yaml`), settings);

    const environment = {
      ...process.env,
      PATH: path,
      PULUMI_HOME: home,
      PULUMI_BACKEND_URL: `file://${state}`,
      PULUMI_CONFIG_PASSPHRASE: "only for tests",
      PULUMI_SKIP_UPDATE_CHECK: "1",
      PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION: "true",
      ...options.env,
    };
    const stack = new EngineStack(stackName, cli, directory, environment, options.programDir);
    const made = await stack.run(["stack", "init", stackName]);
    if (made.exitCode !== 0) {
      await stack.dispose();
      throw new Error(`The stack could not be made:\n${made.stdout}${made.stderr}`);
    }
    return stack;
  }

  /** The PATH with which the CLI and its plug-ins are found. */
  get path(): string {
    return [dirname(this.cli), this.environment["PATH"]].join(delimiter);
  }

  /** What an update would do. `args: ["--expect-no-changes"]` fails when it would do anything. */
  preview(options: CallOptions = {}): Promise<CliResult> {
    return this.command(["preview"], options);
  }

  /** What an update would do, with every changed property. */
  previewDiff(options: CallOptions = {}): Promise<CliResult> {
    return this.command(["preview", "--diff"], options);
  }

  /** @throws when the preview fails */
  async previewJson(options: CallOptions = {}): Promise<PreviewJson> {
    const result = await this.command(["preview", "--json"], options);
    if (result.exitCode !== 0) throw new Error(`The preview failed:\n${result.stdout}${result.stderr}`);
    return JSON.parse(result.stdout) as PreviewJson;
  }

  up(options: CallOptions = {}): Promise<CliResult> {
    return this.command(["up", "--yes", "--skip-preview"], options);
  }

  /** Destroys with the program running: without it, resources with delete hooks cannot be deleted. */
  destroy(options: CallOptions = {}): Promise<CliResult> {
    return this.command(["destroy", "--yes", "--skip-preview", "--run-program"], options);
  }

  /** What has changed in the world and is not in the state. */
  refreshPreview(options: CallOptions = {}): Promise<CliResult> {
    return this.command(["refresh", "--preview-only", "--diff"], options);
  }

  refresh(options: CallOptions = {}): Promise<CliResult> {
    return this.command(["refresh", "--yes", "--skip-preview"], options);
  }

  /** Sets a configuration value by its path, as a user does: `setConfig("bridges.max", "40")`. */
  async setConfig(path: string, value: string, options: { secret?: boolean } = {}): Promise<void> {
    const flag = options.secret === true ? "--secret" : "--plaintext";
    await this.mustSucceed(["config", "set", "--path", flag, "--stack", this.stack, "--", path, value]);
  }

  /** Sets several by their paths at once. */
  async setConfigs(values: Readonly<Record<string, string>>): Promise<void> {
    const flags = Object.entries(values).flatMap(([path, value]) => ["--plaintext", `${path}=${value}`]);
    await this.mustSucceed(["config", "set-all", "--path", "--stack", this.stack, ...flags]);
  }

  /** Writes the stack's whole configuration anew; a key without a namespace gets the project's. */
  async writeConfig(config: Config): Promise<void> {
    const file = join(this.directory, "project", `Pulumi.${this.stack}.yaml`);
    const { name } = parse(await readFile(join(this.directory, "project", "Pulumi.yaml"), "utf8")) as {
      name: string;
    };
    await writeFile(file, await stackFile(name, file, config, "instead"));
  }

  /** As `pulumi stack rename`: its settings go with it. */
  async rename(name: string): Promise<CliResult> {
    const result = await this.run(["stack", "rename", name, "--stack", this.stack]);
    if (result.exitCode === 0) this.stack = name;
    return result;
  }

  async removeConfig(path: string): Promise<void> {
    await this.mustSucceed(["config", "rm", "--path", "--stack", this.stack, "--", path]);
  }

  /** The stack's outputs, secrets in plain text. */
  async outputs(): Promise<Record<string, unknown>> {
    const { stdout } = await this.mustSucceed([
      "stack",
      "output",
      "--json",
      "--show-secrets",
      "--stack",
      this.stack,
    ]);
    return JSON.parse(stdout) as Record<string, unknown>;
  }

  /** The state as it is stored: secrets stay encrypted. */
  async exportState(): Promise<ExportedState> {
    const { stdout } = await this.mustSucceed(["stack", "export", "--stack", this.stack]);
    return JSON.parse(stdout) as ExportedState;
  }

  /** Puts another state in place of the stack's. */
  async importState(state: ExportedState): Promise<void> {
    const file = join(this.directory, "state.json");
    await writeFile(file, JSON.stringify(state));
    await this.mustSucceed(["stack", "import", "--file", file, "--stack", this.stack]);
  }

  /** Any other command of the CLI. */
  run(args: string[], timeoutSeconds = 900): Promise<CliResult> {
    return runLimited(this.cli, ["--non-interactive", "--color", "never", ...args], {
      cwd: join(this.directory, "project"),
      env: this.environment,
      timeoutSeconds,
    });
  }

  /**
   * A script of the program's, as npm runs it.
   * @param heard takes what it says on its standard output while it runs
   */
  script(file: string, args: string[], heard?: (text: string) => void): Promise<CliResult> {
    return runLimited(process.execPath, [resolve(file), ...args, "--stack", this.stack], {
      cwd: join(this.directory, "project"),
      env: { ...this.environment, PATH: this.path },
      timeoutSeconds: 900,
      heard,
    });
  }

  /**
   * A command as an operator types it into a shell in the project's folder, with this stack selected: questions are
   * answered with yes.
   * @param env added to the stack's environment
   */
  async typed(
    command: string,
    options: { timeoutSeconds?: number; env?: NodeJS.ProcessEnv } = {},
  ): Promise<CliResult> {
    const project = join(this.directory, "project");
    await addCheckout(this.programDir, project);
    return runLimited("bash", ["-euo", "pipefail", "-c", command], {
      cwd: project,
      env: {
        ...this.environment,
        PATH: this.path,
        PULUMI_SKIP_CONFIRMATIONS: "true",
        ...options.env,
      },
      timeoutSeconds: options.timeoutSeconds ?? 900,
    });
  }

  /** The stack's configuration file. */
  configFile(): Promise<string> {
    return readFile(join(this.directory, "project", `Pulumi.${this.stack}.yaml`), "utf8");
  }

  /** Forgets the stack. What it brought up and was not destroyed stays. */
  async dispose(): Promise<void> {
    await rm(this.directory, { recursive: true, force: true });
  }

  private command(args: string[], options: CallOptions): Promise<CliResult> {
    return this.run([...args, "--stack", this.stack, ...(options.args ?? [])], options.timeoutSeconds);
  }

  private async mustSucceed(args: string[]): Promise<CliResult> {
    const result = await this.run(args);
    if (result.exitCode === 0) return result;
    throw new Error(`pulumi ${args.join(" ")} failed:\n${result.stdout}${result.stderr}`);
  }
}

/**
 * Copies the project file, with `main` leading back to the program: the CLI writes the stack's configuration beside
 * the project file.
 * @returns the project's name
 */
async function copyProject(programDir: string, target: string): Promise<string> {
  const project = parse(await readFile(join(programDir, "Pulumi.yaml"), "utf8")) as {
    name: string;
    main?: string;
  };
  const main = resolve(programDir, project.main ?? ".");
  await writeFile(join(target, "Pulumi.yaml"), stringify({ ...project, main }));
  return project.name;
}

/**
 * Adds what a checkout has beside the project file. Stacks' files are copies of the examples alone: what is written into
 * one reaches no file of whoever runs the tests.
 */
async function addCheckout(programDir: string, project: string): Promise<void> {
  const there = await readdir(project);
  for (const name of await readdir(programDir)) {
    const [from, to] = [resolve(programDir, name), join(project, name)];
    if (there.includes(name) || name === ".git") continue;
    if (!/^Pulumi\..+\.ya?ml$/.test(name)) await symlink(from, to);
    else if (/^Pulumi\.(?:hosts|prod)\.yaml$/.test(name)) await copyFile(from, to);
  }
}

/** A stack's configuration file: what is in `original`, overlaid with `config`, or with that instead. */
async function stackFile(
  project: string,
  original: string | undefined,
  config: Config,
  how: "overlaid" | "instead" = "overlaid",
): Promise<string> {
  const before =
    original === undefined ? {} : (parse(await readFile(original, "utf8")) as { config?: Config });
  const qualified = Object.entries(config).map(([key, value]) => [
    key.includes(":") ? key : `${project}:${key}`,
    value,
  ]);
  const stays = how === "overlaid" ? before.config : {};
  return stringify({ ...before, config: { ...stays, ...(Object.fromEntries(qualified) as Config) } });
}

function runLimited(
  program: string,
  args: string[],
  options: {
    cwd: string;
    env: NodeJS.ProcessEnv;
    timeoutSeconds: number;
    heard?: ((text: string) => void) | undefined;
  },
): Promise<CliResult> {
  const start = performance.now();
  const child = spawn(program, args, {
    cwd: options.cwd,
    env: options.env,
    stdio: ["ignore", "pipe", "pipe"],
  });
  const printed = { stdout: "", stderr: "" };
  for (const stream of ["stdout", "stderr"] as const) {
    child[stream].setEncoding("utf8").on("data", (chunk: string) => (printed[stream] += chunk));
  }
  if (options.heard) child.stdout.on("data", options.heard);
  // Interrupted, the CLI cancels the update and saves the state; only then by force.
  let outOfTime = false;
  let force: NodeJS.Timeout | undefined;
  const limit = setTimeout(() => {
    outOfTime = true;
    child.kill("SIGINT");
    force = setTimeout(() => child.kill("SIGKILL"), interruptGraceMs);
  }, options.timeoutSeconds * 1000);
  return new Promise((resolve, reject) => {
    child.once("error", reject);
    child.once("close", (code) => {
      clearTimeout(limit);
      clearTimeout(force);
      const durationMs = Math.round(performance.now() - start);
      if (!outOfTime) {
        resolve({ exitCode: code ?? -1, ...printed, durationMs });
        return;
      }
      const shown = `${printed.stdout}${printed.stderr}`.slice(-4000);
      reject(
        new Error(`${program} ${args.join(" ")} took longer than ${options.timeoutSeconds} s:\n${shown}`),
      );
    });
  });
}
