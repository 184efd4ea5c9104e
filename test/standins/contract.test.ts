import assert from "node:assert/strict";
import { createHmac } from "node:crypto";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { parseCensus } from "../../scaler/jitsi/census";
import { BoshParticipant } from "./boshClient";
import {
  eventually,
  freePorts,
  startProgram,
  startProsody,
  type Environment,
  type StandinProcess,
} from "./processes";
import { sameAsRecorded, send } from "./recordings";
import { addressFault, mappedAddresses, toldToBrowsers } from "./programs/jvb/addresses";
import { stunBinding } from "./stunClient";

/** A minute of the real programs lasts six seconds here. */
const timeScale = "0.1";
const jicofoTimeScale = 0.12;
/** The names of the recordings. */
const domains = {
  XMPP_DOMAIN: "meet.local",
  XMPP_AUTH_DOMAIN: "auth.meet.local",
  XMPP_MUC_DOMAIN: "conference.meet.local",
  XMPP_INTERNAL_MUC_DOMAIN: "internal.auth.meet.local",
  XMPP_HIDDEN_DOMAIN: "hidden.meet.local",
};
const passwords = {
  JICOFO_AUTH_PASSWORD: "focus-password",
  JVB_AUTH_PASSWORD: "jvb-password",
  JIBRI_XMPP_PASSWORD: "jibri-password",
  JIBRI_RECORDER_PASSWORD: "recorder-password",
};

const bridgeState = [
  "healthy",
  "drain",
  "graceful_shutdown",
  "shutting_down",
  "participants",
  "endpoints",
  "local_endpoints",
  "octo_endpoints",
  "octo_conferences",
  "conferences",
  "largest_conference",
  "muc_clients_configured",
  "muc_clients_connected",
  "mucs_configured",
  "mucs_joined",
];
const bridgeCounts = [
  "bridge_selector.bridge_count",
  "bridge_selector.operational_bridge_count",
  "bridge_selector.in_shutdown_bridge_count",
  "bridge_selector.bridge_version_count",
];
const jicofoState = [
  ...bridgeCounts,
  "conferences",
  "participants",
  "healthy",
  "health.success",
  "health.message",
];
const conferenceState = [
  ...jicofoState,
  "largest_conference",
  "endpoint_pairs",
  "conference_sizes.average",
  "conference_sizes.buckets",
];
/** What a Jicofo prints of a conference's members, and of health-check rooms with random names, has no stand-in. */
const openJicofo = [
  "focus_manager",
  "bridge_selector.bridge",
  "queues",
  "jingle.sent",
  "jingle.received",
  "chat_room.members",
  "chat_room.av_moderation",
  "participants",
  "colibri_session_manager",
  "conference_sources",
];
const ofBridge = (nickname: string, ...members: string[]): string[] =>
  members.map(
    (member) => `bridge_selector.bridge.[jvbbrewery@internal.auth.meet.local/${nickname}].${member}`,
  );

describe("the stand-ins answer as recorded", function () {
  this.timeout(600_000);

  const processes: StandinProcess[] = [];
  const directory = mkdtempSync(join(tmpdir(), "standin-contract-"));
  let prosody: StandinProcess;
  let common: Environment;
  let http: {
    prosody: number;
    jicofo: number;
    jvb1: number;
    jvb2: number;
    jibri: number;
    jibriInternal: number;
  };
  let stunPort: number;
  let jvb1: StandinProcess;
  let jicofo: StandinProcess;
  let jibri: StandinProcess;

  async function started(
    role: "jicofo" | "jvb" | "jibri",
    environment: Environment,
    port: number,
  ): Promise<StandinProcess> {
    const program = await startProgram(role, { ...common, ...environment });
    processes.push(program);
    await eventually(60, () => send(port, { path: "/" }));
    return program;
  }

  function bridge(nickname: string, port: number, environment: Environment = {}): Promise<StandinProcess> {
    return started(
      "jvb",
      {
        XMPP_SERVER: `127.0.0.1:${common["XMPP_PORT"] ?? ""}`,
        JVB_MUC_NICKNAME: nickname,
        COLIBRI_REST_ENABLED: "1",
        SHUTDOWN_REST_ENABLED: "1",
        ENABLE_OCTO: "1",
        JVB_OCTO_RELAY_ID: nickname,
        JVB_OCTO_REGION: nickname.replace("jvb", "region"),
        STANDIN_HTTP_PORT: String(port),
        JVB_PORT: String(port),
        STANDIN_TIME_SCALE: "0.05",
        ...environment,
      },
      port,
    );
  }

  /** Changes a stand-in's state through its test control. */
  async function control(port: number, patch: Record<string, unknown>): Promise<void> {
    const { status, body } = await send(port, {
      method: "POST",
      path: "/test/state",
      body: JSON.stringify(patch),
    });
    assert.equal(status, 200, body);
  }

  async function read(port: number, path: string): Promise<Record<string, unknown>> {
    return JSON.parse((await send(port, { path })).body) as Record<string, unknown>;
  }

  async function bridgeTells(port: number, expected: Record<string, unknown>): Promise<void> {
    await eventually(60, async () => {
      const stats = await read(port, "/colibri/stats");
      assert.deepEqual({ ...stats, ...expected }, stats);
    });
  }

  async function jicofoSees(expected: Record<string, unknown>): Promise<void> {
    await eventually(60, async () => {
      const { bridge_selector: selector } = await read(http.jicofo, "/stats");
      assert.deepEqual({ ...(selector as object), ...expected }, selector);
    });
  }

  /** What Jicofo prints of a bridge. */
  async function jicofoSeesBridge(nickname: string, expected: Record<string, unknown>): Promise<void> {
    await eventually(60, async () => {
      const { bridge_selector: selector } = await read(http.jicofo, "/debug");
      const bridges = (selector as { bridge: Record<string, object> }).bridge;
      const seen = bridges[`jvbbrewery@internal.auth.meet.local/${nickname}`];
      assert.deepEqual({ ...seen, ...expected }, seen);
    });
  }

  const bothLoaded = async (one: object, two: object): Promise<void> => {
    const none = { participants: 0, conferences: 0, octoEndpoints: 0, octoConferences: 0 };
    await control(http.jvb1, { ...none, ...one });
    await control(http.jvb2, { ...none, ...two });
    for (const [port, load] of [
      [http.jvb1, one],
      [http.jvb2, two],
    ] as const) {
      const { participants = 0, octoEndpoints = 0 } = load as Record<string, number>;
      await bridgeTells(port, {
        participants: participants + octoEndpoints,
        octo_endpoints: octoEndpoints,
        local_endpoints: participants,
      });
    }
    await jicofoSeesBridge("jvb1", { endpoints: (one as Record<string, number>)["participants"] ?? 0 });
    await jicofoSeesBridge("jvb2", { endpoints: (two as Record<string, number>)["participants"] ?? 0 });
  };

  before(async function () {
    // The first time installs the npm packages.
    this.timeout(600_000);
    const [c2s = 0, bosh = 0, jicofoPort = 0, one = 0, two = 0, external = 0, internal = 0] =
      await freePorts(7);
    http = {
      prosody: bosh,
      jicofo: jicofoPort,
      jvb1: one,
      jvb2: two,
      jibri: external,
      jibriInternal: internal,
    };
    stunPort = one;
    common = {
      ...domains,
      ...passwords,
      XMPP_PORT: String(c2s),
      PROSODY_HTTP_PORT: String(bosh),
      XMPP_SERVER: "127.0.0.1",
      STANDIN_TIME_SCALE: timeScale,
    };
    prosody = startProsody({ ...common, ENABLE_RECORDING: "1", XMPP_MODULES: "muc_census" });
    await eventually(60, async () => assert.equal((await send(bosh, { path: "/health" })).status, 200));
    const script = join(directory, "finalize.sh");
    writeFileSync(script, `#!/bin/sh\ncp -r "$1" ${join(directory, "finalized")}\nsleep 0.3\nexit 7\n`, {
      mode: 0o755,
    });
    [jvb1, , jicofo, jibri] = await Promise.all([
      bridge("jvb1", one, { JVB_ADVERTISE_IPS: "192.0.2.1#20000,198.51.100.1" }),
      bridge("jvb2", two),
      started(
        "jicofo",
        {
          JICOFO_ENABLE_REST: "1",
          JICOFO_ENABLE_HEALTH_CHECKS: "1",
          STANDIN_HTTP_PORT: String(jicofoPort),
          STANDIN_TIME_SCALE: String(jicofoTimeScale),
        },
        jicofoPort,
      ),
      started(
        "jibri",
        {
          XMPP_SERVER: `127.0.0.1:${c2s}`,
          JIBRI_INSTANCE_ID: "jibri1",
          JIBRI_HTTP_API_EXTERNAL_PORT: String(external),
          JIBRI_HTTP_API_INTERNAL_PORT: String(internal),
          JIBRI_ENABLE_PROMETHEUS: "1",
          JIBRI_RECORDING_DIR: join(directory, "recordings"),
          JIBRI_FINALIZE_RECORDING_SCRIPT_PATH: script,
        },
        external,
      ),
    ]);
    await jicofoSees({ bridge_count: 2 });
    await eventually(60, async () =>
      assert.deepEqual((await read(jicofoPort, "/stats"))["jibri_detector"], { count: 1, available: 1 }),
    );
  });

  afterEach(function () {
    if (this.currentTest?.state !== "failed") return;
    for (const program of processes) console.error(program.output().slice(-500));
  });

  after(async () => {
    await Promise.all(processes.map((program) => program.stop()));
    await prosody.stop();
    rmSync(directory, { recursive: true });
  });

  describe("a bridge", () => {
    for (const name of [
      "jvb_health_ok",
      "jvb_version",
      "jvb_idle_stats_root",
      "jvb_drain_get_off",
      "jvb_404",
      "jvb_colibri_debug_stats",
      "jvb_conferences",
      "jvb_metrics_default",
      "jvb_metrics_openmetrics",
      "jvb_metrics_json",
      "jvb_options_stats",
      "jvb_shutdown_badbody",
      "jvb_shutdown_get",
      "jvb_shutdown_nobody",
      "jvb_shutdown_nonjson",
      "jvb_drain_get_enable_wrongverb",
    ]) {
      it(name, () => sameAsRecorded(http.jvb1, name));
    }
    it("jvb_idle_stats", () => sameAsRecorded(http.jvb1, "jvb_idle_stats", { values: bridgeState }));
    it("jvb_debug", () =>
      sameAsRecorded(http.jvb1, "jvb_debug", {
        differentBytes: true,
        values: ["shutdown_state", "drain", "conferences", "health"],
      }));
    // The official image numbers its shards from 0.
    it("jvb_muc_client_list", () =>
      sameAsRecorded(http.jvb1, "jvb_muc_client_list", { differentBytes: true }));

    it("drain, and back", async () => {
      await sameAsRecorded(http.jvb1, "jvb_drain_enable");
      await sameAsRecorded(http.jvb1, "jvb_drain_get_on");
      await sameAsRecorded(http.jvb1, "jvb_drain_stats_on", { values: bridgeState });
      await sameAsRecorded(http.jvb1, "jvb_drain_health_on");
      await sameAsRecorded(http.jvb1, "jvb_drain_enable_twice_a");
      await sameAsRecorded(http.jvb1, "jvb_drain_enable_twice_b");
      await jicofoSeesBridge("jvb1", { drain: true });
      await sameAsRecorded(http.jicofo, "jicofo_stats_one_draining", {
        values: bridgeCounts,
        open: openJicofo,
      });
      await sameAsRecorded(http.jicofo, "jicofo_debug_one_draining", {
        values: ofBridge("jvb1", "operational", "healthy"),
        open: ["focus_manager"],
      });
      await sameAsRecorded(http.jvb1, "jvb1_alldrain_enable");
      await sameAsRecorded(http.jvb2, "jvb2_alldrain_enable");
      await jicofoSeesBridge("jvb2", { drain: true });
      await sameAsRecorded(http.jicofo, "jicofo_health_all_draining");
      await sameAsRecorded(http.jicofo, "jicofo_stats_all_draining", {
        values: bridgeCounts,
        open: openJicofo,
      });
      // Recorded of a bridge that was told to drain by its configuration, before its first health check.
      await sameAsRecorded(http.jvb1, "jvb_drain_get_initial");
      await sameAsRecorded(http.jvb1, "jvb_stats_initial_drain", {
        values: bridgeState.filter((key) => key !== "healthy"),
      });
      await sameAsRecorded(http.jvb1, "jvb1_alldrain_disable");
      await sameAsRecorded(http.jvb1, "jvb_drain_disable");
      await sameAsRecorded(http.jvb1, "jvb_drain_disable2");
      await sameAsRecorded(http.jvb2, "jvb2_alldrain_disable");
      await sameAsRecorded(http.jvb1, "jvb_drain_get_off_again");
    });

    it("loaded", async () => {
      await bothLoaded({}, { participants: 2, conferences: 1 });
      // The recorded conference of two was a peer-to-peer one, which a stand-in does not know.
      await sameAsRecorded(http.jvb2, "jvb2_conf_stats", { values: bridgeState });
      await sameAsRecorded(http.jvb2, "jvb2_conf_debug", { open: ["conferences"], differentBytes: true });
      await sameAsRecorded(http.jvb2, "jvb2_conf_metrics");
      await sameAsRecorded(http.jvb2, "jvb2_conf_drain_enable");
      await sameAsRecorded(http.jvb2, "jvb2_conf_stats_draining", { values: bridgeState });
      await sameAsRecorded(http.jvb2, "jvb2_drain_disable");
      await bothLoaded({}, { participants: 2, conferences: 1, octoEndpoints: 1, octoConferences: 1 });
      await sameAsRecorded(http.jvb2, "jvb_octo_drain");
      await sameAsRecorded(http.jvb2, "jvb2_octo_stats", { values: bridgeState });
      const { body } = await send(http.jvb2, { path: "/metrics" });
      assert.match(body, /^jitsi_jvb_local_endpoints 2\.0$/m);
      assert.match(body, /^jitsi_jvb_current_endpoints 3\.0$/m);
      await bothLoaded({ participants: 1, conferences: 1 }, { participants: 3, conferences: 1 });
      await sameAsRecorded(http.jvb1, "jvb1_octo_stats", { values: bridgeState });
      await sameAsRecorded(http.jvb2, "jvb2_stats_after_move", { values: bridgeState });
      await sameAsRecorded(http.jvb2, "jvb2_octo_drain_off");
      await bothLoaded({}, {});
    });

    it("unhealthy", async () => {
      await control(http.jvb1, { unhealthyReason: "Failed to bind single-port" });
      await sameAsRecorded(http.jvb1, "jvb_health_no_harvester");
      await control(http.jvb1, { unhealthyReason: "No valid IP addresses available for harvesting." });
      await sameAsRecorded(http.jvb1, "jvb_health_no_valid_address");
      await sameAsRecorded(http.jvb1, "jvb_stats_no_valid_address", { values: bridgeState });
      await jicofoSees({ operational_bridge_count: 1 });
      await sameAsRecorded(http.jicofo, "jicofo_stats_bridge_unhealthy", {
        values: [...bridgeCounts, "healthy"],
        open: openJicofo,
      });
      await sameAsRecorded(http.jicofo, "jicofo_debug_bridge_unhealthy", {
        values: ofBridge("jvb1", "operational", "healthy"),
        open: ["focus_manager"],
      });
      await control(http.jvb1, { unhealthyReason: null });
      await jicofoSees({ operational_bridge_count: 2 });
    });

    it("without its REST API, the image's default", async () => {
      const [port = 0] = await freePorts(1);
      const disabled = await bridge("jvb9", port, { COLIBRI_REST_ENABLED: "", JVB_DISABLE_XMPP: "1" });
      for (const name of [
        "colibri_stats",
        "drain_get",
        "drain_enable",
        "drain_disable",
        "health",
        "metrics",
        "muclist",
        "shutdown",
        "stats",
      ]) {
        await sameAsRecorded(port, `jvb_restdisabled_${name}`);
      }
      await disabled.stop();
    });

    it("graceful shutdown when idle: both flags, health 200, gone after the last minute with 0", async () => {
      const [port = 0] = await freePorts(1);
      const idle = await bridge("jvb3", port, { STANDIN_TIME_SCALE: "0.045" });
      await bridgeTells(port, { mucs_joined: 1 });
      await sameAsRecorded(port, "jvb_graceful_idle_post");
      const posted = Date.now();
      await sameAsRecorded(port, "jvb_graceful_idle_stats", {
        values: bridgeState.filter((key) => key !== "conferences"),
      });
      await sameAsRecorded(port, "jvb_graceful_idle_health");
      await sameAsRecorded(port, "jvb_graceful_idle_drain_enable");
      await jicofoSees({ bridge_count: 3, in_shutdown_bridge_count: 1 });
      await jicofoSeesBridge("jvb3", { drain: true, "graceful-shutdown": true, "shutting-down": true });
      await sameAsRecorded(http.jicofo, "jicofo_stats_one_shutting_down", {
        values: ["bridge_selector.in_shutdown_bridge_count", "conferences", "healthy"],
        open: openJicofo,
      });
      await sameAsRecorded(http.jicofo, "jicofo_debug_one_shutting_down", { open: ["focus_manager"] });
      assert.equal(await idle.exited, 0);
      const seconds = (Date.now() - posted) / 1000;
      assert.ok(seconds > 2.5 && seconds < 5, `${seconds} s for a minute`);
      await jicofoSees({ bridge_count: 2 });
    });

    it("graceful shutdown when live: waits for the last participant", async () => {
      const [port = 0] = await freePorts(1);
      const live = await bridge("jvb4", port, { STANDIN_TIME_SCALE: "0.02" });
      await bridgeTells(port, { mucs_joined: 1 });
      await control(port, { participants: 2, conferences: 1 });
      await bridgeTells(port, { participants: 2 });
      await sameAsRecorded(port, "jvb_graceful_live_stats_before", { values: bridgeState });
      await sameAsRecorded(port, "jvb_graceful_post");
      await sameAsRecorded(port, "jvb_graceful_live_stats_after", { values: bridgeState });
      await sameAsRecorded(port, "jvb_graceful_live_health");
      await sameAsRecorded(port, "jvb_graceful_drain_get");
      await sameAsRecorded(port, "jvb_graceful_post_again");
      await jicofoSees({ bridge_count: 3, in_shutdown_bridge_count: 1 });
      await jicofoSeesBridge("jvb4", { "graceful-shutdown": true, "shutting-down": false });
      await sameAsRecorded(http.jicofo, "jicofo_stats_one_graceful", {
        values: ["bridge_selector.in_shutdown_bridge_count", "healthy"],
        open: openJicofo,
      });
      await sameAsRecorded(http.jicofo, "jicofo_debug_one_graceful", { open: ["focus_manager"] });
      await control(port, { participants: 0, conferences: 0 });
      assert.equal((await read(port, "/colibri/stats"))["shutting_down"], true);
      assert.equal(await live.exited, 0);
      assert.doesNotMatch(live.output(), /CUT/);
      await jicofoSees({ bridge_count: 2 });
    });

    it("forced shutdown when live: Jicofo moves everybody to another bridge", async () => {
      const [port = 0] = await freePorts(1);
      const forced = await bridge("jvb5", port, { STANDIN_TIME_SCALE: "0.03" });
      await bridgeTells(port, { mucs_joined: 1 });
      await control(port, { participants: 2, conferences: 1 });
      await bridgeTells(port, { participants: 2 });
      await jicofoSeesBridge("jvb5", { endpoints: 2 });
      // Jicofo is quick: it is held while the bridge is asked.
      jicofo.signal("SIGSTOP");
      await sameAsRecorded(port, "jvb_forced_live_post");
      await sameAsRecorded(port, "jvb_forced_live_stats", { values: bridgeState });
      jicofo.signal("SIGCONT");
      await sameAsRecorded(http.jicofo, "jicofo_stats_one_forced", {
        values: ["bridge_selector.in_shutdown_bridge_count", "healthy"],
        open: openJicofo,
      });
      await bridgeTells(port, { participants: 0, conferences: 0 });
      await eventually(60, async () => {
        const [one, two] = await Promise.all(
          [http.jvb1, http.jvb2].map((bridgePort) => read(bridgePort, "/colibri/stats")),
        );
        assert.equal(Number(one?.["local_endpoints"]) + Number(two?.["local_endpoints"]), 2);
      });
      assert.equal(await forced.exited, 0);
      await jicofoSees({ bridge_count: 2 });
      await bothLoaded({}, {});
    });

    it("serves several shards, tells which it reaches, and takes and drops some over REST", async () => {
      const [port = 0, dead = 0] = await freePorts(2);
      const alive = `127.0.0.1:${common["XMPP_PORT"] ?? ""}`;
      const several = await bridge("jvb6", port, { XMPP_SERVER: `${alive},127.0.0.1:${dead}` });
      await bridgeTells(port, {
        muc_clients_configured: 2,
        muc_clients_connected: 1,
        mucs_configured: 2,
        mucs_joined: 1,
      });
      const change = async (verb: string, body: object): Promise<number> => {
        const headers = { "Content-Type": "application/json" };
        const path = `/colibri/muc-client/${verb}`;
        return (await send(port, { method: "POST", path, headers, body: JSON.stringify(body) })).status;
      };
      assert.equal(await change("remove", { id: "shard1" }), 200);
      assert.equal(await change("remove", { id: "shard1" }), 400);
      assert.equal(await change("add", { id: "shard2", hostname: "127.0.0.1" }), 400);
      assert.equal(
        await change("add", {
          id: "shard2",
          hostname: "127.0.0.1",
          port: common["XMPP_PORT"],
          domain: domains.XMPP_AUTH_DOMAIN,
          username: "jvb",
          password: passwords.JVB_AUTH_PASSWORD,
          muc_jids: `otherbrewery@${domains.XMPP_INTERNAL_MUC_DOMAIN}`,
          muc_nickname: "jvb6",
        }),
        200,
      );
      await bridgeTells(port, { muc_clients_configured: 2, mucs_joined: 2 });
      assert.equal((await send(port, { path: "/colibri/muc-client/list" })).body, '["shard0","shard2"]');
      await several.stop();
    });

    it("answers STUN with its nickname, and tells the tests what it advertises", async () => {
      const { software, address } = await stunBinding("127.0.0.1", stunPort, 3);
      assert.deepEqual({ software, address }, { software: "jvb1", address: "127.0.0.1" });
      const { advertised } = (await read(http.jvb1, "/test/state")) as { advertised: unknown[] };
      assert.deepEqual(advertised.slice(0, 2), [
        { address: "192.0.2.1", port: 20000 },
        { address: "198.51.100.1", port: stunPort },
      ]);
    });

    it("wants an address that is valid everywhere, and tells browsers no private one, as JVB judges them", () => {
      const invalid = "No valid IP addresses available for harvesting.";
      for (const address of [
        "10.1.2.3",
        "172.16.0.1",
        "172.31.255.1",
        "192.168.1.1",
        "169.254.1.1",
        "127.0.0.1",
      ])
        assert.equal(addressFault([address]), invalid, address);
      for (const address of ["198.51.100.1", "172.32.0.1", "100.64.0.1"])
        assert.equal(addressFault(["10.0.0.1", address]), null, address);
      const all = mappedAddresses("192.168.1.10#20000,127.0.0.1,198.51.100.1", 10000);
      assert.deepEqual(toldToBrowsers(all, false), [
        { address: "127.0.0.1", port: 10000 },
        { address: "198.51.100.1", port: 10000 },
      ]);
      assert.deepEqual(toldToBrowsers(all, true), all);
    });

    it("lies, stalls, dawdles and hangs when told to", async () => {
      await bothLoaded({ participants: 5, conferences: 2 }, {});
      await control(http.jvb1, { statisticsZero: true });
      await bridgeTells(http.jvb1, { participants: 0, conferences: 0, local_endpoints: 0, stress_level: 0 });
      await control(http.jvb1, { statisticsZero: false, statisticsFrozen: true });
      const frozen = await read(http.jvb1, "/colibri/stats");
      await control(http.jvb1, { participants: 9 });
      await new Promise((resolve) => setTimeout(resolve, 600));
      assert.deepEqual(await read(http.jvb1, "/colibri/stats"), frozen);
      await control(http.jvb1, { statisticsFrozen: false });
      await bridgeTells(http.jvb1, { participants: 9 });
      await control(http.jvb1, { statisticsRefused: true });
      assert.equal((await send(http.jvb1, { path: "/colibri/stats" })).status, 500);
      assert.equal((await send(http.jvb1, { path: "/about/health" })).status, 200);
      await control(http.jvb1, { statisticsRefused: false });
      await control(http.jvb1, { delaySeconds: 0.4 });
      const asked = Date.now();
      await send(http.jvb1, { path: "/about/health" });
      assert.ok(Date.now() - asked >= 400);
      await control(http.jvb1, { delaySeconds: 0, hang: true });
      const silence = send(http.jvb1, { path: "/about/health" }).then(() => "answered");
      silence.catch(() => undefined);
      const waited = new Promise((resolve) => setTimeout(resolve, 300, "silent"));
      assert.equal(await Promise.race([silence, waited]), "silent");
      await control(http.jvb1, { hang: false });
      const { status, body } = await send(http.jvb1, {
        method: "POST",
        path: "/test/state",
        body: '{"participant":1}',
      });
      assert.equal(status, 400);
      assert.match(body, /unknown key participant/);
      await bothLoaded({}, {});
    });
  });

  describe("Jicofo", () => {
    for (const name of [
      "jicofo_health_ok",
      "jicofo_version",
      "jicofo_404",
      "jicofo_debug_conference_missing",
      "jicofo_rtcstats",
      "jicofo_pin",
      "jicofo_metrics",
      "jicofo_metrics_json",
      "jicofo_metrics_with_jibri",
      "jicofo_health_with_jibri",
      "jicofo_move_badconf",
      "jicofo_move_endpoint_badconf",
      "jicofo_move_endpoint_noargs",
      "jicofo_move_endpoints_badbridge",
      "jicofo_move_endpoints_badjid",
      "jicofo_move_endpoints_badnum",
      "jicofo_move_endpoints_goodbridge_idle",
      "jicofo_move_endpoints_noargs",
      "jicofo_move_fraction_2",
      "jicofo_move_fraction_idle",
      "jicofo_move_fraction_noargs",
      "jicofo_move_post",
    ]) {
      it(name, () => sameAsRecorded(http.jicofo, name));
    }
    it("jicofo_stats_idle", () =>
      sameAsRecorded(http.jicofo, "jicofo_stats_idle", {
        values: [...conferenceState, "total_conferences_created", "total_participants"],
      }));
    it("jicofo_stats_with_jibri", () =>
      sameAsRecorded(http.jicofo, "jicofo_stats_with_jibri", {
        values: [...conferenceState, "jibri_detector"],
        open: openJicofo,
      }));
    it("jicofo_debug and its kin", async () => {
      const bridges = [...ofBridge("jvb1", "region", "relay-id"), ...ofBridge("jvb2", "drain", "endpoints")];
      await sameAsRecorded(http.jicofo, "jicofo_debug", { values: bridges, open: ["focus_manager"] });
      await sameAsRecorded(http.jicofo, "jicofo_debug_full", { values: bridges, open: ["focus_manager"] });
      await sameAsRecorded(http.jicofo, "jicofo_debug_with_jibri", {
        values: ["jibri_detector"],
        open: ["focus_manager"],
      });
      // The recorded one had its own health-check rooms.
      await sameAsRecorded(http.jicofo, "jicofo_octo_debug", {
        open: ["focus_manager", "jibri_detector"],
      });
    });
    it("jicofo_conference_request_no_bridges", () =>
      sameAsRecorded(http.jicofo, "jicofo_conference_request_no_bridges", {
        request: {
          method: "POST",
          path: "/conference-request/v1?room=r20",
          headers: { "Content-Type": "application/json" },
          body: '{"room":"r20@conference.meet.local","properties":{}}',
        },
      }));

    it("a conference that is measured in Prosody, and moves", async () => {
      const bosh = `http://127.0.0.1:${http.prosody}/http-bind`;
      const room = "room1@conference.meet.local";
      const people = [await BoshParticipant.join(bosh, "meet.local", room, "one")];
      people.push(await BoshParticipant.join(bosh, "meet.local", room, "two"));
      await bothLoaded({}, { participants: 2, conferences: 1 });
      await sameAsRecorded(http.jicofo, "jicofo_conf_stats", { values: conferenceState, open: openJicofo });
      await sameAsRecorded(http.jicofo, "jicofo_conf_metrics");
      await sameAsRecorded(http.jicofo, "jicofo_conf_debug", {
        values: ["focus_manager.[room1@conference.meet.local]", ...ofBridge("jvb2", "endpoints")],
        open: ["focus_manager"],
      });
      await sameAsRecorded(http.jicofo, "jicofo_conf_debug_full", { open: ["focus_manager"] });
      await sameAsRecorded(http.jicofo, "jicofo_conf_debug_conference", {
        values: ["name", "participant_count"],
        open: openJicofo,
      });
      for (const name of ["jicofo_conf_debug_conferences", "jicofo_debug_conferences"]) {
        await sameAsRecorded(http.jicofo, name, { differentBytes: true });
      }
      await sameAsRecorded(http.jvb2, "jvb2_conf_drain_enable");
      await jicofoSeesBridge("jvb2", { drain: true });
      await sameAsRecorded(http.jicofo, "jicofo_conf_stats_draining", {
        values: conferenceState,
        open: openJicofo,
      });
      await sameAsRecorded(http.jicofo, "jicofo_conf_debug_draining", {
        values: ofBridge("jvb2", "drain", "operational", "endpoints"),
        open: ["focus_manager"],
      });
      await sameAsRecorded(http.jvb2, "jvb2_drain_disable");
      await jicofoSeesBridge("jvb2", { drain: false });
      const third = await BoshParticipant.join(bosh, "meet.local", room, "three");
      await sameAsRecorded(http.jicofo, "jicofo_octo_stats", {
        values: [...conferenceState, "jibri_detector"],
        open: openJicofo,
      });
      await third.leave();
      await control(http.jvb2, { participants: 3 });
      await jicofoSeesBridge("jvb2", { endpoints: 3 });
      await sameAsRecorded(http.jicofo, "jicofo_move_endpoints_live");
      await bridgeTells(http.jvb2, { local_endpoints: 2 });
      await bridgeTells(http.jvb1, { local_endpoints: 1 });
      await sameAsRecorded(http.jicofo, "jicofo_stats_after_move", {
        values: bridgeCounts,
        open: openJicofo,
      });
      await bothLoaded({}, { participants: 3, conferences: 1 });
      await sameAsRecorded(http.jicofo, "jicofo_move_fraction_live");
      await bridgeTells(http.jvb1, { local_endpoints: 3, conferences: 1 });
      await bridgeTells(http.jvb2, { local_endpoints: 0, conferences: 0 });
      await bothLoaded({}, { participants: 2, conferences: 1 });
      await sameAsRecorded(http.jicofo, "jicofo_move_endpoints_octo_all");
      await bridgeTells(http.jvb1, { local_endpoints: 2 });
      people.push(await BoshParticipant.join(bosh, "meet.local", "room9@conference.meet.local", "one"));
      await bothLoaded({ participants: 2, conferences: 1 }, {});
      await sameAsRecorded(http.jicofo, "jicofo_move_endpoint_octo");
      await bridgeTells(http.jvb2, { local_endpoints: 1 });
      await Promise.all(people.map((person) => person.leave()));
      await eventually(60, async () => assert.equal((await read(http.jicofo, "/stats"))["conferences"], 0));
      await bothLoaded({}, {});
    });

    it("answers no health and listens on the loopback address unless told otherwise, as the image does", async () => {
      const [port = 0] = await freePorts(1);
      const plain = await started("jicofo", { STANDIN_HTTP_PORT: String(port) }, port);
      assert.equal((await send(port, { path: "/about/health" })).status, 404);
      await plain.stop();
    });
  });

  describe("a Jibri", () => {
    const call = (sessionId: string): string =>
      JSON.stringify({
        sessionId,
        sinkType: "file",
        callParams: { callUrlInfo: { baseUrl: "https://meet.example.org", callName: "room1" } },
        callLoginParams: { domain: "hidden.meet.local", username: "recorder", password: "x" },
      });
    const withCall = { request: { body: call("session 1") } };

    for (const name of ["jibri_health_idle", "jibri_metrics", "jibri_start_bad", "jibri_stop_idle"]) {
      it(name, () => sameAsRecorded(http.jibri, name));
    }
    it("jibri_external_has_internal", () => sameAsRecorded(http.jibri, "jibri_external_has_internal"));
    it("jibri_internal_health", () => sameAsRecorded(http.jibriInternal, "jibri_internal_health"));

    it("a start that fails leaves it idle", async () => {
      await control(http.jibri, { startFails: true });
      await sameAsRecorded(http.jibri, "jibri_start_nochrome", withCall);
      await sameAsRecorded(http.jibri, "jibri_health_idle");
      await control(http.jibri, { startFails: false });
    });

    it("records, is busy until the finalize script returns, and ignores its exit code", async () => {
      await sameAsRecorded(http.jibri, "jibri_start_ok", withCall);
      await sameAsRecorded(http.jibri, "jibri_health_busy");
      await sameAsRecorded(http.jibri, "jibri_start_while_busy", withCall);
      await sameAsRecorded(http.jibri, "jibri_metrics_busy");
      assert.match((await send(http.jibri, { path: "/metrics" })).body, /^jitsi_jibri_recording 1\.0$/m);
      await eventually(60, async () =>
        assert.deepEqual((await read(http.jicofo, "/stats"))["jibri_detector"], { count: 1, available: 0 }),
      );
      await sameAsRecorded(http.jicofo, "jicofo_stats_jibri_busy", {
        values: ["jibri_detector"],
        open: openJicofo,
      });
      await sameAsRecorded(http.jicofo, "jicofo_debug_jibri_busy", {
        values: ["jibri_detector"],
        open: ["focus_manager"],
      });
      const session = join(directory, "recordings", "session_1");
      await eventually(60, () => assert.equal(readdirSync(session).length, 1));
      const stopped = send(http.jibri, { method: "POST", path: "/jibri/api/v1.0/stopService" });
      await eventually(60, () => assert.ok(existsSync(join(directory, "finalized", "metadata.json"))));
      await sameAsRecorded(http.jibri, "jibri_health_busy");
      assert.equal((await stopped).status, 200);
      assert.deepEqual(JSON.parse(readFileSync(join(session, "metadata.json"), "utf8")), {
        meeting_url: "https://meet.example.org/room1",
        participants: [],
      });
      await sameAsRecorded(http.jibri, "jibri_health_idle");
      assert.equal((await read(http.jibri, "/test/state"))["lastFinalizeExitCode"], 7);
      await sameAsRecorded(http.jibri, "jibri_metrics_after");
    });

    it("streams without a trace on the disk, is busy meanwhile, and finalizes nothing", async () => {
      const streamed = { ...(JSON.parse(call("session 4")) as object), sinkType: "stream" };
      const begin = (body: object): ReturnType<typeof send> =>
        send(http.jibri, {
          method: "POST",
          path: "/jibri/api/v1.0/startService",
          body: JSON.stringify(body),
        });
      const withoutKey = await begin(streamed);
      assert.deepEqual([withoutKey.status, withoutKey.body], [412, "Stream key missing"]);
      assert.equal((await begin({ ...streamed, youTubeStreamKey: "key" })).status, 200);
      await sameAsRecorded(http.jibri, "jibri_health_busy");
      const { activity, session, recordingDirectory } = await read(http.jibri, "/test/state");
      assert.deepEqual([activity, session, recordingDirectory], ["streaming", "session 4", null]);
      assert.equal((await begin(JSON.parse(call("session 5")) as object)).status, 412);
      // A recording would have its file by now.
      await new Promise((resolve) => setTimeout(resolve, 400));
      rmSync(join(directory, "finalized"), { recursive: true });
      assert.equal(
        (await send(http.jibri, { method: "POST", path: "/jibri/api/v1.0/stopService" })).status,
        200,
      );
      await sameAsRecorded(http.jibri, "jibri_health_idle");
      assert.deepEqual(readdirSync(join(directory, "recordings")), ["session_1"]);
      assert.ok(!existsSync(join(directory, "finalized")));
    });

    it("a signal ends it at once, and it says what that cuts", async () => {
      for (const [sinkType, line] of [
        ["file", "CUT recording session 6\n"],
        ["stream", "CUT recording session 6\n"],
        [undefined, ""],
      ] as const) {
        const [external = 0, internal = 0] = await freePorts(2);
        const ended = await started(
          "jibri",
          {
            XMPP_SERVER: `127.0.0.1:${common["XMPP_PORT"] ?? ""}`,
            JIBRI_INSTANCE_ID: "jibri4",
            JIBRI_HTTP_API_EXTERNAL_PORT: String(external),
            JIBRI_HTTP_API_INTERNAL_PORT: String(internal),
            JIBRI_RECORDING_DIR: join(directory, "cut"),
          },
          external,
        );
        if (sinkType !== undefined) {
          const body = { ...(JSON.parse(call("session 6")) as object), sinkType, youTubeStreamKey: "key" };
          const path = "/jibri/api/v1.0/startService";
          const { status } = await send(external, { method: "POST", path, body: JSON.stringify(body) });
          assert.equal(status, 200);
        }
        ended.signal("SIGTERM");
        assert.equal(await ended.exited, 143);
        assert.equal(ended.output(), line);
      }
    });

    it("knows an XMPP server by its host name alone: it is deaf to a second one of that name", async () => {
      const c2s = common["XMPP_PORT"] ?? "";
      for (const [other, joined, said] of [
        ["127.0.0.1", 1, /^Not adding a new MUC client, ID already exists\.$/m],
        ["localhost", 2, /^$/],
      ] as const) {
        const [external = 0, internal = 0] = await freePorts(2);
        const one = await started(
          "jibri",
          {
            XMPP_SERVER: `127.0.0.1:${c2s},${other}:${c2s}`,
            JIBRI_INSTANCE_ID: "jibri5",
            JIBRI_HTTP_API_EXTERNAL_PORT: String(external),
            JIBRI_HTTP_API_INTERNAL_PORT: String(internal),
          },
          external,
        );
        await eventually(60, async () =>
          assert.equal((await read(external, "/test/state"))["joinedBreweries"], joined),
        );
        assert.match(one.output(), said);
        await one.stop();
      }
      // It ends without a farewell: its Prosody has to notice, and Jicofo to hear of it.
      await eventually(60, async () =>
        assert.deepEqual((await read(http.jicofo, "/stats"))["jibri_detector"], { count: 1, available: 1 }),
      );
    });

    it("records as much as it is told to, each recording something of its own", async () => {
      const grown = async (sessionId: string): Promise<Buffer> => {
        await sameAsRecorded(http.jibri, "jibri_start_ok", { request: { body: call(sessionId) } });
        const session = join(directory, "recordings", sessionId);
        await eventually(60, () => assert.equal(readdirSync(session).length, 1));
        const file = join(session, readdirSync(session)[0] ?? "");
        await send(http.jibri, { method: "POST", path: "/jibri/api/v1.0/stopService" });
        return readFileSync(file);
      };
      await control(http.jibri, { bytesPerWrite: 100_000 });
      const [one, other] = [await grown("session_7"), await grown("session_8")];
      await control(http.jibri, { bytesPerWrite: 4096 });
      for (const content of [one, other]) assert.equal(content.length % 100_000, 0);
      assert.notDeepEqual(one.subarray(0, 100), other.subarray(0, 100));
    });

    it("asked to go while busy, it shows nothing, finalizes, and ends with 255", async () => {
      await sameAsRecorded(http.jibri, "jibri_start_ok", { request: { body: call("session 2") } });
      await eventually(60, () =>
        assert.equal(readdirSync(join(directory, "recordings", "session_2")).length, 1),
      );
      await sameAsRecorded(http.jibriInternal, "jibri_graceful_busy");
      await sameAsRecorded(http.jibri, "jibri_health_busy_graceful");
      await eventually(60, () =>
        sameAsRecorded(http.jicofo, "jicofo_debug_jibri_busy_graceful", {
          values: ["jibri_detector"],
          open: ["focus_manager"],
        }),
      );
      // Recorded in jibri_stop_busy.http: the connection ends without an answer.
      await assert.rejects(send(http.jibri, { method: "POST", path: "/jibri/api/v1.0/stopService" }));
      assert.equal(await jibri.exited, 255);
      await eventually(60, async () =>
        assert.deepEqual((await read(http.jicofo, "/stats"))["jibri_detector"], { count: 0, available: 0 }),
      );
    });

    it("asked to go while idle, it takes no recording and ends with 255; told of a new configuration, with 0", async () => {
      const [external = 0, internal = 0] = await freePorts(2);
      const environment = {
        XMPP_SERVER: `127.0.0.1:${common["XMPP_PORT"] ?? ""}`,
        JIBRI_INSTANCE_ID: "jibri2",
        JIBRI_HTTP_API_EXTERNAL_PORT: String(external),
        JIBRI_HTTP_API_INTERNAL_PORT: String(internal),
      };
      const idle = await started("jibri", environment, external);
      assert.equal((await send(external, { path: "/metrics" })).status, 404);
      await sameAsRecorded(external, "jibri2_health_idle");
      await sameAsRecorded(internal, "jibri_graceful_idle_cio");
      await assert.rejects(
        send(external, { method: "POST", path: "/jibri/api/v1.0/startService", body: call("session 3") }),
      );
      assert.equal(await idle.exited, 255);
      const changed = await started("jibri", environment, external);
      const notify = "/jibri/api/internal/v1.0/notifyConfigChanged";
      assert.equal((await send(internal, { method: "POST", path: notify })).status, 200);
      assert.equal(await changed.exited, 0);
    });
  });

  describe("Prosody", () => {
    const secret = "the application's secret";

    function token(claims: object, key: string): string {
      const encode = (part: object): string => Buffer.from(JSON.stringify(part)).toString("base64url");
      const signed = `${encode({ alg: "HS256", typ: "JWT" })}.${encode(claims)}`;
      return `${signed}.${createHmac("sha256", key).update(signed).digest("base64url")}`;
    }

    /** Runs another Prosody while `use` is at work with its BOSH address. */
    async function withProsody(
      environment: Environment,
      use: (bosh: string) => Promise<void>,
    ): Promise<void> {
      const [c2s = 0, port = 0] = await freePorts(2);
      const other = startProsody({
        ...common,
        XMPP_PORT: String(c2s),
        PROSODY_HTTP_PORT: String(port),
        ...environment,
      });
      try {
        await eventually(60, async () => assert.equal((await send(port, { path: "/health" })).status, 200));
        await use(`http://127.0.0.1:${port}/http-bind`);
      } catch (error) {
        throw new Error(`${String(error)}\n${other.output().slice(-1000)}`);
      } finally {
        await other.stop();
      }
    }

    const meet = (bosh: string, domain: string): Promise<BoshParticipant> =>
      BoshParticipant.join(bosh, domain, "room1@conference.meet.local", "somebody");

    it("tells its meeting rooms, but no health checks and no breweries", async () => {
      await sameAsRecorded(http.prosody, "prosody_census_empty");
      const bosh = `http://127.0.0.1:${http.prosody}/http-bind`;
      const people = [];
      for (const [room, nickname] of [
        ["room1", "one"],
        ["room1", "two"],
        ["[school]room2", "one"],
        ["__jicofo-health-check-1", "focus"],
      ] as const)
        people.push(
          await BoshParticipant.join(bosh, "meet.local", `${room}@conference.meet.local`, nickname),
        );
      await sameAsRecorded(http.prosody, "prosody_census", { differentBytes: true });
      const rooms = parseCensus((await send(http.prosody, { path: "/room-census" })).body);
      assert.deepEqual(Object.fromEntries(rooms.map(({ jid, occupants }) => [jid, occupants])), {
        "room1@conference.meet.local": 2,
        "[school]room2@conference.meet.local": 1,
      });
      for (const person of people) await person.leave();
    });

    it("takes a signed token of its application, and nothing else, where AUTH_TYPE is jwt", () =>
      withProsody(
        { ENABLE_AUTH: "1", AUTH_TYPE: "jwt", JWT_APP_ID: "app", JWT_APP_SECRET: secret },
        async (bosh) => {
          const inAnHour = Math.floor(Date.now() / 1000) + 3600;
          const good = { iss: "app", room: "*", exp: inAnHour };
          await (await meet(`${bosh}?room=room1&token=${token(good, secret)}`, "meet.local")).leave();
          for (const refused of [
            bosh,
            `${bosh}?token=${token(good, "another secret")}`,
            `${bosh}?token=${token({ ...good, iss: "other" }, secret)}`,
            `${bosh}?token=${token({ ...good, exp: inAnHour - 7200 }, secret)}`,
          ]) {
            await assert.rejects(meet(refused, "meet.local"), /no <success/);
          }
        },
      ));

    it("takes guests on their own domain alone where AUTH_TYPE is internal", () =>
      withProsody(
        {
          ENABLE_AUTH: "1",
          AUTH_TYPE: "internal",
          ENABLE_GUESTS: "1",
          XMPP_GUEST_DOMAIN: "guest.meet.local",
        },
        async (bosh) => {
          await assert.rejects(meet(bosh, "meet.local"), /no <success/);
          await (await meet(bosh, "guest.meet.local")).leave();
        },
      ));

    it("does not start without the passwords, or with a name that could end a string", async () => {
      for (const [environment, said] of [
        [{ JVB_AUTH_PASSWORD: "" }, /FATAL ERROR: JVB auth password must be set/],
        [{ XMPP_DOMAIN: 'meet"; os.exit()' }, /FATAL ERROR: XMPP_DOMAIN/],
      ] as const) {
        const refused = startProsody({ ...common, ...environment });
        assert.equal(await refused.exited, 1);
        assert.match(refused.output(), said);
        await refused.stop();
      }
    });
  });

  describe("when parts are lost", () => {
    it("a bridge that gets SIGTERM is gone at once, with 0, and its people are moved", async () => {
      await bothLoaded({ participants: 4, conferences: 2 }, {});
      const asked = Date.now();
      jvb1.signal("SIGTERM");
      assert.equal(await jvb1.exited, 0);
      assert.ok(Date.now() - asked < 2000);
      assert.match(jvb1.output(), /^CUT 4 participants$/m);
      await jicofoSees({ bridge_count: 1 });
      for (const name of ["jicofo_stats_after_one_sigterm_idle", "jicofo_stats_after_sigterm"]) {
        await sameAsRecorded(http.jicofo, name, { values: bridgeCounts, open: openJicofo });
      }
      await bridgeTells(http.jvb2, { local_endpoints: 4, conferences: 2 });
    });

    it("without Prosody: the bridge stays healthy, Jicofo first says nothing, then why, then that bridges are gone", async () => {
      const [external = 0, internal = 0] = await freePorts(2);
      await started(
        "jibri",
        {
          XMPP_SERVER: `127.0.0.1:${common["XMPP_PORT"] ?? ""}`,
          JIBRI_INSTANCE_ID: "jibri3",
          JIBRI_HTTP_API_EXTERNAL_PORT: String(external),
          JIBRI_HTTP_API_INTERNAL_PORT: String(internal),
          JIBRI_ENABLE_PROMETHEUS: "1",
        },
        external,
      );
      await eventually(60, async () =>
        assert.equal((await read(external, "/test/state"))["joinedBreweries"], 1),
      );
      await control(http.jvb2, { participants: 2, conferences: 1 });
      await bridgeTells(http.jvb2, { participants: 2 });
      prosody.signal("SIGKILL");
      await prosody.exited;
      const killed = Date.now();
      await bridgeTells(http.jvb2, { mucs_joined: 0 });
      await sameAsRecorded(http.jicofo, "jicofo_health_prosody_dead");
      await sameAsRecorded(http.jvb2, "jvb_stats_prosody_dead", { values: bridgeState });
      await sameAsRecorded(http.jvb2, "jvb_health_prosody_dead");
      await sameAsRecorded(http.jicofo, "jicofo_stats_prosody_dead", {
        values: ["healthy", "bridge_selector.bridge_version_count"],
        open: openJicofo,
      });
      await eventually(60, async () =>
        assert.equal((await send(http.jicofo, { path: "/about/health" })).status, 503),
      );
      const pingFailed = (Date.now() - killed) / 1000;
      assert.ok(pingFailed > 7 * jicofoTimeScale, `${pingFailed} s for 8`);
      await eventually(60, () => sameAsRecorded(http.jicofo, "jicofo_health_prosody_dead_30s"));
      const gone = (Date.now() - killed) / 1000;
      assert.ok(gone > 21 * jicofoTimeScale, `${gone} s for 22`);
      await sameAsRecorded(http.jicofo, "jicofo_health_no_bridges");
      await sameAsRecorded(http.jicofo, "jicofo_stats_no_bridges", {
        values: [...conferenceState, "health.message"],
        open: openJicofo,
      });
      await sameAsRecorded(http.jvb2, "jvb_stats_prosody_dead_30s", { values: bridgeState });
      await sameAsRecorded(http.jvb2, "jvb_health_prosody_dead_30s");
      await sameAsRecorded(external, "jibri_health_prosody_dead");
      await sameAsRecorded(external, "jibri_health_prosody_dead_30s");
      await sameAsRecorded(external, "jibri_metrics_prosody_dead");
    });

    it("and when Prosody is back everybody joins again", async () => {
      await prosody.stop();
      prosody = startProsody({ ...common, ENABLE_RECORDING: "1", XMPP_MODULES: "muc_census" });
      await bridgeTells(http.jvb2, { mucs_joined: 1 });
      await jicofoSeesBridge("jvb2", { operational: true });
      await sameAsRecorded(http.jicofo, "jicofo_health_ok");
    });
  });
});
