import assert from "node:assert/strict";
import { isDeepStrictEqual } from "node:util";
import type Docker from "dockerode";
import { imageName } from "../standins/build";
import { commandsTo } from "../support/readme";
import { FleetUnderTest, refused, STACK, succeeded, Traffic, until } from "./fleetUnderTest";

/** The release that README.md upgrades to; here it is another name of the stand-ins' second one. */
const README_RELEASE = "stable-11146-2";

async function tagReleases(docker: Docker, release: string): Promise<void> {
  for (const { RepoTags } of await docker.listImages())
    for (const name of RepoTags ?? [])
      if (name.endsWith(":r2"))
        await docker.getImage(name).tag({ repo: name.replace(/:r2$/, ""), tag: release });
}

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
    // A shard whose host was away needs its bridges again, which the scaler has launched elsewhere meanwhile.
    until(`${names.join(", ")} serve`, 150, async () => {
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

  it("npm run shard drains a shard, waits until its conference is over and brings it back, and changes nothing else", async () => {
    const shard = (...args: string[]) => fleet.stack.script("scripts/shard.mjs", args);
    let said = "";
    const room = await fleet.roomOn("s2", "seminar-");
    const { session } = await fleet.join("websocket", room, "finn");
    await fleet.stack.setConfig("scaler.tickSeconds", "6");
    let isOver = false;
    const draining = fleet.stack
      .script("scripts/shard.mjs", ["drain", "s2", "--wait"], (text) => (said += text))
      .finally(() => (isOver = true));
    await until("the drain is in force on both nodes", 300, async () => {
      const { stdout } = await shard("status", "--json");
      const { shards } = JSON.parse(stdout) as { shards: Record<string, unknown>[] };
      const { conferences, inForce, wanted } = shards.find(({ name }) => name === "s2") ?? {};
      assert.equal(conferences, 1);
      return isDeepStrictEqual([wanted, inForce], ["drain", { "edge-a": "drain", "edge-b": "drain" }]);
    });
    await until("it waits for the conference", 60, () => said.includes("s2: 1 conference (participants: 1)"));
    assert(!isOver, "it did not wait");
    assert((await fleet.users.call("xmpp.state", { session })).joined, "the user was cut off");
    assert.deepEqual(await fleet.homes([room]), ["s2"]);

    await fleet.users.call("xmpp.leave", { session });
    const { stdout } = succeeded(await draining);
    assert.match(
      stdout,
      /s2: 1 conference \(participants: 1\)[^]*s2 is empty: it is safe to change or remove it\n$/,
    );
    const fresh = await fleet.homes(Array.from({ length: 40 }, (_, index) => `drained-${index}`));
    assert.deepEqual([...new Set(fresh)], ["s1"]);
    succeeded(await shard("ready", "s2"));
    await everyShardServes(["s1", "s2"]);
    const { steps } = await fleet.stack.previewJson();
    const waiting = steps.filter(({ op }) => op !== "same").map(({ urn }) => urn.split("::").at(-1) ?? "");
    assert(waiting.length > 0 && waiting.every((name) => name.startsWith("scaler")), waiting.join());
    await fleet.stack.removeConfig("scaler");
  });

  it("each bridge answers at the very address and port that it advertises", async () => {
    const bridges = await fleet.pools.instances("bridge");
    assert.equal(bridges.length, 4);
    for (const { container, host, name } of bridges) {
      const { Config } = await container.inspect();
      const advertised = Config.Env.find((line) => line.startsWith("JVB_ADVERTISE_IPS="));
      const [address = "", port] = advertised?.split("=")[1]?.split(",")[0]?.split("#") ?? [];
      assert.equal(address, fleet.host(host).publicAddress);
      const { software } = await fleet.users.call("stun.binding", { address, port: Number(port) });
      assert(software?.includes(name), `${port} answers as ${software ?? "nobody"}, not ${name}`);
    }
  });

  it("answers the internet at its public ports alone", async () => {
    const open = { a: [80, 443], b: [80, 443] };
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
      assert.equal(udp.answered.length + udp.refused, 300, `silent: ${udp.silent}`);
      const bridges = udp.answered.map(({ port }) => port);
      assert(
        bridges.length === 2 && bridges.every((port) => port >= 10000 && port <= 10099),
        `UDP ports of ${name}: ${bridges.join(", ")}`,
      );
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

    const [add = "", ...up] = commandsTo("add a shard");
    succeeded(await fleet.stack.typed(add));
    const { steps } = await fleet.stack.previewJson();
    const touched = steps.filter(({ op }) => op !== "same").map(({ urn }) => urn.split("::").at(-1) ?? "");
    assert.deepEqual(
      touched.filter((name) => /^s[12]\b/.test(name)),
      [],
      "another shard is touched",
    );
    for (const command of up) succeeded(await fleet.stack.typed(command));
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

  it("replaces its edges one after another: no request fails, no room moves, websockets resume where they were", async () => {
    const meetings = await Promise.all(
      ["s1", "s2"].map(async (shard) => {
        const room = await fleet.roomOn(shard, "resuming-");
        const watching = await fleet.stay("bosh", room, "mia", "a");
        const resuming = [
          await fleet.stay("websocket", room, "noah", "a"),
          await fleet.stay("websocket", room, "olga", "b"),
        ];
        return { shard, watching, resuming };
      }),
    );
    const traffic = new Traffic(fleet, new Map([...homes].slice(0, 100)), "any");
    await fleet.stack.setConfig("images.haproxy", imageName("haproxy", "r2"));
    succeeded(await fleet.stack.up({ timeoutSeconds: 600 }));
    await traffic.stop();

    assert.deepEqual(traffic.failures, []);
    assert.deepEqual([...traffic.moved], []);
    assert(traffic.requests > 1000, `only ${traffic.requests} requests`);
    const took: number[] = [];
    for (const { shard, watching, resuming } of meetings) {
      for (const { session, jid } of resuming) {
        await fleet.resumed(session);
        const { joined, resumptions } = await fleet.users.call("xmpp.state", { session });
        assert(joined);
        for (const resumption of resumptions)
          assert.deepEqual([resumption.jid, resumption.shard], [jid, shard], "another user or shard");
        took.push(...resumptions.map(({ milliseconds }) => milliseconds));
      }
      const { joined, departures } = await fleet.users.call("xmpp.state", { session: watching.session });
      assert.deepEqual({ joined, departures }, { joined: true, departures: [] });
    }
    console.log(`      ${traffic.requests} requests; resumed after ${took.join(", ")} ms`);
    assert(Math.max(...took) < 5000);
    for (const { session } of meetings.flatMap(({ resuming, watching }) => [...resuming, watching]))
      await fleet.users.call("xmpp.leave", { session });
  });

  it("goes on over the other edge at once when one is killed", async () => {
    const room = await fleet.roomOn("s2", "surviving-");
    const { jid, session } = await fleet.stay("websocket", room, "paul", "a");
    const haproxy = fleet.container("a", "edge-a", "haproxy");
    await haproxy.kill();
    const joining = await fleet.stay("websocket", room, "rita", "a");
    assert.equal(joining.shard, "s2");
    const opening = await fleet.stay("websocket", `new-${Date.now()}`, "susan", "a");
    const resumption = await fleet.resumed(session);
    console.log(
      `      joined after ${joining.milliseconds}, in a new room ${opening.milliseconds}, resumed after ${resumption.milliseconds} ms`,
    );
    assert.deepEqual([resumption.jid, resumption.shard], [jid, "s2"]);
    assert([joining, opening, resumption].every(({ milliseconds }) => milliseconds < 5000));
    for (const user of [session, joining.session, opening.session])
      await fleet.users.call("xmpp.leave", { session: user });

    await haproxy.start();
    await everyShardServes(["s1", "s2", "s3"]);
  });

  it("refuses to change a shard's image while a room is on it, and changes it once it is drained and empty", async () => {
    const room = await fleet.roomOn("s1", "lesson-");
    const { session } = await fleet.join("websocket", room, "eve");
    const image = async () => (await fleet.container("a", "s1", "prosody").inspect()).Config.Image;
    const others = { s2: { name: "s2", host: "b" }, s3: { name: "s3", host: "a" } };
    const before = await fleet.declared();

    await fleet.setShards([{ name: "s1", host: "a", release: "r2" }, others.s2, others.s3]);
    assert.match(refused(await fleet.stack.up()), /shard s1 is in state ready/);

    await fleet.setShards([{ name: "s1", host: "a", state: "drain" }, others.s2, others.s3]);
    succeeded(await fleet.stack.up());
    await fleet.setShards([{ name: "s1", host: "a", state: "drain", release: "r2" }, others.s2, others.s3]);
    assert.match(refused(await fleet.stack.up()), /shard s1 holds \d+ conference/);
    assert.match(await image(), /:r1$/);
    assert.deepEqual(await fleet.declared(), before);
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

  it("upgrades a shard as README.md has it", async () => {
    await Promise.all(fleet.hosts.map(({ docker }) => tagReleases(docker, README_RELEASE)));
    for (const command of commandsTo("upgrade a shard")) succeeded(await fleet.stack.typed(command));
    const { Config } = await fleet.container("b", "s2", "prosody").inspect();
    assert.match(Config.Image, new RegExp(`:${README_RELEASE}$`));
    await everyShardServes(["s1", "s2", "s3"]);
  });

  it("has a shard's password generated anew once it is drained, and refuses to before", async () => {
    const prosody = async (): Promise<string> => (await fleet.container("b", "s2", "prosody").inspect()).Id;
    const before = await prosody();
    const inReady = await fleet.stack.typed("npm run rotate -- s2-jicofo");
    assert.match(refused(inReady), /s2-jicofo replaces the containers of s2: its state in force is ready/);
    assert.equal(await prosody(), before);

    for (const command of ["npm run shard -- drain s2 --wait", "npm run rotate -- s2-jicofo"])
      succeeded(await fleet.stack.typed(command));
    assert.notEqual(await prosody(), before);
    succeeded(await fleet.stack.preview({ args: ["--expect-no-changes"] }));
    succeeded(await fleet.stack.typed("npm run shard -- ready s2"));
    await everyShardServes(["s1", "s2", "s3"]);
    const { session } = await fleet.join("websocket", await fleet.roomOn("s2", "rotated-"), "rotator");
    await fleet.users.call("xmpp.leave", { session });
  });

  it("refuses to remove a shard that was not drained, and removes one that was with its own things alone", async () => {
    const three = [
      { name: "s1", host: "a", release: "r2" as const },
      { name: "s2", host: "b", release: README_RELEASE },
      { name: "s3", host: "a" },
    ];
    await fleet.setShards(three.slice(0, 2));
    assert.match(
      refused(await fleet.stack.up()),
      /Removing shard s3 would cut calls: shard s3 is in state ready/,
    );
    await everyShardServes(["s1", "s2", "s3"]);

    await fleet.setShards(three);
    const commands = commandsTo("remove a shard");
    const early = await fleet.stack.typed(commands[1] ?? "");
    assert.equal(early.exitCode, 1);
    assert.match(
      early.stderr,
      /s3 is not drained and empty: its state in force is ready\. Drain it first: npm run/,
    );

    const before = await fleet.declared();
    for (const command of commands) succeeded(await fleet.stack.typed(command));
    const after = await fleet.declared();
    const gone = before.filter((item) => !after.includes(item));
    assert.deepEqual(
      gone.filter((item) => !item.includes(`jitsi-${STACK}-s3`)),
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
    fleet.edges = ["a"];
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
      { name: "s2", host: "b", release: README_RELEASE },
      { name: "s4", host: "a" },
    ]);
    const withoutB = ["--exclude", "**::host-b", "--exclude-dependents"];
    succeeded(await fleet.stack.up({ args: withoutB, timeoutSeconds: 600 }));
    await everyShardServes(["s1", "s4"]);

    const onNew = await fleet.roomOn("s4", "on-new-");
    await fleet.lab.hosts.b.start();
    fleet.edges = ["a", "b"];
    await until("its edge answers again", 60, async () =>
      (await fleet.homes([mine, mine])).every((home) => home === "s1"),
    );
    // The edge that was away does not know the new shard yet: it sends the room to the one that does.
    assert.deepEqual(await fleet.homes([onNew, onNew]), ["s4", "s4"]);
    succeeded(await fleet.stack.up({ timeoutSeconds: 600 }));
    succeeded(await fleet.stack.preview({ args: ["--expect-no-changes"] }));
    await everyShardServes(["s1", "s2", "s4"]);
  });

  it("is not destroyed while a conference is on, and then leaves nothing but recordings", async () => {
    const room = await fleet.roomOn("s2", "last-");
    const { session } = await fleet.join("websocket", room, "zoe");
    assert.match(
      refused(await fleet.stack.destroy({ timeoutSeconds: 600 })),
      /shard s2 holds \d+ conference/,
    );
    assert((await fleet.users.call("xmpp.state", { session })).joined, "the user was cut off");
    await fleet.users.call("xmpp.leave", { session });

    await until(
      "destroyed",
      120,
      async () => (await fleet.stack.destroy({ timeoutSeconds: 600 })).exitCode === 0,
    );
    const left = await fleet.inventory();
    const recordings = ["a", "b"].map((host) => `${host} volume jitsi-${STACK}-recordings`);
    assert.deepEqual(left, recordings);
  });
});
