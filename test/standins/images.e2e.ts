import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { connect } from "node:net";
import { join } from "node:path";
import type Docker from "dockerode";

import { webLocations } from "../../components/jitsi/nginx";
import { runInContainer } from "../../scaler/engine/exec";
import { applyLookedUp } from "../../scaler/engine/lookedUp";
import { RoomsClient } from "../../scaler/keeper/roomsClient";
import { TURN_PORT, turnConfiguration, turnContainer } from "../../components/jitsi/turn";
import { FLEET_DIRECTORY } from "../../components/platform";
import { decodeStunMessage, encodeBindingRequest } from "../e2e/clients/stun";
import { TurnClient, turnCredentials } from "../support/turnClient";
import { BoshParticipant } from "./boshClient";
import { imageName, type Role } from "./build";
import { HardenedContainers, type Running } from "./hardenedContainers";
import { eventually } from "./processes";
import { stunBinding } from "./stunClient";

const domains = {
  XMPP_DOMAIN: "meet.jitsi",
  XMPP_AUTH_DOMAIN: "auth.meet.jitsi",
  XMPP_MUC_DOMAIN: "muc.meet.jitsi",
  XMPP_INTERNAL_MUC_DOMAIN: "internal-muc.meet.jitsi",
  XMPP_HIDDEN_DOMAIN: "hidden.meet.jitsi",
};
/** Of a fleet with a host at 100.64.0.12. */
const privateRanges = ["10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10"];
const secrets = {
  JICOFO_AUTH_PASSWORD: "focus$pass'word",
  JVB_AUTH_PASSWORD: 'jvb"password"',
  JIBRI_XMPP_PASSWORD: "jibri&password",
  JIBRI_RECORDER_PASSWORD: "recorder<password",
};

/** What a shard's web server has for the fleet alone. */
const FLEETS_OWN = ["/_rooms", "/_stats", "/_jibris", "/_metrics/jicofo", "/_metrics/prosody"];

describe("the stand-ins' images", function () {
  this.timeout(600_000);

  let made: HardenedContainers;
  const start: HardenedContainers["start"] = (...args) => made.start(...args);

  async function logsOf(container: Docker.Container): Promise<string> {
    return (await container.logs({ stdout: true, stderr: true })).toString();
  }

  async function getText(url: string): Promise<{ status: number; body: string; headers: Headers }> {
    const response = await fetch(url, { signal: AbortSignal.timeout(5000) });
    return { status: response.status, body: await response.text(), headers: response.headers };
  }

  async function getJson(url: string): Promise<Record<string, unknown>> {
    return JSON.parse((await getText(url)).body) as Record<string, unknown>;
  }

  let prosody: Running;
  let web: Running;
  let jicofo: Running;
  let jvb: Running;
  let jibri: Running;

  before(async function () {
    this.timeout(600_000);
    made = await HardenedContainers.create(secrets);
    made.file("config-jibri/custom-jibri.conf", 'jibri.api.http.external-api-host = "0.0.0.0"\n');
    made.file("config-web/custom-config.js", "config.websocketKeepAliveUrl = '/_unlock';\n");
    made.file("config-web/nginx-custom/fleet.conf", webLocations("s1", privateRanges));
    made.file("finalize/finalize.sh", '#!/bin/sh\nsleep 1\nls "$1" > "$1/finalized"\n', 0o755);
    made.file("haproxy/haproxy.cfg", haproxyConfiguration);

    prosody = await start(
      "prosody",
      "prosody",
      {
        ...domains,
        ENABLE_RECORDING: "1",
        PROSODY_ENABLE_METRICS: "1",
        PROSODY_METRICS_ALLOWED_CIDR: "0.0.0.0/0",
        XMPP_MODULES: "filter_iq_jibri,muc_census",
        GLOBAL_CONFIG: 'http_health_allow_cidr = "0.0.0.0/0"\\nstandin_unused = "second line"',
      },
      { volumes: ["/var/lib/prosody", "/fleet-accounts"], user: "1000:1000" },
    );
    web = await start("web", "web", {
      ...domains,
      DISABLE_HTTPS: "1",
      XMPP_BOSH_URL_BASE: "http://prosody:5280",
      DEPLOYMENTINFO_SHARD: "s1",
      PUBLIC_URL: "https://meet.example.org",
    });
    jicofo = await start("jicofo", "jicofo", {
      ...domains,
      XMPP_SERVER: "prosody",
      JICOFO_ENABLE_REST: "1",
      JICOFO_ENABLE_HEALTH_CHECKS: "1",
    });
    jvb = await start("jvb", "jvb", {
      ...domains,
      XMPP_SERVER: "prosody:5222",
      JVB_MUC_NICKNAME: "bridge-one",
      COLIBRI_REST_ENABLED: "1",
      SHUTDOWN_REST_ENABLED: "1",
    });
    jibri = await start(
      "jibri",
      "jibri",
      {
        ...domains,
        DISPLAY: ":0",
        XMPP_SERVER: "prosody:5222",
        JIBRI_INSTANCE_ID: "jibri-one",
        JIBRI_FINALIZE_RECORDING_SCRIPT_PATH: "/finalize/finalize.sh",
      },
      { volumes: ["/storage"], mounts: { "/finalize": "finalize" } },
    );
  });

  afterEach(async function () {
    if (this.currentTest?.state !== "failed") return;
    for (const container of made.all) console.error((await logsOf(container)).slice(-1500));
  });

  after(() => made.end());

  it("run Prosody with its health and metrics", async () => {
    await eventually(60, async () => {
      const { status, body } = await getText(`http://${prosody.address}:5280/health`);
      assert.deepEqual({ status, body }, { status: 200, body: "OK\n" });
    });
    const metrics = await getText(`http://${prosody.address}:5280/metrics`);
    assert.equal(metrics.status, 200);
    assert.match(metrics.body, /prosody_mod_c2s__connections/);
  });

  it("are handed what they look up again, in one step and while they run", async () => {
    const target = { container: `${made.run}-prosody`, directory: "/fleet-accounts" };
    const startedAt = async (): Promise<string> => (await prosody.container.inspect()).State.StartedAt;
    const seen = async (): Promise<string> => {
      const script = "cat /fleet-accounts/current/accounts.json; ls /fleet-accounts | wc -l";
      return (await runInContainer(prosody.container, ["sh", "-c", script])).output.replaceAll("\r", "");
    };
    const before = await startedAt();
    await applyLookedUp(made.engine, target, { "accounts.json": "one\n" });
    assert.equal(await seen(), "one\n2\n");
    await applyLookedUp(made.engine, target, { "accounts.json": "two\n" });
    assert.equal(await seen(), "two\n2\n");
    assert.match(await applyLookedUp(made.engine, target, { "accounts.json": "two\n" }), /in force already/);
    assert.equal(await startedAt(), before);
  });

  it("run nginx with the page of a room, its configuration and the program's own locations", async () => {
    await eventually(60, async () =>
      assert.equal((await getText(`http://${web.address}:8000/room1`)).status, 200),
    );
    for (const path of ["/room1", "/tenant/room1", "/tenant/room1?jwt=x"]) {
      const page = await getText(`http://${web.address}:8000${path}`);
      assert.equal(page.status, 200, path);
      assert.equal(page.headers.get("x-jitsi-shard"), "s1", path);
      assert.match(page.body, /config\.deploymentInfo\.shard = 's1'/, path);
      assert.match(page.body, /config\.websocketKeepAliveUrl = '\/_unlock'/, path);
    }
    assert.match((await getText(`http://${web.address}:8000/tenant/config.js`)).body, /subdir = 'tenant\/'/);
    assert.match((await getText(`http://${web.address}:8000/config.js`)).body, /release r1/);
    assert.equal((await getText(`http://${web.address}:8000/libs/app.bundle.min.js`)).status, 200);
    assert.equal((await getText(`http://${web.address}:8000/libs/none.js`)).status, 404);
    const unlock = await getText(`http://${web.address}:8000/tenant/_unlock?room=room1`);
    assert.equal(unlock.status, 200);
    assert.equal(unlock.headers.get("x-jitsi-shard"), "s1");
  });

  it("let two people meet over BOSH through nginx, and count them", async () => {
    const room = "room1@muc.meet.jitsi";
    const one = await BoshParticipant.join(`http://${web.address}:8000/http-bind`, "meet.jitsi", room, "one");
    const two = await BoshParticipant.join(
      `http://${web.address}:8000/tenant/http-bind?room=room1`,
      "meet.jitsi",
      room,
      "two",
    );
    await eventually(60, async () => assert.deepEqual(await one.occupants(), ["one", "two"]));
    const stats = await getJson(`http://${jicofo.address}:8888/stats`);
    assert.equal(stats["conferences"], 1);
    assert.equal(stats["participants"], 2);
    await one.leave();
    await two.leave();
    await eventually(60, async () =>
      assert.equal((await getJson(`http://${jicofo.address}:8888/stats`))["conferences"], 0),
    );
  });

  it("tell the fleet which rooms the shard has, while somebody is in them", async () => {
    const shard = new RoomsClient({ shard: "s1", url: `http://${web.address}:8000` });
    const conferences = async (): Promise<number> => (await shard.stats()).conferences;
    assert.deepEqual(await shard.rooms(), []);
    const join = (room: string, nickname: string): Promise<BoshParticipant> =>
      BoshParticipant.join(`http://${web.address}:8000/http-bind`, "meet.jitsi", room, nickname);
    const [one, two] = ["room1@muc.meet.jitsi", "[school]room2@muc.meet.jitsi"] as const;
    const people = [await join(one, "one"), await join(one, "two"), await join(two, "one")];
    const told = (await shard.rooms()).sort((a, b) => b.occupants - a.occupants);
    assert.deepEqual(told, [
      { jid: one, occupants: 2 },
      { jid: two, occupants: 1 },
    ]);
    await eventually(60, async () => assert.equal(await conferences(), 2));
    for (const person of people) await person.leave();
    await eventually(60, async () => assert.deepEqual(await shard.rooms(), []));
    await eventually(60, async () => assert.equal(await conferences(), 0));
  });

  it("tell no user of them, and nobody at a public address", async () => {
    const status = async (address: string, path: string, headers = {}): Promise<number> =>
      (await fetch(`http://${address}:8000${path}`, { headers })).status;
    const publicNetwork = await made.engine.createNetwork({
      Name: `${made.run}-public`,
      IPAM: { Driver: "default", Config: [{ Subnet: "203.0.113.0/24" }] },
    });
    await publicNetwork.connect({ Container: web.container.id });
    try {
      const { NetworkSettings } = await web.container.inspect();
      const publicAddress = NetworkSettings.Networks[`${made.run}-public`]?.IPAddress ?? "";
      for (const path of FLEETS_OWN) {
        assert.equal(await status(web.address, path), 200, path);
        assert.equal(await status(publicAddress, path), 403, path);
        for (const user of ["198.51.100.7", "10.1.2.3"])
          for (const way of [path, `/tenant${path}`, `//${path}`, path.replace("_", "%5F")])
            assert.equal(await status(web.address, way, { "X-Forwarded-For": user }), 404, way);
      }
      assert.equal(await status(web.address, "/tenant/_health", { "X-Forwarded-For": "10.1.2.3" }), 404);
    } finally {
      await publicNetwork.disconnect({ Container: web.container.id });
      await publicNetwork.remove();
    }
  });

  it("tell the edges of them at an address of a carrier's or an overlay's network", async () => {
    const overlay = await made.engine.createNetwork({
      Name: `${made.run}-overlay`,
      IPAM: { Driver: "default", Config: [{ Subnet: "100.64.7.0/24" }] },
    });
    await overlay.connect({ Container: web.container.id });
    try {
      const { NetworkSettings } = await web.container.inspect();
      const address = NetworkSettings.Networks[`${made.run}-overlay`]?.IPAddress ?? "";
      for (const path of FLEETS_OWN)
        assert.equal((await fetch(`http://${address}:8000${path}`)).status, 200, path);
    } finally {
      await overlay.disconnect({ Container: web.container.id });
      await overlay.remove();
    }
  });

  it("tell Prometheus what their programs tell", async () => {
    const page = async (of: string): Promise<string> =>
      (await fetch(`http://${web.address}:8000/_metrics/${of}`)).text();
    assert.match(await page("jicofo"), /^jitsi_jicofo_participants_current \d/m);
    assert.match(await page("prosody"), /^prosody_mod_bosh__bad_sid_total \d/m);
  });

  it("take a websocket through nginx", async () => {
    const socket = new WebSocket(`ws://${web.address}:8000/tenant/xmpp-websocket?room=room1`, "xmpp");
    const answer = await new Promise<string>((resolve, reject) => {
      socket.onerror = () => reject(new Error("no websocket"));
      socket.onopen = () =>
        socket.send("<open xmlns='urn:ietf:params:xml:ns:xmpp-framing' to='meet.jitsi' version='1.0'/>");
      socket.onmessage = (event) => resolve(String(event.data));
    });
    socket.close();
    assert.match(answer, /<open /);
  });

  it("bring the bridge and the Jibri into their breweries", async () => {
    await eventually(60, async () => {
      const stats = await getJson(`http://${jvb.address}:8080/colibri/stats`);
      assert.equal(stats["mucs_joined"], 1);
      assert.equal(stats["version"], "r1");
    });
    await eventually(60, async () => {
      const { status, body } = await getText(`http://${jicofo.address}:8888/about/health`);
      assert.deepEqual({ status, body }, { status: 200, body: "OK" });
      const stats = await getJson(`http://${jicofo.address}:8888/stats`);
      assert.equal((stats["bridge_selector"] as Record<string, number>)["bridge_count"], 1);
      assert.deepEqual(stats["jibri_detector"], { count: 1, available: 1 });
    });
  });

  it("answer STUN with the bridge's nickname", async () => {
    const answer = await stunBinding(jvb.address, 10000, 5);
    assert.equal(answer.software, "bridge-one");
    assert.match(answer.address, /^\d+\.\d+\.\d+\.\d+$/);
  });

  it("end a bridge within two seconds of SIGTERM, with 0, and its Jicofo notices", async () => {
    const { container } = await start("jvb", "jvb2", {
      ...domains,
      XMPP_SERVER: "prosody",
      JVB_MUC_NICKNAME: "bridge-two",
    });
    const count = async (): Promise<unknown> =>
      ((await getJson(`http://${jicofo.address}:8888/stats`))["bridge_selector"] as Record<string, number>)[
        "bridge_count"
      ];
    await eventually(60, async () => assert.equal(await count(), 2));
    const started = Date.now();
    await container.stop({ t: 5 });
    assert.ok(Date.now() - started < 2000, `${Date.now() - started} ms`);
    assert.equal((await container.inspect()).State.ExitCode, 0);
    // Without a farewell it would take its Prosody 38 s and more.
    await eventually(20, async () => assert.equal(await count(), 1));
  });

  it("record, finalize and end with 255 when asked to gracefully", async () => {
    const api = `http://${jibri.address}:2222/jibri/api/v1.0`;
    const busyStatus = async (): Promise<unknown> => {
      const { status } = (await getJson(`${api}/health`)) as { status: { busyStatus: string } };
      return status.busyStatus;
    };
    const response = await fetch(`${api}/startService`, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({
        sessionId: "session-1",
        sinkType: "file",
        callParams: { callUrlInfo: { baseUrl: "https://meet.example.org", callName: "room1" } },
        callLoginParams: { domain: "hidden.meet.jitsi", username: "recorder", password: "x" },
      }),
    });
    assert.equal(response.status, 200);
    assert.equal(await busyStatus(), "BUSY");
    await eventually(60, async () => {
      const { stdout, code } = await execute(jibri.container, ["ls", "/storage/recordings/session-1"]);
      assert.equal(code, 0);
      assert.match(stdout, /room1_.*\.mp4/);
    });
    const internal = "http://127.0.0.1:3333/jibri/api/internal/v1.0/gracefulShutdown";
    assert.equal((await execute(jibri.container, ["curl", "-fsS", "-X", "POST", internal])).code, 0);
    await fetch(`${api}/stopService`, { method: "POST" }).catch(() => undefined);
    const { StatusCode } = (await jibri.container.wait()) as { StatusCode: number };
    assert.equal(StatusCode, 255);
    assert.match(await logsOf(jibri.container), /finalize script ended with 0/);
  });

  it("refuse a Jibri without shared memory or a display", async () => {
    const { container } = await start("jibri", "jibri2", { ...domains }, { volumes: ["/storage"] });
    assert.equal(((await container.wait()) as { StatusCode: number }).StatusCode, 1);
    assert.match(await logsOf(container), /DISPLAY/);
  });

  it("run HAProxy as its own user, reloadable, as uid 99", async () => {
    const { container, address } = await start(
      "haproxy",
      "haproxy",
      {},
      {
        command: ["haproxy", "-f", "/usr/local/etc/haproxy/haproxy.cfg"],
        mounts: { "/usr/local/etc/haproxy": "haproxy" },
      },
    );
    await eventually(60, async () => {
      const { status, headers } = await getText(`http://${address}:80/room1`);
      assert.equal(status, 200);
      assert.equal(headers.get("x-jitsi-shard"), "s1");
    });
    assert.equal((await execute(container, ["id", "-u"])).stdout.trim(), "99");
  });

  it("run coturn as the relay's container, as nobody, and relay to a bridge", async () => {
    const secret = "secret-of-the-relay";
    const relay = { domain: "turn.meet.jitsi", secret, bridgeAddresses: [jvb.address] };
    const { command, scratch, user } = turnContainer({ image: "coturn", ...relay });
    made.file("coturn/turnserver.conf", turnConfiguration(relay));
    const container = await made.engine.createContainer({
      Image: imageName("coturn", "r1"),
      name: `${made.run}-coturn`,
      Entrypoint: [...command],
      User: user,
      HostConfig: {
        ReadonlyRootfs: true,
        CapDrop: ["ALL"],
        SecurityOpt: ["no-new-privileges"],
        NetworkMode: made.run,
        Tmpfs: Object.fromEntries(
          scratch.map(({ path, sizeMiB }) => [path, `size=${sizeMiB}M,mode=1770,uid=65534,gid=65534,exec`]),
        ),
        Binds: [`${join(made.files, "coturn")}:${FLEET_DIRECTORY}:ro`],
      },
    });
    made.all.push(container);
    await container.start();
    const { NetworkSettings } = await container.inspect();
    const address = NetworkSettings.Networks[made.run]?.IPAddress ?? "";

    await eventually(60, async () => {
      const socket = connect(TURN_PORT, address);
      await once(socket, "connect");
      // PROXY protocol, version 2, LOCAL: from nobody but the sender.
      socket.write(Buffer.from("0d0a0d0a000d0a515549540a20000000", "hex"));
      const client = new TurnClient(socket);
      await client.allocate(turnCredentials(secret, Date.now() / 1000 + 60));
      const bridge = { address: jvb.address, port: 10000 };
      await client.permit(bridge);
      client.send(bridge, encodeBindingRequest(randomBytes(12)));
      const { data } = await client.receive();
      assert.equal(decodeStunMessage(data)?.mapped?.address, address);
      client.close();
    });
  });

  it("tell the second release from the first", async () => {
    const { address } = await start(
      "jvb",
      "jvb3",
      { ...domains, XMPP_SERVER: "prosody", COLIBRI_REST_ENABLED: "1" },
      { release: "r2" },
    );
    await eventually(60, async () =>
      assert.equal((await getJson(`http://${address}:8080/colibri/stats`))["version"], "r2"),
    );
  });

  it("hold a bridge's last minute in six seconds, and tell its stress in the first", async () => {
    const { container, address } = await start("jvb", "jvb4", {
      ...domains,
      XMPP_SERVER: "prosody",
      COLIBRI_REST_ENABLED: "1",
      SHUTDOWN_REST_ENABLED: "1",
    });
    await eventually(60, async () =>
      assert.ok(Number((await getJson(`http://${address}:8080/colibri/stats`))["stress_level"]) > 0),
    );
    const asked = Date.now();
    const response = await fetch(`http://${address}:8080/colibri/shutdown`, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: '{"graceful-shutdown":true}',
    });
    assert.equal(response.status, 200);
    await container.wait();
    const seconds = (Date.now() - asked) / 1000;
    assert.ok(seconds > 5 && seconds < 10, `${seconds} s`);
  });

  /** What a hardened container without volumes prints. */
  async function printed(
    role: Role,
    options: { User?: string; Entrypoint?: string[]; Cmd?: string[] },
  ): Promise<string> {
    const container = await made.engine.createContainer({
      Image: imageName(role, "r1"),
      Tty: true,
      ...options,
      HostConfig: { ReadonlyRootfs: true, CapDrop: ["ALL"], SecurityOpt: ["no-new-privileges"] },
    });
    made.all.push(container);
    await container.start();
    const { StatusCode } = (await container.wait()) as { StatusCode: number };
    assert.equal(StatusCode, 0, await logsOf(container));
    return logsOf(container);
  }

  it("run rclone in Jibri's image, whoever the user is", async () => {
    for (const User of ["1000", "0:1000"]) {
      const said = await printed("jibri", { User, Entrypoint: ["rclone"], Cmd: ["version"] });
      assert.match(said, /^rclone v1\./m, User);
    }
  });

  it("run Node alone, as root unless told otherwise, and anything else as it is", async () => {
    const script = ["-p", "process.getuid() + process.version"];
    assert.match(await printed("node", { Cmd: script }), /^0v\d+/);
    assert.match(await printed("node", { Cmd: ["node", ...script], User: "1000" }), /^1000v\d+/);
    assert.match(await printed("node", { Cmd: ["/usr/local/bin/node", "--version"] }), /^v\d+/);
    assert.match(await printed("node", { Cmd: ["curl", "--version"] }), /^curl /);
    assert.match(await printed("node", { Cmd: ["sh", "-c", "ls /opt"] }), /^$/);
  });

  it("keep every secret out of the configuration and the log", async () => {
    const { stdout } = await execute(prosody.container, ["sh", "-c", "cat /run/prosody/config/*.lua"]);
    const log = await logsOf(prosody.container);
    for (const secret of Object.values(secrets)) {
      assert.ok(!stdout.includes(secret));
      assert.ok(!log.includes(secret));
    }
  });
});

const haproxyConfiguration = `defaults
  mode http
  timeout connect 5s
  timeout client 10s
  timeout server 10s
frontend http
  bind :80
  default_backend shard
backend shard
  server web web:8000 resolvers docker init-addr last,libc,none
resolvers docker
  parse-resolv-conf
`;

async function execute(
  container: Docker.Container,
  command: string[],
): Promise<{ stdout: string; code: number | null }> {
  const job = await container.exec({ Cmd: command, AttachStdout: true, AttachStderr: true });
  const stream = await job.start({});
  const parts: Buffer[] = [];
  for await (const part of stream) parts.push(part as Buffer);
  const { ExitCode } = await job.inspect();
  // Each frame of the multiplexed stream starts with eight bytes of header.
  const all = Buffer.concat(parts);
  let stdout = "";
  for (let at = 0; at + 8 <= all.length; at += 8 + all.readUInt32BE(at + 4)) {
    if (all[at] === 1) stdout += all.subarray(at + 8, at + 8 + all.readUInt32BE(at + 4)).toString();
  }
  return { stdout, code: ExitCode };
}
