import assert from "node:assert/strict";
import { get } from "node:http";
import { createServer, type Server } from "node:https";
import type { AddressInfo } from "node:net";
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import WebSocket from "ws";

import { bridgeContainer } from "../../components/jitsi/bridge";
import { jibriContainer } from "../../components/jitsi/jibri";
import { shardContainers } from "../../components/jitsi/shard";
import { privateNetworks } from "../../components/settings/ipv4Range";
import type { AddressOf, FileSpec, InstanceSpec, Member } from "../../components/platform";
import { parseSettings } from "../../components/settings";
import { runInContainer } from "../../scaler/engine/exec";
import { goodSettings } from "../unit/goodSettings";
import { HardenedContainers, type Running } from "./hardenedContainers";
import { eventually } from "./processes";

/**
 * What the program gives the images, in them: where the real programs were seen to refuse a value, or to be too small,
 * so are these.
 */
describe("the images with the environment that the program gives them", function () {
  this.timeout(600_000);

  const images = { registry: "ghcr.io/jitsi", release: "stable-11146-2" };
  const settings = parseSettings(goodSettings(), "test");
  const shard: AddressOf<"shard"> = {
    place: "a",
    publicAddress: "198.51.100.11",
    privateAddress: "10.213.0.11",
    endpoints: { web: { address: "web", port: 8000 }, xmpp: { address: "10.213.0.11", port: 22001 } },
  };
  const [prosodySpec, , webSpec] = shardContainers({
    privateNetworks,
    name: "s1",
    publicUrl: "https://meet.school.net",
    images,
    address: shard,
    auth: { type: "open", openToAll: true, recorders: "moderators" },
    recordings: { record: true, stream: false },
    peerToPeer: settings.peerToPeer,
    secrets: { jicofo: "j", bridges: "b", jibris: "i", recorder: "r" },
  });
  const environment = ({ env }: Pick<InstanceSpec, "env">): Record<string, string> => ({ ...env });
  const passwords = {
    JICOFO_AUTH_PASSWORD: "j",
    JVB_AUTH_PASSWORD: "b",
    JIBRI_XMPP_PASSWORD: "i",
    JIBRI_RECORDER_PASSWORD: "r",
  };
  const textOf = (content: FileSpec["content"]): string => {
    assert.equal(typeof content, "string", "a file that is secret");
    return content as string;
  };
  let made: HardenedContainers;

  before(async function () {
    this.timeout(600_000);
    made = await HardenedContainers.create(passwords);
  });
  after(() => made.end());
  afterEach(async function () {
    if (this.currentTest?.state !== "failed") return;
    for (const container of made.all)
      console.error(String(await container.logs({ stdout: true, stderr: true })).slice(-1500));
  });

  async function answer(url: string): Promise<{ status: number; body: string }> {
    const response = await fetch(url, { signal: AbortSignal.timeout(5000) });
    return { status: response.status, body: await response.text() };
  }

  /** By a connection of its own. */
  const statusOnItsOwn = (url: string): Promise<number> =>
    new Promise((resolve, reject) => {
      const asked = get(url, { agent: false, timeout: 5000 }, (response) => {
        response.resume();
        resolve(response.statusCode ?? 0);
      });
      asked.once("timeout", () => asked.destroy(new Error("no answer in 5 s")));
      asked.once("error", reject);
    });

  describe("a bridge", () => {
    const bridgeOn = (name: string, publicAddress: string, privateAddress: string): Promise<Running> => {
      const member: Member = { name, publicAddress, privateAddress, mediaPort: "10000" };
      const spec = bridgeContainer(member, { images, shard, password: "b" });
      return made.start("jvb", name, environment(spec));
    };
    /** What it says of itself once it has looked; until then it says that it is healthy. */
    const judged = async ({ address }: Running): Promise<{ status: number; body: string }> => {
      await eventually(60, async () => {
        const { healthChecks } = JSON.parse((await answer(`http://${address}:8080/test/state`)).body) as {
          healthChecks: number;
        };
        assert.ok(healthChecks > 0);
      });
      return answer(`http://${address}:8080/about/health`);
    };
    const told = async ({ address }: Running): Promise<string[]> => {
      const { advertised } = JSON.parse((await answer(`http://${address}:8080/test/state`)).body) as {
        advertised: { address: string }[];
      };
      return advertised.map((at) => at.address);
    };

    it("serves on the machine that all of a trial runs on", async () => {
      const bridge = await bridgeOn("jvb-dev", "127.0.0.1", "172.17.0.1");
      assert.deepEqual(await judged(bridge), { status: 200, body: "" });
      assert.ok((await told(bridge)).includes("172.17.0.1"));
    });

    it("serves where hosts have only private addresses, and tells users of them", async () => {
      const bridge = await bridgeOn("jvb-lan", "192.168.5.11", "10.213.0.11");
      assert.deepEqual(await judged(bridge), { status: 200, body: "" });
      assert.ok((await told(bridge)).includes("192.168.5.11"));
    });

    it("serves at a public address, and tells users of no other", async () => {
      const bridge = await bridgeOn("jvb-public", "198.51.100.11", "10.213.0.11");
      assert.deepEqual(await judged(bridge), { status: 200, body: "" });
      assert.deepEqual(await told(bridge), ["198.51.100.11"]);
    });

    it("refuses to serve where its public address did not reach it", async () => {
      const member: Member = {
        name: "jvb-lost",
        publicAddress: "198.51.100.11",
        privateAddress: "10.213.0.11",
        mediaPort: "10000",
      };
      const { env } = bridgeContainer(member, { images, shard, password: "b" });
      const bridge = await made.start("jvb", "jvb-lost", { ...env, JVB_ADVERTISE_IPS: "10.213.0.11#10000" });
      assert.deepEqual(await judged(bridge), {
        status: 500,
        body: "No valid IP addresses available for harvesting.",
      });
    });
  });

  describe("a shard's web server", () => {
    const webWith = async (name: string, bosh: string): Promise<Running> => {
      assert.ok(webSpec);
      for (const { content, path } of webSpec.files)
        made.file(path.replace(/^config/, "config-web"), textOf(content));
      return made.start("web", name, { ...environment(webSpec), XMPP_BOSH_URL_BASE: `http://${bosh}:5280` });
    };
    const prosodyAs = async (name: string): Promise<Running> => {
      assert.ok(prosodySpec);
      const running = await made.start("prosody", name, environment(prosodySpec), {
        volumes: ["/var/lib/prosody"],
      });
      await eventually(60, async () =>
        assert.equal((await answer(`http://${running.address}:5280/health`)).status, 200),
      );
      return running;
    };

    it("finds a Prosody that was replaced, at its new address, within seconds", async () => {
      const first = await prosodyAs("moving");
      const web = await webWith("web-of-moving", "moving");
      // Each of nginx's workers looks names up for itself, and one alone may answer forty connections in a row.
      const statuses = async (): Promise<number[]> => {
        const found = new Set<number>();
        for (let round = 0; round < 10; round += 1)
          for (const status of await Promise.all(Array.from({ length: 40 }, () => bosh()))) found.add(status);
        return [...found];
      };
      const bosh = (): Promise<number> => statusOnItsOwn(`http://${web.address}:8000/http-bind`);
      await eventually(60, async () => assert.deepEqual(await statuses(), [200]));
      await made.remove(first.container);
      await webWith("takes-its-address", "nobody");
      const { address } = await prosodyAs("moving");
      assert.notEqual(address, first.address);
      await eventually(60, async () => assert.deepEqual(await statuses(), [200]));
    });

    it("holds the websockets of more users than nginx's own defaults allow", async () => {
      await prosodyAs("crowded");
      const web = await webWith("web-of-crowded", "crowded");
      await eventually(60, async () =>
        assert.equal((await answer(`http://${web.address}:8000/http-bind`)).status, 200),
      );
      const sockets: WebSocket[] = [];
      const open = (): Promise<boolean> =>
        new Promise((resolve) => {
          const socket = new WebSocket(`ws://${web.address}:8000/xmpp-websocket?room=r`, "xmpp");
          sockets.push(socket);
          socket.once("open", () => resolve(true));
          socket.once("error", () => resolve(false));
        });
      let refused = 0;
      for (let round = 0; round < 20; round += 1)
        refused += (await Promise.all(Array.from({ length: 100 }, open))).filter((is) => !is).length;
      for (const socket of sockets) socket.terminate();
      assert.equal(refused, 0, `${refused} of ${sockets.length} refused`);
    });
  });

  describe("a Jibri's browser", () => {
    let edge: Server;

    before(async () => {
      const key = join(made.files, "key.pem");
      const certificate = join(made.files, "certificate.pem");
      const subject = ["-subj", "/CN=meet.localhost", "-days", "2"];
      execFileSync(
        "openssl",
        ["req", "-x509", "-newkey", "rsa:2048", "-nodes", ...subject, "-keyout", key, "-out", certificate],
        { stdio: "ignore" },
      );
      edge = createServer({ key: readFileSync(key), cert: readFileSync(certificate) }, (_, response) => {
        response.end("a page");
      });
      await new Promise<void>((resolve) => edge.listen(0, "0.0.0.0", resolve));
    });
    after(() => void edge.close());

    for (const domain of ["meet.localhost", "meet.school.net"])
      it(`finds the edge under ${domain} and records`, async () => {
        const { port } = edge.address() as AddressInfo;
        // The test's own server, where containers reach the machine.
        const inspected = (await made.engine.getNetwork(made.run).inspect()) as {
          IPAM: { Config: { Gateway: string }[] };
        };
        const gateway = inspected.IPAM.Config[0]?.Gateway ?? "";
        const name = `jibri-${domain.split(".")[1] ?? ""}`;
        const member: Member = { name, publicAddress: "", privateAddress: "", mediaPort: "" };
        const spec = jibriContainer(member, {
          images,
          publicUrl: `https://${domain}:${port}`,
          edge: { domain, addresses: [gateway] },
          shards: [{ name: "s1", address: shard }],
          acceptAnyCertificate: true,
          trustedKeys: [],
          passwords: { xmpp: "i", recorder: "r" },
        });
        for (const { content, path } of spec.files)
          made.file(path.replace(/^config/, "config-jibri"), textOf(content));
        const hosts = Object.entries(spec.knownHosts).flatMap(([host, addresses]) =>
          addresses.map((address) => `${host}:${address}`),
        );
        const jibri = await made.start("jibri", name, environment(spec), { volumes: ["/storage"], hosts });
        const api = `http://${jibri.address}:2222/jibri/api/v1.0`;
        await eventually(60, async () => assert.equal((await answer(`${api}/health`)).status, 200));
        const started = await fetch(`${api}/startService`, {
          method: "POST",
          headers: { "Content-Type": "application/json" },
          body: JSON.stringify({
            sessionId: "session-1",
            sinkType: "file",
            callParams: { callUrlInfo: { baseUrl: `https://${domain}:${port}`, callName: "room1" } },
            callLoginParams: { domain: "hidden.meet.jitsi", username: "recorder", password: "r" },
          }),
        });
        assert.equal(started.status, 200);
        const { recordingDirectory } = JSON.parse(
          (await answer(`http://${jibri.address}:2222/test/state`)).body,
        ) as {
          recordingDirectory: string;
        };
        await eventually(60, async () => {
          const { exitCode, output } = await runInContainer(jibri.container, ["ls", recordingDirectory]);
          assert.equal(exitCode, 0, output);
          assert.match(output, /room1_.*\.mp4/);
        });
      });
  });
});
