import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { resolve } from "node:path";
import { parse } from "yaml";
import "./ready";
import { EngineStack } from "./workspace";

describe("the policy pack", function () {
  this.timeout(600_000);

  it("lets the trial stack pass, and stops an update that breaks a policy", async () => {
    const { config } = parse(await readFile("Pulumi.dev.yaml", "utf8")) as {
      config: Record<string, unknown>;
    };
    const stack = await EngineStack.create({ programDir: ".", stack: "policy", config });
    const held = { args: ["--policy-pack", resolve("policy")] };
    try {
      const right = await stack.preview(held);
      assert.equal(right.exitCode, 0, right.stdout + right.stderr);
      assert.match(right.stdout, /jitsi-fleet@v0\.1\.0/);

      await stack.setConfig("images.haproxy", "haproxy:latest");
      const wrong = await stack.preview(held);
      assert.notEqual(wrong.exitCode, 0);
      assert.match(
        wrong.stdout,
        /pinned-images .*edge-local-haproxy[^]*image haproxy:latest names no release/,
      );
    } finally {
      await stack.dispose();
    }
  });
});
