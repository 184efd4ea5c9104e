import assert from "node:assert/strict";
import { runInNewContext } from "node:vm";
import { containerArgs, instanceBody } from "../../components/docker/container";
import { keepalivedContainer } from "../../components/docker/keepalived";
import { bridgeContainer } from "../../components/jitsi/bridge";
import { edgeContainers } from "../../components/jitsi/edge";
import { jibriContainer } from "../../components/jitsi/jibri";
import { recordingsContainers } from "../../components/jitsi/recordings";
import { storeRemote } from "../../components/jitsi/uploads";
import { shardContainers } from "../../components/jitsi/shard";
import { containerHostname } from "../../components/hostname";
import { haproxyMemoryMiB } from "../../components/settings/edgeMemory";
import { privateNetworks } from "../../components/settings/ipv4Range";
import { turnContainer } from "../../components/jitsi/turn";
import type { AddressOf, ContainerSpec, InstanceSpec, Member } from "../../components/platform";
import { parseSettings, type Settings } from "../../components/settings";
import { goodSettings, spoilt } from "./goodSettings";

const place = { place: "a", publicAddress: "198.51.100.11", privateAddress: "10.213.0.11" };
const shard: AddressOf<"shard"> = {
  ...place,
  endpoints: { web: { address: "10.213.0.11", port: 21001 }, xmpp: { address: "10.213.0.11", port: 22001 } },
};
const port = (number: number): { address: string; port: number } => ({
  address: "10.213.0.11",
  port: number,
});
const edge: AddressOf<"edge"> = {
  ...place,
  endpoints: {
    http: port(80),
    https: port(443),
    keeper: port(23003),
    peers: port(23004),
    metrics: port(23005),
    entry: port(23006),
  },
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
      privateNetworks,
      ...shardArgs,
      auth: settings.auth,
      recordings: settings.recordings,
      peerToPeer: settings.peerToPeer,
      secrets,
      turn: { host: "turn.school.net", port: 443, secret: "secret-turn" },
    }),
    turnContainer({
      image: "coturn/coturn:4.17.0",
      domain: "turn.school.net",
      secret: "secret-turn",
      bridgeAddresses: ["198.51.100.11"],
    }),
    ...recordingsContainers({
      images,
      nodeImage: "node:24",
      spaceGiB: 2,
      store: storeRemote({
        type: "s3",
        bucket: "recordings",
        prefix: "",
        region: "eu-central-1",
        provider: "AWS",
        accessKeyId: "secret-key-id",
        secretAccessKey: "secret-access-key",
      }),
      rclonePassword: "secret-rclone",
    }),
    ...edgeContainers({
      node: "edge-a",
      address: edge,
      image: "haproxy:3.2",
      nodeImage: "node:24",
      edge: settings.edge,
      proxiedChecksFrom: [],
      others: [],
      certificate: "secret-certificate",
      acme: undefined,
      servers: [{ name: "s1", number: 1, release: "stable-11146-2", web: shard.endpoints.web }],
      routes: [],
      keeper: { stack: "test", order: ["edge-a"], others: [], token: "secret-token-of-keepers" },
    }),
  ];
}

const member: Member = {
  name: "{{instance}}",
  publicAddress: "198.51.100.11",
  privateAddress: "10.213.0.11",
  mediaPort: "{{mediaPort}}",
};
const bridge = bridgeContainer(member, { images, shard, password: "secret-bridges" });
const jibri = jibriContainer(member, {
  images,
  publicUrl: "https://meet.school.net",
  edge: { domain: "meet.school.net", addresses: ["10.213.0.11"] },
  shards: [
    { name: "s1", address: shard },
    {
      name: "s2",
      address: {
        ...shard,
        endpoints: { ...shard.endpoints, xmpp: { ...shard.endpoints.xmpp, port: 22002 } },
      },
    },
  ],
  acceptAnyCertificate: false,
  trustedKeys: [],
  passwords: { xmpp: "secret-jibris", recorder: "secret-recorder" },
});

/** A file that is no secret. */
function fileOf({ files }: Pick<InstanceSpec, "files">, path: string): string {
  const content = files.find((file) => file.path === path)?.content;
  assert(typeof content === "string", `${path} is no file, or secret`);
  return content;
}

const docker = (spec: ContainerSpec): ReturnType<typeof containerArgs> =>
  containerArgs(spec, { name: "x", privateAddress: "10.213.0.11", networks: ["n"], volumes: [] });

/** What of Docker's API matters here. */
interface Body {
  readonly User: string;
  readonly ExposedPorts?: Record<string, object>;
  readonly HostConfig: {
    readonly ReadonlyRootfs: boolean;
    readonly CapDrop: string[];
    readonly SecurityOpt: string[];
    readonly Memory: number;
    readonly MemorySwap: number;
    readonly LogConfig: { readonly Config: object };
    readonly RestartPolicy: { readonly Name: string };
    readonly PortBindings?: Record<string, object[]>;
    readonly Privileged?: boolean;
    readonly Tmpfs: Record<string, string>;
    readonly Mounts: { readonly Type: string; readonly Source?: string; readonly Target: string }[];
  };
}
const body = (spec: InstanceSpec): Body =>
  instanceBody(spec, { network: "n", volumes: { recordings: "v" }, labels: {} }) as unknown as Body;

describe("a container's host name", () => {
  it("is its name, or as much of it as Linux takes, told from others", () => {
    assert.equal(containerHostname("jitsi-school-s1-web"), "jitsi-school-s1-web");
    const long = `jitsi-school-district-north-prod-agent-frankfurt-rack-12-a-uploader`;
    assert.equal(long.length, 67);
    assert.equal(containerHostname(long).length, 64);
    assert.notEqual(containerHostname(long), containerHostname(`${long}2`));
    assert.equal(containerHostname("x".repeat(64)), "x".repeat(64));
  });
});

describe("HAProxy's memory", () => {
  it("has room for what it remembers, twice during a reload", () => {
    assert.equal(haproxyMemoryMiB(200_000), 1024);
    for (const rooms of [2_290_000, 10_000_000]) assert(haproxyMemoryMiB(rooms) * 2 ** 20 > 2 * 462 * rooms);
  });
});

describe("containers", () => {
  for (const spec of every())
    describe(spec.name, () => {
      it("runs read-only, unprivileged, without capabilities, bounded, its log rotated", () => {
        const args = docker(spec);
        assert.equal(args.readOnly, true);
        assert.deepEqual(args.capabilities, { drops: ["ALL"] });
        assert.deepEqual(args.securityOpts, ["no-new-privileges:true"]);
        // rclone writes to a directory of the machine, which is root's.
        assert(typeof args.user === "string" && (spec.name === "rclone" || /^[1-9]/.test(args.user)));
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
        const expected = { haproxy: [80, 443] }[spec.name] ?? [];
        assert.deepEqual(toTheWorld, expected);
        assert(ports.every(({ ip }) => ip === "0.0.0.0" || ip === "10.213.0.11"));
      });
    });

  for (const spec of [bridge, jibri])
    describe(`${spec.name}, as the agent makes it`, () => {
      it("runs read-only, unprivileged, without capabilities, bounded, its log rotated, started once", () => {
        const { HostConfig, User } = body(spec);
        assert.equal(HostConfig.ReadonlyRootfs, true);
        assert.deepEqual(HostConfig.CapDrop, ["ALL"]);
        assert.deepEqual(HostConfig.SecurityOpt, ["no-new-privileges:true"]);
        assert.match(User, /^[1-9]/);
        assert(HostConfig.Memory >= 128 * 1024 * 1024 && HostConfig.Memory === HostConfig.MemorySwap);
        assert.deepEqual(HostConfig.LogConfig.Config, { "max-size": "10m", "max-file": "5" });
        assert.deepEqual(HostConfig.RestartPolicy, { Name: "no" });
        assert.equal(HostConfig.Privileged, undefined);
        assert(HostConfig.Mounts.every(({ Type }) => Type === "volume"));
      });

      it("shows no secret in what Docker shows of it", () => {
        const shown = JSON.stringify(body(spec));
        assert(!shown.includes("secret-"), shown);
      });

      it("publishes nothing but a bridge's media", () => {
        const { ExposedPorts, HostConfig } = body(spec);
        const published = spec.name === "jvb" ? ["{{mediaPort}}/udp"] : [];
        assert.deepEqual(Object.keys(HostConfig.PortBindings ?? {}), published);
        assert.deepEqual(Object.keys(ExposedPorts ?? {}), published);
      });
    });

  describe("keepalived", () => {
    const edges = ["a", "b", "c"].map((name, index) => ({
      name,
      publicAddress: `198.51.100.${11 + index}`,
      privateAddress: `10.213.0.${11 + index}`,
    }));
    const keepalived = (shared: { address: string; interface?: string; password?: string }, host = "b") =>
      keepalivedContainer({
        image: "keepalived:2",
        shared: { prefixLength: 24, routerId: 7, ...shared },
        edges,
        host,
        liveness: "http://10.213.0.12:23005/live",
      });
    const configurationOf = ({ files }: ContainerSpec): string => files[0]?.content as string;

    it("is on the host's network with four capabilities, and otherwise as the others", () => {
      const spec = keepalived({ address: "198.51.100.50", password: "secret-8" });
      const args = docker(spec);
      assert.equal(args.networkMode, "host");
      assert.equal(args.networksAdvanced, undefined);
      assert.deepEqual(args.ports, []);
      assert.deepEqual(args.capabilities, {
        drops: ["ALL"],
        adds: ["CAP_NET_ADMIN", "CAP_NET_RAW", "CAP_SETGID", "CAP_SETUID"],
      });
      assert.equal(args.readOnly, true);
      assert.deepEqual(args.securityOpts, ["no-new-privileges:true"]);
      assert.equal(args.privileged, undefined);
      assert.match(configurationOf(spec), /auth_pass secret-8/);
      assert(!JSON.stringify(args).includes("secret-8"));
    });

    it("speaks to each of the others by the addresses in the shared one's network", () => {
      const inPublic = configurationOf(keepalived({ address: "198.51.100.50" }));
      assert.deepEqual(inPublic.match(/198\.51\.100\.\d+/g), [
        "198.51.100.12",
        "198.51.100.11",
        "198.51.100.13",
        "198.51.100.50",
      ]);
      assert.match(inPublic, /unicast_src_ip 198\.51\.100\.12/);
      assert(!inPublic.includes("authentication"));
      const inPrivate = configurationOf(keepalived({ address: "10.213.0.50" }));
      assert.match(inPrivate, /unicast_src_ip 10\.213\.0\.12/);
      assert(!inPrivate.includes("198.51.100"));
    });

    it("has a priority of its own on each edge", () => {
      const priorities = edges.map(
        ({ name }) =>
          /priority (\d+)/.exec(configurationOf(keepalived({ address: "10.213.0.50" }, name)))?.[1],
      );
      assert.equal(new Set(priorities).size, edges.length, priorities.join());
    });

    it("takes the interface that is named, and else finds it", () => {
      const [, , named] = keepalived({ address: "10.213.0.50", interface: "bond0" }).command;
      assert.match(named ?? "", /interface=bond0;/);
      const [, , found] = keepalived({ address: "10.213.0.50" }).command;
      assert.match(found ?? "", /address show to 10\.213\.0\.12\)/);
    });
  });

  it("a bridge advertises the address and port at which it is published", () => {
    assert.equal(bridge.env["JVB_ADVERTISE_IPS"], "198.51.100.11#{{mediaPort}},10.213.0.11#{{mediaPort}}");
    assert.equal(bridge.env["JVB_PORT"], "{{mediaPort}}");
    assert.equal(bridge.env["JVB_DISABLE_STUN"], "1");
  });

  it("two people alone in a room ask no third party where they are", () => {
    const config = (peerToPeer: Settings["peerToPeer"]): string => {
      const web = shardContainers({
        privateNetworks,
        name: "s1",
        publicUrl: "https://meet.school.net",
        images,
        address: shard,
        auth: settings.auth,
        recordings: settings.recordings,
        peerToPeer,
        secrets: { jicofo: "", bridges: "", jibris: "", recorder: "" },
      }).find(({ name }) => name === "web");
      assert.equal(web?.env["ENABLE_P2P"], peerToPeer.enabled ? "1" : "0");
      return fileOf(web, "config/custom-config.js");
    };
    const read = (text: string): unknown =>
      // As a page reads it. JSON: what comes from another context is of other classes.
      JSON.parse(
        String(
          runInNewContext(`${text}; JSON.stringify(config)`, {
            config: { p2p: { enabled: true } },
            subdir: "school/",
          }),
        ),
      );
    assert.deepEqual(read(config({ enabled: false, stunServers: [] })), {
      p2p: { enabled: true, stunServers: [] },
      websocketKeepAliveUrl: "https://meet.school.net/school/_unlock",
    });
    assert.deepEqual(read(config({ enabled: true, stunServers: ["stun.school.net:3478"] })), {
      p2p: { enabled: true, stunServers: [{ urls: "stun:stun.school.net:3478" }] },
      websocketKeepAliveUrl: "https://meet.school.net/school/_unlock",
    });
  });

  it("they do by default only where there is a relay", () => {
    const enabled = (more: object): boolean => {
      const apart = spoilt("docker.hosts[0].roles", ["edge", "shard", "jibri", "scaler"]);
      return parseSettings({ ...apart, ...more }, "test").peerToPeer.enabled;
    };
    const turn = { type: "shared443", domain: "turn.school.net" };
    assert.equal(enabled({}), false);
    assert.equal(enabled({ peerToPeer: { enabled: true } }), true);
    assert.equal(enabled({ turn }), true);
    assert.equal(enabled({ turn, peerToPeer: { enabled: false } }), false);
  });

  it("a Jibri's browser is told where a name under localhost is: it would look on itself", () => {
    const added = (domain: string): string =>
      fileOf(
        jibriContainer(member, {
          images,
          publicUrl: `https://${domain}`,
          edge: { domain, addresses: ["172.17.0.1", "172.17.0.2"] },
          shards: [{ name: "s1", address: shard }],
          acceptAnyCertificate: true,
          trustedKeys: [],
          passwords: { xmpp: "", recorder: "" },
        }),
        "config/custom-jibri.conf",
      );
    assert.match(
      added("meet.localhost"),
      /^jibri\.chrome\.flags \+= "--host-resolver-rules=MAP meet\.localhost 172\.17\.0\.1"$/m,
    );
    assert.doesNotMatch(added("meet.school.net"), /chrome/);
  });

  it("a Jibri knows each shard's Prosody by a name of its own, also where both are on one host", () => {
    const servers = (jibri.env["XMPP_SERVER"] ?? "").split(",").map((server) => server.split(":"));
    assert.deepEqual(
      servers.map(([host, port]) => [jibri.knownHosts[host ?? ""], port]),
      [
        [[shard.endpoints.xmpp.address], String(shard.endpoints.xmpp.port)],
        [[shard.endpoints.xmpp.address], "22002"],
      ],
    );
    const names = servers.map(([host = ""]) => host);
    assert.equal(new Set(names).size, names.length);
    // Chromium and curl send the one to loopback, and one label may be completed by the host's search list.
    for (const name of names) assert.match(name, /^(?!.*\.localhost$)[a-z0-9-]+(\.[a-z0-9-]+)+$/);
  });

  it("a Jibri records into a directory of its own, below a volume that outlives it", () => {
    assert.equal(jibri.env["JIBRI_RECORDING_DIR"], "/storage/recordings/{{instance}}");
    const { Mounts } = body(jibri).HostConfig;
    assert.deepEqual(
      Mounts.find(({ Target }) => Target === "/storage"),
      { Type: "volume", Source: "v", Target: "/storage" },
    );
    const script = jibri.files.find(({ path }) => path === "finalize.sh");
    assert.equal(script?.executable, true);
    assert.equal(jibri.env["JIBRI_FINALIZE_RECORDING_SCRIPT_PATH"], "/fleet/finalize.sh");
  });

  it("a Jibri's logs, which the image puts beside the recordings, go with it and are bounded", () => {
    const { Tmpfs } = body(jibri).HostConfig;
    assert.match(Tmpfs["/storage/logs"] ?? "", /^size=\d{3}m,.*uid=1000/);
    const [size = 0] = jibri.scratch
      .filter(({ path }) => path === "/storage/logs")
      .map(({ sizeMiB }) => sizeMiB);
    // Four handlers of the image's logging.properties: ten files of 10 MB each.
    assert(size * 2 ** 20 > 4 * 10 * 10_000_000);
    assert(size < jibri.resources.memoryMiB / 8);
  });

  it("users are told of the relay, with credentials signed with its secret", () => {
    const prosody = every().find(({ name }) => name === "prosody");
    assert.equal(prosody?.env["TURNS_HOST"], "turn.school.net");
    assert.equal(prosody.env["TURNS_PORT"], "443");
    assert.equal(prosody.secrets["TURN_CREDENTIALS"], "secret-turn");
  });

  it("only tokens with the feature may record where the settings say so", () => {
    const auth = { ...settings.auth, recorders: "token" as const };
    const secrets = { jicofo: "", bridges: "", jibris: "", recorder: "" };
    const [prosody] = shardContainers({
      privateNetworks,
      name: "s1",
      publicUrl: "https://meet.school.net",
      images,
      address: shard,
      auth,
      recordings: { record: true, stream: false },
      peerToPeer: settings.peerToPeer,
      secrets,
    });
    assert.equal(prosody?.env["XMPP_MODULES"], "muc_census,filter_iq_jibri");
    assert.match(prosody.env["GLOBAL_CONFIG"] ?? "", /livestreaming = false; recording = true/);
  });
});
