import assert from "node:assert/strict";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { createServer, type RequestListener } from "node:http";
import type { AddressInfo } from "node:net";
import { RoomsClient } from "../../scaler/keeper/roomsClient";

const recorded = (name: string): string =>
  readFileSync(`test/fixtures/recorded/${name}.http`, "utf8")
    .split("\n")
    .find((line) => line.startsWith("{")) ?? "";

describe("how a shard is asked for its rooms", () => {
  const closing: (() => Promise<unknown>)[] = [];
  afterEach(() => Promise.all(closing.splice(0).map((close) => close())));

  /** A shard that answers as it likes. */
  async function shard(listener: RequestListener, limitSeconds?: number): Promise<RoomsClient> {
    const server = createServer(listener).listen(0, "127.0.0.1");
    await once(server, "listening");
    closing.push(async () => {
      server.closeAllConnections();
      server.close();
      await once(server, "close");
    });
    const { port } = server.address() as AddressInfo;
    return new RoomsClient({ shard: "s7", url: `http://127.0.0.1:${port}` }, limitSeconds);
  }

  it("reads its rooms and its conferences, each at its path, and says it asks for no user", async () => {
    const pages: Record<string, string> = {
      "/_rooms": recorded("prosody_census"),
      "/_stats": recorded("jicofo_conf_stats"),
      "/_jibris": recorded("jicofo_debug_with_jibri"),
    };
    const client = await shard(({ headers, url }, response) => {
      const page = headers["x-forwarded-for"] === undefined ? pages[url ?? ""] : undefined;
      response.writeHead(page === undefined ? 404 : 200).end(page);
    });
    assert.equal((await client.rooms()).length, 3);
    assert.equal((await client.stats()).conferences, 1);
    assert.deepEqual(await client.jibris(), ["jibri1"]);
  });

  it("takes no other answer for no rooms, and says which shard and why", async () => {
    const whole = recorded("prosody_census");
    const answers: [RequestListener, RegExp][] = [
      [(_, response) => response.writeHead(502).end(whole), /502/],
      [(_, response) => response.writeHead(301, { location: "/_stats" }).end(whole), /301/],
      [(_, response) => response.end(""), /JSON/],
      [(_, response) => response.end("{}"), /room_census/],
      [(_, response) => response.end(whole.slice(0, -1)), /JSON/],
      [
        (_, response) => {
          response.writeHead(200, { "content-length": whole.length + 1 }).write(whole);
          setTimeout(() => response.destroy(), 50);
        },
        /aborted/,
      ],
      [(request) => request.socket.destroy(), /socket hang up|ECONNRESET/],
    ];
    for (const [answer, why] of answers) {
      const client = await shard(answer);
      await assert.rejects(client.rooms(), ({ message }: Error) => {
        assert.match(message, /^shard s7: \/_rooms: /);
        assert.match(message, why);
        return true;
      });
    }
    const gone = new RoomsClient({ shard: "s7", url: "http://127.0.0.1:1" });
    await assert.rejects(gone.rooms(), /^Error: shard s7: .*ECONNREFUSED/);
  });

  it("reads no more than 2 MiB", async () => {
    const census = (count: number): string =>
      JSON.stringify({
        room_census: Array.from({ length: count }, (_, index) => ({
          room_name: `room-number-${index}@muc.meet.jitsi`,
          participants: 2,
          leaked: false,
        })),
      });
    const large = await shard((_, response) => response.end(census(20_000)));
    assert.equal((await large.rooms()).length, 20_000);
    let sent = 0;
    const endless = await shard((_, response) => {
      const part = " ".repeat(64 * 1024);
      const more = (): void => {
        while (!response.destroyed && response.write(part)) sent += part.length;
        sent += part.length;
      };
      response.on("drain", more);
      more();
    });
    await assert.rejects(endless.rooms(), /the answer exceeds 2097152 bytes/);
    assert(sent < 64 * 1024 * 1024, `${sent} bytes went out`);
  });

  it("waits no longer than its limit, for the last byte too", async () => {
    const silent = await shard(() => undefined, 0.5);
    const dripping = await shard((_, response) => {
      const drip = setInterval(() => response.write(" "), 50);
      response.on("close", () => clearInterval(drip));
    }, 0.5);
    const late = /no answer within 0.5 s/;
    await Promise.all([assert.rejects(silent.rooms(), late), assert.rejects(dripping.stats(), late)]);
  });
});
