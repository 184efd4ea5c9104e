import fc from "fast-check";
import assert from "node:assert/strict";
import { bridgePortOffset, hostInTurn, shardPorts } from "../../components/docker/placement";

const shardNumber = fc.integer({ min: 1, max: 999 });
const ordinal = fc.integer({ min: 1, max: 200 });

describe("placement", () => {
  it("gives no two bridges the same port, whatever the shards and their bridges", () => {
    fc.assert(
      fc.property(
        fc.uniqueArray(fc.tuple(shardNumber, ordinal), { maxLength: 200, selector: String }),
        (bridges) => {
          const offsets = bridges.map(([shard, bridge]) => bridgePortOffset(shard, bridge));
          assert.equal(new Set(offsets).size, bridges.length);
        },
      ),
    );
  });

  it("wastes no port on the first shard's first bridges, and stays dense for few shards", () => {
    const offsets = [1, 2].flatMap((shard) => [1, 2, 3].map((bridge) => bridgePortOffset(shard, bridge)));
    assert.deepEqual(
      offsets.sort((a, b) => a - b),
      [0, 1, 2, 3, 4, 7],
    );
  });

  it("gives no two shards a port in common", () => {
    fc.assert(
      fc.property(shardNumber, shardNumber, (one, other) => {
        fc.pre(one !== other);
        const ports = [one, other].flatMap((number) => Object.values(shardPorts(number)));
        assert.equal(new Set(ports).size, 4);
      }),
    );
  });

  it("spreads a pool over the hosts: no host has two more than another", () => {
    const hosts = ["a", "b", "c"].map((name) => ({ name, drained: false }));
    fc.assert(
      fc.property(shardNumber, ordinal, (shard, size) => {
        const placed = Array.from({ length: size }, (_, index) => hostInTurn(hosts, shard + index).name);
        const counts = hosts.map(({ name }) => placed.filter((place) => place === name).length);
        assert(Math.max(...counts) - Math.min(...counts) <= 1);
      }),
    );
  });

  it("moves only what ran on a host when that host is drained", () => {
    const hosts = ["a", "b", "c"].map((name) => ({ name, drained: false }));
    fc.assert(
      fc.property(fc.nat({ max: 1000 }), fc.nat({ max: 2 }), (turn, drained) => {
        const before = hostInTurn(hosts, turn).name;
        const after = hostInTurn(
          hosts.map((host, index) => ({ ...host, drained: index === drained })),
          turn,
        ).name;
        assert(before === hosts[drained]?.name ? after !== before : after === before);
      }),
    );
  });
});
