import assert from "node:assert/strict";
import { X509Certificate } from "node:crypto";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { findCli } from "./cli";
import { temporaryProgram } from "./program";
import "./ready";
import { EngineStack } from "./workspace";

/** A program of its own for a test, with a file in its folder that its commands write to. */
async function stackOf(
  source: string,
  config: Record<string, unknown> = {},
  extension: "js" | "ts" = "js",
): Promise<TestStack> {
  const directory = await temporaryProgram(source, extension);
  const stack = await EngineStack.create({
    programDir: directory,
    config,
    env: { DONE: join(directory, "done") },
  });
  return {
    stack,
    done: () => readFile(join(directory, "done"), "utf8").catch(() => ""),
    dispose: async () => {
      await stack.dispose();
      await rm(directory, { recursive: true, force: true });
    },
  };
}

interface TestStack {
  stack: EngineStack;
  /** What the commands of the program wrote so far. */
  done: () => Promise<string>;
  dispose: () => Promise<void>;
}

const header = `
const pulumi = require("@pulumi/pulumi");
const { local } = require("@pulumi/command");
const random = require("@pulumi/random");
const tls = require("@pulumi/tls");
const config = new pulumi.Config();
const done = (what) => "echo " + what + ' >> "$DONE"';
`;

describe("the Pulumi CLI for the tests", () => {
  const cache = process.env["XDG_CACHE_HOME"];
  let bin: string;
  beforeEach(async () => {
    bin = await mkdtemp(join(tmpdir(), "engine-test-"));
    process.env["XDG_CACHE_HOME"] = bin;
  });
  afterEach(async () => {
    if (cache === undefined) delete process.env["XDG_CACHE_HOME"];
    else process.env["XDG_CACHE_HOME"] = cache;
    await rm(bin, { recursive: true });
  });

  it("is the one on PATH, unless it is too old or only downloads one", async () => {
    const versions = { "v3.200.0": true, "v3.300.1": true, "v3.199.0": false, "please download": false };
    for (const [version, usable] of Object.entries(versions)) {
      await writeFile(join(bin, "pulumi"), `#!/bin/sh\necho ${version}\n`, { mode: 0o755 });
      if (usable) assert.equal(await findCli(bin), join(bin, "pulumi"));
      else await assert.rejects(findCli(bin), /Install Pulumi ≥ 3\.200 .* or Go ≥ 1\.25/);
    }
  });
});

describe("the engine", function () {
  this.timeout(600_000);
  let test: TestStack | undefined;
  afterEach(async () => {
    await test?.dispose();
    test = undefined;
  });

  it("brings up, then has nothing to do, keeps secrets encrypted, and destroys", async () => {
    test = await stackOf(`${header}
      const password = new random.RandomPassword("password", { length: 24, special: false, minNumeric: 3 });
      const id = new random.RandomId("id", { byteLength: 4 });
      const key = new tls.PrivateKey("key", { algorithm: "ECDSA", ecdsaCurve: "P256" });
      const certificate = new tls.SelfSignedCert("certificate", {
        privateKeyPem: key.privateKeyPem, validityPeriodHours: 48, dnsNames: ["meet.example"],
        ipAddresses: ["10.0.0.1"], subject: { commonName: "meet.example", organization: "Example" },
        allowedUses: ["key_encipherment", "digital_signature", "server_auth"],
      });
      const command = new local.Command("command", {
        create: 'echo "$GREETING $(cat)"; ' + done("created"), delete: done("deleted"),
        stdin: password.result, environment: { GREETING: "hello" }, logging: "none",
      });
      module.exports = { password: password.result, hex: id.hex, greeting: command.stdout, pem: certificate.certPem, key: key.privateKeyPem };
    `);
    const { stack } = test;
    const up = await stack.up();
    assert.equal(up.exitCode, 0, up.stdout + up.stderr);

    const outputs = (await stack.outputs()) as Record<
      "password" | "hex" | "greeting" | "pem" | "key",
      string
    >;
    assert.match(outputs.password, /^[A-Za-z0-9]{24}$/);
    assert.ok((outputs.password.match(/\d/g) ?? []).length >= 3);
    assert.match(outputs.hex, /^[0-9a-f]{8}$/);
    assert.equal(outputs.greeting, `hello ${outputs.password}`);
    const certificate = new X509Certificate(outputs.pem);
    assert.equal(certificate.subjectAltName, "DNS:meet.example, IP Address:10.0.0.1");
    assert.match(certificate.subject, /CN=meet\.example/);

    const state = JSON.stringify(await stack.exportState());
    for (const secret of [outputs.password, outputs.greeting, outputs.key.split("\n")[1] ?? "?"]) {
      assert.ok(!state.includes(secret), "a secret is in the state in clear");
      assert.ok(!(up.stdout + up.stderr).includes(secret), "a secret was printed");
    }

    const second = await stack.preview({ args: ["--expect-no-changes"] });
    assert.equal(second.exitCode, 0, second.stdout);
    const refreshed = await stack.refreshPreview({ args: ["--expect-no-changes"] });
    assert.equal(refreshed.exitCode, 0, refreshed.stdout);

    const destroyed = await stack.destroy();
    assert.equal(destroyed.exitCode, 0, destroyed.stdout + destroyed.stderr);
    assert.deepEqual((await stack.exportState()).deployment.resources ?? [], []);
    assert.equal(await test.done(), "created\ndeleted\n");
  });

  it("shows old → new in plain text, on the lines of a component's own arguments too", async () => {
    test = await stackOf(
      `${header}
      const max = Number(config.require("max"));
      class Pool extends pulumi.ComponentResource {
        constructor(name, args) {
          super("test:index:Pool", name, args);
          new local.Command(name + "-size", { create: "true", environment: { MAX: String(args.max) } }, { parent: this });
          this.registerOutputs({ doubled: 2 * args.max });
        }
      }
      new Pool("bridges", { min: 1, max });
    `,
      { max: 4 },
    );
    const { stack } = test;
    assert.equal((await stack.up()).exitCode, 0);
    await stack.setConfig("max", "40");
    const diff = await stack.previewDiff();
    assert.match(diff.stdout, /~ max\s*: 4 => 40/);
    assert.match(diff.stdout, /~ MAX: "4" => "40"/);
    assert.doesNotMatch(diff.stdout, /doubled/);

    const { steps, changeSummary } = await stack.previewJson();
    assert.equal(changeSummary["update"], 2);
    const command = steps.find(({ urn }) => urn.endsWith("::bridges-size"));
    assert.deepEqual(command?.detailedDiff, { "environment.MAX": { kind: "update", inputDiff: true } });
  });

  it("runs a command again with its update, replaces it for a trigger, and shows the output of a failure", async () => {
    test = await stackOf(
      `${header}
      new local.Command("command", {
        create: done("create " + config.require("text")), update: done("update " + config.require("text")),
        delete: done("delete"), triggers: [config.require("trigger")],
      });
      if (config.getBoolean("broken")) new local.Command("broken", { create: "echo why it failed; exit 3" });
    `,
      { text: "one", trigger: "1" },
    );
    const { stack, done } = test;
    assert.equal((await stack.up()).exitCode, 0);
    await stack.setConfig("text", "two");
    assert.equal((await stack.up()).exitCode, 0);
    await stack.setConfig("trigger", "2");
    assert.equal((await stack.up()).exitCode, 0);
    assert.equal(await done(), "create one\nupdate two\ncreate two\ndelete\n");

    await stack.setConfig("broken", "true");
    const broken = await stack.up();
    assert.notEqual(broken.exitCode, 0);
    assert.match(broken.stdout, /exit status 3: running "echo why it failed; exit 3":\s*why it failed/);
  });

  it("refuses a property that a stand-in does not know", async function () {
    test = await stackOf(`${header}
      class Other extends pulumi.CustomResource {}
      new Other("random:index/randomId:RandomId", "id", { byteLength: 4, bitLength: 32 });
    `);
    const preview = await test.stack.preview();
    if (!preview.stderr.includes("jitsi-fleet/plugins")) this.skip(); // The real plug-ins are in use.
    assert.notEqual(preview.exitCode, 0);
    assert.match(preview.stdout, /bitLength.*the stand-in plug-in does not know this property/);
  });

  it("runs a program in TypeScript, with the arguments for Node that the project sets", async () => {
    const source = `
      import type { Output } from "@pulumi/pulumi";
      export const nodeArguments: string[] = process.execArgv;
      export const nothing: Output<string> | undefined = undefined;
    `;
    test = await stackOf(source, {}, "ts");
    const up = await test.stack.up();
    assert.equal(up.exitCode, 0, up.stdout + up.stderr);
    assert.deepEqual((await test.stack.outputs())["nodeArguments"], ["--stack-trace-limit=1"]);
  });

  it("interrupts what takes too long", async () => {
    test = await stackOf(`${header} new local.Command("command", { create: "sleep 3600" });`);
    await assert.rejects(test.stack.up({ timeoutSeconds: 8 }), /took longer than 8 s/);
  });
});

describe("resource hooks", function () {
  this.timeout(600_000);
  let test: TestStack | undefined;
  afterEach(async () => {
    await test?.dispose();
    test = undefined;
  });

  const guarded = `${header}
    const refuse = (args) => { if (config.getBoolean("refuse")) throw new Error("drain " + args.name + " first"); };
    const guard = config.getBoolean("forget") ? undefined : new pulumi.ResourceHook("guard", refuse);
    const hooks = guard === undefined ? {} : { beforeUpdate: [guard], beforeDelete: [guard] };
    if (!config.getBoolean("remove")) new local.Command("shard", {
      create: done("create " + config.require("image")), update: done("update"), delete: done("delete"),
      triggers: [config.require("image")], environment: { SIZE: config.require("size") },
    }, { deleteBeforeReplace: true, hooks });
  `;

  it("stop an update and both steps of a replacement before anything changes", async () => {
    test = await stackOf(guarded, { image: "one", size: "1" });
    const { stack, done } = test;
    assert.equal((await stack.up()).exitCode, 0);
    const before = await stack.exportState();
    await stack.setConfig("refuse", "true");

    for (const [key, value] of [
      ["size", "2"],
      ["image", "two"],
    ] as const) {
      await stack.setConfig(key, value);
      assert.equal((await stack.preview()).exitCode, 0, "hooks do not run in a preview");
      const refused = await stack.up();
      assert.notEqual(refused.exitCode, 0);
      assert.match(refused.stdout, /before hook "guard" failed: drain shard first/);
      assert.equal(await done(), "create one\n");
    }
    const idOf = (state: typeof before): string | undefined =>
      state.deployment.resources?.find(({ urn }) => urn.endsWith("::shard"))?.id;
    assert.equal(idOf(await stack.exportState()), idOf(before));

    await stack.setConfig("refuse", "false");
    assert.equal((await stack.up()).exitCode, 0);
    assert.equal(await done(), "create one\ndelete\ncreate two\n");
  });

  it("run for what the program no longer declares, as long as it registers them", async () => {
    test = await stackOf(guarded, { image: "one", size: "1" });
    const { stack, done } = test;
    assert.equal((await stack.up()).exitCode, 0);
    await stack.setConfig("remove", "true");

    await stack.setConfig("refuse", "true");
    const refused = await stack.up();
    assert.match(refused.stdout, /before hook "guard" failed: drain shard first/);

    await stack.setConfig("forget", "true");
    const forgotten = await stack.preview();
    assert.notEqual(forgotten.exitCode, 0);
    assert.match(forgotten.stdout, /hook "guard" was not registered/);
    assert.equal(await done(), "create one\n");

    const withoutProgram = await stack.run(["destroy", "--yes", "--skip-preview", "--stack", stack.stack]);
    assert.notEqual(withoutProgram.exitCode, 0);
    assert.match(withoutProgram.stderr, /You must run with the `--run-program` flag to use delete hooks/);

    await stack.setConfig("forget", "false");
    await stack.setConfig("refuse", "false");
    assert.equal((await stack.destroy()).exitCode, 0);
    assert.equal(await done(), "create one\ndelete\n");
  });

  it("on a component see its old and new arguments and stop its children, in a preview too if asked", async () => {
    test = await stackOf(
      `${header}
      const guard = new pulumi.ResourceHook("guard", ({ oldInputs, newInputs }) => {
        if (config.getBoolean("refuse")) throw new Error("not " + oldInputs.image + " to " + newInputs.image);
      }, { onDryRun: config.getBoolean("early") });
      class Shard extends pulumi.ComponentResource {
        constructor(name, args) {
          super("test:index:Shard", name, args, { hooks: { beforeUpdate: [guard] } });
          const image = args.image;
          new local.Command(name + "-web", { create: done("create " + image), triggers: [image] }, { parent: this });
        }
      }
      new Shard("s1", { image: config.require("image") });
    `,
      { image: "one" },
    );
    const { stack, done } = test;
    assert.equal((await stack.up()).exitCode, 0);
    await stack.setConfig("image", "two");
    await stack.setConfig("refuse", "true");
    const refused = await stack.up();
    assert.notEqual(refused.exitCode, 0);
    assert.match(refused.stdout, /before hook "guard" failed: not one to two/);
    await stack.setConfig("early", "true");
    const preview = await stack.preview();
    assert.notEqual(preview.exitCode, 0);
    assert.match(preview.stdout, /before hook "guard" failed: not one to two/);
    assert.equal(await done(), "create one\n");

    await stack.setConfig("refuse", "false");
    assert.equal((await stack.up()).exitCode, 0);
    assert.equal(await done(), "create one\ncreate two\n");
  });
});

describe("a host that is lost", function () {
  this.timeout(600_000);
  let test: TestStack | undefined;
  afterEach(async () => {
    await test?.dispose();
    test = undefined;
  });

  const twoHosts = `${header}
    const docker = require("@pulumi/docker");
    new local.Command("fine", { create: done("fine " + config.require("text")) });
    if (!config.getBoolean("remove")) {
      const provider = new docker.Provider("lost", { host: "unix:///nonexistent/docker.sock" });
      new docker.Network("network", { name: "never" }, { provider });
    }
  `;

  it("does not fail a preview, and with --continue-on-error the others proceed", async () => {
    test = await stackOf(twoHosts, { text: "one" });
    const { stack, done } = test;
    assert.equal((await stack.preview()).exitCode, 0);
    const up = await stack.up({ args: ["--continue-on-error"] });
    assert.notEqual(up.exitCode, 0);
    assert.match(up.stdout, /Error pinging Docker server.*unix:\/\/\/nonexistent\/docker\.sock is reachable/);
    assert.equal(await done(), "fine one\n");
  });

  it("takes what is deleted with it out of the state without being asked", async () => {
    test = await stackOf(`${header}
      if (!config.getBoolean("remove")) {
        const host = new local.Command("host", { create: done("create host"), delete: done("delete host") });
        new local.Command("on-it", { delete: done("delete on-it") }, { deletedWith: host });
      }
    `);
    const { stack, done } = test;
    assert.equal((await stack.up()).exitCode, 0);
    await stack.setConfig("remove", "true");
    assert.equal((await stack.up()).exitCode, 0);
    assert.equal(await done(), "create host\ndelete host\n");
  });
});
