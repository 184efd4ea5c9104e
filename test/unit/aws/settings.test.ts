import assert from "node:assert/strict";
import { parseSettings } from "../../../components/settings";
import { instanceTypes } from "../../../components/settings/instanceTypes";
import { faultsIn, goodAwsSettings, spoilt } from "../goodSettings";

const arnOf = (region: string) =>
  `arn:aws:acm:${region}:123456789012:certificate/12345678-1234-1234-1234-123456789012`;

const vpcId = "vpc-0a1b2c3d4e5f60718";
const subnet = (number: number, zone: string, range: string, use = "machines") => ({
  id: `subnet-0000000${number}`,
  zone: `eu-central-1${zone}`,
  range,
  use,
});
const goodSubnets = [
  subnet(1, "a", "10.1.0.0/24"),
  subnet(2, "b", "10.1.1.0/24"),
  subnet(3, "a", "10.1.2.0/28", "loadBalancer"),
  subnet(4, "b", "10.1.2.16/28", "loadBalancer"),
];
const existing = (subnets: object[]) => ({ type: "existing", vpcId, subnets });
const withSubnet = (index: number, more: object) =>
  existing(goodSubnets.map((one, at) => (at === index ? { ...one, ...more } : one)));

const morning = { name: "morning", cron: "30 6 * * 1-5", bridgesMin: 4 };
const schedules = (more: object) => [morning, { ...morning, name: "evening", cron: "0 18 * * *", ...more }];

/** What is spoilt, with what; where the fault is told, and what of its words matters. */
const bad: readonly [path: string, value: unknown, at: string, words: RegExp][] = [
  // Shape
  ["aws", undefined, "aws", /is missing; name region, zones and image/],
  ["aws.region", undefined, "aws.region", /is missing/],
  ["aws.region", "Frankfurt", "aws.region", /not a region such as eu-central-1/],
  ["aws.zones", ["eu-central-1a"], "aws.zones", /fewer than two zones/],
  ["aws.zones", ["eu-central-1a", "b"], "aws.zones[1]", /not an availability zone/],
  ["aws.image", undefined, "aws.image", /is missing/],
  ["aws.image.id", "ubuntu", "aws.image.id", /not an image's id/],
  ["aws.image.architecture", "arm", "aws.image.architecture", /did you mean arm64\?/],
  ["aws.image.baked", "yes", "aws.image.baked", /is "yes"; it must be true or false/],
  ["aws.image.bake", true, "aws.image.bake", /is not a setting \(did you mean baked\?\)/],
  ["aws.bridge", { spot: true }, "aws.bridge", /did you mean bridges\?/],
  [
    "images",
    {
      registries: ["ghcr.io", "docker.io"].map((host) => ({
        host,
        username: "puller",
        password: "p".repeat(2000),
      })),
    },
    "images.registries",
    /take \d+ bytes, and a parameter of SSM holds 4096; take shorter tokens/,
  ],
  ["aws.network", { type: "own", range: "10.42.0.0" }, "aws.network.range", /not a range of IPv4/],
  [
    "aws.network",
    { type: "own", range: "10.42.1.0/16" },
    "aws.network.range",
    /begins with its first address/,
  ],
  ["aws.network", { range: "10.42.0.0/16" }, "aws.network.type", /is missing; choose one of: own, existing/],
  ["aws.network", { type: "own", vpcId }, "aws.network.vpcId", /is not a setting/],
  ["aws.instanceTypes", { bridges: [] }, "aws.instanceTypes.bridges", /name at least one type/],
  ["aws.schedules", schedules({ cron: "0 25 * * *" }), "aws.schedules[1].cron", /five fields/],
  ...["0 7 31 2 *", "0 7 30,31 FEB *", "0 7 31 4,6,9,11 *"].map((cron): (typeof bad)[number] => [
    "aws.schedules",
    schedules({ cron }),
    "aws.schedules[1].cron",
    /never comes/,
  ]),
  ["aws.schedules", schedules({ cron: "0 7 * * MOO" }), "aws.schedules[1].cron", /five fields/],
  ["aws.schedules", schedules({ cron: "30 6 * * MON-FRI" }), "aws.schedules[1].cron", /make them one/],
  ["tags", { "aws:owner": "it" }, `tags.aws:owner`, /keeps to itself/],
  [
    "edge",
    { limits: { roomsRemembered: 10_000_000 } },
    "edge.limits.roomsRemembered",
    /needs 12 GiB, and .* has 4/,
  ],
  ["aws.schedules", schedules({ cron: "0 7 * *" }), "aws.schedules[1].cron", /five fields/],
  ["aws.schedules", schedules({ cron: "0 7 * * 5-1" }), "aws.schedules[1].cron", /five fields/],
  [
    "aws.frontDoor",
    { certificate: "passThrough", certificateArn: arnOf("eu-central-1") },
    "aws.frontDoor.certificateArn",
    /is not a setting/,
  ],
  ["aws.frontDoor.certificate", "acme", "aws.frontDoor.certificate", /choose one of: passThrough, acm/],
  [
    "aws.frontDoor.certificateArn",
    "arn:aws:iam::1:x",
    "aws.frontDoor.certificateArn",
    /not a certificate's ARN/,
  ],
  ["aws.recordings", { coldAfterDays: 7 }, "aws.recordings.coldAfterDays", /S3 moves nothing younger/],
  ["aws.permissionsBoundary", "boundary", "aws.permissionsBoundary", /not a policy's ARN/],
  // Zones
  [
    "aws.zones",
    ["eu-central-1a", "eu-west-1b"],
    "aws.zones[1]",
    /"eu-west-1b" is no zone of aws\.region, eu-central-1/,
  ],
  ["aws.zones", ["eu-central-1a", "eu-central-1a"], "aws.zones[1]", /is aws\.zones\[0\] already/],
  [
    "shards",
    [{ name: "s1", zone: "eu-central-1c" }],
    "shards[0].zone",
    /choose one of: eu-central-1a, eu-central-1b/,
  ],
  ["shards", [{ name: "s1", zone: "z" }], "shards[0].zone", /not in aws\.zones/],
  ["shards", [{ name: "s1", host: "a" }], "shards[0].host", /no meaning with platform aws; take zone/],
  // Networks
  [
    "aws.network",
    { type: "own", range: "10.42.0.0/21" },
    "aws.network.range",
    /too small; it must be of \/16 to \/20/,
  ],
  ["aws.network", { type: "own", range: "10.0.0.0/12" }, "aws.network.range", /too large/],
  ["aws.network", { type: "own", range: "198.18.0.0/16" }, "aws.network.range", /not private/],
  ["aws.network", { type: "own", range: "172.18.0.0/16" }, "aws.network.range", /Docker's on each machine/],
  ["aws.network", existing([]), "aws.network.subnets", /is empty/],
  [
    "aws.network",
    existing(goodSubnets.slice(0, 1)),
    "aws.network.subnets",
    /none with use machines in eu-central-1b/,
  ],
  [
    "aws.network",
    existing(goodSubnets.slice(0, 3)),
    "aws.network.subnets",
    /none with use loadBalancer in eu-central-1b/,
  ],
  [
    "aws.network",
    withSubnet(1, { id: "subnet-00000001" }),
    "aws.network.subnets[1].id",
    /is aws\.network\.subnets\[0\] already/,
  ],
  [
    "aws.network",
    withSubnet(1, { zone: "eu-central-1c" }),
    "aws.network.subnets[1].zone",
    /not in aws\.zones/,
  ],
  [
    "aws.network",
    withSubnet(1, { zone: "eu-central-1a" }),
    "aws.network.subnets[1].zone",
    /for the same use already/,
  ],
  [
    "aws.network",
    withSubnet(1, { range: "10.1.0.128/25" }),
    "aws.network.subnets[1].range",
    /overlaps aws\.network\.subnets\[0\]'s 10\.1\.0\.0\/24/,
  ],
  ["aws.network", withSubnet(1, { range: "10.1.1.0/28" }), "aws.network.subnets[1].range", /too small/],
  ["aws.network", withSubnet(1, { range: "203.0.113.0/24" }), "aws.network.subnets[1].range", /not private/],
  ["aws.ipv6", "yes", "aws.ipv6", /true or false/],
  // Instance types
  [
    "aws.instanceTypes",
    { edge: "c7i.larg" },
    "aws.instanceTypes.edge",
    /no type that is known here \(did you mean c7i\.large\?\); choose one of: /,
  ],
  [
    "aws.instanceTypes",
    { bridges: ["c7i.xlarge", "t3.large"] },
    "aws.instanceTypes.bridges[1]",
    /is burstable/,
  ],
  [
    "aws.instanceTypes",
    { jibris: ["c7i.xlarge"] },
    "aws.instanceTypes.jibris[0]",
    /has 8 GiB of memory, and 11 are needed/,
  ],
  ["aws.instanceTypes", { scaler: "t3.micro" }, "aws.instanceTypes.scaler", /has 1 GiB/],
  [
    "aws.instanceTypes",
    { shard: "m7g.large" },
    "aws.instanceTypes.shard",
    /is arm64, but aws\.image\.architecture is x86_64/,
  ],
  [
    "aws.image.architecture",
    "arm64",
    "aws.instanceTypes.edge",
    /c7i\.large is x86_64, .* choose one of: .*c7g\.large/,
  ],
  [
    "bridges",
    { capacity: 300 },
    "aws.instanceTypes.bridges[0]",
    /c7i\.xlarge sends 1562 Mbit\/s for good, but .* makes 1950 .*choose one of: /,
  ],
  [
    "aws.instanceTypes",
    { bridges: ["c7i.xlarge", "c7i.xlarge"] },
    "aws.instanceTypes.bridges[1]",
    /named already/,
  ],
  // What goes together
  ["aws.bridges", { spot: true, warmPool: 1 }, "aws.bridges.warmPool", /Spot instances cannot wait stopped/],
  ["aws.bridges", { warmPool: 1 }, "aws.bridges.warmPool", /several instance types/],
  [
    "aws.schedules",
    schedules({ name: "morning" }),
    "aws.schedules[1].name",
    /already the name of aws\.schedules\[0\]/,
  ],
  ["aws.schedules", schedules({ cron: morning.cron }), "aws.schedules[1].cron", /make them one/],
  [
    "aws.schedules",
    schedules({ bridgesMin: 11 }),
    "aws.schedules[1].bridgesMin",
    /above bridges\.max \(10\)/,
  ],
  ["aws.schedules", schedules({ bridgesMin: 1 }), "aws.schedules[1].bridgesMin", /below bridges\.min \(2\)/],
  [
    "aws.frontDoor",
    { certificate: "acm", certificateArn: arnOf("us-east-1") },
    "aws.frontDoor.certificateArn",
    /is of region us-east-1, .* give one of eu-central-1/,
  ],
  [
    "aws.frontDoor",
    { certificate: "acm" },
    "aws.frontDoor.zoneId",
    /is missing: a new certificate is validated/,
  ],
  ["tls", { mode: "acme", email: "operator@school.net" }, "tls.mode", /no user sees it/],
  ["aws.frontDoor.certificate", "passThrough", "tls.mode", /self-signed in production/],
  [
    "turn",
    { type: "shared443", domain: "turn.school.net" },
    "turn.type",
    /does not offer yet; set it to none/,
  ],
  ["edge", { httpPort: 8080 }, "edge.httpPort", /the load balancer has 80/],
  ["edge", { httpsPort: 8443 }, "edge.httpsPort", /the load balancer has 443/],
  ["edge", { proxyProtocolFrom: ["10.0.0.0/8"] }, "edge.proxyProtocolFrom", /leave it out/],
  [
    "recordings",
    { store: { type: "directory" } },
    "recordings.store",
    /on AWS the stack has a bucket of its own/,
  ],
  [
    "aws.recordings",
    { coldAfterDays: 30, expireAfterDays: 30 },
    "aws.recordings.expireAfterDays",
    /not after coldAfterDays/,
  ],
  ["aws.endpoint", "https://aws.school.net", "aws.endpoint", /instead of to AWS/],
  ["aws.endpoint", "127.0.0.1:5000", "aws.endpoint", /not a URL/],
];

describe("settings of AWS", () => {
  it("takes good ones, fills in defaults and freezes them", () => {
    const settings = parseSettings(goodAwsSettings(), "test");
    assert(settings.platform === "aws");
    const { image, instanceTypes: types, network, recordings } = settings.aws;
    assert.deepEqual(network, { type: "own", range: "10.42.0.0/16" });
    assert.deepEqual([image.architecture, image.baked], ["x86_64", false]);
    assert.deepEqual(types.bridges, ["c7i.xlarge", "c6i.xlarge"]);
    assert.deepEqual(recordings, { coldAfterDays: 30, expireAfterDays: 0, noncurrentDays: 7 });
    assert.deepEqual(settings.recordings, { record: true, stream: false, spaceGiB: 2 });
    assert.throws(() => Object.assign(types, { edge: "c5.large" }), TypeError);
  });

  it("takes an existing network, a certificate that is there, an emulator on this machine, one type with a warm pool", () => {
    const good: [path: string, value: unknown][] = [
      ["aws.network", existing(goodSubnets)],
      ["aws.frontDoor", { certificate: "acm", certificateArn: arnOf("eu-central-1") }],
      ["aws.endpoint", "http://127.0.0.1:5000"],
      ["aws.schedules", schedules({ cron: "*/15 0-6,18 1,15 * 0", bridgesMin: 10 })],
      ["aws.schedules", schedules({ cron: "0 7 29 FEB *" })],
      ["aws.schedules", schedules({ cron: "0 7 31 2 mon-wed,FRI" })],
      ["tags", { Träger: "Schulamt", "Kosten stelle/2": "7", 部門: "x" }],
      ["aws.schedules", schedules({ bridgesMin: 2 })],
      ["aws.permissionsBoundary", "arn:aws:iam::123456789012:policy/limits/boundary"],
      ["aws.instanceTypes", { bridges: ["c6in.large"], scaler: "t3a.small" }],
    ];
    for (const [path, value] of good)
      assert.deepEqual(faultsIn(spoilt(path, value, goodAwsSettings())), [], path);
    const warm = spoilt("aws.instanceTypes", { bridges: ["c7i.xlarge"] }, goodAwsSettings());
    assert.deepEqual(faultsIn(spoilt("aws.bridges", { warmPool: 2 }, warm)), []);
    // What waits stopped is ready sooner, and so is what is launched beyond it.
    assert.deepEqual(
      faultsIn(spoilt("aws.image.baked", true, spoilt("aws.bridges", { warmPool: 2 }, warm))),
      [],
    );
    const passedThrough = spoilt("aws.frontDoor", { certificate: "passThrough" }, goodAwsSettings());
    assert.deepEqual(faultsIn({ ...passedThrough, tls: { mode: "acme", email: "it@school.net" } }), []);
    const elsewhere = {
      ...spoilt("aws.endpoint", "https://aws.school.net", goodAwsSettings()),
      production: false,
    };
    assert.deepEqual(faultsIn(elsewhere), []);
  });

  it("takes tags that every service takes, and no others", () => {
    const faultsOf = (tags: Record<string, string>): string[] =>
      faultsIn({ ...goodAwsSettings(), tags }).map(({ message, path }) => `${path} ${message}`);
    const tagged = (count: number): Record<string, string> =>
      Object.fromEntries(Array.from({ length: count }, (_, index) => [`tag${index}`, "1"]));
    for (const good of [
      tagged(7),
      { owner: "IT Süd, 2. Stock".replace(",", " /") },
      { cost: "a_b.c:/=+-@" },
      { "a.b": "" },
    ])
      assert.deepEqual(faultsOf(good), []);
    const bad: [tags: Record<string, string>, fault: RegExp][] = [
      [tagged(8), /^tags has 8, but an object in S3 takes 10 and has 3 of the stack's own; leave 1 out$/],
      [
        { Owner: "Schule & Verein (Nord), IT" },
        /^tags\.Owner has "&", "\(", "\)", ","; AWS takes letters, digits, spaces and _ \. : \/ = \+ - @$/,
      ],
      [{ owner: "it", Owner: "it" }, /^tags\.Owner differs from owner by case alone, .*; name it otherwise$/],
      [{ role: "teacher" }, /^tags\.role differs from Role, which the stack has, by case alone/],
      [{ Project: "x" }, /^tags\.Project is the stack's own; name it otherwise$/],
    ];
    for (const [tags, fault] of bad) {
      const [found = "", ...more] = faultsOf(tags);
      assert.match(found, fault);
      assert.deepEqual(more, []);
    }
  });

  it("places shards in the first two zones in turn by their numbers, or where they are told", () => {
    const given = spoilt("aws.zones", ["eu-central-1c", "eu-central-1a", "eu-central-1b"], goodAwsSettings());
    const shards = [{ name: "s1" }, { name: "s2" }, { name: "s7" }, { name: "s4", zone: "eu-central-1b" }];
    assert.deepEqual(
      parseSettings({ ...given, shards }, "test").shards.map(({ place }) => place.at(-1)),
      ["c", "a", "c", "b"],
    );
  });

  for (const [path, value, at, words] of bad)
    it(`refuses ${path} = ${value === undefined ? "nothing" : JSON.stringify(value).slice(0, 60)}`, () => {
      const faults = faultsIn(spoilt(path, value, goodAwsSettings()));
      const told = faults.filter((fault) => fault.path === at);
      assert(
        told.some(({ message }) => words.test(message)),
        `${at} ${String(words)} is not among ${JSON.stringify(faults, undefined, 2)}`,
      );
    });

  it("tells all faults at once, of the shape and of what contradicts", () => {
    const given = {
      ...spoilt("aws.zones", ["eu-central-1a", "eu-west-1b"], goodAwsSettings()),
      docker: { hosts: [] },
      shards: [{ name: "s1", zone: "eu-central-1c" }],
      domain: 7,
    };
    assert.deepEqual(
      faultsIn(given)
        .map(({ path }) => path)
        .sort(),
      ["aws.zones[1]", "docker", "docker.hosts", "domain", "shards[0].zone"],
    );
  });

  it("passes over what cannot be read, and tells a fault once", () => {
    const unreadable = { edge: 1, bridges: 1, shards: 1, jibris: 1, tls: 1, turn: 1, recordings: 1 };
    const given = {
      ...spoilt("aws.zones", ["eu-central-1a", "eu-west-1b"], goodAwsSettings()),
      ...unreadable,
    };
    const paths = faultsIn(given).map(({ path }) => path);
    assert.deepEqual(paths.sort(), [...Object.keys(unreadable), "aws.zones[1]"].sort());
    assert.deepEqual(
      faultsIn(spoilt("aws.frontDoor.zoneId", "school.net", goodAwsSettings())).map(({ path }) => path),
      ["aws.frontDoor.zoneId"],
    );
    for (const network of [existing(goodSubnets.slice(0, 1)), { type: "own", range: "10.42.0.0/28" }])
      for (const { message } of faultsIn(spoilt("aws.network", network, goodAwsSettings())))
        assert.match(message, /has none with use|too small/);
    const withIpv6 = spoilt(
      "aws.ipv6",
      true,
      spoilt("aws.network", existing(goodSubnets), goodAwsSettings()),
    );
    assert.deepEqual(
      faultsIn(withIpv6).map(({ path }) => path),
      ["aws.ipv6"],
    );
    assert.deepEqual(faultsIn(spoilt("aws.ipv6", true, goodAwsSettings())), []);
  });

  it("wants addresses for all bridges and Jibris while a zone is out, those that wait stopped among them", () => {
    // A /20 has 251 addresses for pools in each zone.
    const small = spoilt("aws.network", { type: "own", range: "10.42.0.0/20" }, goodAwsSettings());
    const one = { ...small, shards: [{ name: "s1" }], bridges: { max: 200, capacity: 25 } };
    assert.deepEqual(faultsIn({ ...one, jibris: { max: 51 } }), []);
    const [fault, ...more] = faultsIn({ ...one, jibris: { max: 52 } });
    assert.deepEqual([fault?.path, more], ["aws.network.range", []]);
    assert.match(
      fault?.message ?? "",
      /for 251 bridges and Jibris while a zone is out, but .* make 252 for 1 shards/,
    );
    const warm = spoilt("aws.bridges", { warmPool: 1 }, { ...one, jibris: { max: 51 } });
    const told = faultsIn(spoilt("aws.instanceTypes", { bridges: ["c7i.xlarge"] }, warm));
    assert.deepEqual(
      told.map(({ path }) => path),
      ["aws.network.range"],
    );
    // A /26 has 27 in its lower half.
    const there = spoilt("aws.network", withSubnet(1, { range: "10.1.1.0/26" }), goodAwsSettings());
    assert.deepEqual(faultsIn({ ...there, jibris: { max: 7 } }), []);
    assert.deepEqual(
      faultsIn({ ...there, jibris: { max: 8 } }).map(({ path }) => path),
      ["aws.network.subnets"],
    );
    const zones = ["eu-central-1a", "eu-central-1b", "eu-central-1c"];
    assert.deepEqual(faultsIn(spoilt("aws.zones", zones, { ...one, jibris: { max: 302 } })), []);
  });

  it("wants an address for a shard's number", () => {
    const small = spoilt("aws.network", { type: "own", range: "10.42.0.0/20" }, goodAwsSettings());
    assert.deepEqual(faultsIn({ ...small, shards: [{ name: "s102" }] }), []);
    const [fault] = faultsIn({ ...small, shards: [{ name: "s103" }] });
    assert.equal(fault?.path, "shards[0].name");
    assert.match(fault.message, /ends in 103, but its zone has addresses for shards to 102 alone/);
    assert.deepEqual(faultsIn({ ...goodAwsSettings(), shards: [{ name: "s999" }] }), []);
  });

  it("knows the published figures of the defaults and of odd ones", () => {
    const figures = (name: string) => {
      const { memoryGiB, vcpus, baselineMegabits } = instanceTypes.get(name) ?? assert.fail(name);
      return [vcpus, memoryGiB, baselineMegabits];
    };
    assert.deepEqual(figures("c7i.xlarge"), [4, 8, 1562]);
    assert.deepEqual(figures("m7i.xlarge"), [4, 16, 1562]);
    assert.deepEqual(figures("c6in.large"), [2, 4, 3125]);
    assert.deepEqual(figures("c7g.2xlarge"), [8, 16, 3750]);
    assert.deepEqual(figures("t3.small"), [2, 2, 128]);
    assert.equal(instanceTypes.get("t4g.small")?.architecture, "arm64");
  });

  it("names the smallest types that would do", () => {
    const [fault] = faultsIn(spoilt("aws.instanceTypes", { jibris: ["m7g.xlarge"] }, goodAwsSettings()));
    assert.equal(
      fault?.message,
      "m7g.xlarge is arm64, but aws.image.architecture is x86_64; choose one of: m5.xlarge, m5a.xlarge, m6i.xlarge, m6a.xlarge, m7i.xlarge, m7a.xlarge, m8i.xlarge, c5.2xlarge or 39 more",
    );
  });

  it("counts no more than an internet gateway lets through", () => {
    const given = spoilt("aws.instanceTypes", { bridges: ["c7i.4xlarge"] }, goodAwsSettings());
    const [fault] = faultsIn({ ...given, bridges: { max: 6, capacity: 800 } });
    assert.match(fault?.message ?? "", /c7i\.4xlarge sends 5000 Mbit\/s for good, but .* makes 5200/);
    assert.deepEqual(faultsIn({ ...given, bridges: { max: 6, capacity: 769 } }), []);
  });
});
