import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { createSocket, type Socket as UdpSocket } from "node:dgram";
import { once } from "node:events";
import { connect, createServer, type AddressInfo, type Server } from "node:net";
import { networkInterfaces } from "node:os";
import { TurnClient, turnCredentials, TurnRefusal, type Peer } from "../support/turnClient";
import { StandInShard } from "./standInShard";
import { RunningTurn } from "./runningTurn";

const DOMAIN = "meet.school.net";
const TURN_DOMAIN = "turn.school.net";
/** Another address than HAProxy's own. */
const USER = "127.0.0.2";
const SECRET = "secret-of-the-relay";

/** coturn relays to no loopback address, whatever it is told: the stand-in bridge is at one of this machine's own. */
const bridgeAddress = Object.values(networkInterfaces())
  .flatMap((addresses) => addresses ?? [])
  .find(({ family, internal }) => family === "IPv4" && !internal)?.address;

/** A bridge's media port: says back what it is sent, and from where that came. */
class StandInBridge {
  readonly socket: UdpSocket = createSocket("udp4");
  readonly senders: Peer[] = [];

  async listen(address: string): Promise<Peer> {
    this.socket.on("message", (datagram, { address, port }) => {
      this.senders.push({ address, port });
      this.socket.send(datagram, port, address);
    });
    this.socket.bind(0, address);
    await once(this.socket, "listening");
    return { address, port: this.socket.address().port };
  }
}

/** A way to a port on which the first message of a connection comes in two packets, as a large one does. */
async function twoPackets(port: number): Promise<Server> {
  const server = createServer((client) => {
    const upstream = connect(port, "127.0.0.1").setNoDelay();
    client.once("data", (first: Buffer) => {
      client.pause();
      upstream.write(first.subarray(0, 100));
      setTimeout(() => {
        upstream.write(first.subarray(100));
        client.pipe(upstream);
      }, 100);
    });
    upstream.pipe(client);
    for (const [socket, other] of [
      [client, upstream],
      [upstream, client],
    ] as const) {
      socket.on("error", () => other.destroy());
      socket.on("close", () => other.destroy());
    }
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return server;
}

const inADay = (): number => Date.now() / 1000 + 86_400;

describe("TURN at the meetings' own port, with real HAProxy and coturn", function () {
  this.timeout(600_000);
  const shard = new StandInShard("s1");
  const bridge = new StandInBridge();
  let running: RunningTurn;
  let peer: Peer;
  const clients: TurnClient[] = [];

  before(async () => {
    assert(
      bridgeAddress !== undefined,
      "this machine has no address but loopback's, and coturn relays to none",
    );
    peer = await bridge.listen(bridgeAddress);
    const web = { address: "127.0.0.1", port: await shard.listen() };
    running = new RunningTurn({
      domain: DOMAIN,
      turnDomain: TURN_DOMAIN,
      secret: SECRET,
      bridgeAddresses: [bridgeAddress],
      servers: [{ name: "s1", number: 1, release: "r1", web }],
    });
    await running.start();
  });
  afterEach(() => {
    for (const client of clients.splice(0)) client.close();
  });
  after(async () => {
    bridge.socket.close();
    shard.close();
    await running.stop();
  });

  async function client({ from = USER, port = running.port } = {}): Promise<TurnClient> {
    const { certificate } = running;
    const connected = await TurnClient.connect({
      address: "127.0.0.1",
      port,
      from,
      name: TURN_DOMAIN,
      certificate,
    });
    clients.push(connected);
    return connected;
  }

  async function allocated(options: Parameters<TurnClient["allocate"]>[1] = {}): Promise<TurnClient> {
    const connected = await client();
    await connected.allocate(turnCredentials(SECRET, inADay()), options);
    return connected;
  }

  const refused =
    (...codes: number[]) =>
    (error: unknown): boolean => {
      assert(error instanceof TurnRefusal, String(error));
      assert(codes.includes(error.code), error.message);
      return true;
    };

  it("HAProxy finds nothing to warn of", () => {
    assert.equal(running.check().trim(), "Configuration file is valid");
  });

  it("relays to a bridge and back, and knows the user's address", async () => {
    const connected = await client();
    const { mapped, relayed } = await connected.allocate(turnCredentials(SECRET, inADay()));
    assert.equal(mapped?.address, USER);
    await connected.permit(peer);
    const sent = randomBytes(1200);
    connected.send(peer, sent);
    const received = await connected.receive();
    assert.deepEqual(received, { peer, data: sent });
    assert.equal(bridge.senders.at(-1)?.port, relayed?.port);
  });

  it("takes a first message in two packets for what it is", async () => {
    const slow = await twoPackets(running.port);
    slow.unref();
    const connected = await client({ port: (slow.address() as AddressInfo).port });
    await connected.allocate(turnCredentials(SECRET, inADay()));
  });

  for (const [what, credentials] of [
    ["expired", turnCredentials(SECRET, Date.now() / 1000 - 60)],
    ["signed with another secret", turnCredentials("another", inADay())],
    ["of nobody", { username: "user", password: "password" }],
  ] as const)
    it(`refuses credentials that are ${what}`, async () => {
      const connected = await client();
      await assert.rejects(connected.allocate(credentials), refused(401));
    });

  for (const address of [
    "127.0.0.1",
    "0.0.0.0",
    "10.0.0.1",
    "172.17.0.1",
    "192.168.1.1",
    "169.254.169.254",
    "100.64.0.1",
    "198.51.100.77",
    "8.8.8.8",
    "224.0.0.1",
    "255.255.255.255",
  ])
    it(`lets nobody reach ${address}`, async () => {
      const connected = await allocated();
      const forbidden = { address, port: peer.port };
      await assert.rejects(connected.permit(forbidden), refused(403));
      await assert.rejects(connected.bindChannel(forbidden), refused(403));
    });

  for (const address of ["::1", "fd00::1", "fe80::1", "2001:db8::1", "::ffff:7f00:1", "::7f00:1"])
    it(`lets nobody reach ${address}`, async () => {
      const connected = await allocated({ family: 6 });
      const forbidden = { address, port: peer.port };
      await assert.rejects(connected.permit(forbidden), refused(403));
      await assert.rejects(connected.bindChannel(forbidden), refused(403));
    });

  it("passes on nothing to an address that was not permitted", async () => {
    const connected = await allocated();
    const before = bridge.senders.length;
    connected.send(peer, Buffer.from("unasked"));
    // What is sent after it arrives, so it would have.
    await connected.permit(peer);
    connected.send(peer, Buffer.from("asked"));
    assert.equal((await connected.receive()).data.toString(), "asked");
    assert.equal(bridge.senders.length, before + 1);
  });

  it("relays no TCP", async () => {
    const connected = await client();
    const credentials = turnCredentials(SECRET, inADay());
    await assert.rejects(connected.allocate(credentials, { transport: "tcp" }), refused(400, 403, 442));
  });

  it("shows its secret neither in arguments nor in an environment, nor in what it writes", () => {
    assert(!running.shown().includes(SECRET));
    assert(!running.output.includes(SECRET));
  });

  it("leads the meetings' name, and any other, to the meetings, and knows the user's address", async () => {
    for (const name of [DOMAIN, ""]) {
      const { body, status } = await running.get("/room", { from: USER, name });
      assert.equal(status, 200);
      assert.deepEqual(JSON.parse(body), { shard: "s1", path: "/room", forwardedFor: USER });
    }
  });

  it("a reload fails no request, and ends no relayed call", async () => {
    const connected = await allocated();
    await connected.permit(peer);
    const reloading = new AbortController();
    const reloaded = running.reload().finally(() => reloading.abort());
    const statuses: number[] = [];
    while (!reloading.signal.aborted) statuses.push((await running.get("/room")).status);
    await reloaded;
    assert(statuses.length > 4, "too few requests for the test to show anything");
    assert.deepEqual([...new Set(statuses)], [200]);
    connected.send(peer, Buffer.from("still there"));
    assert.equal((await connected.receive()).data.toString(), "still there");
    await allocated();
  });

  it("is well, as HAProxy checks it", async () => {
    await running.until(() => /Health check for server coturn\/coturn succeeded/.test(running.output));
  });
});
