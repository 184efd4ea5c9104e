import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";

describe("a script that is asked for what there is not", () => {
  const wrong: [string[], RegExp][] = [
    [["test", "--bogus"], /--bogus[^]*npm test \[-- suite/],
    [["test", "nothere"], /There is no suite nothere[^]*npm test \[-- suite/],
    [["preview", "--bogus"], /--bogus[^]*npm run preview --/],
    [["preview", "dev", "prod"], /One stack at a time, not dev, prod[^]*npm run preview --/],
    [["preview", "--limit", "soon"], /--limit soon: is not a whole number[^]*npm run preview --/],
    [
      ["bench", "nothere"],
      /There is no bench "nothere"; there are: npm run bench:edge, npm run bench:preview/,
    ],
    [["bench", "edge", "--bogus"], /--bogus[^]*npm run bench:edge/],
    [["bench", "preview", "--bogus"], /--bogus[^]*npm run bench:preview/],
    [["start", "--bogus"], /--bogus[^]*npm start/],
    [["start", "--minutes", "0"], /--minutes is a number above 0[^]*npm start/],
    [["shard", "--bogus"], /--bogus[^]*npm run shard -- status/],
  ];
  for (const [[name = "", ...args], why] of wrong)
    it(`says how to ask, and ends with 2: ${name} ${args.join(" ")}`, () => {
      const argv = [`scripts/${name}.mjs`, ...args];
      const { status, stderr } = spawnSync(process.execPath, argv, { encoding: "utf8" });
      assert.match(stderr, why);
      assert.doesNotMatch(stderr, /^ {4}at /m);
      assert.equal(status, 2);
    });
});
