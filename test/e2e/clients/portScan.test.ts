import * as assert from "node:assert/strict";
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { createServer, type AddressInfo } from "node:net";
import { freePort } from "../../support/freePort";
import { formatPorts, parsePorts, scanTcp, scanUdp } from "./portScan";

describe("port scan", () => {
  it("reads and writes ports and ranges", () => {
    assert.deepEqual(parsePorts("443, 80,8000-8003"), [443, 80, 8000, 8001, 8002, 8003]);
    assert.equal(formatPorts([443, 80, 8002, 8000, 8001]), "80,443,8000-8002");
    assert.equal(formatPorts([]), "");
    for (const wrong of ["", "0", "65536", "10-9", "http", "1-2-3", "-5"]) {
      assert.throws(() => parsePorts(wrong), /not a port/, wrong);
    }
  });

  it("tells open TCP ports from closed ones", async () => {
    const servers = [createServer(), createServer()];
    // The scan resets what it has opened.
    for (const server of servers) server.on("connection", (socket) => socket.on("error", () => undefined));
    for (const server of servers) await once(server.listen(0, "127.0.0.1"), "listening");
    const open = servers.map((server) => (server.address() as AddressInfo).port).sort((a, b) => a - b);
    const closed = await freePort();
    const result = await scanTcp({ address: "127.0.0.1", ports: formatPorts([...open, closed]) });
    for (const server of servers) server.close();
    const { seconds, ...found } = result;
    assert.deepEqual(found, { open, refused: 1, silent: "", errors: {} });
    assert.ok(seconds < 0.5, `${seconds} s`);
  });

  it("tells UDP ports that speak STUN from silent and closed ones", async () => {
    const [speaks, silent] = [createSocket("udp4"), createSocket("udp4")];
    for (const socket of [speaks, silent]) await once(socket.bind(0, "127.0.0.1"), "listening");
    speaks.on("message", (request, { port, address }) => {
      const answer = Buffer.from(request);
      answer.writeUInt16BE(0x0101, 0);
      speaks.send(answer, port, address);
    });
    const [speaking = 0, mute = 0] = [speaks, silent].map((socket) => socket.address().port);
    const result = await scanUdp({
      address: "127.0.0.1",
      ports: formatPorts([speaking, mute, await freePort()]),
      patienceMilliseconds: 50,
    });
    for (const socket of [speaks, silent]) socket.close();
    const { seconds, ...found } = result;
    const answered = [{ port: speaking, software: null, mapped: null }];
    assert.deepEqual(found, { answered, refused: 1, silent: String(mute) });
    assert.ok(seconds >= 0.15, "the silent port was asked twice, with twice the patience");
  });

  it("ends a scan that takes too long", async () => {
    const scan = scanTcp({ address: "127.0.0.1", ports: "1-65535", timeoutSeconds: 0.05 });
    await assert.rejects(scan, /not finished after 0.05 s/);
  });
});
