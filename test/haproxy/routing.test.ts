import assert from "node:assert/strict";
import { EdgeUnderTest, type EdgeNodeUnderTest } from "./edgeUnderTest";
import { serversOf, StandInShard } from "./standInShard";

/** Every request that a client makes for a room, as clients write them. */
function requestsFor(tenant: string, room: string): string[] {
  const at = tenant === "" ? "" : `/${tenant}`;
  // HAProxy lowers ASCII alone.
  const upper = room.replace(/[a-z]/g, (letter) => letter.toUpperCase());
  const query = `room=${encodeURIComponent(room.toLowerCase())}`;
  return [
    `${at}/${encodeURIComponent(room)}`,
    `${at}/${encodeURIComponent(upper)}`,
    `${at}/${encodeURI(room)}`,
    `${at}/${encodeURIComponent(encodeURIComponent(room))}`,
    `${at}/%${room.charCodeAt(0).toString(16)}${encodeURIComponent(room.slice(1))}`,
    `${at}/${encodeURIComponent(room)}?jwt=abc&lang=de`,
    `${at}/${encodeURIComponent(room)}/`,
    `${at}/config.js?${query}`,
    `${at}/http-bind?${query}`,
    `${at}/http-bind?prefix=x&${query}`,
    `${at}/xmpp-websocket?${query}`,
    `${at}/xmpp-websocket?${query}&token=abc`,
    `${at}/conference-request/v1?${query}`,
    `${at}/_unlock?${query}`,
    `//${at}/${encodeURIComponent(room)}`.replace("////", "//").replace("///", "//"),
  ];
}

describe("HAProxy with the program's configuration", function () {
  this.timeout(600_000);
  const shards = ["s1", "s2"].map((name) => new StandInShard(name));
  let edge: EdgeUnderTest;
  let haproxy: EdgeNodeUnderTest;

  before(async () => {
    const servers = await serversOf(shards);
    edge = await EdgeUnderTest.create(1);
    await edge.start({ servers });
    haproxy = edge.nodes[0] as EdgeNodeUnderTest;
  });
  after(async () => {
    await edge.stop();
    for (const shard of shards) shard.close();
  });

  const rooms = Array.from({ length: 60 }, (_, index) => `Room${index}`);
  const home = async (room: string): Promise<string> => (await haproxy.seen(`/${room}`)).shard;

  for (const tenant of ["", "School", "tenant-1"])
    it(`sends every request of a room to one shard${tenant === "" ? "" : `, tenant ${tenant}`}`, async () => {
      const used = new Set<string>();
      for (const room of [...rooms.slice(0, 20), "Grüße aus Köln", "100% sicher", "a+b"]) {
        const seen = await Promise.all(requestsFor(tenant, room).map((path) => haproxy.seen(path)));
        const homes = new Set(seen.map(({ shard }) => shard));
        assert.equal(
          homes.size,
          1,
          `${room}: ${JSON.stringify(
            seen.map(({ shard, path }) => `${shard} ${path}`),
            undefined,
            1,
          )}`,
        );
        homes.forEach((shard) => used.add(shard));
      }
      assert.equal(used.size, 2, "the rooms must not all be on one shard, or the test shows nothing");
    });

  it("gives a tenant's room and the room without tenant keys of their own", async () => {
    const pairs = await Promise.all(
      rooms.map(async (room) => [await home(room), (await haproxy.seen(`/other/${room}`)).shard]),
    );
    assert(pairs.some(([one, other]) => one !== other));
  });

  it("spreads what belongs to no room over the shards", async () => {
    const seen = await Promise.all(
      Array.from({ length: 8 }, () => haproxy.seen("/libs/app.bundle.min.js?v=1")),
    );
    assert.equal(new Set(seen.map(({ shard }) => shard)).size, 2);
  });

  it("hides the shards' health, and says who the user is", async () => {
    assert.equal((await haproxy.get("/_health")).status, 404);
    assert.equal((await haproxy.get("/_HEALTH/prosody")).status, 404);
    const { body } = await haproxy.get("/room", { "x-forwarded-for": "203.0.113.9" });
    assert.equal((JSON.parse(body) as { forwardedFor: string }).forwardedFor, "127.0.0.1");
  });
});
