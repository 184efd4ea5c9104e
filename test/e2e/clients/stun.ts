import { randomBytes } from "node:crypto";
import { createSocket } from "node:dgram";
import { isIPv6 } from "node:net";

const MAGIC_COOKIE = 0x2112a442;
const HEADER_BYTES = 20;
const BINDING_REQUEST = 0x0001;
const BINDING_SUCCESS = 0x0101;
const BINDING_ERROR = 0x0111;
const ATTRIBUTE = { mappedAddress: 0x0001, errorCode: 0x0009, xorMappedAddress: 0x0020, software: 0x8022 };

export interface StunRequest {
  address: string;
  port: number;
  /** For all tries together; default 3. */
  timeoutSeconds?: number;
  /** How often the request is sent at most; default 4. */
  tries?: number;
}

export interface StunAnswer {
  /** The address and port the request came from, as the server saw them; null when the server did not say. */
  mapped: { address: string; port: number } | null;
  /** The server's SOFTWARE attribute, by which the tests tell one bridge from another. */
  software: string | null;
  /** How often the request was sent until it was answered. */
  tries: number;
  milliseconds: number;
}

export interface StunMessage {
  type: number;
  transactionId: Buffer;
  mapped: StunAnswer["mapped"];
  software: string | null;
  errorCode: number | null;
}

/** A binding request without attributes (RFC 5389, section 6). */
export function encodeBindingRequest(transactionId: Buffer): Buffer {
  const message = Buffer.alloc(HEADER_BYTES);
  message.writeUInt16BE(BINDING_REQUEST, 0);
  message.writeUInt32BE(MAGIC_COOKIE, 4);
  transactionId.copy(message, 8);
  return message;
}

/** The attributes of a STUN message, in order; null for anything else. */
export function stunAttributes(datagram: Buffer): { type: number; value: Buffer }[] | null {
  if (datagram.length < HEADER_BYTES || datagram.readUInt32BE(4) !== MAGIC_COOKIE) return null;
  const end = HEADER_BYTES + datagram.readUInt16BE(2);
  if (end > datagram.length) return null;
  const attributes: { type: number; value: Buffer }[] = [];
  let at = HEADER_BYTES;
  while (at + 4 <= end) {
    const type = datagram.readUInt16BE(at);
    const length = datagram.readUInt16BE(at + 2);
    if (at + 4 + length > end) return null;
    attributes.push({ type, value: datagram.subarray(at + 4, at + 4 + length) });
    at += 4 + length + ((4 - (length % 4)) % 4);
  }
  return attributes;
}

/** Reads a STUN message; null for anything else. */
export function decodeStunMessage(datagram: Buffer): StunMessage | null {
  const attributes = stunAttributes(datagram);
  if (attributes === null) return null;
  const message: StunMessage = {
    type: datagram.readUInt16BE(0),
    transactionId: datagram.subarray(8, HEADER_BYTES),
    mapped: null,
    software: null,
    errorCode: null,
  };
  for (const { type, value } of attributes) {
    if (type === ATTRIBUTE.xorMappedAddress) message.mapped = readXorAddress(value, message.transactionId);
    else if (type === ATTRIBUTE.mappedAddress) message.mapped ??= readAddress(value, Buffer.alloc(16));
    else if (type === ATTRIBUTE.software) message.software = value.toString("utf8");
    else if (type === ATTRIBUTE.errorCode && value.length >= 4) {
      message.errorCode = value.readUInt8(2) * 100 + value.readUInt8(3);
    }
  }
  return message;
}

/** An address of an XOR-…-ADDRESS attribute (RFC 5389, section 15.2). */
export function readXorAddress(value: Buffer, transactionId: Buffer): StunAnswer["mapped"] {
  const cookie = Buffer.alloc(4);
  cookie.writeUInt32BE(MAGIC_COOKIE);
  return readAddress(value, Buffer.concat([cookie, transactionId]));
}

function readAddress(value: Buffer, mask: Buffer): StunAnswer["mapped"] {
  const bytes = value.length === 20 ? 16 : 4;
  if (value.length !== 4 + bytes) return null;
  const port = value.readUInt16BE(2) ^ mask.readUInt16BE(0);
  const plain = value.subarray(4).map((byte, index) => byte ^ (mask[index] ?? 0));
  if (bytes === 4) return { address: plain.join("."), port };
  const groups = Array.from({ length: 8 }, (_, index) =>
    Buffer.from(plain)
      .readUInt16BE(index * 2)
      .toString(16),
  );
  return { address: groups.join(":"), port };
}

/**
 * Asks for the address a datagram comes from. Only an answer from the very address and port asked counts.
 * Rejects when the port is closed (the host says so by ICMP), on an error response, and when all tries stay unanswered.
 */
export function stunBinding(request: StunRequest): Promise<StunAnswer> {
  const timeoutSeconds = request.timeoutSeconds ?? 3;
  const maxTries = request.tries ?? 4;
  const transactionId = randomBytes(12);
  const packet = encodeBindingRequest(transactionId);
  const where = `STUN ${request.address}:${request.port}`;
  const started = performance.now();
  return new Promise((resolve, reject) => {
    const socket = createSocket(isIPv6(request.address) ? "udp6" : "udp4");
    let tries = 0;
    let resend: NodeJS.Timeout | undefined;
    const finish = (settle: () => void): void => {
      clearTimeout(resend);
      clearTimeout(limit);
      socket.close();
      settle();
    };
    const limit = setTimeout(() => {
      finish(() => reject(new Error(`${where}: no answer to ${tries} requests within ${timeoutSeconds} s`)));
    }, timeoutSeconds * 1000);
    const send = (): void => {
      tries += 1;
      socket.send(packet);
      // The intervals double, as RFC 5389 wants it, and together stay below the time limit.
      if (tries < maxTries) resend = setTimeout(send, (timeoutSeconds * 1000) / 2 ** (maxTries - tries));
    };
    socket.on("error", (error: NodeJS.ErrnoException) => {
      const why = error.code === "ECONNREFUSED" ? "the port is closed" : error.message;
      finish(() => reject(new Error(`${where}: ${why}`)));
    });
    socket.on("message", (datagram) => {
      const message = decodeStunMessage(datagram);
      if (message?.transactionId.equals(transactionId) !== true) return;
      if (message.type === BINDING_ERROR) {
        finish(() => reject(new Error(`${where}: error response ${message.errorCode ?? "without a code"}`)));
      } else if (message.type === BINDING_SUCCESS) {
        const milliseconds = Math.round(performance.now() - started);
        finish(() => resolve({ mapped: message.mapped, software: message.software, tries, milliseconds }));
      }
    });
    // A connected socket takes datagrams from that one peer only, and learns of an ICMP "port unreachable".
    socket.connect(request.port, request.address, send);
  });
}
