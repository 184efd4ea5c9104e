import { createHash, createHmac, randomBytes } from "node:crypto";
import { once } from "node:events";
import { isIPv6, type Socket } from "node:net";
import { connect } from "node:tls";
import { decodeStunMessage, readXorAddress, stunAttributes } from "../e2e/clients/stun";

/** An address and a port. */
export interface Peer {
  readonly address: string;
  readonly port: number;
}

export interface TurnCredentials {
  readonly username: string;
  readonly password: string;
}

export interface TurnServer {
  /** Where the TCP connection goes. */
  readonly address: string;
  readonly port: number;
  /** The user's own address; what the system chooses, if absent. */
  readonly from?: string;
  /** The name in the URL `turns:`: said in TLS's first message, and checked in the certificate. */
  readonly name: string;
  readonly certificate: string;
}

/** The server answered with an error. */
export class TurnRefusal extends Error {
  constructor(
    readonly code: number,
    what: string,
  ) {
    super(`${what}: refused with ${code}`);
  }
}

const METHOD = { allocate: 0x003, send: 0x016, data: 0x017, createPermission: 0x008, channelBind: 0x009 };
const INDICATION = 0x0010;
const ATTRIBUTE = {
  username: 0x0006,
  messageIntegrity: 0x0008,
  channelNumber: 0x000c,
  xorPeerAddress: 0x0012,
  data: 0x0013,
  realm: 0x0014,
  nonce: 0x0015,
  xorRelayedAddress: 0x0016,
  requestedAddressFamily: 0x0017,
  requestedTransport: 0x0019,
};
const TRANSPORT = { tcp: 6, udp: 17 };
const COOKIE = Buffer.from([0x21, 0x12, 0xa4, 0x42]);
const HEADER_BYTES = 20;
const LIMIT_MILLISECONDS = 5000;

/** Credentials as Prosody makes them (TURN REST API), until a time in seconds. */
export function turnCredentials(secret: string, expires: number): TurnCredentials {
  const username = String(Math.floor(expires));
  return { username, password: createHmac("sha1", secret).update(username).digest("base64") };
}

/** As much of TURN over TLS (RFC 8656, RFC 6062) as the tests need: each request rejects with a TurnRefusal on an error. */
export class TurnClient {
  private received = Buffer.alloc(0);
  private readonly answers = new Map<string, (message: Buffer) => void>();
  private readonly waiting: ((data: { peer: Peer | null; data: Buffer }) => void)[] = [];
  private session: { credentials: TurnCredentials; realm: Buffer; nonce: Buffer } | undefined;

  /** Over a connection to the server, TLS or plain. */
  constructor(private readonly socket: Socket) {
    socket.on("data", (chunk: Buffer) => this.take(chunk));
    socket.on("error", () => socket.destroy());
  }

  static async connect(server: TurnServer): Promise<TurnClient> {
    const socket = connect({
      host: server.address,
      port: server.port,
      ...(server.from === undefined ? {} : { localAddress: server.from }),
      servername: server.name,
      ca: server.certificate,
    });
    await once(socket, "secureConnect");
    return new TurnClient(socket);
  }

  /** An allocation; what it may reach is asked with `permit` and `bindChannel`. */
  async allocate(
    credentials: TurnCredentials,
    { transport = "udp", family = 4 }: { transport?: keyof typeof TRANSPORT; family?: 4 | 6 } = {},
  ): Promise<{ relayed: Peer | null; mapped: Peer | null }> {
    const wanted = [
      attribute(ATTRIBUTE.requestedTransport, Buffer.from([TRANSPORT[transport], 0, 0, 0])),
      ...(family === 6 ? [attribute(ATTRIBUTE.requestedAddressFamily, Buffer.from([2, 0, 0, 0]))] : []),
    ];
    // The first is refused, with the realm and a nonce.
    const challenge = await this.ask(METHOD.allocate, wanted);
    const [realm, nonce] = [valueOf(challenge, ATTRIBUTE.realm), valueOf(challenge, ATTRIBUTE.nonce)];
    if (realm === undefined || nonce === undefined) throw new Error("allocate: asked for no credentials");
    this.session = { credentials, realm, nonce };
    const answer = await this.request("allocate", METHOD.allocate, wanted);
    const relayed = valueOf(answer, ATTRIBUTE.xorRelayedAddress);
    return {
      relayed: relayed === undefined ? null : readXorAddress(relayed, answer.subarray(8, HEADER_BYTES)),
      mapped: decodeStunMessage(answer)?.mapped ?? null,
    };
  }

  async permit(peer: Peer): Promise<void> {
    await this.request(`permission for ${peer.address}`, METHOD.createPermission, (id) => [
      attribute(ATTRIBUTE.xorPeerAddress, xorAddress(peer, id)),
    ]);
  }

  async bindChannel(peer: Peer): Promise<void> {
    await this.request(`channel to ${peer.address}`, METHOD.channelBind, (id) => [
      attribute(ATTRIBUTE.channelNumber, Buffer.from([0x40, 0, 0, 0])),
      attribute(ATTRIBUTE.xorPeerAddress, xorAddress(peer, id)),
    ]);
  }

  /** Sends a datagram to a peer, without asking whether that is permitted. */
  send(peer: Peer, data: Buffer): void {
    const id = randomBytes(12);
    const attributes = [
      attribute(ATTRIBUTE.xorPeerAddress, xorAddress(peer, id)),
      attribute(ATTRIBUTE.data, data),
    ];
    this.socket.write(message(METHOD.send | INDICATION, id, attributes));
  }

  /** The next datagram of a peer. */
  receive(): Promise<{ peer: Peer | null; data: Buffer }> {
    return within("datagram", (resolve) => this.waiting.push(resolve));
  }

  close(): void {
    this.socket.destroy();
  }

  private async request(
    what: string,
    method: number,
    attributes: Buffer[] | ((id: Buffer) => Buffer[]),
  ): Promise<Buffer> {
    const answer = await this.ask(method, attributes);
    const { errorCode = null } = decodeStunMessage(answer) ?? {};
    if (errorCode !== null) throw new TurnRefusal(errorCode, what);
    return answer;
  }

  private ask(method: number, attributes: Buffer[] | ((id: Buffer) => Buffer[])): Promise<Buffer> {
    const id = randomBytes(12);
    const asked = typeof attributes === "function" ? attributes(id) : attributes;
    const answer = within<Buffer>(`answer to ${method}`, (resolve) =>
      this.answers.set(id.toString("hex"), resolve),
    );
    this.socket.write(
      this.session === undefined ? message(method, id, asked) : this.signed(method, id, asked),
    );
    return answer;
  }

  private signed(method: number, id: Buffer, asked: Buffer[]): Buffer {
    if (this.session === undefined) throw new Error("no allocation was asked for");
    const { credentials, realm, nonce } = this.session;
    const unsigned = message(method, id, [
      ...asked,
      attribute(ATTRIBUTE.username, Buffer.from(credentials.username)),
      attribute(ATTRIBUTE.realm, realm),
      attribute(ATTRIBUTE.nonce, nonce),
    ]);
    const key = createHash("md5")
      .update(`${credentials.username}:${realm.toString()}:${credentials.password}`)
      .digest();
    // The length counts the signature, which signs it.
    unsigned.writeUInt16BE(unsigned.readUInt16BE(2) + 24, 2);
    const signature = createHmac("sha1", key).update(unsigned).digest();
    return Buffer.concat([unsigned, attribute(ATTRIBUTE.messageIntegrity, signature)]);
  }

  private take(chunk: Buffer): void {
    this.received = Buffer.concat([this.received, chunk]);
    while (this.received.length >= HEADER_BYTES) {
      const length = HEADER_BYTES + this.received.readUInt16BE(2);
      if (this.received.length < length) return;
      this.handle(this.received.subarray(0, length));
      this.received = this.received.subarray(length);
    }
  }

  private handle(answer: Buffer): void {
    const id = answer.subarray(8, HEADER_BYTES);
    if (answer.readUInt16BE(0) !== (METHOD.data | INDICATION)) {
      this.answers.get(id.toString("hex"))?.(answer);
      return;
    }
    const peer = valueOf(answer, ATTRIBUTE.xorPeerAddress);
    const data = valueOf(answer, ATTRIBUTE.data) ?? Buffer.alloc(0);
    this.waiting.shift()?.({ peer: peer === undefined ? null : readXorAddress(peer, id), data });
  }
}

function within<T>(what: string, begin: (resolve: (value: T) => void) => void): Promise<T> {
  return new Promise((resolve, reject) => {
    const limit = setTimeout(() => reject(new Error(`no ${what} within 5 s`)), LIMIT_MILLISECONDS);
    begin((value) => {
      clearTimeout(limit);
      resolve(value);
    });
  });
}

const valueOf = (answer: Buffer, type: number): Buffer | undefined =>
  stunAttributes(answer)?.find((candidate) => candidate.type === type)?.value;

function message(type: number, id: Buffer, attributes: Buffer[]): Buffer {
  const body = Buffer.concat(attributes);
  const start = Buffer.alloc(4);
  start.writeUInt16BE(type, 0);
  start.writeUInt16BE(body.length, 2);
  return Buffer.concat([start, COOKIE, id, body]);
}

function attribute(type: number, value: Buffer): Buffer {
  const padded = Buffer.alloc(4 + Math.ceil(value.length / 4) * 4);
  padded.writeUInt16BE(type, 0);
  padded.writeUInt16BE(value.length, 2);
  value.copy(padded, 4);
  return padded;
}

function xorAddress({ address, port }: Peer, id: Buffer): Buffer {
  const mask = Buffer.concat([COOKIE, id]);
  const plain = isIPv6(address) ? bytesOfIPv6(address) : Buffer.from(address.split(".").map(Number));
  const start = Buffer.from([0, isIPv6(address) ? 2 : 1, 0, 0]);
  start.writeUInt16BE(port ^ mask.readUInt16BE(0), 2);
  return Buffer.concat([start, plain.map((byte, index) => byte ^ (mask[index] ?? 0))]);
}

function bytesOfIPv6(address: string): Buffer {
  const [head = "", tail = ""] = address.split("::");
  const groups = (text: string): number[] =>
    text === "" ? [] : text.split(":").map((group) => parseInt(group, 16));
  const [first, last] = [groups(head), groups(tail)];
  const all = [...first, ...Array<number>(8 - first.length - last.length).fill(0), ...last];
  const bytes = Buffer.alloc(16);
  all.forEach((group, index) => bytes.writeUInt16BE(group, index * 2));
  return bytes;
}
