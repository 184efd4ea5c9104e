import assert from "node:assert/strict";
import { FleetUnderTest, STACK, succeeded, Traffic, until } from "./fleetUnderTest";

/** A volume that an image asks for and Docker names: it goes with its container. */
const isUnnamedVolume = (item: string): boolean => / volume [0-9a-f]{64}$/.test(item);

/**
 * One fleet's life, from the first `up` to `destroy`: the real engine, Docker, HAProxy and Prosody; stand-ins for the
 * web application, Jicofo, JVB and Jibri. The steps build on each other.
 */
describe("a fleet on two Docker hosts", () => {
  let fleet: FleetUnderTest;
  const roomCount = process.env["FLEET_TEST_SIZE"] === "full" ? 5000 : 500;
  const rooms = Array.from({ length: roomCount }, (_, index) => `room-${index}`);
  const homes = new Map<string, string>();

  before(async () => {
    fleet = await FleetUnderTest.create();
  });
  after(async () => {
    await fleet.end();
  });

  const everyShardServes = (names: readonly string[]) =>
    until(`${names.join(", ")} serve`, 60, async () => {
      const seen = new Set(
        await fleet.homes(Array.from({ length: 30 }, (_, index) => `probe-${Date.now()}-${index}`)),
      );
      return names.every((name) => seen.has(name)) && !seen.has(undefined);
    });

  it("refuses bad settings before anything is made", async () => {
    await fleet.stack.setConfig("bridges.min", "99");
    const { exitCode, stdout, stderr } = await fleet.stack.up();
    assert.notEqual(exitCode, 0);
    assert.match(stdout + stderr, /bridges\.min: is 99, above bridges\.max \(10\)/);
    assert.deepEqual(await fleet.inventory(), []);
    await fleet.stack.removeConfig("bridges");
  });

  it("is brought up, and a second preview is empty", async () => {
    succeeded(await fleet.stack.up({ timeoutSeconds: 600 }));
    succeeded(await fleet.stack.preview({ args: ["--expect-no-changes"] }));
    succeeded(await fleet.stack.run(["refresh", "--preview-only", "--expect-no-changes", "--stack", STACK]));
    await everyShardServes(["s1", "s2"]);
    const { url } = await fleet.stack.outputs();
    assert.equal(url, "https://meet.school.test");
  });

  it("shows its secrets neither in the state nor in what Docker tells of its containers", async () => {
    const inClear = succeeded(
      await fleet.stack.run(["stack", "export", "--show-secrets", "--stack", STACK]),
    ).stdout;
    const passwords = [...inClear.matchAll(/"plaintext":\s*"\\"([A-Za-z0-9]{32})\\""/g)].map(
      (match) => match[1] ?? "",
    );
    assert(new Set(passwords).size >= 6, `${passwords.length} passwords`);
    const state = JSON.stringify(await fleet.stack.exportState());
    const told = JSON.stringify(await fleet.inspections());
    for (const password of passwords) assert(!state.includes(password) && !told.includes(password));
    assert(!state.includes("PRIVATE KEY"));
  });

  it(`keeps each of ${roomCount} rooms on one shard: page, config, BOSH, websocket, keep-alive`, async () => {
    const shapes = (room: string): string[] => [
      `/${room}`,
      `/config.js?room=${room}`,
      `/http-bind?room=${room}`,
      `/xmpp-websocket?room=${room}`,
      `/_unlock?room=${room}`,
    ];
    const answers = await fleet.ask(rooms.flatMap(shapes));
    const wrong = answers.filter(({ path, status }) => status !== (path.includes("websocket") ? 101 : 200));
    assert.deepEqual(wrong, []);
    for (const room of rooms) {
      const shards = new Set(answers.splice(0, shapes(room).length).map(({ shard }) => shard));
      const [shard] = shards;
      assert(shards.size === 1 && shard !== undefined, `${room} is on ${[...shards].join(", ")}`);
      homes.set(room, shard);
    }
    assert.deepEqual([...new Set(homes.values())].sort(), ["s1", "s2"]);
  });

  it("two users meet in a room, one over BOSH, one over websocket, on either shard", async () => {
    for (const shard of ["s1", "s2"]) {
      const room = await fleet.roomOn(shard, "meeting-");
      const anna = await fleet.join("bosh", room, "anna");
      const ben = await fleet.join("websocket", room, "ben");
      assert.deepEqual([anna.shard, ben.shard], [shard, shard]);
      for (const { session } of [anna, ben])
        await fleet.users.call("xmpp.awaitOccupants", {
          session,
          nicks: ["anna", "ben"],
          timeoutSeconds: 10,
        });
      await fleet.users.call("xmpp.say", { session: anna.session, text: `hello from ${shard}` });
      const heard = await fleet.users.call("xmpp.awaitMessage", {
        session: ben.session,
        text: `hello from ${shard}`,
        timeoutSeconds: 10,
      });
      assert.equal(heard.nick, "anna");
      for (const { session } of [anna, ben]) await fleet.users.call("xmpp.leave", { session });
    }
  });

  it("each bridge answers at the very address and port that it advertises", async () => {
    const { fleet: shards } = (await fleet.stack.outputs()) as {
      fleet: Record<string, { bridges: { name: string; media: string }[] }>;
    };
    const bridges = Object.values(shards).flatMap((shard) => shard.bridges);
    assert.equal(bridges.length, 4);
    assert.equal(new Set(bridges.map(({ media }) => media)).size, 4);
    for (const { name, media } of bridges) {
      const [address = "", port] = media.replace("/udp", "").split(":");
      const { software } = await fleet.users.call("stun.binding", { address, port: Number(port) });
      assert(software?.includes(name), `${media} answers as ${software ?? "nobody"}, not ${name}`);
    }
  });

  it("answers the internet at its public ports alone", async () => {
    const open = { a: [80, 443], b: [] };
    for (const name of ["a", "b"] as const) {
      const { publicAddress } = fleet.host(name);
      const { tcp, udp } = await fleet.lab.portScan("users", publicAddress, {
        tcp: "1-65535",
        udp: "9900-10199",
        timeoutSeconds: 240,
      });
      assert(tcp && udp);
      assert.deepEqual(tcp.open, open[name], `TCP ports of ${name}`);
      assert.equal(tcp.open.length + tcp.refused, 65535, `silent: ${tcp.silent}`);
      const bridges = udp.answered.map(({ port }) => port);
      assert(
        bridges.length === 2 && bridges.every((port) => port >= 10000 && port <= 10099),
        `UDP ports of ${name}: ${bridges.join(", ")}`,
      );
      assert.equal(udp.answered.length + udp.refused, 300, `silent: ${udp.silent}`);
    }
  });

  it("shows a pool's new size on the pool's own line", async () => {
    await fleet.stack.setConfig("bridges.max", "12");
    const { stdout } = succeeded(await fleet.stack.previewDiff());
    assert.match(stdout, /jitsi-fleet:index:BridgePool: \(update\)[^~]*~ max\s*: 10 => 12/);
    await fleet.stack.setConfig("bridges.max", "10");
    await fleet.stack.removeConfig("bridges");
  });

  it("takes a third shard while users ask: no request fails, no room moves, no session ends", async () => {
    const room = await fleet.roomOn("s2", "staying-");
    const sessions = [await fleet.join("bosh", room, "carl"), await fleet.join("websocket", room, "dora")];
    const watched = new Map([...homes].slice(0, 100));
    const traffic = new Traffic(fleet, watched);

    await fleet.setShards([
      { name: "s1", host: "a" },
      { name: "s2", host: "b" },
      { name: "s3", host: "b" },
    ]);
    const { steps } = await fleet.stack.previewJson();
    const touched = steps.filter(({ op }) => op !== "same").map(({ urn }) => urn.split("::").at(-1) ?? "");
    assert.deepEqual(
      touched.filter((name) => /^s[12]\b/.test(name)),
      [],
      "another shard is touched",
    );
    succeeded(await fleet.stack.up({ timeoutSeconds: 600 }));
    await everyShardServes(["s1", "s2", "s3"]);
    await traffic.stop();

    assert.deepEqual(traffic.failures, []);
    assert.deepEqual([...traffic.moved], []);
    assert(traffic.requests > 1000, `only ${traffic.requests} requests`);
    assert.deepEqual(await fleet.homes([...homes.keys()]), [...homes.values()], "a room moved");
    for (const { session } of sessions) {
      const { joined, shards } = await fleet.users.call("xmpp.state", { session });
      assert(joined && shards.join() === "s2", `${session}: ${JSON.stringify({ joined, shards })}`);
      await fleet.users.call("xmpp.leave", { session });
    }
    console.log(`      ${traffic.requests} requests`);
  });

  it("refuses to change a shard's image while a room is on it, and changes it once it is drained and empty", async () => {
    const room = await fleet.roomOn("s1", "lesson-");
    const { session } = await fleet.join("websocket", room, "eve");
    const image = async () => (await fleet.container("a", "s1", "prosody").inspect()).Config.Image;
    const others = { ...{ s2: { name: "s2", host: "b" }, s3: { name: "s3", host: "b" } } };
    const before = await fleet.inventory();

    await fleet.setShards([{ name: "s1", host: "a", release: "r2" }, others.s2, others.s3]);
    const inReady = await fleet.stack.up();
    assert.notEqual(inReady.exitCode, 0);
    assert.match(inReady.stdout + inReady.stderr, /shard s1 is in state ready/);

    await fleet.setShards([{ name: "s1", host: "a", state: "drain", release: "r2" }, others.s2, others.s3]);
    const withRoom = await fleet.stack.up();
    assert.notEqual(withRoom.exitCode, 0);
    assert.match(withRoom.stdout + withRoom.stderr, /shard s1 holds 1 conference/);
    assert.match(await image(), /:r1$/);
    assert.deepEqual(await fleet.inventory(), before);
    assert((await fleet.users.call("xmpp.state", { session })).joined, "the user was cut off");
    assert.deepEqual(await fleet.homes([room]), ["s1"], "a room of the drained shard moved");
    const fresh = await fleet.homes(Array.from({ length: 40 }, (_, index) => `after-drain-${index}`));
    assert(!fresh.includes("s1"), "a new room went to the drained shard");

    await fleet.users.call("xmpp.leave", { session });
    await until("the conference is over", 30, async () => {
      const result = await fleet.stack.up({ timeoutSeconds: 600 });
      return result.exitCode === 0;
    });
    assert.match(await image(), /:r2$/);
    await fleet.setShards([{ name: "s1", host: "a", release: "r2" }, others.s2, others.s3]);
    succeeded(await fleet.stack.up());
    await everyShardServes(["s1", "s2", "s3"]);
  });

  it("refuses to remove a shard that was not drained, and removes one that was with its own things alone", async () => {
    const two = [
      { name: "s1", host: "a", release: "r2" as const },
      { name: "s2", host: "b" },
    ];
    await fleet.setShards(two);
    const refused = await fleet.stack.up();
    assert.notEqual(refused.exitCode, 0);
    assert.match(
      refused.stdout + refused.stderr,
      /Removing shard s3 would cut calls: shard s3 is in state ready/,
    );
    await everyShardServes(["s1", "s2", "s3"]);

    await fleet.setShards([...two, { name: "s3", host: "b", state: "drain" }]);
    succeeded(await fleet.stack.up());
    const before = await fleet.inventory();
    await fleet.setShards(two);
    succeeded(await fleet.stack.up({ timeoutSeconds: 600 }));
    const after = await fleet.inventory();
    const gone = before.filter((item) => !after.includes(item));
    assert.deepEqual(
      gone.filter((item) => !item.includes(`jitsi-${STACK}-s3`) && !isUnnamedVolume(item)),
      [],
    );
    assert.deepEqual(
      after.filter((item) => item.includes(`jitsi-${STACK}-s3`)),
      [],
    );
  });

  it("a container that dies is back by itself, and its shard with it", async () => {
    const prosody = fleet.container("b", "s2", "prosody");
    const { State: before } = await prosody.inspect();
    process.kill(before.Pid, "SIGKILL");
    await until("Prosody runs again", 30, async () => {
      const { State } = await prosody.inspect();
      return State.Running && State.Pid !== before.Pid;
    });
    await everyShardServes(["s1", "s2"]);
    succeeded(await fleet.stack.preview({ args: ["--expect-no-changes"] }));
  });

  it("a lost host takes only its own rooms, which open on another shard; the rest can still be changed; it comes back", async () => {
    const [mine, theirs] = [await fleet.roomOn("s1", "on-a-"), await fleet.roomOn("s2", "on-b-")];
    await fleet.lab.hosts.b.stop();
    await until(
      "rooms of the lost host open elsewhere",
      60,
      async () => (await fleet.homes([theirs]))[0] === "s1",
    );
    assert.deepEqual(await fleet.homes([mine]), ["s1"]);

    await fleet.stack.setConfig("tags.owner", "it");
    await fleet.stack.removeConfig("tags");
    await fleet.setShards([
      { name: "s1", host: "a", release: "r2" },
      { name: "s2", host: "b" },
      { name: "s4", host: "a" },
    ]);
    const withoutB = ["--exclude", "**::host-b", "--exclude-dependents"];
    succeeded(await fleet.stack.up({ args: withoutB, timeoutSeconds: 600 }));
    await everyShardServes(["s1", "s4"]);

    await fleet.lab.hosts.b.start();
    await everyShardServes(["s1", "s2", "s4"]);
    succeeded(await fleet.stack.up({ timeoutSeconds: 600 }));
    succeeded(await fleet.stack.preview({ args: ["--expect-no-changes"] }));
  });

  it("is not destroyed while a conference is on, and then leaves nothing but recordings", async () => {
    const room = await fleet.roomOn("s2", "last-");
    const { session } = await fleet.join("websocket", room, "zoe");
    const refused = await fleet.stack.destroy({ timeoutSeconds: 600 });
    assert.notEqual(refused.exitCode, 0);
    assert.match(refused.stdout + refused.stderr, /shard s2 holds 1 conference/);
    assert((await fleet.users.call("xmpp.state", { session })).joined, "the user was cut off");
    await fleet.users.call("xmpp.leave", { session });

    await until(
      "destroyed",
      120,
      async () => (await fleet.stack.destroy({ timeoutSeconds: 600 })).exitCode === 0,
    );
    const left = await fleet.inventory();
    assert.deepEqual(
      left.filter((item) => !/ volume jitsi-\w+-jibris-\d+-jibri-storage$/.test(item)),
      [],
    );
    assert(left.length > 0, "the recordings are gone");
  });
});
