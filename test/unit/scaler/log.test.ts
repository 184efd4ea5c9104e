import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";

/** Says three lines and ends, its one thread for files being busy, as on a busy machine. */
const program = `
  require("node:crypto").pbkdf2("", "", 300000, 64, "sha512", () => undefined);
  const log = require("./scaler/log").programLog({ host: "a" });
  for (const said of ["first", "second", "third"]) log.info(said);
  process.exit(0);
`;

describe("a program's log", () => {
  it("is whole and in order when the program ends", () => {
    const output = execFileSync(process.execPath, ["-r", "ts-node/register/transpile-only", "-e", program], {
      env: { ...process.env, UV_THREADPOOL_SIZE: "1" },
      encoding: "utf8",
    });
    const lines = output
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line) as { host: string; msg: string });
    assert.deepEqual(
      lines.map(({ host, msg }) => `${host} ${msg}`),
      ["a first", "a second", "a third"],
    );
  });
});
