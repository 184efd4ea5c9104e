import assert from "node:assert/strict";
import { Ledger } from "../../lab/ledger";

/** A ledger of a fleet with two bridges and one Jibri, and a user in a room. */
function ledgerWithOneUser(): Ledger {
  const ledger = new Ledger();
  ledger.launched("bridge");
  ledger.launched("bridge");
  ledger.launched("jibri");
  ledger.stands();
  ledger.joined("ada", "room", "s1", "bridge-1", 0);
  return ledger;
}

describe("the lab's ledger", () => {
  it("finds nothing wrong where nothing was", () => {
    const ledger = ledgerWithOneUser();
    ledger.media("ada", "bridge-1", 4);
    ledger.isOn("ada", "s1");
    ledger.left("ada", 8);
    const verdict = ledger.verdict("no harm");
    assert.equal(verdict.ok, true);
    assert.deepEqual(verdict.users, { joined: 1, refused: 0, peak: 1 });
  });

  it("calls an end under participants a cut, by each room", () => {
    const ledger = ledgerWithOneUser();
    ledger.ended("bridge", "bridge-1", { room: 1, other: 3 }, "removed");
    const { cuts, ok } = ledger.verdict("no harm");
    assert.equal(ok, false);
    assert.deepEqual(cuts, [
      { instance: "bridge-1", room: "room", why: "removed, 1 participant on it" },
      { instance: "bridge-1", room: "other", why: "removed, 3 participants on it" },
    ]);
  });

  it("calls the end of a Jibri that records a cut, and of an idle one not", () => {
    const ledger = ledgerWithOneUser();
    ledger.launched("jibri");
    ledger.ended("jibri", "jibri-1", {}, "removed");
    assert.equal(ledger.verdict("no harm").ok, true);
    ledger.ended("jibri", "jibri-2", { room: 1 }, "removed");
    assert.deepEqual(ledger.verdict("no harm").cuts, [
      { instance: "jibri-2", room: "room", why: "removed, recording" },
    ]);
  });

  it("calls a gap above five seconds a cut, also one that never ended, and a shorter one not", () => {
    const ledger = ledgerWithOneUser();
    ledger.media("ada", "bridge-1", 5);
    assert.equal(ledger.verdict("no harm").cuts.length, 0);
    ledger.media("ada", "bridge-2", 10.1);
    assert.equal(ledger.verdict("no harm").cuts[0]?.instance, "bridge-1");
    ledger.left("ada", 16);
    assert.equal(ledger.verdict("no harm").cuts.length, 2);
  });

  it("sees a room on two shards, but not one that moved when all had left", () => {
    const ledger = ledgerWithOneUser();
    ledger.left("ada", 1);
    ledger.joined("bob", "room", "s2", "bridge-9", 2);
    assert.deepEqual(ledger.verdict("no harm").splitRooms, []);
    ledger.joined("eve", "room", "s1", "bridge-1", 3);
    ledger.joined("dan", "another", "s1", "bridge-1", 3);
    assert.deepEqual(ledger.verdict("no harm").splitRooms, ["room"]);
  });

  it("sees a room split while its users are in it", () => {
    const ledger = ledgerWithOneUser();
    ledger.joined("bob", "room", "s1", "bridge-1", 1);
    ledger.isOn("bob", "s2");
    assert.deepEqual(ledger.verdict("no harm").splitRooms, ["room"]);
  });

  it("follows a user to another shard", () => {
    const ledger = ledgerWithOneUser();
    ledger.isOn("ada", "s2");
    ledger.joined("bob", "room", "s2", "bridge-9", 1);
    assert.deepEqual(ledger.verdict("no harm").splitRooms, []);
  });

  it("wants every recording in the store as its Jibri recorded it", () => {
    const ledger = ledgerWithOneUser();
    for (const session of ["good", "spoilt", "missing"]) ledger.recordingStarted(session, "room", "jibri-1");
    for (const session of ["good", "spoilt", "missing"]) ledger.recorded(session, "abc");
    ledger.arrived("good", "abc");
    ledger.arrived("spoilt", "abd");
    assert.equal(ledger.underway, 1);
    const { ok, recordings } = ledger.verdict("no harm");
    assert.equal(ok, false);
    assert.deepEqual(recordings, {
      started: 3,
      refused: 0,
      arrived: 1,
      lost: ["spoilt of jibri-1: not whole", "missing of jibri-1: not in the store"],
    });
  });

  it("does not take what is left of a cut recording for the whole", () => {
    const ledger = ledgerWithOneUser();
    ledger.recordingStarted("cut", "room", "jibri-1");
    ledger.arrived("cut", "abc");
    assert.equal(ledger.verdict("no harm").ok, false);
  });

  it("asks both pools to have grown and shrunk, if the run was long enough", () => {
    const ledger = ledgerWithOneUser();
    assert.equal(ledger.verdict("scaling").faults.length, 4);
    ledger.launched("bridge");
    ledger.launched("jibri");
    assert.equal(ledger.verdict("scaling").faults.length, 2);
    ledger.ended("bridge", "bridge-3", {}, "removed");
    ledger.ended("jibri", "jibri-2", {}, "removed");
    const verdict = ledger.verdict("scaling");
    assert.deepEqual(verdict.faults, []);
    assert.deepEqual(verdict.bridges, { first: 2, lowest: 2, highest: 3, launched: 3, removed: 1 });
  });

  it("does not call a run good that nobody joined", () => {
    assert.deepEqual(new Ledger().verdict("users").faults, ["nobody joined"]);
    assert.equal(new Ledger().verdict("no harm").ok, true);
  });
});
