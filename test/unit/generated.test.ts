import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { parse } from "yaml";
import { metricsPage } from "../../monitoring/reference";
import { configBlock, pulumiYaml, settingsPage } from "../../scripts/generate";
import { parseSettings, SettingsError } from "../../components/settings";
import { goodSettings } from "./goodSettings";

describe("what is generated from the settings' schema", () => {
  it("Pulumi.yaml has every setting with its type, words and default", () => {
    const current = readFileSync("Pulumi.yaml", "utf8");
    assert.equal(current, pulumiYaml(current), "out of step: npm run generate");
    for (const [key, entry] of Object.entries(configBlock())) assert.notEqual(entry["description"], "", key);
  });

  it("docs/settings.md has them too, each with words", async () => {
    const page = readFileSync("docs/settings.md", "utf8");
    assert.equal(page, await settingsPage(), "out of step: npm run generate");
    assert(!/\|\s+\|$/m.test(page), "a setting has no description");
  });

  it("docs/metrics.md has every metric", async () => {
    assert.equal(
      readFileSync("docs/metrics.md", "utf8"),
      await metricsPage(),
      "out of step: npm run generate",
    );
  });

  it("the defaults of Pulumi.yaml are the schema's own", () => {
    const { domain, auth }: Record<string, unknown> = goodSettings();
    const required = { domain, auth, docker: oneHost(), production: false };
    assert.deepEqual(parseSettings({ ...defaults(), ...required }, "test"), parseSettings(required, "test"));
  });

  it("Pulumi.yaml demands of no stack what another platform's needs", () => {
    const demanded = Object.entries(configBlock()).flatMap(([key, entry]) =>
      "default" in entry ? [] : [key],
    );
    assert.deepEqual(demanded, ["jitsi-fleet:domain", "jitsi-fleet:auth"]);
  });

  it("Pulumi.dev.yaml and Pulumi.prod.yaml have good settings", () => {
    const asGiven = (name: string) => ({ ...defaults(), ...stackSettings(`Pulumi.${name}.yaml`) });
    assert.equal(parseSettings(asGiven("dev"), "dev").platform, "docker");
    assert.equal(parseSettings(asGiven("prod"), "prod").platform, "aws");
  });

  it("Pulumi.hosts.yaml lacks only what is the operator's own", () => {
    assert.throws(
      () => parseSettings(stackSettings("Pulumi.hosts.yaml"), "hosts"),
      (error) => {
        assert(error instanceof SettingsError);
        const paths = error.faults.map(({ path }) => path).sort();
        const own = ["auth.appSecret", "docker.hosts[0].hostKey", "docker.hosts[1].hostKey", "domain"];
        const store = ["recordings.store.accessKeyId", "recordings.store.secretAccessKey"];
        assert.deepEqual(paths, [...own, ...store, "tls.certificate", "tls.privateKey"]);
        return true;
      },
    );
  });
});

/** What Pulumi hands over of what a stack does not set. */
function defaults(): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(configBlock()).flatMap(([key, entry]) =>
      "default" in entry ? [[key.replace("jitsi-fleet:", ""), entry["default"]] as const] : [],
    ),
  );
}

function oneHost(): unknown {
  const host = {
    name: "a",
    address: "unix:///run/docker.sock",
    publicAddress: "198.51.100.11",
    privateAddress: "10.213.0.11",
  };
  return { hosts: [host] };
}

function stackSettings(file: string): Record<string, unknown> {
  const { config } = parse(readFileSync(file, "utf8")) as { config: Record<string, unknown> };
  return Object.fromEntries(
    Object.entries(config).map(([key, value]) => [key.replace("jitsi-fleet:", ""), value]),
  );
}
