import assert from "node:assert/strict";
import type { ShardsPage } from "@jitsi-fleet/scaler";
import { generatedSecrets, meaningOf, objectionTo, replacedBy } from "../../operator/rotation";
import { statusOf, type ShardStatus } from "../../operator/status";

const urn = (type: string, name: string): { type: string; urn: string } => ({
  type,
  urn: `urn:pulumi:prod::jitsi-fleet::jitsi-fleet:index:Shard$${type}::${name}`,
});
const password = (name: string) => urn("random:index/randomPassword:RandomPassword", name);

describe("npm run rotate", () => {
  const settings = {
    shards: ["s1", "s2"].map((name, index) => ({
      name,
      number: index + 1,
      state: "ready" as const,
      release: "stable-1",
      place: "a",
    })),
  };
  const shards = ["s1", "s2"];
  const none = { conferences: 0, participants: 0, recordings: 0, streams: 0 };
  const empty = (state: "ready" | "drain") => ({ state, up: true, holds: none });

  function statuses(page: ShardsPage): ShardStatus[] {
    return statusOf(settings, [{ edge: "edge-a", page, knownAt: "2026-01-01T00:00:00Z" }]);
  }
  const objection = (name: string, page: ShardsPage, allowed = false): string | undefined =>
    objectionTo(name, replacedBy(name, shards), statuses(page), allowed);

  it("knows every secret that was generated, and what a new one replaces", () => {
    const found = generatedSecrets([
      password("s2-bridges"),
      password("jibri-xmpp"),
      password("s1-jicofo"),
      password("bundles-salt"),
      urn("tls:index/privateKey:PrivateKey", "scaler-key"),
      urn("random:index/randomId:RandomId", "keystone"),
      urn("docker:index/container:Container", "s1-jicofo"),
    ]);
    assert.deepEqual(
      found.map(({ name }) => `${name}: ${meaningOf(replacedBy(name, shards))}`),
      [
        "jibri-xmpp: replaces Prosody on every shard: at a time when nobody meets",
        "s1-jicofo: replaces the containers of s1: drain it first",
        "s2-bridges: replaces the containers of s2: drain it first",
        "scaler-key: restarts programs of the fleet's own, or reloads HAProxy: at any time",
      ],
    );
    assert.equal(found[1]?.urn, password("s1-jicofo").urn);
  });

  it("replaces a shard's only in drain, and empty", () => {
    assert.match(
      objection("s1-jicofo", { s1: empty("ready") }) ?? "",
      /its state in force is ready.*npm run shard -- drain s1 --wait/,
    );
    const busy = { state: "drain" as const, up: true, holds: { ...none, conferences: 1 } };
    assert.match(objection("s1-bridges", { s1: busy }) ?? "", /1 conference/);
    const unknown = { state: "drain" as const, up: true, holds: { error: "silent" } };
    assert.match(objection("s1-bridges", { s1: unknown }) ?? "", /unknown: silent/);
    assert.equal(objection("s1-jicofo", { s1: empty("drain"), s2: busy }), undefined);
  });

  it("replaces what all shards are told only where that is allowed, and all are empty", () => {
    const both = { s1: empty("ready"), s2: empty("ready") };
    assert.match(objection("jibri-recorder", both) ?? "", /pulumi config set allowCutCalls true/);
    assert.equal(objection("jibri-recorder", both, true), undefined);
    const busy = { ...both, s2: { ...empty("ready"), holds: { ...none, streams: 1 } } };
    assert.match(objection("turn", busy, true) ?? "", /s2: 1 stream/);
    const silent = { ...both, s2: { ...empty("ready"), holds: { error: "silent" } } };
    assert.match(objection("turn", silent, true) ?? "", /s2: what it holds is unknown/);
  });

  it("replaces all others at any time", () => {
    for (const name of ["uploads", "scaler-token", "control-token", "edge-keepers-token", "edge-key"])
      assert.equal(objection(name, {}), undefined, name);
  });
});
