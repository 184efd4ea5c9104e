import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import fc from "fast-check";
import { Registry } from "prom-client";
import { parseCensus, type Room } from "../../../scaler/jitsi/census";
import { RoomMetrics } from "../../../scaler/keeper/roomMetrics";
import { isComplete, splitRooms, type RoomsByShard } from "../../../scaler/keeper/rooms";

/** The body of an answer recorded from the real process: the one line of JSON. */
const recorded = (name: string): string =>
  readFileSync(`test/fixtures/recorded/${name}.http`, "utf8")
    .split("\n")
    .find((line) => line.startsWith("{")) ?? "";

describe("Prosody's census", () => {
  it("holds meeting rooms, a tenant's among them, and counts all but the focus", () => {
    assert.deepEqual(parseCensus(recorded("prosody_census")), [
      { jid: "waiting@conference.meet.local", occupants: 0 },
      { jid: "[school]room2@conference.meet.local", occupants: 1 },
      { jid: "room1@conference.meet.local", occupants: 2 },
    ]);
  });

  it("is empty in either release's words", () => {
    assert.deepEqual(parseCensus(recorded("prosody_census_empty")), []);
    assert.deepEqual(parseCensus(recorded("prosody_census_empty_2023")), []);
  });

  it("counts nobody whose connection is lost, nor less than nobody", () => {
    const entry = { room_name: "a@muc", participants: 3, created_time: 1732460000000 };
    const census = (...entries: object[]): string => JSON.stringify({ room_census: entries });
    const occupants = (body: string): number[] => parseCensus(body).map((room) => room.occupants);
    assert.deepEqual(
      occupants(census({ ...entry, leaked: true }, { ...entry, leaked: false }, entry)),
      [0, 3, 3],
    );
    assert.deepEqual(occupants(census({ ...entry, participants: -1 })), [0]);
  });

  it("is nothing but the whole of it", () => {
    for (const body of [
      "",
      "{}",
      "[]",
      '{"room_census":null}',
      '{"room_census":{"room_name":"a@muc","participants":1}}',
      '{"room_census":[{"room_name":"a@muc"}]}',
      '{"room_census":[{"participants":1}]}',
      recorded("prosody_census").slice(0, -1),
    ])
      assert.throws(() => parseCensus(body), Error, body);
  });
});

const SHARDS = ["s1", "s2", "s3", "s4"];
const ROOMS = ["a@muc", "b@muc", "[t]a@muc"];
const rooms: fc.Arbitrary<Room[]> = fc.uniqueArray(
  fc.record({ jid: fc.constantFrom(...ROOMS), occupants: fc.integer({ min: 0, max: 3 }) }),
  { selector: ({ jid }) => jid },
);
/** What each shard answered, or that it did not. */
const look: fc.Arbitrary<RoomsByShard> = fc
  .tuple(...SHARDS.map(() => fc.option(rooms)))
  .map((answers) => new Map(SHARDS.flatMap((shard, at) => (answers[at] ? [[shard, answers[at]]] : []))));
const isOn = (from: RoomsByShard, shard: string, jid: string): boolean =>
  from.get(shard)?.some((room) => room.jid === jid && room.occupants > 0) ?? false;

describe("split rooms", () => {
  it("are those that somebody is in on the same two shards in both looks, and no others", () => {
    let found = 0;
    let none = 0;
    fc.assert(
      fc.property(look, look, (before, now) => {
        const splits = new Map(splitRooms(before, now).map(({ jid, shards }) => [jid, shards]));
        for (const jid of ROOMS) {
          const lasting = SHARDS.filter((shard) => isOn(before, shard, jid) && isOn(now, shard, jid));
          assert.deepEqual(splits.get(jid), lasting.length < 2 ? undefined : lasting);
          if (lasting.length < 2) none += 1;
          else found += 1;
        }
      }),
      { numRuns: 500 },
    );
    assert(
      found > 100 && none > 100,
      `${found} splits, ${none} rooms that are none: too few to show anything`,
    );
  });

  it("are none while every room is on one shard at a time, though rooms move while shards are asked", () => {
    const homes = fc.record({ "a@muc": fc.constantFrom(...SHARDS), "b@muc": fc.constantFrom(...SHARDS) });
    const at = (home: Record<string, string>): [string, Room[]][] =>
      SHARDS.map((shard) => [
        shard,
        Object.keys(home)
          .filter((jid) => home[jid] === shard)
          .map((jid) => ({ jid, occupants: 5 })),
      ]);
    fc.assert(
      fc.property(homes, homes, homes, (first, second, third) => {
        // Rooms move within each look: some shards are asked before, some after.
        const before = new Map([...at(first).slice(0, 2), ...at(second).slice(2)]);
        const now = new Map([...at(second).slice(0, 2), ...at(third).slice(2)]);
        assert.deepEqual(splitRooms(before, now), []);
      }),
    );
  });

  it("are not those that a mere focus waits in, nor those of a shard that says nothing", () => {
    const people = (occupants: number): Room[] => [{ jid: "a@muc", occupants }];
    const split = new Map([
      ["s1", people(1)],
      ["s2", people(4)],
    ]);
    assert.deepEqual(splitRooms(split, split), [{ jid: "a@muc", shards: ["s1", "s2"] }]);
    const waiting = new Map([...split, ["s1", people(0)] as const]);
    const silent = new Map([["s2", people(4)]]);
    for (const one of [waiting, silent]) {
      assert.deepEqual(splitRooms(split, one), []);
      assert.deepEqual(splitRooms(one, split), []);
    }
  });

  it("are not known to be none where a shard did not answer", () => {
    const all = new Map(SHARDS.map((shard) => [shard, []] as const));
    const but = new Map([...all].slice(1));
    assert.equal(isComplete(SHARDS, all, all), true);
    assert.equal(isComplete(SHARDS, all, but), false);
    assert.equal(isComplete(SHARDS, but, all), false);
  });
});

describe("the metrics of rooms", () => {
  const stats = { conferences: 2, participants: 5, recordings: 0, streams: 0 };
  const a = [{ jid: "a@muc", occupants: 2 }];
  /** The lines of the page that say something, in their order. */
  async function page(show: (metrics: RoomMetrics) => void): Promise<string[]> {
    const registry = new Registry();
    show(new RoomMetrics(registry));
    return (await registry.metrics()).split("\n").filter((line) => line !== "" && !line.startsWith("#"));
  }

  it("are absent before the first look", async () => assert.deepEqual(await page(() => undefined), []));

  it("say what every shard holds, and that no room is split", async () => {
    const now = new Map([
      ["s1", [...a, { jid: "b@muc", occupants: 0 }]],
      ["s2", []],
    ]);
    const lines = await page((metrics) =>
      metrics.show({ shards: ["s1", "s2"], before: now, now, stats: new Map([["s1", stats]]) }),
    );
    assert.deepEqual(lines, [
      "jitsi_fleet_split_rooms 0",
      'jitsi_fleet_shard_rooms{shard="s1"} 1',
      'jitsi_fleet_shard_rooms{shard="s2"} 0',
      'jitsi_fleet_shard_conferences{shard="s1"} 2',
    ]);
  });

  it("say nothing of a shard that does not answer any more, and not that no room is split", async () => {
    const before = new Map([
      ["s1", a],
      ["s2", []],
    ]);
    const lines = await page((metrics) => {
      const shards = ["s1", "s2"];
      metrics.show({ shards, before, now: before, stats: new Map([["s2", stats]]) });
      metrics.show({ shards, before, now: new Map([["s1", a]]), stats: new Map() });
    });
    assert.deepEqual(lines, ['jitsi_fleet_shard_rooms{shard="s1"} 1']);
  });

  it("count the splits that are known, though a third shard does not answer", async () => {
    const now = new Map([
      ["s1", a],
      ["s2", a],
    ]);
    const lines = await page((metrics) =>
      metrics.show({ shards: ["s1", "s2", "s3"], before: now, now, stats: new Map() }),
    );
    assert.equal(lines[0], "jitsi_fleet_split_rooms 1");
  });
});
