import assert from "node:assert/strict";
import { DeclaredFleet } from "./aws/declaredFleet";
import { goodAwsSettings, goodSettings } from "./goodSettings";

describe("a change of accounts alone", function () {
  this.timeout(240_000);

  /** What is declared otherwise, `<type> <name>`. */
  async function changed(good: Record<string, unknown>): Promise<string[]> {
    const withAccounts = async (accounts: Record<string, string>): Promise<Map<string, string>> => {
      const { resources } = await DeclaredFleet.of({ ...good, auth: { type: "internal", accounts } });
      return new Map(
        resources.map((one) => [`${one.type.split(":").at(-1)} ${one.name}`, JSON.stringify(one)]),
      );
    };
    const [before, after] = await Promise.all([
      withAccounts({ teacher: "password-1" }),
      withAccounts({ teacher: "password-2", other: "password-3" }),
    ]);
    assert.deepEqual([...before.keys()], [...after.keys()]);
    return [...before].flatMap(([key, was]) => (after.get(key) === was ? [] : [key])).sort();
  }

  it("reaches every shard on Docker hosts, and changes neither a node nor a container", async () => {
    assert.deepEqual(await changed(goodSettings()), [
      "Command s1-prosody-lookup",
      "Command s2-prosody-lookup",
    ]);
  });

  it("reaches every shard on AWS by its bundle, and changes neither a node nor a machine", async () => {
    assert.deepEqual(
      await changed(goodAwsSettings()),
      ["s1", "s2"]
        .flatMap((shard) => [
          `BucketObjectv2 ${shard}-bundle`,
          `BucketObjectv2 ${shard}-pointer`,
          ...[1, 2, 3, 4].map((part) => `Parameter ${shard}-secrets-${part}`),
        ])
        .sort(),
    );
  });
});
