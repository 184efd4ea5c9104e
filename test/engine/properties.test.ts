import assert from "node:assert/strict";
import { decimalCpus, goDuration, nanoseconds } from "./plugins/docker/values";
import { changesBetween, hasSecret, isUnknown, revealed, secret, unknown } from "./plugins/properties";

describe("properties of the stand-in plug-ins", () => {
  it("names each change by its path", () => {
    const olds = {
      image: "a",
      labels: { "a.b": "1", gone: "x" },
      ports: [{ internal: 1 }],
      same: [1, { k: true }],
    };
    const news = {
      image: "b",
      labels: { "a.b": "2" },
      ports: [{ internal: 1 }, { internal: 2 }],
      same: [1, { k: true }],
    };
    assert.deepEqual(changesBetween(olds, news), [
      { path: "image", property: "image", kind: "update" },
      { path: 'labels["a.b"]', property: "labels", kind: "update" },
      { path: "labels.gone", property: "labels", kind: "delete" },
      { path: "ports[1]", property: "ports", kind: "add" },
    ]);
  });

  it("sees no change in the order of keys, in nothing for nothing, nor in the order of a set", () => {
    assert.deepEqual(changesBetween({ a: { x: 1, y: 2 }, b: [], c: null }, { a: { y: 2, x: 1 } }), []);
    assert.deepEqual(
      changesBetween({ envs: ["A=1", "B=2"] }, { envs: ["B=2", "A=1"] }, { sets: ["envs"] }),
      [],
    );
    assert.equal(changesBetween({ command: ["a", "b"] }, { command: ["b", "a"] }).length, 2);
  });

  it("takes zero values for nothing only when told so", () => {
    assert.deepEqual(changesBetween({ memory: 0, user: "", tty: false }, {}, { zeroIsAbsent: true }), []);
    assert.equal(changesBetween({ memory: 0, user: "", tty: false }, {}).length, 3);
    const started = changesBetween({ mustRun: false }, { mustRun: true }, { zeroIsAbsent: true });
    assert.deepEqual(started, [{ path: "mustRun", property: "mustRun", kind: "update" }]);
  });

  it("takes an unknown for a change", () => {
    assert.equal(changesBetween({ image: "sha256:1" }, { image: unknown }).length, 1);
    assert.ok(isUnknown(unknown));
  });

  it("finds and unwraps secrets at any depth", () => {
    const inputs = { envs: ["A=1", secret("B=2")], nested: { key: secret({ deep: "x" }) }, plain: 1 };
    assert.ok(hasSecret(inputs));
    assert.deepEqual(revealed(inputs), { envs: ["A=1", "B=2"], nested: { key: { deep: "x" } }, plain: 1 });
    assert.ok(!hasSecret(revealed(inputs)));
  });
});

describe("values as the real Docker plug-in writes them", () => {
  it("writes durations as Go does", () => {
    const forms: [string, number, string][] = [
      ["0s", 0, "0s"],
      ["500ms", 5e8, "500ms"],
      ["1.5s", 1.5e9, "1.5s"],
      ["30s", 30e9, "30s"],
      ["1m", 60e9, "1m0s"],
      ["90s", 90e9, "1m30s"],
      ["1h", 3600e9, "1h0m0s"],
    ];
    for (const [given, ns, back] of forms) {
      assert.equal(nanoseconds(given), ns);
      assert.equal(goDuration(ns), back);
    }
  });

  it("writes CPUs with the plug-in's peculiarities", () => {
    const forms: [number, string][] = [
      [0.5, "0.5"],
      [0.25, "0.25"],
      [1, "1.0"],
      [1.5, "1.5"],
      [10, "10."],
    ];
    for (const [cpus, back] of forms) assert.equal(decimalCpus(cpus * 1e9), back);
  });
});
