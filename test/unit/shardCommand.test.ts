import assert from "node:assert/strict";
import type { Holdings, ShardsPage } from "@jitsi-fleet/scaler";
import { parseSettings } from "../../components/settings";
import { readArguments, UsageError } from "../../operator/arguments";
import { placeFor, shardsAfter } from "../../operator/changeShards";
import { indexOfShard, withState } from "../../operator/shardSetting";
import { statusOf, statusText, type EdgeAnswer } from "../../operator/status";
import { dockerChange } from "../../operator/dockerTargets";
import { previewSchema, targetsOf } from "../../operator/targets";
import { Wait, whatKeeps } from "../../operator/waiting";
import { goodSettings } from "./goodSettings";

describe("npm run shard: what is asked for", () => {
  it("reads status, the states, and how long to wait", () => {
    const set = { what: "set", stack: undefined, shard: "s2", waitMinutes: undefined } as const;
    assert.deepEqual(readArguments(["status"]), { what: "status", stack: undefined, json: false });
    assert.deepEqual(readArguments(["status", "--json", "--stack", "org/dev"]), {
      what: "status",
      stack: "org/dev",
      json: true,
    });
    for (const state of ["ready", "drain", "maint"] as const)
      assert.deepEqual(readArguments([state, "s2"]), { ...set, state });
    assert.deepEqual(readArguments(["drain", "s2", "--wait"]), { ...set, state: "drain", waitMinutes: 120 });
    assert.deepEqual(readArguments(["--minutes", "0.5", "--wait", "drain", "s2"]), {
      ...set,
      state: "drain",
      waitMinutes: 0.5,
    });
    assert.deepEqual(readArguments(["drain", "--help"]), { what: "help" });
  });

  it("reads what is to become of the list of shards", () => {
    const of = { stack: undefined, shard: "s3" };
    assert.deepEqual(readArguments(["add", "s3"]), { what: "add", ...of, place: {} });
    assert.deepEqual(readArguments(["add", "s3", "--host", "b"]), {
      what: "add",
      ...of,
      place: { host: "b" },
    });
    assert.deepEqual(readArguments(["add", "s3", "--zone", "z"]), {
      what: "add",
      ...of,
      place: { zone: "z" },
    });
    assert.deepEqual(readArguments(["remove", "s3"]), { what: "remove", ...of });
    const upgrade = ["upgrade", "s3", "--release", "r2"];
    assert.deepEqual(readArguments(upgrade), { what: "upgrade", ...of, release: "r2" });
  });

  it("refuses what would be done otherwise than meant", () => {
    const wrong: [string, RegExp][] = [
      ["", /one of: status, ready, drain, maint/],
      ["drian s2", /"drian" is none of/],
      ["drain", /takes the name of a shard/],
      ["drain s1 s2", /"s2" is one word too many/],
      ["status s2", /name none/],
      ["drain s2 --json", /--json goes with status alone/],
      ["ready s2 --wait", /--wait goes with drain alone/],
      ["drain s2 --minutes 5", /--minutes goes with --wait alone/],
      ["drain s2 --wait --minutes 0", /a number above 0, not "0"/],
      ["drain s2 --wait --minutes 1h", /not "1h"/],
      ["drain s2 --now", /--now/],
      ["add", /add takes the name of a shard/],
      ["add s3 --host a --zone b", /--host and --zone exclude each other/],
      ["remove s3 --host a", /--host goes with add alone/],
      ["ready s3 --release r2", /--release goes with upgrade alone/],
      ["upgrade s3", /upgrade takes --release/],
      ["drain s2 --stack", /stack/],
    ];
    for (const [line, why] of wrong)
      assert.throws(
        () => readArguments(line.split(" ").filter(Boolean)),
        (error) => error instanceof UsageError && why.test(error.message),
        line,
      );
  });
});

describe("npm run shard: the setting", () => {
  const shards = [{ name: "s22", host: "a" }, { name: "s2", host: "b", state: "drain" }, { name: "s7" }];

  it("is the shard's own place in the list, by its whole name", () => {
    assert.deepEqual(
      ["s22", "s2", "s7"].map((name) => indexOfShard(shards, name)),
      [0, 1, 2],
    );
    assert.throws(() => indexOfShard(shards, "s1"), /There is no shard s1; there are: s22, s2, s7/);
    assert.deepEqual(withState(shards, 0, "maint"), [
      { name: "s22", host: "a", state: "maint" },
      shards[1],
      shards[2],
    ]);
  });
});

describe("npm run shard: the list of shards", () => {
  const before = [
    { name: "s1", host: "a" },
    { name: "s2", state: "drain" },
  ];
  const of = { stack: undefined };

  it("gains one at its end, loses one, or has another release of one; the others stay as they are", () => {
    const added = shardsAfter(before, { what: "add", ...of, shard: "s3", place: { host: "b" } });
    assert.deepEqual(added, [...before, { name: "s3", host: "b" }]);
    assert.deepEqual(shardsAfter(added, { what: "remove", ...of, shard: "s2" }), [before[0], added[2]]);
    assert.deepEqual(shardsAfter(before, { what: "upgrade", ...of, shard: "s2", release: "r2" }), [
      before[0],
      { name: "s2", state: "drain", release: "r2" },
    ]);
  });

  it("runs where it is asked to, else on the host with the fewest shards that may have one", () => {
    const settings = (spoil: Record<string, unknown> = {}) =>
      parseSettings({ ...goodSettings(), ...spoil }, "test");
    const placed = (names: readonly string[]) =>
      settings({ shards: names.map((host, index) => ({ name: `s${index + 1}`, host })) });
    assert.deepEqual(placeFor(placed(["a", "b"]), {}), { host: "a" });
    assert.deepEqual(placeFor(placed(["a", "b", "a"]), {}), { host: "b" });
    assert.deepEqual(placeFor(placed(["a", "b", "a"]), { host: "a" }), { host: "a" });
  });

  it("refuses one that is there already, and one that is not there", () => {
    assert.throws(
      () => shardsAfter(before, { what: "add", ...of, shard: "s2", place: {} }),
      /a shard s2 already/,
    );
    assert.throws(() => shardsAfter(before, { what: "remove", ...of, shard: "s3" }), /There is no shard s3/);
  });
});

describe("npm run shard: what is updated on Docker hosts", () => {
  const node =
    "urn:pulumi:dev::jitsi-fleet::jitsi-fleet:index:Edge$jitsi-fleet:docker:Node$command:local:Command::";
  const edge = "urn:pulumi:dev::jitsi-fleet::jitsi-fleet:index:Edge::edge";
  const shard = "urn:pulumi:dev::jitsi-fleet::jitsi-fleet:index:Shard::s2";

  interface Of {
    readonly s1?: string;
    readonly s2: string;
    readonly main?: string;
    readonly tenants?: string;
  }
  const inputs = ({ main = "one", s1 = "ready", s2, tenants = "" }: Of) => ({
    create: "apply",
    environment: {
      FLEET_TARGET: "{}",
      FLEET_MAIN_FILE: main,
      FLEET_QUIET_FILES: JSON.stringify({ "states.map": `s1 ${s1}\ns2 ${s2}\n`, "tenants.map": tenants }),
      FLEET_ROUTES: JSON.stringify([
        { node: "s1", state: s1, place: "a" },
        { node: "s2", state: s2, place: "b" },
      ]),
    },
    stdin: "[secret]",
  });
  const configuration = (name: string, before: Of, after: Of, diffReasons = ["environment"]) => ({
    op: "update",
    urn: `${node}edge-${name}-haproxy-configuration`,
    diffReasons,
    oldState: { inputs: inputs(before) },
    newState: { inputs: inputs(after) },
  });
  const component = (urn: string, before: object, after: object) => ({
    op: "update",
    urn,
    oldState: { inputs: before },
    newState: { inputs: after },
  });
  const targets = (...steps: object[]): Promise<string[][]> =>
    targetsOf(previewSchema.parse({ steps }), "s2", dockerChange("s2", "drain"));
  const [ready, drain] = [{ s2: "ready" }, { s2: "drain" }];

  it("is the configuration of every node, and what shows the state", async () => {
    const steps = [
      { op: "same", urn: "urn:pulumi:dev::jitsi-fleet::pulumi:pulumi:Stack::jitsi-fleet-dev" },
      configuration("a", ready, drain),
      configuration("b", ready, drain),
      component(
        edge,
        { domain: "x", shards: { s1: "ready", ...ready } },
        { domain: "x", shards: { s1: "ready", ...drain } },
      ),
      component(shard, { release: "r1", state: "ready" }, { release: "r1", state: "drain" }),
    ];
    assert.deepEqual(await targets(...steps), [steps.slice(1).map(({ urn }) => urn)]);
    assert.deepEqual(await targets(), []);
  });

  it("leaves out what would record another change, and refuses to bring one to the edge", async () => {
    const first = configuration("a", ready, drain);
    const renewed = component(shard, { release: "r1", state: "ready" }, { release: "r2", state: "drain" });
    const grown = component(edge, { shards: ready }, { shards: { ...drain, s3: "ready" } });
    assert.deepEqual(await targets(first, renewed, grown), [[first.urn]]);
    for (const other of [
      configuration("b", ready, { ...drain, main: "two" }),
      configuration("b", ready, { ...drain, s1: "drain" }),
      configuration("b", ready, { ...drain, tenants: "school r2" }),
      configuration("b", ready, drain, ["environment", "stdin"]),
      { ...configuration("b", ready, drain), op: "create" },
    ])
      await assert.rejects(targets(first, other), /brought to edge-b-haproxy-configuration: pulumi preview/);
  });
});

const { shards } = parseSettings(goodSettings(), "test");
const none: Holdings = { conferences: 0, participants: 0, recordings: 0, streams: 0 };
const page = (s2: Partial<ShardsPage[string]>): ShardsPage => ({
  s1: { state: "ready", up: true, holds: { conferences: 12, participants: 70, recordings: 1, streams: 0 } },
  s2: { state: "drain", up: true, holds: none, ...s2 },
});
const knownAt = "2026-11-27T16:00:00.000Z";
const status = (...answers: EdgeAnswer[]) => {
  const found = statusOf({ shards }, answers).find(({ name }) => name === "s2");
  assert(found);
  return found;
};

describe("npm run shard: the status", () => {
  it("is a table that says unknown where nobody knows, and why", () => {
    const answers: EdgeAnswer[] = [
      {
        edge: "edge-a",
        knownAt,
        page: {
          ...page({ holds: { error: "shard s2: /_stats:\n  no answer within 3 s" } }),
          s9: { state: "maint", up: false, holds: none },
        },
      },
      { edge: "edge-b", error: "connect ENOENT" },
    ];
    assert.equal(
      statusText(statusOf({ shards }, answers), answers),
      [
        "shard  wanted         in force                          up   release         place    conferences  participants  recordings  streams",
        "s1     ready          ready (edge-a), unknown (edge-b)  yes  stable-11146-2  a        12           70            1           0",
        "s2     ready          drain (edge-a), unknown (edge-b)  yes  stable-11146-2  b        unknown      unknown       unknown     unknown",
        "s9     not in shards  maint (edge-a), unknown (edge-b)  no   unknown         unknown  0            0             0           0",
        "edge-b does not answer: connect ENOENT",
        "what s2 holds is unknown: shard s2: /_stats: no answer within 3 s",
      ].join("\n"),
    );
  });

  it("takes nothing for known that no node says, and of two answers the greater", () => {
    const unknown = status({ edge: "edge-a", error: "gone" });
    assert.deepEqual([unknown.inForce, unknown.up, unknown.conferences], [{ "edge-a": null }, null, null]);
    const both = status(
      { edge: "edge-a", knownAt, page: page({ holds: { ...none, conferences: 1 } }) },
      { edge: "edge-b", knownAt, page: page({ up: false }) },
    );
    assert.deepEqual([both.conferences, both.up, both.why], [1, false, null]);
    const one = status(
      { edge: "edge-a", knownAt, page: page({ holds: { error: "timeout" } }) },
      { edge: "edge-b", knownAt, page: page({}) },
    );
    assert.deepEqual([one.conferences, one.streams], [0, 0]);
  });
});

describe("npm run shard: the wait", () => {
  const at = (s2: Partial<ShardsPage[string]>, ...more: EdgeAnswer[]) =>
    status({ edge: "edge-a", knownAt, page: page(s2) }, ...more);

  it("ends only where nothing is left, all is known, and no node sends new rooms", () => {
    assert.equal(whatKeeps(at({})), undefined);
    assert.equal(whatKeeps(at({ state: "maint", up: false })), undefined);
    const keeps: [ReturnType<typeof at>, RegExp][] = [
      [at({ holds: { ...none, conferences: 1, participants: 3 } }), /^1 conference \(participants: 3\)$/],
      [at({ holds: { ...none, recordings: 2 } }), /^2 recordings$/],
      [at({ holds: { ...none, streams: 1 } }), /^1 stream$/],
      [at({ holds: { error: "no answer" } }), /^what it holds is unknown: no answer$/],
      [at({ state: "ready" }), /^its state in force is ready$/],
      [
        at({}, { edge: "edge-b", knownAt, page: page({ state: "ready" }) }),
        /drain \(edge-a\), ready \(edge-b\)/,
      ],
      [at({}, { edge: "edge-b", error: "gone" }), /drain \(edge-a\), unknown \(edge-b\)/],
      [status(), /in force is unknown, what it holds is unknown/],
    ];
    for (const [shard, why] of keeps) assert.match(whatKeeps(shard) ?? "", why);
  });

  it("takes two looks in a row, and says each change and something every half minute", () => {
    const wait = new Wait("s2");
    const busy = at({ holds: { ...none, conferences: 2, participants: 5 } });
    const empty = { ...at({}), knownAt: "2026-11-27T16:00:05.000Z" };
    const line = "s2: 2 conferences (participants: 5)";
    assert.equal(wait.look(busy, 0), line);
    assert.equal(wait.look(busy, 29), undefined);
    assert.equal(wait.look(busy, 30), line);
    assert.match(wait.look(empty, 35) ?? "", /nothing at this look/);
    assert.equal(wait.isOver, false);
    assert.equal(wait.look(busy, 40), line);
    assert.equal(wait.look(undefined, 45), "s2: nobody tells of it");
    wait.look(empty, 50);
    // Another look at what was known before is none.
    wait.look(empty, 55);
    assert.equal(wait.isOver, false);
    const later = { ...empty, knownAt: "2026-11-27T16:00:10.000Z" };
    assert.equal(wait.look(later, 60), "s2 is empty: it is safe to change or remove it");
    assert.equal(wait.isOver, true);
  });
});
