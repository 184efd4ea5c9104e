import assert from "node:assert/strict";
import { execFile, spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { builtinModules } from "node:module";
import { tmpdir } from "node:os";
import { delimiter, dirname, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { build } from "esbuild";

interface Lock {
  readonly packages: Readonly<Record<string, { version?: string; dev?: boolean; integrity?: string }>>;
}
const lockAt = (folder: string, name: string): Lock =>
  JSON.parse(readFileSync(join(folder, name), "utf8")) as Lock;

/** The project's sources in a folder of their own, with what `npm ci` has brought. */
class Clone {
  readonly folder = mkdtempSync(join(tmpdir(), "fleet-clone-"));
  readonly modules = join(this.folder, "node_modules");

  /** @param withDev whether packages for development were installed */
  constructor(private readonly withDev = true) {
    const own = [
      "components",
      "monitoring",
      "operator",
      "preview",
      "policy",
      "scripts",
      "scaler",
      "index.cjs",
      "index.ts",
    ];
    const files = [
      "package.json",
      "package-lock.json",
      "tsconfig.json",
      "Pulumi.yaml",
      "Pulumi.dev.yaml",
      "Pulumi.README.md",
    ];
    for (const name of [...own, ...files])
      cpSync(name, join(this.folder, name), {
        recursive: true,
        filter: (path) => !path.includes("node_modules"),
      });
    this.install();
  }

  /** Each package leads to the project's own: what is taken away here stays there. */
  private install(): void {
    const { packages } = lockAt("node_modules", ".package-lock.json");
    const wanted = lockAt(".", "package-lock.json").packages;
    const there = Object.entries(packages).filter(([path]) => this.withDev || wanted[path]?.dev !== true);
    mkdirSync(this.modules);
    writeFileSync(
      join(this.modules, ".package-lock.json"),
      JSON.stringify({ packages: Object.fromEntries(there) }),
    );
    for (const [path] of there) {
      const [, name, nested] = /^node_modules\/((?:@[^/]+\/)?[^/]+)(\/.*)?$/.exec(path) ?? [];
      if (name === undefined || nested !== undefined) continue;
      mkdirSync(dirname(join(this.modules, name)), { recursive: true });
      const target = name === "@jitsi-fleet/scaler" ? join(this.folder, "scaler") : join(process.cwd(), path);
      symlinkSync(target, join(this.modules, name));
    }
    mkdirSync(join(this.modules, ".bin"));
    if (this.withDev) symlinkSync(process.execPath, join(this.modules, ".bin", "node"));
  }

  get whole(): readonly string[] {
    return existsSync(this.modules) ? readdirSync(this.modules).sort() : [];
  }

  /** As a pull brings another lock file: it wants another version of a package. */
  wantAnother(): void {
    this.rewrite(join(this.folder, "package-lock.json"), join(this.folder, "package-lock.json"));
  }

  /** What npm would note once it has brought that. */
  noteOfAnother(file: string): void {
    this.rewrite(join(this.modules, ".package-lock.json"), file);
  }

  private rewrite(from: string, to: string): void {
    const lock = JSON.parse(readFileSync(from, "utf8")) as Lock;
    const zod = { ...lock.packages["node_modules/zod"], version: "0.0.1" };
    writeFileSync(to, JSON.stringify({ ...lock, packages: { ...lock.packages, "node_modules/zod": zod } }));
  }

  dispose(): void {
    rmSync(this.folder, { recursive: true, force: true });
  }
}

/** Nothing listens there. */
const NO_REGISTRY = "http://127.0.0.1:9/";

function environment(clone: Clone, more: NodeJS.ProcessEnv = {}): NodeJS.ProcessEnv {
  const others = Object.entries(process.env).filter(([name]) => !name.toLowerCase().startsWith("npm_"));
  return {
    ...Object.fromEntries(others),
    npm_config_registry: NO_REGISTRY,
    npm_config_fetch_retries: "0",
    npm_config_cache: join(clone.folder, "npm-cache"),
    ...more,
  };
}

interface Ended {
  readonly code: number | string | null;
  readonly stdout: string;
  readonly stderr: string;
}

const script = (clone: Clone, args: readonly string[], env = environment(clone)): Promise<Ended> =>
  new Promise((resolve) => {
    const [name, ...more] = args;
    const argv = [join("scripts", `${name ?? ""}.mjs`), ...more];
    execFile(process.execPath, argv, { cwd: clone.folder, env }, (error, stdout, stderr) => {
      resolve({ code: error === null ? 0 : (error.code ?? error.signal ?? null), stdout, stderr });
    });
  });

describe("the set-up of a script", function () {
  this.timeout(300_000);
  let clone: Clone;
  afterEach(() => clone.dispose());

  it("after npm ci needs no registry, and two at once find node_modules whole", async () => {
    clone = new Clone();
    const before = clone.whole;
    const runs = [
      ["shard", "--help"],
      ["preview", "dev", "--inputs", "none"],
      ["shard", "--help"],
    ];
    for (const { code, stderr, stdout } of await Promise.all(runs.map((args) => script(clone, args)))) {
      assert.deepEqual([code, stderr], [0, ""]);
      assert.match(stdout, /^npm run shard|^Stack dev: \d+ resources/);
    }
    assert.deepEqual(clone.whole, before);
  });

  it("needs no package for development to run what operators run", async () => {
    clone = new Clone(false);
    for (const args of [
      ["shard", "--help"],
      ["preview", "dev", "--inputs", "none", "--policy"],
    ])
      assert.deepEqual(await script(clone, args).then(({ code, stderr }) => [code, stderr]), [0, ""]);
  });

  it("leaves what was installed in its place where it cannot install, and says so", async () => {
    clone = new Clone();
    const before = clone.whole;
    clone.wantAnother();
    const { code, stderr } = await script(clone, ["shard", "--help"]);
    assert.equal(code, 1);
    assert.match(
      stderr,
      /npm ci ended with code 1, .*node_modules is as it was, and lacks node_modules\/zod\./,
    );
    assert.deepEqual(clone.whole, before);
    assert.deepEqual(readdirSync(join(clone.folder, ".cache")), []);
  });

  describe("that has to install", () => {
    /** An npm that writes down that it was called, takes as long as it is let, and brings what is wanted. */
    function withNpm(): NodeJS.ProcessEnv {
      const folder = join(clone.folder, "npm");
      mkdirSync(folder);
      clone.noteOfAnother(join(folder, "installed.json"));
      writeFileSync(
        join(folder, "npm"),
        `#!/bin/sh
echo "$*" >> ${folder}/calls
while [ ! -e ${folder}/go ]; do sleep 0.1; done
cp -a ${clone.modules} node_modules
cp ${folder}/installed.json node_modules/.package-lock.json
touch node_modules/brought
`,
      );
      chmodSync(join(folder, "npm"), 0o755);
      return environment(clone, { PATH: [folder, process.env["PATH"]].join(delimiter) });
    }
    const calls = (): string[] => {
      const file = join(clone.folder, "npm", "calls");
      return existsSync(file) ? readFileSync(file, "utf8").trim().split("\n") : [];
    };
    const called = async (times: number): Promise<void> => {
      while (calls().length < times) await sleep(50);
    };
    const letGo = (): void => writeFileSync(join(clone.folder, "npm", "go"), "");

    it("does it once for two at once: one waits for the other", async () => {
      clone = new Clone();
      const env = withNpm();
      clone.wantAnother();
      const runs = [1, 2].map(() => script(clone, ["shard", "--help"], env));
      await called(1);
      assert(!clone.whole.includes("brought"), "what is there stays until all is there");
      letGo();
      const ended = await Promise.all(runs);
      assert.deepEqual(
        ended.map(({ code }) => code),
        [0, 0],
        ended.map(({ stderr }) => stderr).join("\n"),
      );
      assert.deepEqual(calls(), ["ci --include=dev --no-fund --no-audit --loglevel=error"]);
      assert(clone.whole.includes("brought"));
    });

    it("goes on where another was killed in the middle of it", async () => {
      clone = new Clone();
      const env = withNpm();
      clone.wantAnother();
      const killed: ChildProcess = spawn(process.execPath, ["scripts/shard.mjs", "--help"], {
        cwd: clone.folder,
        detached: true,
        env,
        stdio: "ignore",
      });
      await called(1);
      assert(killed.pid !== undefined);
      process.kill(-killed.pid, "SIGKILL");
      await once(killed, "exit");
      letGo();
      const { code, stderr } = await script(clone, ["shard", "--help"], env);
      assert.equal(code, 0, stderr);
      assert(clone.whole.includes("brought"));
      assert.deepEqual(readdirSync(join(clone.folder, ".cache")), ["built"]);
    });

    it("installs nothing for development where that was left out", async () => {
      clone = new Clone(false);
      const env = withNpm();
      clone.wantAnother();
      letGo();
      const { code, stderr } = await script(clone, ["shard", "--help"], env);
      assert.equal(code, 0, stderr);
      assert.deepEqual(calls(), ["ci --omit=dev --no-fund --no-audit --loglevel=error"]);
    });
  });
});

describe("the dependencies of package.json", () => {
  it("have all that operators' programs import", async () => {
    const entryPoints = ["index.ts", "operator/shard.ts", "preview/preview.ts", "lab/main.ts"];
    const { metafile } = await build({
      ...{ entryPoints, bundle: true, packages: "external", platform: "node" },
      ...{ metafile: true, write: false, outdir: "nowhere", logLevel: "silent" },
    });
    const imported = Object.values(metafile.inputs).flatMap(({ imports }) =>
      imports.flatMap(({ external, path }) => (external === true ? [path] : [])),
    );
    const { packages } = lockAt(".", "package-lock.json");
    const names = imported
      .filter((path) => !path.startsWith("node:") && !builtinModules.includes(path))
      .map((path) => /^(?:@[^/]+\/)?[^/]+/.exec(path)?.[0] ?? path);
    const forDevelopment = names.filter((name) => packages[`node_modules/${name}`]?.dev !== undefined);
    assert(names.includes("yaml") && names.includes("@pulumi/pulumi"));
    assert.deepEqual(forDevelopment, []);
  });
});
