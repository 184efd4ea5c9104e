import * as assert from "node:assert/strict";
import { createSocket, type Socket } from "node:dgram";
import { once } from "node:events";
import { freePort } from "../../support/freePort";
import { decodeStunMessage, stunBinding } from "./stun";

const bytes = (hex: string): Buffer => Buffer.from(hex.replace(/\s/g, ""), "hex");

/** RFC 5769, section 2.2: a response with SOFTWARE "test vector" and 192.0.2.1:32853. */
const SAMPLE_RESPONSE = bytes(`
  0101003c 2112a442 b7e7a701 bc34d686 fa87dfae
  8022000b 74657374 20766563 746f7220
  00200008 0001a147 e112a643
  00080014 2b91f599 fd9e90c3 8c7489f9 2af9ba53 f06be7d7
  80280004 c07d4c96`);

/** RFC 5769, section 2.3: the same with [2001:db8:1234:5678:11:2233:4455:6677]:32853. */
const SAMPLE_RESPONSE_IPV6 = bytes(`
  01010048 2112a442 b7e7a701 bc34d686 fa87dfae
  8022000b 74657374 20766563 746f7220
  00200014 0002a147 0113a9fa a5d3f179 bc25f4b5 bed2b9d9
  00080014 a382954e 4be67bf1 1784c97c 8292c275 bfe3ed41
  80280004 c8fb0b4c`);

const BINDING_ERROR_420 = bytes("0111 0008 2112a442 000000000000000000000000 00090004 00000414");

describe("STUN client", () => {
  let server: Socket;

  beforeEach(async () => {
    server = createSocket("udp4").bind(0, "127.0.0.1");
    await once(server, "listening");
  });

  afterEach(() => server.close());

  /** Answers with that message, under the request's transaction id. */
  const answerWith = (sample: Buffer, request: Buffer, port: number): void => {
    const answer = Buffer.from(sample);
    request.copy(answer, 8, 8, 20);
    server.send(answer, port, "127.0.0.1");
  };

  it("reads the RFC's sample responses", () => {
    const ipv4 = decodeStunMessage(SAMPLE_RESPONSE);
    assert.deepEqual(ipv4?.mapped, { address: "192.0.2.1", port: 32853 });
    assert.equal(ipv4.software, "test vector");
    const ipv6 = decodeStunMessage(SAMPLE_RESPONSE_IPV6);
    assert.deepEqual(ipv6?.mapped, { address: "2001:db8:1234:5678:11:2233:4455:6677", port: 32853 });
  });

  it("takes nothing else for STUN, nor a message cut short", () => {
    assert.equal(decodeStunMessage(Buffer.from("GET / HTTP/1.1\r\nhost: x\r\n")), null);
    for (let length = 0; length < SAMPLE_RESPONSE.length; length += 1) {
      assert.equal(decodeStunMessage(SAMPLE_RESPONSE.subarray(0, length)), null, `${length} bytes`);
    }
  });

  it("returns the mapped address and the server's name", async () => {
    server.on("message", (request, { port }) => answerWith(SAMPLE_RESPONSE, request, port));
    const answer = await stunBinding({ address: "127.0.0.1", port: server.address().port });
    assert.deepEqual(answer.mapped, { address: "192.0.2.1", port: 32853 });
    assert.equal(answer.software, "test vector");
    assert.equal(answer.tries, 1);
  });

  it("asks again when a request is lost, and ignores an answer to something else", async () => {
    let requests = 0;
    server.on("message", (request, { port }) => {
      requests += 1;
      if (requests === 1) server.send(SAMPLE_RESPONSE, port, "127.0.0.1");
      if (requests === 3) answerWith(SAMPLE_RESPONSE, request, port);
    });
    const answer = await stunBinding({
      address: "127.0.0.1",
      port: server.address().port,
      timeoutSeconds: 1,
    });
    assert.equal(answer.tries, 3);
  });

  it("rejects on silence, on an error response and on a closed port", async () => {
    const { port } = server.address();
    const silent = stunBinding({ address: "127.0.0.1", port, timeoutSeconds: 0.3 });
    await assert.rejects(silent, /no answer to 4 requests within 0.3 s/);
    server.on("message", (request, peer) => answerWith(BINDING_ERROR_420, request, peer.port));
    await assert.rejects(stunBinding({ address: "127.0.0.1", port }), /error response 420/);
    await assert.rejects(stunBinding({ address: "127.0.0.1", port: await freePort() }), /the port is closed/);
  });
});
