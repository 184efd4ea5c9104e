import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import type { Role } from "../../components/platform";
import { stopRules } from "../../components/stopRules";

/** The body of an answer recorded from the real process: the one line of JSON. */
const recorded = (name: string): string =>
  readFileSync(`test/fixtures/recorded/${name}.http`, "utf8")
    .split("\n")
    .find((line) => line.startsWith("{")) ?? "";

const busy = (role: Role, body: string): string | undefined => {
  const rule = stopRules[role];
  assert(rule);
  return rule.busy(body);
};

describe("what may be stopped, by answers of the real processes", () => {
  it("a shard with a conference may not", () => {
    assert.match(busy("shard", recorded("jicofo_conf_stats")) ?? "", /^\d+ conference/);
  });
  it("a shard without one may", () => {
    assert.equal(busy("shard", recorded("jicofo_stats_no_bridges")), undefined);
  });
  it("a bridge with participants may not", () => {
    assert.match(busy("bridge", recorded("jvb2_conf_stats")) ?? "", /^\d+ participant/);
  });
  it("an idle bridge may", () => {
    assert.equal(busy("bridge", recorded("jvb_idle_stats")), undefined);
  });
  it("a Jibri that records may not, an idle one may", () => {
    assert.equal(busy("jibri", recorded("jibri_health_busy")), "a recording or stream");
    assert.equal(busy("jibri", recorded("jibri_health_idle")), undefined);
  });
  for (const role of ["shard", "bridge", "jibri"] as const)
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
