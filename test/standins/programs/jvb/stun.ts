import { createSocket } from "node:dgram";

const bindingRequest = 0x0001;
const bindingSuccess = 0x0101;
const magicCookie = 0x2112a442;
const xorMappedAddress = 0x0020;
const software = 0x8022;
const headerBytes = 20;

function attribute(type: number, value: Buffer): Buffer {
  const padded = Buffer.alloc(4 + Math.ceil(value.length / 4) * 4);
  padded.writeUInt16BE(type, 0);
  padded.writeUInt16BE(value.length, 2);
  value.copy(padded, 4);
  return padded;
}

function mappedAddress(address: string, port: number): Buffer {
  const value = Buffer.alloc(8);
  value.writeUInt8(1, 1);
  value.writeUInt16BE(port ^ (magicCookie >>> 16), 2);
  const octets = address.split(".").map(Number);
  value.writeUInt32BE((Buffer.from(octets).readUInt32BE(0) ^ magicCookie) >>> 0, 4);
  return value;
}

/**
 * Answers STUN binding requests (RFC 8489, IPv4) with the sender's address and the bridge's name as SOFTWARE, so that
 * whoever asks knows which bridge a port leads to. A real bridge answers only with the credentials of a session.
 */
export function answerStun(port: number, name: string): void {
  const socket = createSocket("udp4");
  socket.on("message", (message, from) => {
    if (message.length < headerBytes || message.readUInt16BE(0) !== bindingRequest) return;
    if (message.readUInt32BE(4) !== magicCookie) return;
    const attributes = Buffer.concat([
      attribute(xorMappedAddress, mappedAddress(from.address, from.port)),
      attribute(software, Buffer.from(name)),
    ]);
    const header = Buffer.alloc(headerBytes);
    header.writeUInt16BE(bindingSuccess, 0);
    header.writeUInt16BE(attributes.length, 2);
    message.copy(header, 4, 4, headerBytes);
    socket.send(Buffer.concat([header, attributes]), from.port, from.address);
  });
  socket.bind(port);
}
