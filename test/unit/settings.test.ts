import assert from "node:assert/strict";
import { parseSettings } from "../../components/settings";
import type { Fault } from "../../components/settings/faults";
import { issue } from "../support/certificates";
import { faultsIn, goodAwsSettings, goodSettings, spoilt } from "./goodSettings";

const { certificate, privateKey: key } = issue("meet.school.net");
const both = issue("meet.school.net", { names: ["meet.school.net", "turn.school.net"] });

const acme = { mode: "acme", email: "operator@school.net" };
/** With a relay, and the bridges elsewhere than it. */
const withRelay = (domain: string): Record<string, unknown> => ({
  ...spoilt("docker.hosts[0].roles", ["edge", "shard", "jibri", "scaler"]),
  bridges: { max: 10 },
  turn: { type: "shared443", domain },
});

const bucket = { type: "s3", bucket: "recordings", accessKeyId: "id", secretAccessKey: "of-the-store" };

const login = (more: object) => ({ host: "ghcr.io", username: "puller", password: "password-1", ...more });

/** What is spoilt, with what; where the fault is told, and what of its words matters. */
const bad: readonly [path: string, value: unknown, at: string, words: RegExp][] = [
  // Wrong types
  ["production", "yes", "production", /"yes"; it must be true or false/],
  ["domain", 7, "domain", /is 7; it must be a text/],
  ["shards", "s1", "shards", /must be a list/],
  ["shards[0]", "s1", "shards[0]", /must be an object/],
  ["bridges", 4, "bridges", /must be an object/],
  ["bridges.min", "2", "bridges.min", /is "2"; it must be a number/],
  ["bridges.max", 2.5, "bridges.max", /a whole number/],
  ["jibris.free", true, "jibris.free", /is true; it must be a number/],
  ["recordings.record", "on", "recordings.record", /true or false/],
  ["edge.httpPort", "80", "edge.httpPort", /must be a number/],
  ["docker.hosts", {}, "docker.hosts", /must be a list/],
  ["docker.hosts[0].roles", "edge", "docker.hosts[0].roles", /must be a list/],
  ["docker.hosts[0].drained", "no", "docker.hosts[0].drained", /true or false/],
  ["tags", ["it"], "tags", /must be an object/],
  ["tags.owner", 5, "tags.owner", /must be a text/],
  ["allowCutCalls", "please", "allowCutCalls", /true or false/],
  // As pulumi config set --path leaves them before what it sets
  [
    "shards",
    [null, null, { name: "s3" }],
    "shards[1]",
    /is null: .* pulumi config rm shards, then npm run shard -- add/,
  ],
  [
    "docker.hosts",
    [null, { name: "b" }],
    "docker.hosts[0]",
    /is null: .* pulumi config rm --path 'docker\.hosts\[0\]'/,
  ],
  // Missing
  ["domain", undefined, "domain", /is missing/],
  ["auth", undefined, "auth", /is missing/],
  ["docker", undefined, "docker", /is missing/],
  ["docker.hosts[1].privateAddress", undefined, "docker.hosts[1].privateAddress", /is missing/],
  ["shards[1].name", undefined, "shards[1].name", /is missing/],
  ["auth", { type: "jwt", appSecret: "0123456789abcdef" }, "auth.appId", /is missing/],
  ["tls", { mode: "provided", certificate }, "tls.privateKey", /is missing/],
  ["tls", { mode: "provided", ...both, certificate }, "tls.privateKey", /is not the key of tls\.certificate/],
  [
    "tls",
    { mode: "provided", ...issue("www.other.net") },
    "tls.certificate",
    /is not for domain, meet\.school\.net/,
  ],
  ["tls", { ...acme, ca: certificate.slice(0, 99) }, "tls.ca", /is cut off/],
  [
    "recordings.store",
    { ...bucket, endpoint: "https://s3.lan", ca: certificate.slice(0, 99) },
    "recordings.store.ca",
    /is cut off/,
  ],
  ["tls", { mode: "acme" }, "tls.email", /is missing/],
  ["tls", { ...acme, eab: { keyId: "kid" } }, "tls.eab.hmacKey", /is missing/],
  // Ranges
  ["bridges.min", 0, "bridges.min", /is 0, below 1/],
  ["bridges.max", 201, "bridges.max", /is 201, above 200/],
  ["bridges.capacity", 1, "bridges.capacity", /below 2/],
  ["jibris.free", -1, "jibris.free", /is -1, below 0/],
  ["scaler", { tickSeconds: 0 }, "scaler.tickSeconds", /below 1/],
  ["jibris.max", 501, "jibris.max", /above 500/],
  ["edge.httpsPort", 70000, "edge.httpsPort", /above 65535/],
  ["docker.hosts[0].slots", { bridges: 201 }, "docker.hosts[0].slots.bridges", /above 200/],
  ["shards", [], "shards", /at least one shard/],
  ["docker.hosts", [], "docker.hosts", /name at least one host/],
  ["docker.hosts[0].roles", [], "docker.hosts[0].roles", /is empty/],
  // Choices
  ["platform", "kubernetes", "platform", /choose one of: docker, aws/],
  ["platform", "aws", "docker", /of no use with platform aws/],
  ["platform", "aws", "aws", /is missing; name region/],
  ["aws", goodAwsSettings()["aws"], "aws", /of no use with platform docker; .* set platform to aws/],
  ["shards[0].zone", "eu-central-1a", "shards[0].zone", /no meaning with platform docker; take host/],
  ["shards[0].state", "dran", "shards[0].state", /did you mean drain\?/],
  ["tls.mode", "acne", "tls.mode", /did you mean acme\?\); choose one of: self-signed, provided, acme/],
  ["auth.type", "jtw", "auth.type", /did you mean jwt\?/],
  ["auth.recorders", "everybody", "auth.recorders", /moderators, token/],
  ["docker.hosts[0].roles", ["edge", "shards"], "docker.hosts[0].roles[1]", /did you mean shard\?/],
  // Formats
  ["domain", "https://meet.school.net", "domain", /host name/],
  ["domain", "Meet.School.net", "domain", /small letters/],
  ["shards[0].name", "one", "shards[0].name", /then a number/],
  ["shards[0].name", "s0", "shards[0].name", /from 1 to 999/],
  ["shards[0].name", "s1000", "shards[0].name", /from 1 to 999/],
  ["images.release", "", "images.release", /image tag/],
  ["images.registry", "https://registry", "images.registry", /image repository/],
  ["docker.hosts[0].name", "Host A", "docker.hosts[0].name", /small letters/],
  ["docker.hosts[0].address", "/var/run/docker.sock", "docker.hosts[0].address", /unix:\/\/\//],
  ["docker.hosts[0].publicAddress", "meet.school.net", "docker.hosts[0].publicAddress", /IPv4/],
  ["docker.hosts[1].hostKey", "SHA256:abc", "docker.hosts[1].hostKey", /public host key/],
  ["docker.hosts[0].udpPorts", "10000", "docker.hosts[0].udpPorts", /range of ports/],
  ["docker.hosts[0].udpPorts", "10099-10000", "docker.hosts[0].udpPorts", /range of ports/],
  ["docker.hosts[0].udpPorts", "80-1100", "docker.hosts[0].udpPorts", /from 1024/],
  ["tags", { "1st": "x" }, "tags.1st", /tag's name/],
  [
    "tls",
    { mode: "provided", certificate: "cert.pem", privateKey: key },
    "tls.certificate",
    /PEM certificate/,
  ],
  ["tls", { ...acme, email: "operator" }, "tls.email", /e-mail address/],
  ["tls", { ...acme, directoryUrl: "http://acme.school.net" }, "tls.directoryUrl", /not a URL such as https/],
  ["tls", { ...acme, ca: "/etc/ca.pem" }, "tls.ca", /PEM certificate/],
  ["tls", { ...acme, eab: { keyId: "kid", hmacKey: "a key" } }, "tls.eab.hmacKey", /no HMAC key/],
  ["auth", { type: "jwt", appId: "a", appSecret: "short" }, "auth.appSecret", /shorter than 16/],
  // Unknown keys
  ["bridge", { max: 3 }, "bridge", /did you mean bridges\?/],
  ["bridges.maximum", 3, "bridges.maximum", /is not a setting; known here: min, max, capacity/],
  ["jibris.fre", 3, "jibris.fre", /did you mean free\?/],
  ["shards[1].status", "ready", "shards[1].status", /is not a setting/],
  ["docker.hosts[0].addres", "x", "docker.hosts[0].addres", /did you mean address\?/],
  ["docker.hosts[0].slots", { bridge: 2 }, "docker.hosts[0].slots.bridge", /did you mean bridges\?/],
  ["tls.certificate", certificate, "tls.certificate", /is not a setting/],
  ["auth.guests", true, "auth.guests", /is not a setting/],
  // Duplicates
  ["shards[1].name", "s1", "shards[1].name", /already the name of shards\[0\]/],
  ["shards[1].name", "eu1", "shards[1].name", /number is a shard's identity/],
  ["docker.hosts[1].name", "a", "docker.hosts[1].name", /already the name/],
  ["docker.hosts[1].privateAddress", "10.213.0.11", "docker.hosts[1].privateAddress", /needs its own/],
  [
    "docker.hosts[0].roles",
    ["edge", "edge", "shard", "bridge", "jibri"],
    "docker.hosts[0].roles",
    /names edge twice/,
  ],
  // Contradictions
  ["bridges.min", 11, "bridges.min", /above bridges\.max \(10\)/],
  ["jibris.free", 5, "jibris.free", /above jibris\.max \(4\)/],
  ["bridges.max", 60, "bridges.max", /120 bridges, but the hosts have places for 80/],
  ["docker.hosts[0].roles", ["edge", "shard", "bridge", "jibri"], "docker.hosts", /role scaler/],
  ["docker.hosts[0].socket", "docker.sock", "docker.hosts[0].socket", /absolute path/],
  ["images.node", "node 24", "images.node", /not an image/],
  ["recordings.store", { type: "ftp" }, "recordings.store.type", /directory or s3|choose one of/],
  ["recordings.store", { type: "directory", path: "recordings" }, "recordings.store.path", /absolute path/],
  [
    "recordings.store",
    { type: "s3", accessKeyId: "x", secretAccessKey: "y" },
    "recordings.store.bucket",
    /missing/,
  ],
  ["recordings.store", { ...bucket, bucket: "My Bucket" }, "recordings.store.bucket", /not a bucket's name/],
  ...["192.168.5.4", "a..b", "a.-b", "a-.b", "ab", "-ab", "a".repeat(64)].map(
    (name): (typeof bad)[number] => [
      "recordings.store",
      { ...bucket, bucket: name },
      "recordings.store.bucket",
      /not a bucket's name .* and no address/,
    ],
  ),
  ...["xn--ab", "sthree-x", "my-s3alias", "my--x-s3"].map((name): (typeof bad)[number] => [
    "recordings.store",
    { ...bucket, bucket: name },
    "recordings.store.bucket",
    /as no bucket of AWS may/,
  ]),
  [
    "recordings.store",
    { ...bucket, provider: "minio", endpoint: "https://s3.school.net" },
    "recordings.store.provider",
    /"minio".*Minio/,
  ],
  ["recordings.store", { ...bucket, ca: "no PEM" }, "recordings.store.ca", /not a PEM certificate/],
  [
    "recordings.store",
    { ...bucket, ca: certificate },
    "recordings.store.ca",
    /of no use without an endpoint/,
  ],
  ["recordings.store", { ...bucket, proxy: "proxy:3128" }, "recordings.store.proxy", /not a URL/],
  ["recordings.spaceGiB", 0, "recordings.spaceGiB", /below 0.1/],
  [
    "docker.hosts[0].privateAddress",
    "198.51.100.11",
    "docker.hosts[0].privateAddress",
    /is publicAddress, too/,
  ],
  [
    "docker.hosts[1].privateAddress",
    "203.0.113.7",
    "docker.hosts[1].privateAddress",
    /in no private network .*docker\.privateNetworks/,
  ],
  ["docker.privateNetworks", ["198.18.0.1/15"], "docker.privateNetworks[0]", /not a range/],
  ["images.mirror", "https://mirror.school.net", "images.mirror", /not an image repository/],
  ...["https://ghcr.io", "ghcr.io/jitsi", "ghcr", "GHCR.io"].map((host): (typeof bad)[number] => [
    "images.registries",
    [login({ host })],
    "images.registries[0].host",
    /not a registry such as registry\.school\.net:5000.*docker\.io is Docker Hub/,
  ]),
  [
    "images.registries",
    [login({ host: "registry-1.docker.io" })],
    "images.registries[0].host",
    /no image comes from registry-1\.docker\.io; they come from: docker\.io, quay\.io, ghcr\.io$/,
  ],
  [
    "images",
    { mirror: "mirror.school.net/hub", registries: [login({ host: "mirror.school.net" }), login({})] },
    "images.registries[1].host",
    /no image comes from ghcr\.io; they come from: mirror\.school\.net$/,
  ],
  [
    "images.registries",
    [login({}), login({})],
    "images.registries[1].host",
    /ghcr\.io is images\.registries\[0\]/,
  ],
  [
    "images.registries",
    [login({ host: "123456789012.dkr.ecr.eu-central-1.amazonaws.com" })],
    "images.registries[0].host",
    /is ECR's, whose passwords are good for 12 hours; .*images\.mirror/,
  ],
  ["images.registries", [login({ username: "a:b" })], "images.registries[0].username", /has a colon/],
  ["images.registries", [login({ password: "" })], "images.registries[0].password", /is empty/],
  ["images.registries", [login({ password: undefined })], "images.registries[0].password", /is missing/],
  ["images.registries", [login({ token: "t" })], "images.registries[0].token", /is not a setting/],
  ["tags", { "9x": "it" }, "tags.9x", /not a tag's name/],
  ["recordings.store", { ...bucket, prefix: "/schools/" }, "recordings.store.prefix", /between slashes/],
  ["recordings.store", { ...bucket, provider: "Minio" }, "recordings.store.endpoint", /is missing/],
  ["recordings.store", { ...bucket, endpoint: "s3.school.net" }, "recordings.store.endpoint", /not a URL/],
  ["jibris.max", 9, "jibris.max", /more than the hosts' 8 slots/],
  ["edge.httpsPort", 80, "edge.httpPort", /two ports/],
  ["shards[0].host", undefined, "shards[0].host", /choose one of: a, b/],
  ["shards[0].host", "c", "shards[0].host", /not in docker\.hosts; choose one of: a, b/],
  ["shards", [{ name: "s1", host: "a", state: "drain" }], "shards", /none in state ready/],
  ["recordings.record", false, "jibris.free", /recordings\.stream are both false/],
  ["jibris", { free: 0, max: 0 }, "jibris.max", /recording or streaming is allowed/],
  ["auth.recorders", "token", "auth.recorders", /only jwt has tokens/],
  [
    "docker.hosts[0].privateAddress",
    "127.0.0.1",
    "docker.hosts[0].privateAddress",
    /not reached from containers/,
  ],
  ["docker.hosts[0].publicAddress", "0.0.0.0", "docker.hosts[0].publicAddress", /cannot be advertised/],
  ["bridges", { max: 200, capacity: 80 }, "bridges.max", /16000 participants in one shard.*add shards/],
  [
    "peerToPeer",
    { stunServers: ["stun.school.net"] },
    "peerToPeer.stunServers[0]",
    /stun\.example\.org:3478/,
  ],
  ["docker.hosts[1].hostKey", undefined, "docker.hosts[1].hostKey", /could pose as this host/],
  ["docker.hosts[0].hostKey", "ssh-ed25519 AAAA", "docker.hosts[0].hostKey", /belongs to ssh:\/\//],
  ["docker.hosts[0].address", "tcp://10.213.0.11:2376", "docker.hosts[0].tls", /hands root to its network/],
  ["docker.hosts[0].drained", true, "shards[0].state", /its host a is drained/],
  ["docker.hosts[0].roles", ["shard", "bridge", "jibri"], "docker.hosts", /no host with the role edge/],
  [
    "docker.hosts[1].publicAddress",
    "198.51.100.11",
    "docker.hosts[1].udpPorts",
    /range of docker\.hosts\[0\]/,
  ],
  ["docker.sharedAddress", { address: "meet.school.net" }, "docker.sharedAddress.address", /IPv4/],
  [
    "docker.sharedAddress",
    { address: "198.51.100.50", interface: "eth 0" },
    "docker.sharedAddress.interface",
    /eth0/,
  ],
  [
    "docker.sharedAddress",
    { address: "198.51.100.50", routerId: 256 },
    "docker.sharedAddress.routerId",
    /above 255/,
  ],
  [
    "docker.sharedAddress",
    { address: "198.51.100.50", password: "nine-long" },
    "docker.sharedAddress.password",
    /1 to 8/,
  ],
  [
    "docker.sharedAddress",
    { address: "198.51.100.50" },
    "docker.sharedAddress",
    /only a has the role edge; give the role to another host/,
  ],
  ["docker.sharedAddress", { address: "10.213.0.12" }, "docker.sharedAddress.address", /is b's own/],
  ["images.keepalived", "Keepalived", "images.keepalived", /not an image/],
  ["production", true, "auth.type", /open in production/],
  ["production", true, "tls.mode", /self-signed in production/],
  ["monitoring", { type: "elk" }, "monitoring.type", /none or cloudwatch|choose one of/],
  ["monitoring", { type: "cloudwatch" }, "monitoring.type", /takes platform aws/],
  ["monitoring", { type: "cloudwatch", intervalSeconds: 5 }, "monitoring.intervalSeconds", /10/],
  ["turn", { type: "shared" }, "turn.type", /none or shared443|choose one of/],
  ["turn", { type: "shared443" }, "turn.domain", /is missing/],
  ["turn", { type: "none", domain: "turn.school.net" }, "turn.domain", /is not a setting/],
  ["turn", { type: "shared443", domain: "turn.school.net:443" }, "turn.domain", /host name/],
  ["turn", { type: "shared443", domain: "meet.school.net" }, "turn.domain", /as domain; .* give another/],
  [
    "turn",
    { type: "shared443", domain: "turn.school.net" },
    "docker.hosts[0].roles",
    /leave bridges to other/,
  ],
  ["images.coturn", "coturn 4", "images.coturn", /not an image/],
  ["images.telegraf", "telegraf 1", "images.telegraf", /not an image/],
];

describe("settings", () => {
  it("takes good ones, fills in defaults and freezes them", () => {
    const settings = parseSettings({ ...goodSettings(), bridges: { max: 8 } }, "test");
    assert.deepEqual(settings.bridges, {
      min: 2,
      max: 8,
      capacity: 80,
      fillPercent: 70,
      spare: 1,
      scaleInDelaySeconds: 600,
    });
    assert.deepEqual(settings.shards[1], {
      name: "s2",
      state: "ready",
      place: "b",
      number: 2,
      release: "stable-11146-2",
    });
    assert(settings.platform === "docker");
    assert.deepEqual(settings.docker.hosts[0]?.ports, { first: 10000, last: 10099 });
    assert.throws(() => Object.assign(settings.bridges, { max: 1 }), TypeError);
  });

  it("has at least 60 ways to be wrong below", () => assert(bad.length >= 60, `${bad.length}`));

  for (const [path, value, at, words] of bad)
    it(`refuses ${path} = ${value === undefined ? "nothing" : JSON.stringify(value).slice(0, 60)}`, () => {
      const faults = faultsIn(spoilt(path, value));
      const told = faults.filter((fault) => fault.path === at);
      assert(
        told.some(({ message }) => words.test(message)),
        `${at} ${String(words)} is not among ${JSON.stringify(faults, undefined, 2)}`,
      );
    });

  it("tells of an unknown platform that alone", () => {
    assert.deepEqual(
      faultsIn(spoilt("platform", "kubernetes")).map(({ path }) => path),
      ["platform"],
    );
  });

  it("tells all faults at once, of the shape and of what contradicts", () => {
    const given = { ...spoilt("shards[1].name", "s1"), domain: 7, bridge: {}, edge: { httpPort: 443 } };
    assert.deepEqual(
      faultsIn(given)
        .map(({ path }) => path)
        .sort(),
      ["bridge", "domain", "edge.httpPort", "shards[1].name"],
    );
  });

  it("counts a host's places for bridges by its ports, where they are fewer than its slots", () => {
    const given = { ...spoilt("docker.hosts[0].udpPorts", "10000-10001"), bridges: { max: 22 } };
    assert.match(faultsIn(given)[0]?.message ?? "", /44 bridges, but the hosts have places for 42/);
  });

  it("takes as a shared address one of the edges' network, the public or the private one, and no other", () => {
    const faultsOf = (sharedAddress: object, publicAddresses = ["198.51.100.11", "198.51.100.12"]) => {
      const { docker, ...others } = goodSettings() as { docker: { hosts: object[] } };
      const hosts = docker.hosts.map((host, index) => ({
        ...host,
        publicAddress: publicAddresses[index],
        roles: ["edge", "shard", "bridge", "jibri", "scaler"],
      }));
      const found = faultsIn({ ...others, docker: { hosts, sharedAddress } });
      return found.filter(({ path }) => path.startsWith("docker.sharedAddress"));
    };
    assert.deepEqual(faultsOf({ address: "198.51.100.50" }), []);
    assert.deepEqual(faultsOf({ address: "10.213.0.50" }), []);
    const behindOneRouter = ["203.0.113.1", "203.0.113.1"];
    assert.deepEqual(faultsOf({ address: "10.213.0.50" }, behindOneRouter), []);
    const strangers: [object, string[]?][] = [
      [{ address: "192.0.2.50" }],
      [{ address: "198.51.100.50", prefixLength: 28 }],
      [{ address: "203.0.113.50" }, behindOneRouter],
      [{ address: "198.51.100.50" }, ["198.51.100.11", "203.0.113.12"]],
    ];
    for (const [sharedAddress, publicAddresses] of strangers) {
      const [fault] = faultsOf(sharedAddress, publicAddresses);
      assert.equal(fault?.path, "docker.sharedAddress.address", JSON.stringify(sharedAddress));
      assert.match(fault.message, /neither the public addresses of all edges.*\(a, b\)/);
    }
  });

  it("refuses in production an address that leads each user to their own machine", () => {
    const production = spoilt("docker.hosts[0].publicAddress", "127.0.0.1", {
      ...goodSettings(),
      production: true,
    });
    const found = faultsIn(production).find(({ path }) => path === "docker.hosts[0].publicAddress");
    assert.match(found?.message ?? "", /their own machine; give the address/);
  });

  it("refuses in production a store to which recordings and keys would travel in clear", () => {
    const store = { ...bucket, provider: "Minio", endpoint: "http://s3.school.net" };
    const given = spoilt("recordings.store", store);
    assert.deepEqual(faultsIn(given), []);
    const told = faultsIn({ ...given, production: true }).map(({ path }) => path);
    assert(told.includes("recordings.store.endpoint"), told.join());
  });

  it("takes a certificate by ACME; in production from a real authority, which looks at port 80", () => {
    const production = {
      ...goodSettings(),
      production: true,
      domain: "meet.school.net",
      auth: { type: "internal" },
      tls: acme,
    };
    const edge = { httpPort: 8080 };
    assert.deepEqual(parseSettings(production, "test").tls, {
      ...acme,
      directoryUrl: "https://acme-v02.api.letsencrypt.org/directory",
    });
    const [port, ...more] = faultsIn({ ...production, edge });
    assert.deepEqual([port?.path, more], ["edge.httpPort", []]);
    assert.match(port?.message ?? "", /is 8080, but .* looks at port 80; set it to 80/);
    assert.deepEqual(faultsIn({ ...production, production: false, edge }), []);
    const own = { ...acme, directoryUrl: "https://acme.school.net/directory", ca: certificate };
    assert.deepEqual(faultsIn({ ...production, tls: own, edge }), []);

    const staging = {
      ...acme,
      directoryUrl: "https://acme-staging-v02.api.letsencrypt.org/directory",
    };
    const [trial] = faultsIn({ ...production, tls: staging });
    assert.equal(trial?.path, "tls.directoryUrl");
    assert.match(trial.message, /staging in production: browsers would refuse/);
    assert.deepEqual(faultsIn({ ...production, production: false, tls: staging }), []);
  });

  it("refuses to ask Let's Encrypt for a name that is not public", () => {
    for (const domain of ["meet.localhost", "meet"]) {
      const [fault] = faultsIn({ ...goodSettings(), domain, tls: acme });
      assert.equal(fault?.path, "tls.mode");
      assert.match(fault.message, /no public name; set domain to one/);
      const own = { ...acme, directoryUrl: "https://acme.school.net/directory" };
      assert.deepEqual(faultsIn({ ...goodSettings(), domain, tls: own }), []);
    }
  });

  it("takes every image from a mirror, below its whole name", () => {
    const { images } = parseSettings(spoilt("images.mirror", "mirror.school.net:5000/hub"), "test");
    const at = "mirror.school.net:5000/hub";
    assert.deepEqual(
      [images.registry, images.haproxy, images.coturn, images.keepalived, images.telegraf],
      [
        `${at}/ghcr.io/jitsi`,
        `${at}/docker.io/library/haproxy:3.2`,
        `${at}/docker.io/coturn/coturn:4.17.0`,
        `${at}/quay.io/openstack.kolla/keepalived:2026.1-ubuntu-noble`,
        `${at}/docker.io/library/telegraf:1.37.0`,
      ],
    );
  });

  it("takes one client certificate for all hosts on tcp://, which some have of their own", () => {
    const [a, b] = (goodSettings()["docker"] as { hosts: object[] }).hosts;
    const [common, own] = ["common", "own"].map((name) => ({ ca: both.certificate, ...issue(name) }));
    const address = (number: number) => `tcp://10.213.0.${number}:2376`;
    const plain: Record<string, unknown> = { ...b };
    delete plain["hostKey"];
    const hosts = [
      a,
      { ...plain, address: address(12) },
      {
        ...plain,
        name: "c",
        address: address(13),
        privateAddress: "10.213.0.13",
        publicAddress: "198.51.100.13",
        tls: own,
      },
    ];
    const settings = parseSettings({ ...goodSettings(), docker: { tls: common, hosts } }, "test");
    assert(settings.platform === "docker");
    assert.deepEqual(
      settings.docker.hosts.map(({ tls }) => tls),
      [undefined, common, own],
    );
    assert.deepEqual(
      faultsIn({ ...goodSettings(), docker: { tls: common, hosts: [a, b] } }).map(({ path }) => path),
      ["docker.tls"],
    );
  });

  it("takes hosts in a carrier's or an overlay's network, and in one that is named", () => {
    const networksWith = (path: string, value: unknown) => {
      const settings = parseSettings(spoilt(path, value), "test");
      return settings.privateNetworks;
    };
    const rfc1918 = ["10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16"];
    assert.deepEqual(networksWith("docker.hosts[1].privateAddress", "100.64.0.12"), [
      ...rfc1918,
      "100.64.0.0/10",
    ]);
    assert.deepEqual(networksWith("docker.hosts[1].privateAddress", "192.168.0.12"), rfc1918);
    const [a, b] = (goodSettings()["docker"] as { hosts: object[] }).hosts;
    const hosts = [a, { ...b, privateAddress: "198.18.0.12" }];
    assert.deepEqual(networksWith("docker", { hosts, privateNetworks: ["198.18.0.0/15"] }), [
      ...rfc1918,
      "198.18.0.0/15",
    ]);
  });

  it("wants a certificate that is for TURN's name too", () => {
    const tls = { mode: "provided", ...both };
    const faults = (domain: string): readonly Fault[] => faultsIn({ ...withRelay(domain), tls });
    assert.deepEqual(faults("turn.school.net"), []);
    assert.deepEqual(
      faults("relay.school.net").map(({ path }) => path),
      ["tls.certificate"],
    );
    assert.deepEqual(faultsIn(spoilt("tls", tls)), []);
  });

  it("refuses in production a name of TURN that is reserved for examples", () => {
    const given = withRelay("turn.example.org");
    assert.deepEqual(faultsIn(given), []);
    const told = faultsIn({ ...given, production: true }).map(({ path }) => path);
    assert(told.includes("turn.domain"), told.join());
  });

  it("never repeats a key or a certificate in an error", () => {
    const error = faultsIn(spoilt("auth", { type: "jwt", appId: 5, appSecret: "0123456789" }));
    assert(!JSON.stringify(error).includes("0123456789"), JSON.stringify(error));
    const tls = faultsIn(
      spoilt("tls", { mode: "provided", certificate: key, privateKey: `x${certificate}` }),
    );
    for (const line of `${key}${certificate}`.split("\n").filter((text) => /^[^-]{20}/.test(text)))
      assert(!JSON.stringify(tls).includes(line), JSON.stringify(tls));
    const eab = faultsIn(spoilt("tls", { ...acme, eab: { keyId: "kid", hmacKey: "of the authority" } }));
    assert(eab.length > 0 && !JSON.stringify(eab).includes("of the authority"), JSON.stringify(eab));
    const store = faultsIn(spoilt("recordings.store", { ...bucket, secretAccessKey: ["of-the-store"] }));
    assert(store.length > 0 && !JSON.stringify(store).includes("of-the-store"), JSON.stringify(store));
  });
});
