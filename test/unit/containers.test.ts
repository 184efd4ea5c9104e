import assert from "node:assert/strict";
import { containerArgs } from "../../components/docker/container";
import { bridgeContainer } from "../../components/jitsi/bridge";
import { edgeContainer } from "../../components/jitsi/edge";
import { jibriContainer } from "../../components/jitsi/jibri";
import { shardContainers } from "../../components/jitsi/shard";
import type { AddressOf, ContainerSpec } from "../../components/platform";
import { parseSettings } from "../../components/settings";
import { goodSettings } from "./goodSettings";

const place = { place: "a", publicAddress: "198.51.100.11", privateAddress: "10.213.0.11" };
const shard: AddressOf<"shard"> = {
  ...place,
  endpoints: { web: { address: "10.213.0.11", port: 21001 }, xmpp: { address: "10.213.0.11", port: 22001 } },
};
const images = { registry: "ghcr.io/jitsi", release: "stable-11146-2" };
const settings = parseSettings(
  { ...goodSettings(), auth: { type: "jwt", appId: "school", appSecret: "secret-of-the-tokens" } },
  "test",
);

function every(): ContainerSpec[] {
  const secrets = {
    jicofo: "secret-jicofo",
    bridges: "secret-bridges",
    jibris: "secret-jibris",
    recorder: "secret-recorder",
  };
  const shardArgs = { name: "s1", publicUrl: "https://meet.school.net", images, address: shard };
  return [
    ...shardContainers({
      ...shardArgs,
      auth: settings.auth,
      recordings: settings.recordings,
      secrets,
      jwtSecret: "secret-of-the-tokens",
    }),
    bridgeContainer(
      {
        name: "s1-bridges-1",
        address: { ...place, endpoints: { media: { address: "10.213.0.11", port: 10007 } } },
      },
      { images, shard, password: "secret-bridges" },
    ),
    jibriContainer(
      { name: "jibris-1", address: { ...place, endpoints: {} } },
      {
        images,
        publicUrl: "https://meet.school.net",
        edge: { domain: "meet.school.net", address: "10.213.0.11" },
        shards: [shard],
        acceptAnyCertificate: false,
        passwords: { xmpp: "secret-jibris", recorder: "secret-recorder" },
      },
    ),
    edgeContainer({
      image: "haproxy:3.2",
      httpPort: 80,
      httpsPort: 443,
      peerName: "edge-1",
      certificate: "secret-certificate",
      servers: [{ name: "s1", number: 1, state: "ready", web: shard.endpoints.web }],
      routes: [],
    }),
  ];
}

const docker = (spec: ContainerSpec): ReturnType<typeof containerArgs> =>
  containerArgs(spec, { name: "x", privateAddress: "10.213.0.11", network: "n", volumes: [] });

describe("containers", () => {
  for (const spec of every())
    describe(spec.name, () => {
      it("runs read-only, unprivileged, without capabilities, bounded, its log rotated", () => {
        const args = docker(spec);
        assert.equal(args.readOnly, true);
        assert.deepEqual(args.capabilities, { drops: ["ALL"] });
        assert.deepEqual(args.securityOpts, ["no-new-privileges:true"]);
        assert(typeof args.user === "string" && /^[1-9]/.test(args.user));
        assert(Number(args.memory) >= 128 && args.memory === args.memorySwap);
        assert.deepEqual(args.logOpts, { "max-size": "10m", "max-file": "5" });
        assert.equal(args.privileged, undefined);
        assert(Number(args.destroyGraceSeconds) >= 10, "the plug-in kills at once without a grace");
      });

      it("shows no secret in what Docker shows of it", () => {
        const shown = JSON.stringify(docker(spec));
        assert(!shown.includes("secret-"), shown);
      });

      it("publishes to the world only what is the world's", () => {
        const ports = docker(spec).ports as { external: number; ip: string }[];
        const toTheWorld = ports.filter(({ ip }) => ip === "0.0.0.0").map(({ external }) => external);
        const expected = { haproxy: [80, 443], jvb: [10007] }[spec.name] ?? [];
        assert.deepEqual(toTheWorld, expected);
        assert(ports.every(({ ip }) => ip === "0.0.0.0" || ip === "10.213.0.11"));
      });
    });

  it("a bridge advertises the address and port at which it is published", () => {
    const bridge = every().find(({ name }) => name === "jvb");
    assert.equal(bridge?.env["JVB_ADVERTISE_IPS"], "198.51.100.11#10007,10.213.0.11#10007");
    assert.equal(bridge.env["JVB_PORT"], "10007");
    assert.equal(bridge.env["JVB_DISABLE_STUN"], "1");
  });

  it("only tokens with the feature may record where the settings say so", () => {
    const auth = { ...settings.auth, recorders: "token" as const };
    const secrets = { jicofo: "", bridges: "", jibris: "", recorder: "" };
    const [prosody] = shardContainers({
      name: "s1",
      publicUrl: "https://meet.school.net",
      images,
      address: shard,
      auth,
      recordings: { record: true, stream: false },
      secrets,
    });
    assert.equal(prosody?.env["XMPP_MODULES"], "filter_iq_jibri");
    assert.match(prosody.env["GLOBAL_CONFIG"] ?? "", /livestreaming = false; recording = true/);
  });
});
