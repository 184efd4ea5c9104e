import assert from "node:assert/strict";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parse, stringify } from "yaml";
import { preview } from "../../preview/run";
import { readStackSettings } from "../../preview/stackSettings";
import { AwsEmulator } from "../support/aws/emulator";
import "./ready";
import { EngineStack } from "./workspace";

/** What both say of a resource. */
interface Told {
  urn: string;
  parent: string;
  inputs: string[];
}

const sorted = (all: Told[]): Told[] => all.toSorted((a, b) => (a.urn < b.urn ? -1 : 1));

describe("npm run preview", function () {
  this.timeout(600_000);

  /** @returns how many resources a stack of these settings has */
  async function same(config: Record<string, unknown>): Promise<number> {
    const directory = await mkdtemp(join(tmpdir(), "preview-test-"));
    const file = join(directory, "Pulumi.same.yaml");
    await writeFile(file, stringify({ config }));
    const stack = await EngineStack.create({ programDir: ".", stack: "same", configFile: file });
    try {
      const { steps } = await stack.previewJson();
      const engines = steps.map(({ newState, urn }) => ({
        urn,
        parent: newState?.parent ?? "",
        // What plug-ins fill in is not the program's.
        inputs: Object.keys(newState?.inputs ?? {}),
      }));
      const settings = await readStackSettings(".", file);
      const { resources } = await preview(process.cwd(), "same", settings);
      const own = resources.map(({ inputs, parent = "", urn }) => ({
        urn,
        parent,
        inputs: Object.keys(inputs),
      }));
      const known = new Map(engines.map((one) => [one.urn, one]));
      assert.deepEqual(
        sorted(own).map(({ parent, urn }) => ({ urn, parent })),
        sorted(engines).map(({ parent, urn }) => ({ urn, parent })),
      );
      for (const { inputs, urn } of own) {
        const unseen = inputs.filter((key) => known.get(urn)?.inputs.includes(key) !== true);
        assert.deepEqual(unseen, [], urn);
      }
      return resources.length;
    } finally {
      await stack.dispose();
      await rm(directory, { recursive: true });
    }
  }

  it("shows what the engine would make on Docker hosts", async () => {
    const { config } = parse(await readFile("Pulumi.dev.yaml", "utf8")) as {
      config: Record<string, unknown>;
    };
    assert.ok((await same(config)) > 60);
  });

  it("shows what the engine would make on AWS", async () => {
    const emulator = await AwsEmulator.start();
    try {
      const aws = {
        region: "eu-central-1",
        zones: ["eu-central-1a", "eu-central-1b"],
        image: { id: "ami-0123456789abcdef0" },
        endpoint: emulator.url,
      };
      const settings = {
        platform: "aws",
        production: false,
        domain: "meet.test",
        auth: { type: "open" },
        aws,
      };
      const config = Object.entries(settings).map(([key, value]) => [`jitsi-fleet:${key}`, value]);
      assert.ok((await same(Object.fromEntries(config) as Record<string, unknown>)) > 200);
    } finally {
      await emulator.stop();
    }
  });
});
