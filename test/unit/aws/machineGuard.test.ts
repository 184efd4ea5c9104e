import type Docker from "dockerode";
import assert from "node:assert/strict";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { Readable } from "node:stream";
import type { MachineManifest } from "../../../scaler/machine/manifest";
import { verdictOn, type EmptySince, type Verdict } from "../../../scaler/machine/guard";

type Guard = MachineManifest["guard"];

/** A Docker engine with one container, which says this; or none. */
function engine(
  answer: { conferences?: number; exitCode?: number; text?: string; status?: string } | undefined,
): Docker {
  const recorded = readFileSync(join(__dirname, "../../fixtures/recorded/jicofo_conf_stats.http"), "utf8");
  const stats = JSON.parse(/^{.*}$/m.exec(recorded)?.[0] ?? "") as object;
  const container = {
    inspect: () =>
      answer
        ? Promise.resolve({
            State: { Running: answer.status === undefined, Status: answer.status ?? "running" },
          })
        : Promise.reject(new Error("no such container")),
    exec: () =>
      Promise.resolve({
        start: () =>
          Promise.resolve(
            Readable.from([
              answer?.text ?? JSON.stringify({ ...stats, conferences: answer?.conferences ?? 0 }),
            ]),
          ),
        inspect: () => Promise.resolve({ ExitCode: answer?.exitCode ?? 0 }),
      }),
  };
  return { getContainer: () => container } as unknown as Docker;
}

const shard = (state: "ready" | "drain" | "maint"): Guard => ({
  kind: "shard",
  state,
  container: "jitsi-prod-s1-jicofo",
  command: ["curl"],
});
const ask = (guard: Guard, docker = engine({}), before?: EmptySince, now = 1000): Promise<Verdict> =>
  verdictOn(docker, { guard, name: "s1" }, "bundle-2", before, now);

describe("whether a machine's containers may be stopped", () => {
  it("is no question for a scaler, an agent or what uploads", async () => {
    assert.deepEqual(await ask({ kind: "none" }), { objection: undefined });
  });

  it("is refused for a shard in state ready, however empty", async () => {
    const long = { bundle: "bundle-2", since: 0 };
    assert.match(
      (await ask(shard("ready"), engine({}), long)).objection ?? "",
      /s1 is in state ready\. Set shard s1 to drain/,
    );
  });

  it("is refused for a shard with conferences, and tells how many and what to do", async () => {
    const { emptySince, objection } = await ask(shard("drain"), engine({ conferences: 2 }), {
      bundle: "bundle-2",
      since: 0,
    });
    assert.match(objection ?? "", /holds 2 conferences.*allowCutCalls/);
    assert.equal(emptySince, undefined, "the wait begins anew");
  });

  for (const [why, docker] of [
    ["has no Jicofo", engine(undefined)],
    ["has a Jicofo that ended", engine({ status: "exited" })],
    ["does not answer", engine({ exitCode: 28, text: "timed out" })],
    ["answers with something else", engine({ text: "{}" })],
  ] as const)
    it(`is refused for a shard that ${why}: unknown is not zero`, async () => {
      assert.match((await ask(shard("maint"), docker)).objection ?? "", /cannot be measured/);
    });

  it("is granted for a shard that was empty at every look for a minute", async () => {
    const first = await ask(shard("drain"));
    assert.match(first.objection ?? "", /is empty, and is looked at for 60 s more/);
    assert.deepEqual(first.emptySince, { bundle: "bundle-2", since: 1000 });
    assert.match(
      (await ask(shard("drain"), engine({}), first.emptySince, 1059)).objection ?? "",
      /for 1 s more/,
    );
    assert.equal((await ask(shard("drain"), engine({}), first.emptySince, 1060)).objection, undefined);
  });

  it("is looked at anew for another bundle, and where the clock was set back", async () => {
    for (const before of [
      { bundle: "bundle-1", since: 0 },
      { bundle: "bundle-2", since: 5000 },
    ])
      assert.deepEqual((await ask(shard("drain"), engine({}), before)).emptySince, {
        bundle: "bundle-2",
        since: 1000,
      });
  });

  it("is granted for an edge while another node serves, or where there is no other", async () => {
    const server = createServer().listen(0, "127.0.0.1");
    await once(server, "listening");
    const { port } = server.address() as { port: number };
    const other = { name: "edge-2", address: "127.0.0.1", port };
    const gone = { name: "edge-3", address: "127.0.0.1", port: 1 };
    assert.equal((await ask({ kind: "edge", others: [] })).objection, undefined);
    assert.equal((await ask({ kind: "edge", others: [gone, other] })).objection, undefined);
    server.close();
    await once(server, "close");
    assert.match(
      (await ask({ kind: "edge", others: [other, gone] })).objection ?? "",
      /only node of the edge that serves: edge-2, edge-3/,
    );
  });
});
