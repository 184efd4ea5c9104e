import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { stopRules, type Measurable } from "../../../components/guard/stopRules";

/** The body of an answer recorded from the real process: the one line of JSON. */
const recorded = (name: string): string =>
  readFileSync(`test/fixtures/recorded/${name}.http`, "utf8")
    .split("\n")
    .find((line) => line.startsWith("{")) ?? "";

const busy = (role: Measurable, body: string): string | undefined => stopRules[role].busy(body);

describe("what may be stopped, by answers of the real processes", () => {
  it("a shard with a conference may not", () => {
    assert.match(busy("shard", recorded("jicofo_conf_stats")) ?? "", /^\d+ conference/);
  });
  it("a shard without one may", () => {
    assert.equal(busy("shard", recorded("jicofo_stats_no_bridges")), undefined);
  });
  it("a host may not on which a bridge has participants, and may when all its bridges are idle", () => {
    const [idle, full] = [bridge("jvb_idle_stats"), bridge("jvb2_conf_stats")];
    assert.match(busy("instances", hostState({ instances: [idle, full] })) ?? "", /^\d+ participants?$/);
    assert.equal(busy("instances", hostState({ instances: [idle] })), undefined);
    assert.equal(busy("instances", hostState({ instances: [] })), undefined);
  });
  it("nor one on which a Jibri records, or whose recordings are in no store", () => {
    const [idle, recording] = [jibri("jibri_health_idle"), jibri("jibri_health_busy")];
    assert.equal(busy("instances", hostState({ instances: [idle, recording] })), "1 recording or stream");
    assert.equal(busy("instances", hostState({ instances: [idle] })), undefined);
    const spooled = (state: string) => ({
      instances: [idle],
      spool: {
        items: [{ instance: "jibris-1", session: "x", state, bytes: 1, attempts: 0, partial: false }],
        uploaded: 0,
        uploadedBytes: 0,
        partial: 0,
      },
    });
    assert.match(
      busy("instances", hostState(spooled("waiting"))) ?? "",
      /^1 recording not in the store yet$/,
    );
    // Its Jibri says that it is busy, or is gone and the file will go to the spool.
    assert.equal(busy("instances", hostState(spooled("recording"))), undefined);
  });
  it("what runs there and does not say what it carries is an error, never empty", () => {
    const silent = { ...bridge("jvb_idle_stats"), status: { error: "connect ECONNREFUSED" } };
    const wrong = { ...jibri("jibri_health_idle"), status: { status: 500, body: "" } };
    for (const instance of [silent, wrong])
      assert.throws(() => busy("instances", hostState({ instances: [instance] })), /does not say/);
    assert.throws(
      () => busy("instances", hostState({ instances: [], spool: { error: "down" } })),
      /uploader/,
    );
    assert.equal(busy("instances", hostState({ instances: [{ ...silent, state: "exited" }] })), undefined);
  });
  for (const role of ["shard", "instances"] as const)
    it(`an answer that does not tell is an error, never empty: ${role}`, () => {
      for (const body of [
        "",
        "{}",
        "null",
        '{"conferences":"0"}',
        "<html>",
        '{"status":{}}',
        '{"conferences":0}',
      ])
        assert.throws(() => busy(role, body), body);
    });
});

const instance = {
  revision: "1",
  launchedAt: "2026-11-24T12:00:00Z",
  state: "running",
  health: "healthy",
  fenced: false,
};
const answered = (name: string) => ({ status: 200, body: recorded(name) });
const bridge = (name: string) => ({
  ...instance,
  name: `s1-bridges-${name.length}`,
  pool: "s1-bridges",
  role: "bridge",
  status: answered(name),
});
const jibri = (name: string) => ({
  ...instance,
  name: "jibris-1",
  pool: "jibris",
  role: "jibri",
  status: answered(name),
});
const hostState = (parts: object): string =>
  JSON.stringify({ host: "a", time: "2026-11-24T12:00:00Z", version: "1", pools: [], ...parts });
