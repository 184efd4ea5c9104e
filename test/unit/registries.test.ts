import assert from "node:assert/strict";
import { DeclaredFleet, type Declared } from "./aws/declaredFleet";
import { goodSettings, spoilt } from "./goodSettings";

const PASSWORD = "secret-of-the-registry";
const login = { host: "ghcr.io", username: "puller", password: PASSWORD };

/** Without what Pulumi is told to encrypt. */
const inClear = (value: unknown): unknown => {
  if (Array.isArray(value)) return value.map(inClear);
  if (typeof value !== "object" || value === null) return value;
  if ("secret" in value) return "encrypted";
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, inClear(inner)]));
};

describe("private registries on Docker hosts", function () {
  this.timeout(600_000);
  let resources: readonly Declared[];
  before(async () => {
    ({ resources } = await DeclaredFleet.of(spoilt("images.registries", [login], goodSettings())));
  });

  const of = (...images: string[]): string => images.map((image) => `ghcr.io/jitsi/${image}`).join(" ");
  const pulls = (): readonly Declared[] => resources.filter(({ name }) => name.endsWith("-images"));

  it("are asked before containers are made of their images, on the nodes alone that have such", () => {
    assert.deepEqual(
      pulls().map(({ inputs, name }) => {
        const { FLEET_TARGET = "" } = inputs["environment"] as Record<string, string>;
        const { images } = JSON.parse(FLEET_TARGET) as { images: string[] };
        return [name, ...images.map((image) => image.replace(/:.*/, "")).sort()].join(" ");
      }),
      [
        ...["s1", "s2"].map((shard) => `${shard}-images ${of("jicofo", "prosody", "web")}`),
        // rclone is Jibri's.
        ...["a", "b"].map((host) => `agent-${host}-images ${of("jibri")}`),
      ],
    );
    for (const { hooks, inputs, parent } of pulls()) {
      const { secret } = inputs["stdin"] as { secret: string };
      assert.deepEqual(JSON.parse(secret), { files: {}, registries: [login] });
      // A new password stops nothing.
      assert.deepEqual(Object.values(hooks).flat(), []);
      const made = resources.filter(
        ({ name, parent: of, type }) =>
          of === parent &&
          (type.endsWith(":Container") || (type.endsWith(":Command") && name.endsWith("-files"))),
      );
      assert.ok(made.length > 1);
      for (const { dependsOn, name } of made)
        assert.ok(
          dependsOn.some((on) => on.endsWith(` ${parent}-images`)),
          `${name} waits`,
        );
    }
  });

  it("let the agents in for bridges and Jibris, by their secret files", () => {
    for (const host of ["a", "b"]) {
      const files = resources.find(
        ({ name, type }) => name === `agent-${host}-agent-files` && type.endsWith(":Command"),
      );
      const { secret } = files?.inputs["stdin"] as { secret: string };
      const configuration = (JSON.parse(secret) as { files: Record<string, string> }).files[
        "configuration.json"
      ];
      assert.deepEqual((JSON.parse(configuration ?? "") as { registries: unknown }).registries, [login]);
    }
  });

  it("have no password in clear anywhere", () => {
    assert.ok(JSON.stringify(resources).includes(PASSWORD));
    assert.ok(!JSON.stringify(inClear(resources)).includes(PASSWORD));
  });

  it("are nothing where none is set", async () => {
    const { resources: others } = await DeclaredFleet.of(goodSettings());
    assert.deepEqual(
      others.filter(({ name }) => name.endsWith("-images")).map(({ name }) => name),
      [],
    );
  });
});
