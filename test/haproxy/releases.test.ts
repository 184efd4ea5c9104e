import assert from "node:assert/strict";
import { setTimeout as sleep } from "node:timers/promises";
import { placementMaps } from "../../components/jitsi/placement";
import { EdgeUnderTest, type EdgeNodeUnderTest } from "./edgeUnderTest";
import { FastStandInShards, Flood } from "./flood";

describe("Two releases side by side", function () {
  this.timeout(600_000);
  let shards: FastStandInShards;
  let edge: EdgeUnderTest;
  let first: EdgeNodeUnderTest;
  let floods: Flood[] = [];
  const releases = ["r1", "r1", "r2", "r2"];
  const rooms = (prefix: string, count = 400): string[] =>
    Array.from({ length: count }, (_, index) => `/${prefix}${index}`);

  before(async () => {
    shards = await FastStandInShards.start(4);
    edge = await EdgeUnderTest.create(2);
    await edge.start({ servers: servers(), placedReleases: ["r2"] });
    first = edge.nodes[0] as EdgeNodeUnderTest;
    floods = await Promise.all(edge.nodes.map((node) => Flood.open(node, 50)));
  });
  after(async () => {
    for (const flood of floods) flood.close();
    await edge.stop();
    await shards.stop();
  });

  const servers = () =>
    shards.servers.map((server, index) => ({ ...server, release: releases[index] ?? "r1" }));
  /** Sets what the settings would, and waits until it is in force. */
  async function place(
    placements: { release: string; tenants?: string[]; sharePercent?: number }[],
    states: Record<string, "ready" | "drain"> = {},
  ): Promise<void> {
    const maps = placementMaps(
      placements.map(({ release, sharePercent = 0, tenants = [] }) => ({ release, sharePercent, tenants })),
    );
    edge.configure({ servers: servers(), placedReleases: ["r2"], states, ...maps });
    await edge.settled();
  }
  /** The shards of rooms, asked for on all nodes at once: the same on all. */
  async function homes(paths: readonly string[]): Promise<string[]> {
    const [one = [], other = []] = await Promise.all(floods.map((flood) => flood.ask(paths)));
    assert.deepEqual(one, other);
    return one;
  }
  const shareOn = (seen: readonly string[], ...names: string[]): number =>
    seen.filter((shard) => names.includes(shard)).length / seen.length;

  it("new rooms take the default release, unless their tenant is given another", async () => {
    await place([{ release: "r2", tenants: ["pilot"] }]);
    assert.equal(shareOn(await homes(rooms("default-")), "s1", "s2"), 1);
    assert.equal(shareOn(await homes(rooms("other/room-")), "s1", "s2"), 1);
    const pilots = await homes(rooms("pilot/room-"));
    assert.equal(shareOn(pilots, "s3", "s4"), 1);
    assert.equal(new Set(pilots).size, 2);
  });

  it("a share of the new rooms takes the other, more as it grows; rooms that are open stay where they are", async () => {
    const open = await homes(rooms("open-"));
    const shares: number[] = [];
    for (const sharePercent of [20, 60, 100]) {
      await place([{ release: "r2", sharePercent }]);
      shares.push(shareOn(await homes(rooms(`share-${sharePercent}-`, 1000)), "s3", "s4"));
    }
    const [twenty = 0, sixty = 0, all = 0] = shares;
    assert(twenty > 0.15 && twenty < 0.25, `${twenty}`);
    assert(sixty > 0.54 && sixty < 0.66, `${sixty}`);
    assert.equal(all, 1);
    assert.deepEqual(await homes(rooms("open-")), open);
  });

  it("a page's files come from the shard of its room", async () => {
    const room = "pilot/files";
    const home = await first.get(`/${room}`);
    const file = await first.get("/libs/app.bundle.min.js?v=2", {
      referer: `https://meet.test/${room}?lang=de`,
    });
    assert.equal(file.headers["x-jitsi-shard"], home.headers["x-jitsi-shard"]);
  });

  it("the old release drained: its rooms stay, and new ones take the new release although the default has none left", async () => {
    await place([]);
    const open = await homes(rooms("late-"));
    assert.equal(shareOn(open, "s1", "s2"), 1);
    await place([], { s1: "drain", s2: "drain" });
    assert.deepEqual(await homes(rooms("late-")), open);
    assert.equal(shareOn(await homes(rooms("after-")), "s3", "s4"), 1);
  });

  it("a release that no rule names takes new rooms as all others do", async () => {
    const [node] = edge.nodes;
    assert(node);
    edge.configure({ servers: servers() });
    for (const each of edge.nodes) await each.reload();
    await edge.settled();
    assert.deepEqual([...new Set(await homes(rooms("unnamed-")))].sort(), ["s1", "s2", "s3", "s4"]);
    edge.configure({ servers: servers(), placedReleases: ["r2"] });
    for (const each of edge.nodes) await each.reload();
    await edge.settled();
  });

  it("changes of shares while rooms are joined on all nodes split none", async () => {
    const joining = new AbortController();
    const changing = (async () => {
      for (const sharePercent of [100, 0, 50]) {
        await place([{ release: "r2", sharePercent }]);
        await sleep(200);
      }
      joining.abort();
    })();
    let count = 0;
    for (; !joining.signal.aborted; count += 1) await homes(rooms(`changing-${count}-`, 100));
    await changing;
    assert(count > 5, `${count} rounds`);
  });
});
