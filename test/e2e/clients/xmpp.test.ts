import * as assert from "node:assert/strict";
import { missingPrograms, startEdge, startProsody, type LocalServer } from "./localServers";
import { startWorker, type ClientsWorker } from "./workerProcess";
import type { JoinAnswer, JoinRequest, Resumption } from "./xmpp";

describe("XMPP client (real Prosody behind real HAProxy)", function () {
  this.timeout(600_000);

  let prosody: LocalServer;
  let edge: LocalServer;
  let users: ClientsWorker;
  const toClose: (() => Promise<void>)[] = [];

  before(async function () {
    const missing = missingPrograms("prosody", "haproxy", "openssl");
    if (missing.length > 0) {
      console.log(`      skipped: ${missing.join(", ")} not installed`);
      this.skip();
    }
    users = startWorker();
    toClose.push(() => users.close());
    prosody = await startProsody();
    toClose.push(() => prosody.stop());
    edge = await startEdge(prosody.port, "s1");
    toClose.push(() => edge.stop());
  });

  after(async () => {
    await Promise.all(toClose.map((close) => close()));
  });

  const join = (request: Partial<JoinRequest> & Pick<JoinRequest, "room" | "nick">): Promise<JoinAnswer> =>
    users.call("xmpp.join", {
      transport: "bosh",
      origin: `https://meet.example.org:${edge.port}`,
      address: "127.0.0.1",
      insecureTls: true,
      ...request,
    });

  it("lets a BOSH user and a websocket user see and hear each other", async () => {
    const alice = await join({ transport: "bosh", room: "Standup", nick: "alice" });
    const bob = await join({ transport: "websocket", room: "standup", nick: "bob" });
    assert.equal(alice.roomJid, "standup@muc.meet.jitsi");
    assert.equal(bob.roomJid, alice.roomJid);
    assert.notEqual(alice.jid, bob.jid);
    assert.deepEqual([alice.shard, bob.shard], ["s1", "s1"]);

    for (const { session } of [alice, bob]) {
      const nicks = { session, nicks: ["alice", "bob"], timeoutSeconds: 5 };
      const occupants = await users.call("xmpp.awaitOccupants", nicks);
      assert.deepEqual(occupants.map(({ nick, affiliation }) => `${nick} ${affiliation}`).sort(), [
        "alice owner",
        "bob none",
      ]);
    }
    await users.call("xmpp.say", { session: alice.session, text: "<hello> & welcome" });
    const heard = { session: bob.session, text: "<hello> & welcome", timeoutSeconds: 5 };
    assert.equal((await users.call("xmpp.awaitMessage", heard)).nick, "alice");

    await users.call("xmpp.leave", { session: bob.session });
    await users.call("xmpp.awaitOccupants", { session: alice.session, nicks: ["alice"], timeoutSeconds: 5 });
    await users.call("xmpp.leave", { session: alice.session });
    await assert.rejects(users.call("xmpp.state", { session: bob.session }), /no XMPP session/);
    assert.deepEqual(users.events, []);
  });

  it("goes through a tenant's path", async () => {
    for (const transport of ["bosh", "websocket"] as const) {
      const { session, shard } = await join({ transport, room: "standup", tenant: "acme", nick: "carol" });
      assert.equal(shard, "s1");
      await users.call("xmpp.leave", { session });
      const lost = join({ transport, room: "standup", tenant: "nowhere", nick: "carol" });
      await assert.rejects(lost, /could not join standup@muc.meet.jitsi: .*404/);
    }
  });

  it("says why a room does not let a user in", async () => {
    const first = await join({ room: "taken", nick: "dave" });
    await assert.rejects(join({ room: "taken", nick: "dave" }), /the room refused: conflict/);
    await users.call("xmpp.leave", { session: first.session });
  });

  it("refuses an untrusted certificate unless told otherwise", async () => {
    for (const transport of ["bosh", "websocket"] as const) {
      const joining = join({
        transport,
        room: "private",
        nick: "eve",
        insecureTls: false,
        timeoutSeconds: 2,
      });
      await assert.rejects(joining, /self-signed certificate/);
    }
  });

  describe("resumes a broken websocket's session", () => {
    const servers: LocalServer[] = [];
    let lostEdge: LocalServer;
    let watching: JoinAnswer;
    let resuming: JoinAnswer;

    const started = async (server: Promise<LocalServer>): Promise<LocalServer> => {
      servers.push(await server);
      return server;
    };
    const resumption = ({ session }: JoinAnswer): Promise<Resumption> =>
      users.call("xmpp.awaitResumption", { session, times: 1, timeoutSeconds: 4 });

    beforeEach(async () => {
      const shard = await started(startProsody());
      lostEdge = await started(startEdge(shard.port, "s2"));
      const request = { origin: `https://meet.example.org:${lostEdge.port}`, room: "going-on" };
      await started(startEdge(shard.port, "s2", { address: "127.0.0.2", port: lostEdge.port }));
      watching = await join({ ...request, nick: "heidi", address: "127.0.0.2" });
      resuming = await join({
        ...request,
        transport: "websocket",
        nick: "ivan",
        address: ["127.0.0.1", "127.0.0.2", "127.0.0.3"],
        resumeWithinSeconds: 1,
        resumeDelaySeconds: 0.2,
      });
    });

    afterEach(async () => {
      await Promise.all(servers.splice(0).map((server) => server.stop("SIGKILL")));
    });

    it("through another edge: the same user, whom nobody saw leave and who misses nothing", async () => {
      await lostEdge.stop("SIGKILL");
      await users.call("xmpp.say", { session: watching.session, text: "are you there?" });
      const { session, jid } = resuming;
      const { jid: jidAfter, shard } = await resumption(resuming);
      assert.deepEqual([jidAfter, shard], [jid, "s2"]);
      const heard = { session, text: "are you there?", timeoutSeconds: 1 };
      assert.equal((await users.call("xmpp.awaitMessage", heard)).nick, "heidi");
      await users.call("xmpp.say", { session, text: "still here" });
      const answer = { session: watching.session, text: "still here", timeoutSeconds: 1 };
      assert.equal((await users.call("xmpp.awaitMessage", answer)).nick, "ivan");

      const departures = async (): Promise<string[]> =>
        (await users.call("xmpp.state", { session: watching.session })).departures;
      assert.deepEqual(await departures(), []);
      await users.call("xmpp.leave", { session });
      const alone = { session: watching.session, nicks: ["heidi"], timeoutSeconds: 2 };
      await users.call("xmpp.awaitOccupants", alone);
      assert.deepEqual(await departures(), ["ivan"]);
    });

    it("unless it gets to a shard that does not know it", async () => {
      const [, , sameShard] = servers;
      const other = await started(startProsody());
      await started(startEdge(other.port, "s3", { address: "127.0.0.3", port: lostEdge.port }));
      await Promise.all([lostEdge.stop("SIGKILL"), sameShard?.stop("SIGKILL")]);
      await assert.rejects(resumption(resuming), /is over: the server did not resume the session/);
    });

    it("unless nobody takes it back in time", async () => {
      await Promise.all(servers.map((server) => server.stop("SIGKILL")));
      await assert.rejects(resumption(resuming), /is over: .*ECONNREFUSED/);
    });
  });

  describe("reports a cut", () => {
    let shard: LocalServer;
    let lostEdge: LocalServer;
    let bosh: JoinAnswer;
    let websocket: JoinAnswer;

    beforeEach(async () => {
      shard = await startProsody();
      lostEdge = await startEdge(shard.port, "s2");
      const request = {
        origin: `https://meet.example.org:${lostEdge.port}`,
        room: "doomed",
        pingIntervalSeconds: 0.3,
        pingTimeoutSeconds: 0.3,
      };
      bosh = await join({ ...request, transport: "bosh", nick: "frank" });
      websocket = await join({ ...request, transport: "websocket", nick: "grace" });
    });

    afterEach(async () => {
      await Promise.all([shard.stop("SIGKILL"), lostEdge.stop("SIGKILL")]);
    });

    const event = async (name: string, { session }: JoinAnswer, seconds: number): Promise<string> => {
      for (const giveUpAt = Date.now() + seconds * 1000; Date.now() < giveUpAt;) {
        const found = users.events.find((seen) => seen.event === name && seen.session === session);
        if (found !== undefined) return found.reason;
        await new Promise((next) => setTimeout(next, 20));
      }
      throw new Error(`no ${name} of ${session} within ${seconds} s`);
    };

    it("when the server goes in good order", async () => {
      await shard.stop("SIGTERM");
      assert.doesNotMatch(await event("xmpp.disconnected", websocket, 1), /pings/);
      // Prosody tells its BOSH users nothing.
      assert.match(await event("xmpp.disconnected", bosh, 3), /pings in a row/);
      for (const { session } of [bosh, websocket]) {
        assert.equal((await users.call("xmpp.state", { session })).joined, false);
        await assert.rejects(users.call("xmpp.say", { session, text: "anyone?" }), /is over/);
        await users.call("xmpp.leave", { session });
      }
    });

    it("when server and edge die", async () => {
      await Promise.all([shard.stop("SIGKILL"), lostEdge.stop("SIGKILL")]);
      await event("xmpp.disconnected", websocket, 1);
      assert.match(await event("xmpp.fault", bosh, 1), /ECONNREFUSED|ECONNRESET|socket hang up/);
    });

    it("when the server falls silent", async () => {
      shard.signal("SIGSTOP");
      assert.match(await event("xmpp.disconnected", websocket, 3), /pings in a row/);
      assert.match(await event("xmpp.disconnected", bosh, 3), /pings in a row/);
    });
  });
});
