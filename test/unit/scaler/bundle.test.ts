import assert from "node:assert/strict";
import { appendFileSync, cpSync, mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync } from "node:fs";
import { join } from "node:path";

describe("a program's bundle", function () {
  this.timeout(600_000);
  let project: string;
  beforeEach(() => {
    mkdirSync(".cache", { recursive: true });
    // Below the project, for the packages to be found.
    project = mkdtempSync(join(process.cwd(), ".cache", "bundle-test-"));
    cpSync("scaler", join(project, "scaler"), {
      recursive: true,
      filter: (path) => !path.includes("node_modules"),
    });
    cpSync("package-lock.json", join(project, "package-lock.json"));
    // As npm has the workspace.
    mkdirSync(join(project, "node_modules", "@jitsi-fleet"), { recursive: true });
    symlinkSync(join(project, "scaler"), join(project, "node_modules", "@jitsi-fleet", "scaler"));
  });
  afterEach(() => rmSync(project, { recursive: true }));

  /** As another run of a program would have it. */
  function bundled(): string {
    const module = join(project, "scaler", "bundle.ts");
    Reflect.deleteProperty(require.cache, module);
    // eslint-disable-next-line @typescript-eslint/no-require-imports -- anew each time
    return (require(module) as typeof import("../../../scaler/bundle")).bundle("uploader");
  }

  it("is made once, and anew when its sources or its packages change", () => {
    const kept = (): number => readdirSync(join(project, ".cache", "bundles")).length;
    const first = bundled();
    assert.equal(bundled(), first);
    assert.equal(kept(), 1);
    appendFileSync(join(project, "scaler", "uploader", "main.ts"), '\nconsole.log("another one");\n');
    assert.match(bundled(), /another one/);
    assert.equal(kept(), 2);
    appendFileSync(join(project, "package-lock.json"), "\n");
    bundled();
    assert.equal(kept(), 3);
  });

  it("is taken from what is kept", () => {
    bundled();
    const [file = ""] = readdirSync(join(project, ".cache", "bundles"));
    appendFileSync(join(project, ".cache", "bundles", file), "// kept");
    assert.match(bundled(), /\/\/ kept$/);
  });
});
