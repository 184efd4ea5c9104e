import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { promisify } from "node:util";

const PROCESSES = 3;
const PORTS_EACH = 200;

const program = `
  const { freePort } = require("./test/support/freePort");
  (async () => {
    for (let count = 0; count < ${PORTS_EACH}; count += 1) console.log(await freePort());
  })();
`;

describe("free ports", () => {
  it("are given to one process of several alone", async () => {
    const run = promisify(execFile);
    const outputs = await Promise.all(
      Array.from({ length: PROCESSES }, () =>
        run(process.execPath, ["-r", "ts-node/register/transpile-only", "-e", program]),
      ),
    );
    const ports = outputs.flatMap(({ stdout }) => stdout.trim().split("\n"));
    assert.equal(ports.length, PROCESSES * PORTS_EACH);
    assert.equal(new Set(ports).size, ports.length);
  });
});
