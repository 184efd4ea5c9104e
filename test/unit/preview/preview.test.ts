import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { stringify } from "yaml";
import type { DeclaredResource } from "../../../preview/monitor";
import { report } from "../../../preview/report";
import { preview, type Preview, PreviewError } from "../../../preview/run";
import { readStackSettings } from "../../../preview/stackSettings";
import { temporaryProgram } from "../../engine/program";

describe("the settings of a stack, for its preview", () => {
  let directory: string;
  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), "preview-"));
    const config = {
      "fleet:shards": { type: "array", default: [{ name: "s1" }] },
      "fleet:domain": { type: "string" },
    };
    await writeFile(join(directory, "Pulumi.yaml"), stringify({ name: "fleet", config }));
  });
  afterEach(() => rm(directory, { recursive: true }));
  const withConfig = (config: Record<string, unknown>): Promise<void> =>
    writeFile(join(directory, "Pulumi.test.yaml"), stringify({ config }));

  it("are the file's on top of the project's defaults, as the engine hands them over", async () => {
    await withConfig({ "fleet:domain": "meet.test", "fleet:bridges": { max: 3 }, "fleet:production": false });
    assert.deepEqual(await readStackSettings(directory, "test", { domain: "other.test" }), {
      project: "fleet",
      values: {
        "fleet:shards": '[{"name":"s1"}]',
        "fleet:domain": "other.test",
        "fleet:bridges": '{"max":3}',
        "fleet:production": "false",
      },
      secretKeys: [],
    });
  });

  it("have stand-ins in the place of what is encrypted, which stays secret", async () => {
    await withConfig({
      "fleet:auth": { type: "jwt", appSecret: { secure: "v1:abc:def" } },
      "fleet:tls": { privateKey: { secure: "v1:abc:ghi" } },
      "fleet:hosts": [{ password: { secure: "v1:abc:jkl" } }],
    });
    const { values, secretKeys } = await readStackSettings(directory, "test");
    assert.ok(!JSON.stringify(values).includes("v1:abc"));
    assert.match(values["fleet:tls"] ?? "", /BEGIN PRIVATE KEY/);
    assert.deepEqual(JSON.parse(values["fleet:auth"] ?? ""), {
      type: "jwt",
      appSecret: "stand-in-for-what-is-encrypted",
    });
    assert.deepEqual(JSON.parse(values["fleet:hosts"] ?? ""), [{ password: "stand-in" }]);
    assert.deepEqual(secretKeys, ["fleet:auth", "fleet:tls", "fleet:hosts"]);
  });

  it("say which file is missing", async () => {
    await assert.rejects(
      readStackSettings(directory, "none"),
      /cannot be read: .*Pulumi\.none\.yaml\. Name a stack/,
    );
  });
});

describe("a preview", function () {
  this.timeout(600_000);
  const directories: string[] = [];
  after(() => Promise.all(directories.map((directory) => rm(directory, { recursive: true, force: true }))));
  async function seen(source: string, limitSeconds?: number): Promise<Preview> {
    const directory = await temporaryProgram(`const pulumi = require("@pulumi/pulumi");\n${source}`);
    directories.push(directory);
    const settings = {
      project: "temporary",
      values: { "temporary:secret": "hush" },
      secretKeys: ["temporary:secret"],
    };
    return preview(directory, "test", settings, limitSeconds);
  }
  const named = ({ resources }: Preview, name: string): DeclaredResource => {
    const found = resources.find((resource) => resource.name === name);
    assert.ok(found, `there is no ${name}`);
    return found;
  };

  it("has every resource with its inputs below its parent, and no secret", async () => {
    const all = await seen(`
      class Thing extends pulumi.CustomResource {
        constructor(name, props, opts) { super("test:index:Thing", name, { later: undefined, ...props }, opts); }
      }
      const secret = new pulumi.Config().requireSecret("secret");
      const box = new pulumi.ComponentResource("test:index:Box", "box", {}, { });
      const inner = new pulumi.ComponentResource("test:index:Box", "inner", {}, { parent: box });
      const first = new Thing("first", { text: pulumi.interpolate\`to \${secret}\`, plain: "p" }, { parent: inner, protect: true });
      const hook = new pulumi.ResourceHook("guard", () => {});
      new Thing("second", { of: first.id, of2: first.later }, { parent: box, retainOnDelete: true, ignoreChanges: ["of"], dependsOn: [first], hooks: { beforeDelete: [hook] } });
      module.exports = { known: 1, hidden: secret, later: first.later };
    `);
    const first = named(all, "first");
    assert.deepEqual(first.inputs, { text: "[secret]", plain: "p" });
    assert.deepEqual([first.protect, first.retainOnDelete], [true, false]);
    assert.equal(
      first.urn,
      "urn:pulumi:test::temporary::test:index:Box$test:index:Box$test:index:Thing::first",
    );
    assert.equal(first.parent, named(all, "inner").urn);
    assert.equal(named(all, "inner").parent, named(all, "box").urn);
    const second = named(all, "second");
    assert.deepEqual(second.inputs, { of: "[known after the update]", of2: "[known after the update]" });
    assert.deepEqual(second.dependsOn, [first.urn]);
    assert.deepEqual([second.retainOnDelete, second.ignoreChanges], [true, ["of"]]);
    assert.deepEqual(second.hooks, ["beforeDelete: guard"]);
    assert.deepEqual(all.outputs, { known: 1, hidden: "[secret]", later: "[known after the update]" });
    assert.ok(!JSON.stringify(all).includes("hush"));

    const text = report(all, "short");
    assert.match(
      text,
      /^Stack test: 2 resources in 2 components\n {2}test:index:Box box\n {4}test:index:Box inner\n {6}test:index:Thing first {2}\(protected\)\n {10}plain: p\n {10}text: \[secret\]\n/,
    );
    assert.match(text, /second {2}\(outlives the stack; of left to others; guarded\)/);
    assert.match(text, /By type:\n {5}2 {2}test:index:Box\n {5}2 {2}test:index:Thing\n/);
    assert.doesNotMatch(report(all, "none"), /plain/);
  });

  it("cuts long values unless all is asked for", async () => {
    const all = await seen(`
      class Thing extends pulumi.CustomResource { constructor() { super("test:index:Thing", "thing", { long: "x".repeat(150) + "\\nend" }); } }
      new Thing();
    `);
    assert.match(report(all, "short"), /long: x{100}… \(154 characters\)/);
    assert.match(report(all, "full"), /long: x{150}\nend/);
  });

  it("answers for the zones of a region that it asks nobody about, and says what it cannot answer", async () => {
    const all = await seen(`
      const zones = pulumi.runtime.invoke("aws:index/getAvailabilityZones:getAvailabilityZones", {});
      module.exports = { zones: zones.then((answer) => answer.names) };
    `);
    assert.deepEqual(
      all.outputs["zones"],
      ["a", "b", "c", "d", "e", "f"].map((letter) => `eu-central-1${letter}`),
    );
    await assert.rejects(
      seen(`module.exports = pulumi.runtime.invoke("aws:ec2/getAmi:getAmi", {});`),
      /has no answer to aws:ec2\/getAmi:getAmi: add one in preview\/answers\.ts/,
    );
  });

  it("says that its limit struck and how to give more time, and what ended a program that said nothing", async () => {
    await assert.rejects(
      seen(`setInterval(() => {}, 1000); module.exports = new Promise(() => {});`, 3),
      (error) => {
        assert.ok(error instanceof PreviewError);
        assert.match(
          error.message,
          /^The program was not done within 3 s and was ended\. Give it longer: --limit 6/,
        );
        return true;
      },
    );
    await assert.rejects(
      seen(`process.kill(process.pid, "SIGKILL");`),
      /^Error: The program ended by SIGKILL/,
    );
    await assert.rejects(
      seen(`process.exit(9);`),
      /^Error: The program ended with code 9 and said nothing why/,
    );
  });

  it("shows what the program refuses, and two resources of one name", async () => {
    await assert.rejects(seen(`throw new pulumi.RunError("mend the setting");`), (error) => {
      assert.ok(error instanceof PreviewError);
      assert.match(error.message, /^mend the setting$/);
      return true;
    });
    await assert.rejects(
      seen(`for (let i = 0; i < 2; i++) new pulumi.ComponentResource("test:index:Box", "box", {});`),
      /Duplicate resource.*box|twice/,
    );
  });
});
