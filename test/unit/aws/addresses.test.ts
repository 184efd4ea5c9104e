import assert from "node:assert/strict";
import fc from "fast-check";
import {
  edgeNodes,
  highestShard,
  ipv6Subnet,
  loadBalancerZones,
  nodeAddress,
  poolRoom,
  scalerNodes,
  zoneOfNumber,
  zoneRanges,
  type ZoneRanges,
} from "../../../components/aws/addresses";
import { parseSettings } from "../../../components/settings";
import type { AwsNetwork } from "../../../components/settings/awsSchema";
import {
  isPrivate,
  overlap,
  parseRange,
  partOf,
  rangeText,
  sizeOf,
  type Ipv4Range,
} from "../../../components/settings/ipv4Range";
import { faultsIn, goodAwsSettings, spoilt } from "../goodSettings";

const range = (text: string): Ipv4Range => parseRange(text) ?? assert.fail(text);

const aRange = (shortest: number, longest: number) =>
  fc
    .tuple(fc.integer({ min: shortest, max: longest }), fc.integer({ min: 0, max: 2 ** 24 - 1 }))
    .map(([prefixLength, offset]) => {
      const size = 2 ** (32 - prefixLength);
      return { first: 10 * 2 ** 24 + Math.floor(offset / size) * size, prefixLength };
    });

const letters = "a b c d e f g h".split(" ");
const someZones = fc
  .shuffledSubarray(letters, { minLength: 2 })
  .map((chosen) => chosen.map((letter) => `eu-central-1${letter}`));

/** Networks of the fleet's own; and ones that are there, each zone's subnets cut from a part of a larger range. */
const aPlace = fc
  .tuple(someZones, aRange(16, 20), fc.boolean(), fc.integer({ min: 0, max: 2 }))
  .map(([zones, whole, isOwn, smaller]) => {
    if (isOwn) return { zones, network: { type: "own", range: rangeText(whole) } satisfies AwsNetwork };
    const subnets = zones.flatMap((zone, index) => {
      const [machines, loadBalancer] = [0, 1].map((half) =>
        partOf(partOf(partOf(whole, 3, index), 1, half), smaller, 0),
      );
      return [
        { id: `subnet-0000000${index}`, zone, use: "machines", range: rangeText(machines ?? whole) } as const,
        {
          id: `subnet-1000000${index}`,
          zone,
          use: "loadBalancer",
          range: rangeText(loadBalancer ?? whole),
        } as const,
      ];
    });
    return { zones, network: { type: "existing", vpcId: "vpc-00000000", subnets } satisfies AwsNetwork };
  });

const rangesIn = (network: AwsNetwork, zone: string): ZoneRanges =>
  zoneRanges(network, zone) ?? assert.fail(`${zone} has nothing`);

/** Every node's address that may ever be. */
function addressesIn(
  place: { readonly zones: readonly string[]; readonly network: AwsNetwork },
  numbers: readonly number[],
) {
  const at = (role: "edge" | "shard" | "scaler", number: number, zone: string): [string, string] => [
    `${role} ${number} in ${zone}`,
    nodeAddress(rangesIn(place.network, zone), role, number),
  ];
  return new Map([
    ...edgeNodes.map((_, index) => at("edge", index + 1, zoneOfNumber(place, index + 1))),
    ...scalerNodes.map((_, index) => at("scaler", index + 1, zoneOfNumber(place, index + 1))),
    ...place.zones.flatMap((zone) =>
      numbers
        .filter((number) => number <= highestShard(rangesIn(place.network, zone)))
        .map((number) => at("shard", number, zone)),
    ),
  ]);
}

const shardNumbers = fc.uniqueArray(fc.integer({ min: 1, max: 999 }), { minLength: 1, maxLength: 64 });

describe("addresses of nodes on AWS", () => {
  it("are no two nodes' alike, inside their zone's range, and none that AWS keeps", () => {
    fc.assert(
      fc.property(aPlace, shardNumbers, (place, numbers) => {
        const addresses = addressesIn(place, numbers);
        assert.equal(new Set(addresses.values()).size, addresses.size);
        for (const [node, address] of addresses) {
          const { nodes } = rangesIn(place.network, node.split(" in ")[1] ?? "");
          const { first } = range(`${address}/32`);
          assert(first >= nodes.first + 4 && first < nodes.first + sizeOf(nodes) - 1, `${node}: ${address}`);
        }
      }),
      { numRuns: 500 },
    );
  });

  it("are moved by no node that comes or goes, and by no zone that is named after the others", () => {
    fc.assert(
      fc.property(aPlace, shardNumbers, shardNumbers, (place, numbers, more) => {
        const before = addressesIn(place, numbers);
        const fewerZones = { ...place, zones: place.zones.slice(0, 2) };
        for (const after of [
          addressesIn(place, [...more, ...numbers]),
          addressesIn(fewerZones, numbers),
          addressesIn(fewerZones, more),
        ])
          for (const [node, address] of after)
            if (before.has(node)) assert.equal(address, before.get(node), node);
        const places = (zones: readonly string[]): string[] =>
          numbers.map((number) => zoneOfNumber({ zones }, number));
        assert.deepEqual(places(place.zones), places(fewerZones.zones));
      }),
      { numRuns: 500 },
    );
  });

  it("are of ranges that do not overlap, each in the network's own", () => {
    fc.assert(
      fc.property(aPlace, ({ network, zones }) => {
        const ranges = zones.flatMap((zone) => {
          const { loadBalancer, nodes, pools } = rangesIn(network, zone);
          return [nodes, pools, ...(loadBalancer ? [loadBalancer] : [])];
        });
        ranges.forEach((one, index) => {
          for (const other of ranges.slice(0, index))
            assert(!overlap(one, other), `${rangeText(one)} ${rangeText(other)}`);
          if (network.type === "own") {
            const whole = range(network.range);
            assert(one.first >= whole.first && one.first + sizeOf(one) <= whole.first + sizeOf(whole));
          }
        });
      }),
      { numRuns: 500 },
    );
  });

  it("are those that are written down: a change of them would replace every node", () => {
    const own = { type: "own", range: "10.42.0.0/16" } as const;
    const ranges = rangesIn(own, "eu-central-1b");
    assert.deepEqual(
      [ranges.pools, ranges.nodes, ranges.loadBalancer].map((one) => one && rangeText(one)),
      ["10.42.32.0/20", "10.42.48.0/21", "10.42.56.0/21"],
    );
    assert.equal(nodeAddress(ranges, "edge", 2), "10.42.48.10");
    assert.equal(nodeAddress(ranges, "scaler", 2), "10.42.48.18");
    assert.equal(nodeAddress(ranges, "shard", 1), "10.42.48.25");
    assert.equal(nodeAddress(ranges, "shard", 999), "10.42.51.255");
    assert.equal(poolRoom(ranges), 4091);
    assert.deepEqual(
      [1, 2, 3].map((number) => zoneOfNumber({ zones: ["a", "b", "c"] }, number)),
      ["a", "b", "a"],
    );
    const existing: AwsNetwork = {
      type: "existing",
      vpcId: "vpc-00000000",
      subnets: [
        { id: "subnet-00000001", zone: "eu-central-1a", use: "machines", range: "10.1.0.0/24" },
        { id: "subnet-00000002", zone: "eu-central-1a", use: "loadBalancer", range: "10.1.1.0/28" },
        { id: "subnet-00000003", zone: "eu-central-1b", use: "machines", range: "10.1.2.0/24" },
      ],
    };
    const told = (zone: string) => {
      const { loadBalancer, nodes, pools } = rangesIn(existing, zone);
      return [pools, nodes, loadBalancer].map((one) => one && rangeText(one));
    };
    assert.deepEqual(told("eu-central-1a"), ["10.1.0.0/25", "10.1.0.128/25", "10.1.1.0/28"]);
    assert.deepEqual(told("eu-central-1b"), ["10.1.2.0/25", "10.1.2.128/25", undefined]);
    assert.equal(zoneRanges(existing, "eu-central-1c"), undefined);
    assert.deepEqual(loadBalancerZones({ zones: ["a", "b", "c"] }), ["a", "b"]);
  });

  it("exist for all that the settings let pass", () => {
    fc.assert(
      fc.property(
        aPlace,
        fc.array(fc.integer({ min: 1, max: 999 }), { minLength: 1, maxLength: 8 }),
        (place, numbers) => {
          const { aws, ...others } = goodAwsSettings();
          const shards = [...new Set(numbers)].map((number) => ({ name: `s${number}` }));
          const given = {
            ...others,
            shards,
            aws: { ...(aws as object), zones: place.zones, network: place.network },
          };
          if (faultsIn(given).length > 0) return;
          for (const { number, place: zone } of parseSettings(given, "test").shards)
            assert.doesNotThrow(() => nodeAddress(rangesIn(place.network, zone), "shard", number));
        },
      ),
      { numRuns: 200 },
    );
    assert.deepEqual(
      faultsIn(spoilt("aws.network", { type: "own", range: "10.1.0.0/16" }, goodAwsSettings())),
      [],
    );
  });

  it("of IPv6 are a /64 for each use of each zone", () => {
    assert.equal(
      ipv6Subnet("2a05:d014:1234:5600::/56", "eu-central-1a", "pools"),
      "2a05:d014:1234:5600::/64",
    );
    assert.equal(ipv6Subnet("2a05:d014:1234::/56", "eu-central-1b", "nodes"), "2a05:d014:1234:5::/64");
    assert.equal(
      ipv6Subnet("2a05:d014:1234:5600::/56", "eu-central-1h", "loadBalancer"),
      "2a05:d014:1234:561e::/64",
    );
    for (const wrong of ["2a05:d014:1234:5600::/64", "10.0.0.0/16", "1:2:3:4:5::/56", "2a05:x::/56", ""])
      assert.throws(() => ipv6Subnet(wrong, "eu-central-1a", "pools"), /no range of IPv6 addresses of \/56/);
  });
});

describe("ranges of IPv4 addresses", () => {
  it("are read and written alike, and only where they begin with their first address", () => {
    fc.assert(
      fc.property(aRange(0, 32), (one) => {
        const aligned = { ...one, first: one.first - (one.first % sizeOf(one)) };
        assert.deepEqual(parseRange(rangeText(aligned)), aligned);
      }),
    );
    for (const wrong of [
      "10.0.0.1/24",
      "10.0.0.0",
      "10.0.0.0/33",
      "10.0.0.0/8/8",
      "10.0.0/8",
      "10.0.0.0/08",
      "/8",
    ])
      assert.equal(parseRange(wrong), undefined, wrong);
  });

  it("are private only as a whole", () => {
    const privacy = {
      "10.0.0.0/8": true,
      "172.16.0.0/12": true,
      "172.31.255.0/24": true,
      "172.32.0.0/16": false,
      "192.168.0.0/16": true,
      "192.168.0.0/15": false,
      "8.0.0.0/6": false,
      "100.64.0.0/10": false,
    };
    for (const [text, expected] of Object.entries(privacy))
      assert.equal(isPrivate(range(text)), expected, text);
  });

  it("have no parts and addresses beyond their own", () => {
    assert.throws(() => partOf(range("10.0.0.0/8"), 1, 2), RangeError);
    assert.throws(() => partOf(range("10.0.0.0/8"), 1, -1), RangeError);
    const ranges = rangesIn({ type: "own", range: "10.42.0.0/20" }, "eu-central-1a");
    assert.throws(() => nodeAddress(ranges, "shard", 104), RangeError);
  });
});
