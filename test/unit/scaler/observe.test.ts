import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { nothingSeen, observe, type HostReport, type Seen } from "../../../scaler/fleets/observe";
import type { Bridge, Jibri } from "../../../scaler/core/fleet";
import type { HostState, Instance } from "../../../scaler/hostApi";

/** The body of a recorded answer. */
const recorded = (name: string): string =>
  readFileSync(`test/fixtures/recorded/${name}.http`, "utf8")
    .split(/\r?\n\r?\n/)[1]
    ?.split("\n")[0] ?? "";

/** A bridge's answer as it is when all is well, but for what a test says. */
const stats = (more: object = {}): string =>
  JSON.stringify({
    participants: 12,
    octo_endpoints: 5,
    local_endpoints: 6,
    conferences: 2,
    stress_level: 0.2,
    drain: false,
    graceful_shutdown: false,
    shutting_down: false,
    mucs_joined: 1,
    current_timestamp: "2026-11-23 08:00:00.000",
    ...more,
  });
const TIME = "2026-11-23T08:00:00.000Z";
const instance = (more: Partial<Instance> = {}): Instance => ({
  name: "s1-bridges-aaaaa",
  pool: "s1-bridges",
  role: "bridge",
  revision: "1",
  launchedAt: "2026-11-23T07:59:00.000Z",
  state: "running",
  health: "healthy",
  fenced: false,
  status: { status: 200, body: stats() },
  healthCheck: { status: 200, body: "" },
  ...more,
});
const recorder = (more: Partial<Instance> = {}): Instance =>
  instance({
    name: "jibris-bbbbb",
    pool: "jibris",
    role: "jibri",
    status: {
      status: 200,
      body: JSON.stringify({
        status: { busyStatus: "IDLE", health: { healthStatus: "HEALTHY", details: {} } },
      }),
    },
    ...more,
  });
const state = (instances: Instance[], more: Partial<HostState> = {}): HostState => ({
  host: "a",
  time: TIME,
  version: "v",
  pools: [
    { name: "s1-bridges", role: "bridge", revision: "1", room: 3 },
    { name: "jibris", role: "jibri", revision: "1", room: 2 },
  ],
  instances,
  ...more,
});
const look = (report: HostReport, before: Seen = nothingSeen, nowSeconds = 1000) =>
  observe([{ name: "a", drained: false, report }], before, nowSeconds);
const bridgeOf = (report: HostReport, before?: Seen, nowSeconds?: number): Bridge => {
  const [bridge] = look(report, before, nowSeconds).fleet.bridges;
  assert(bridge);
  return bridge;
};
const jibriOf = (report: HostReport): Jibri => {
  const [jibri] = look(report).fleet.jibris;
  assert(jibri);
  return jibri;
};

describe("what is known of a bridge", () => {
  it("is its load: people on it, without those behind relays", () => {
    assert.deepEqual(bridgeOf(state([instance()])).load, {
      kind: "fresh",
      value: { participants: 7, conferences: 2, stress: 0.2, ready: true, draining: false, retiring: false },
    });
  });
  it("counts the live number where the other one is late", () => {
    const { load } = bridgeOf(
      state([
        instance({
          status: { status: 200, body: stats({ participants: 0, octo_endpoints: 0, local_endpoints: 4 }) },
        }),
      ]),
    );
    assert(load.kind === "fresh" && load.value.participants === 4);
  });
  for (const [what, answer] of [
    ["no answer", { error: "no answer within 3 s" }],
    ["another status", { status: 404, body: stats() }],
    ["half an answer", { status: 200, body: stats().slice(0, 40) }],
    ["an answer without participants", { status: 200, body: stats({ participants: undefined }) }],
    ["an empty answer", { status: 200, body: "" }],
    ["no stress at all", { status: 200, body: stats({ stress_level: 0, participants: 0 }) }],
  ] as const)
    it(`is unknown, not zero, after ${what}`, () => {
      assert.equal(bridgeOf(state([instance({ status: answer })])).load.kind, "unknown");
    });
  it("is unknown once its own clock stands still, and known again when it goes on", () => {
    const same = state([instance()]);
    const first = look(same, nothingSeen, 1000);
    const second = look(same, first.seen, 1020);
    assert.equal(second.fleet.bridges[0]?.load.kind, "fresh");
    const third = look(same, second.seen, 1021);
    assert.equal(third.fleet.bridges[0]?.load.kind, "unknown");
    // The same words at each look: they are told once.
    for (const now of [1022, 1030])
      assert.equal(
        bridgeOf(same, third.seen, now).trouble,
        "its statistics have stood still for more than 20 s",
      );
    const moved = state([
      instance({ status: { status: 200, body: stats({ current_timestamp: "2026-11-23 08:00:30.000" }) } }),
    ]);
    assert.equal(bridgeOf(moved, third.seen, 1022).load.kind, "fresh");
  });
  it("is not ready before it is in its brewery, nor with a failing health check", () => {
    for (const more of [
      { status: { status: 200, body: stats({ mucs_joined: 0 }) } },
      { healthCheck: { status: 500, body: "no ICE" } },
      { healthCheck: { error: "no answer" } },
    ]) {
      const { load } = bridgeOf(state([instance(more)]));
      assert(load.kind === "fresh" && !load.value.ready);
    }
  });
  it("is sick by its own health check or its container's", () => {
    assert(bridgeOf(state([instance({ healthCheck: { status: 500, body: "no ICE" } })])).sick);
    assert(bridgeOf(state([instance({ health: "unhealthy" })])).sick);
    assert(!bridgeOf(state([instance()])).sick);
  });
  it("is what its host last said while the host does not answer, and nothing of its load", () => {
    const { seen } = look(state([instance()]));
    const lost = look({ error: "no route" }, seen, 1030);
    const [bridge] = lost.fleet.bridges;
    assert.equal(bridge?.life, "unreachable");
    assert.equal(bridge.load.kind, "unknown");
    assert.equal(lost.fleet.hosts[0]?.room["s1-bridges"], 0);
    assert.deepEqual(look(state([]), lost.seen, 1040).fleet.bridges, []);
  });
  it("is how old it is by its host's clock alone", () => {
    assert.equal(bridgeOf(state([instance()])).launchedAtSeconds, 940);
  });
  it("stays as old as it was when its host's clock is set meanwhile, and is new where it was launched in that one's future", () => {
    const first = look(state([instance()]));
    const back = look(state([instance()], { time: "2026-11-23T07:00:00.000Z" }), first.seen, 1030);
    assert.equal(back.fleet.bridges[0]?.launchedAtSeconds, 940);
    const future = look(state([instance()], { time: "2026-11-23T07:00:00.000Z" }));
    assert.equal(future.fleet.bridges[0]?.launchedAtSeconds, 1000);
    assert.equal(look(state([instance()]), future.seen, 1030).fleet.bridges[0]?.launchedAtSeconds, 1000);
  });
  it("is outdated if its revision is another than its pool's today, or the pool is gone", () => {
    assert(bridgeOf(state([instance()])).current);
    assert(!bridgeOf(state([instance({ revision: "0" })])).current);
    assert(!bridgeOf(state([instance()], { pools: [] })).current);
  });
});

describe("what is wrong, in its own words", () => {
  const troubleOf = (more: Partial<Instance>): string | undefined =>
    bridgeOf(state([instance(more)])).trouble;
  const refusal = recorded("jvb_health_no_valid_address");
  it("is nothing where all is well, and while it starts and need not answer", () => {
    assert.equal(troubleOf({}), undefined);
    const error = { error: "connect ECONNREFUSED" };
    assert.equal(troubleOf({ health: "starting", healthCheck: error, status: error }), undefined);
    assert.equal(jibriOf(state([recorder()])).trouble, undefined);
  });
  it("is what a bridge answers of its health, also while it starts", () => {
    for (const health of ["starting", "healthy", "unhealthy"] as const)
      assert.equal(
        troubleOf({ health, healthCheck: { status: 500, body: refusal } }),
        "No valid IP addresses available for harvesting.",
      );
  });
  it("is why it does not say, what its container's check printed, or that it is in no brewery", () => {
    assert.equal(
      troubleOf({ healthCheck: { error: "no answer within 3 s" } }),
      "its health check: no answer within 3 s",
    );
    assert.equal(troubleOf({ healthCheck: { status: 503, body: "" } }), "its health check answered 503");
    assert.equal(
      troubleOf({ status: { status: 404, body: "<h1>Not\n found</h1>" } }),
      "it answered 404 Not found",
    );
    assert.equal(
      troubleOf({ health: "unhealthy", detail: "curl: (28) Timeout" }),
      "its container's health check fails: curl: (28) Timeout",
    );
    assert.match(troubleOf({ status: { status: 200, body: stats({ mucs_joined: 0 }) } }) ?? "", /brewery/);
    assert.equal(troubleOf({ state: "failed", detail: "no such image" }), "no such image");
  });
  it("is one short line, whatever was said", () => {
    const said = troubleOf({
      healthCheck: { status: 500, body: `\u001b[31mno\r\n\u0000way${"y".repeat(5000)}` },
    });
    assert.match(said ?? "", /^ ?\[31mno wayy+ …$/);
    assert((said ?? "").length < 210);
  });
  it("is what parts of a Jibri say", () => {
    const health = {
      healthStatus: "UNHEALTHY",
      details: {
        JibriManager: { healthStatus: "UNHEALTHY", detail: "no Chrome" },
        Xmpp: { healthStatus: "HEALTHY", detail: "" },
      },
    };
    const said = (body: object) =>
      jibriOf(
        state([
          recorder({
            status: { status: 200, body: JSON.stringify({ status: { busyStatus: "IDLE", ...body } }) },
          }),
        ]),
      );
    assert.equal(said({ health }).trouble, "JibriManager: no Chrome");
    const strange = said({ health: { healthStatus: "UNHEALTHY", details: ["?"] } });
    assert.deepEqual([strange.status.kind, strange.trouble], ["fresh", "it says that it is not healthy"]);
  });
  it("of a host that does not answer is why", () => {
    const { seen } = look(state([instance()]));
    assert.equal(look({ error: "no route" }, seen, 1030).fleet.bridges[0]?.trouble, "no route");
  });
});

describe("what is known of a Jibri", () => {
  const item = {
    instance: "jibris-bbbbb",
    session: "x",
    bytes: 1,
    attempts: 0,
    partial: false,
  };
  const spool = (...states: ("recording" | "waiting" | "failing")[]) => ({
    items: states.map((each) => ({ ...item, state: each })),
    uploaded: 0,
    uploadedBytes: 0,
    partial: 0,
  });
  it("is whether it records", () => {
    assert.deepEqual(jibriOf(state([recorder()])).status, {
      kind: "fresh",
      value: { busy: "idle", healthy: true },
    });
    assert.equal(jibriOf(state([recorder({ status: { error: "no answer" } })])).status.kind, "unknown");
  });
  it("is what of its recordings is not safe yet; a stream leaves none", () => {
    assert.deepEqual(
      jibriOf(state([recorder()], { spool: spool("waiting", "failing", "recording") })).unsaved,
      {
        kind: "fresh",
        value: 2,
      },
    );
    assert.deepEqual(jibriOf(state([recorder()], { spool: spool() })).unsaved, { kind: "fresh", value: 0 });
    assert.equal(jibriOf(state([recorder()], { spool: { error: "no answer" } })).unsaved.kind, "unknown");
  });

  const busy = JSON.stringify({
    status: { busyStatus: "BUSY", health: { healthStatus: "HEALTHY", details: {} } },
  });
  const [one, two] = [recorder({ name: "jibris-1" }), recorder({ name: "jibris-2" })];
  const recording = recorder({ name: "jibris-0", status: { status: 200, body: busy } });
  const volume = { freeBytes: 3 * 2 ** 30, totalBytes: 40 * 2 ** 30, freeInodes: 9000, writable: true };
  const withRoom = (room: number, ...instances: Instance[]) =>
    look(
      state(instances, {
        pools: [{ name: "jibris", role: "jibri", revision: "1", room: 4 }],
        spool: { ...spool(), volume: { ...volume, room } },
      }),
    ).fleet;
  it("is free only while its host has room for what is recorded and one more", () => {
    const cramped = (room: number, ...instances: Instance[]): boolean[] =>
      withRoom(room, ...instances).jibris.map((jibri) => jibri.cramped);
    assert.deepEqual(cramped(3, recording, one, two), [false, false, false]);
    assert.deepEqual(cramped(2, recording, one, two), [false, false, true]);
    assert.deepEqual(cramped(1, recording, one, two), [false, true, true]);
    assert.deepEqual(cramped(0, recording), [false]);
    assert.equal(
      withRoom(0, one).jibris[0]?.trouble,
      "its host has no room for another recording: 3.0 of 40.0 GiB, 9000 inodes free",
    );
    // What is unknown is not none.
    assert.equal(jibriOf(state([recorder()], { spool: { error: "no answer" } })).cramped, false);
    assert.equal(jibriOf(state([recorder()], { spool: spool() })).cramped, false);
  });
  it("finds a place only where all could record at once", () => {
    const hostOf = (room: number, ...instances: Instance[]) => withRoom(room, ...instances).hosts[0];
    assert.deepEqual(
      [3, 2, 0].map((room) => hostOf(room, recording, one)?.room["jibris"]),
      [1, 0, 0],
    );
    assert.match(hostOf(2, recording, one)?.cramped ?? "", /no room for another recording/);
    assert.equal(hostOf(3, recording, one)?.cramped, undefined);
  });
  it("is to end where it is idle beside a recording that it did not hand over", () => {
    const left = (quietSeconds: number, status = one.status) =>
      jibriOf(
        state([{ ...one, ...(status ? { status } : {}) }], {
          spool: { ...spool(), items: [{ ...item, instance: "jibris-1", state: "recording", quietSeconds }] },
        }),
      );
    assert.deepEqual([left(10).kept, left(301).kept, left(301, recording.status).kept], [false, true, false]);
    assert.match(left(301).trouble ?? "", /not handed over/);
  });
});
