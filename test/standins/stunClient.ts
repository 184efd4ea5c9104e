import { randomBytes } from "node:crypto";
import { createSocket } from "node:dgram";

const magicCookie = 0x2112a442;
const retryMilliseconds = 200;

export interface StunAnswer {
  /** The sender's address as the bridge saw it. */
  address: string;
  port: number;
  /** The bridge's nickname. */
  software: string;
}

function read(message: Buffer): StunAnswer {
  const answer: StunAnswer = { address: "", port: 0, software: "" };
  for (let at = 20; at + 4 <= message.length;) {
    const type = message.readUInt16BE(at);
    const length = message.readUInt16BE(at + 2);
    const value = message.subarray(at + 4, at + 4 + length);
    if (type === 0x0020) {
      answer.port = value.readUInt16BE(2) ^ (magicCookie >>> 16);
      const octets = Buffer.alloc(4);
      octets.writeUInt32BE((value.readUInt32BE(4) ^ magicCookie) >>> 0);
      answer.address = octets.join(".");
    }
    if (type === 0x8022) answer.software = value.toString();
    at += 4 + Math.ceil(length / 4) * 4;
  }
  return answer;
}

/**
 * Asks an address which bridge it leads to, again every 200 ms as a datagram may be lost.
 * @throws when nothing answers within the limit.
 */
export async function stunBinding(address: string, port: number, limitSeconds: number): Promise<StunAnswer> {
  const socket = createSocket("udp4");
  const transaction = randomBytes(12);
  const request = Buffer.concat([Buffer.from([0, 1, 0, 0, 0x21, 0x12, 0xa4, 0x42]), transaction]);
  const send = (): void => socket.send(request, port, address);
  const retry = setInterval(send, retryMilliseconds);
  try {
    return await new Promise<StunAnswer>((resolve, reject) => {
      setTimeout(() => reject(new Error(`no STUN answer from ${address}:${port}`)), limitSeconds * 1000);
      socket.on("error", reject);
      socket.on("message", (message) => {
        if (message.subarray(8, 20).equals(transaction)) resolve(read(message));
      });
      send();
    });
  } finally {
    clearInterval(retry);
    socket.close();
  }
}
