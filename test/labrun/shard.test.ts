import assert from "node:assert/strict";
import { fork } from "node:child_process";
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import type { Message } from "../../lab/program";
import { RoomsClient } from "../../scaler/keeper/roomsClient";

describe("the lab's stand-in for a shard", () => {
  it("tells the fleet its rooms and conferences as the real ones do, and users nothing", async () => {
    const bridge = createServer((_, response) => response.end("{}")).listen(0, "127.0.0.1");
    await once(bridge, "listening");
    const program = fork(join(__dirname, "../../lab/shard.ts"), {
      silent: true,
      execArgv: ["--require", "ts-node/register/transpile-only"],
      env: { ...process.env, LAB_SETTINGS: JSON.stringify({ name: "s1", capacity: 10 }) },
    });
    try {
      const [told] = (await once(program, "message")) as [Message];
      const url = `http://127.0.0.1:${told.kind === "listening" ? told.ports[0] : 0}`;
      const post = async (path: string, body: object): Promise<void> =>
        assert((await fetch(url + path, { method: "POST", body: JSON.stringify(body) })).ok, path);
      const bridgeUrl = `http://127.0.0.1:${(bridge.address() as AddressInfo).port}`;
      const presence = { kind: "bridge", name: "b1", url: bridgeUrl, draining: false, retiring: false };
      await post("/lab/brewery", presence);
      const shard = new RoomsClient({ shard: "s1", url });
      assert.deepEqual(await shard.rooms(), []);

      for (const user of ["one", "two"]) await post("/http-bind?room=room1", { action: "join", user });
      assert.deepEqual(await shard.rooms(), [{ jid: "room1@muc.meet.jitsi", occupants: 2 }]);
      assert.equal((await shard.stats()).conferences, 1);
      for (const path of ["/_rooms", "/_stats", "/_jibris", "/_health"])
        assert.equal((await fetch(url + path, { headers: { "X-Forwarded-For": "10.0.0.1" } })).status, 404);

      for (const user of ["one", "two"]) await post("/http-bind?room=room1", { action: "leave", user });
      assert.deepEqual(await shard.rooms(), []);
      assert.equal((await shard.stats()).conferences, 0);
    } finally {
      program.disconnect();
      bridge.closeAllConnections();
      bridge.close();
      await once(program, "exit");
    }
  });
});
