import assert from "node:assert/strict";
import { isDeepStrictEqual } from "node:util";
import { DeclaredFleet, wholeSettings, type Declared } from "./declaredFleet";

/** Where tags of users are, in what its provider changes in place. */
const tagged: Readonly<Record<string, readonly string[]>> = {
  "pulumi:providers:aws": ["defaultTags"],
  "aws:ec2/launchTemplate:LaunchTemplate": ["tagSpecifications"],
  "aws:ec2/instance:Instance": ["rootBlockDevice"],
  "aws:imagebuilder/infrastructureConfiguration:InfrastructureConfiguration": ["resourceTags"],
  "aws:autoscaling/group:Group": ["tags"],
};

describe("another tag", () => {
  let first: DeclaredFleet;
  let other: DeclaredFleet;
  before(async () => {
    first = await DeclaredFleet.whole();
    other = await DeclaredFleet.of({ ...wholeSettings(), tags: { owner: "another", team: "school" } });
  });

  it("changes tags, and nothing that a machine is made of or runs", () => {
    const changed = first.resources.flatMap(({ inputs, name, type }) => {
      const now = one(other, type, name);
      return Object.keys({ ...inputs, ...now.inputs })
        .filter((key) => !isDeepStrictEqual(inputs[key], now.inputs[key]))
        .map((key) => [type, key, name] as const);
    });
    assert.deepEqual(
      changed.filter(([type, key]) => tagged[type]?.includes(key) !== true),
      [],
    );
    // Or this test would say nothing.
    assert.deepEqual(new Set(changed.map(([type]) => type)), new Set(Object.keys(tagged)));
    assert.equal(other.resources.length, first.resources.length);
  });

  it("leaves all else alone where tags and something else are told together", () => {
    const withoutTags = (value: unknown): unknown =>
      Array.isArray(value)
        ? value.map(withoutTags)
        : typeof value === "object" && value !== null
          ? Object.fromEntries(
              Object.entries(value).flatMap(([key, inner]) =>
                key === "tags" ? [] : [[key, withoutTags(inner)]],
              ),
            )
          : value;
    for (const { inputs, name, type } of first.resources)
      if (type === "aws:ec2/instance:Instance" || type === "aws:ec2/launchTemplate:LaunchTemplate")
        assert.deepEqual(withoutTags(one(other, type, name).inputs), withoutTags(inputs), name);
  });

  it("leaves what machines of pools are made of, by which the scaler replaces them", () => {
    const revision = (fleet: DeclaredFleet, pool: string): unknown =>
      (fleet.one("Group", pool).inputs["tags"] as { key: string; value: unknown }[]).find(
        ({ key }) => key === "jitsi-fleet:machine",
      )?.value;
    for (const { inputs, name } of first.all("Group")) {
      assert.match(String(revision(first, name)), /^[0-9a-f]{16}$/);
      assert.equal(revision(other, name), revision(first, name));
      const template = first.one("LaunchTemplate", name);
      const [ofMachine] = template.inputs["tagSpecifications"] as { tags: Record<string, unknown> }[];
      assert.equal(ofMachine?.tags["jitsi-fleet:machine"], revision(first, name));
      assert.equal(inputs["name"], template.inputs["name"]);
    }
  });
});

function one(fleet: DeclaredFleet, type: string, name: string): Declared {
  const found = fleet.resources.find((resource) => resource.type === type && resource.name === name);
  assert(found, `${type} ${name}`);
  return found;
}
