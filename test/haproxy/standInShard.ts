import { once } from "node:events";
import http from "node:http";
import type { AddressInfo } from "node:net";
import { WebSocketServer } from "ws";
import type { Server } from "../../components/jitsi/haproxy";

/** What a stand-in shard saw of a request. */
export interface Seen {
  readonly shard: string;
  readonly path: string;
  readonly forwardedFor: string | undefined;
}

/** A web server that stands in for a shard's: it says its name, and is as healthy and as full as it is told. Websockets stay open. */
export class StandInShard {
  /** As its Jicofo says it; none: it does not answer. */
  stats: string | undefined = JSON.stringify({
    conferences: 0,
    participants: 0,
    jibri: { recording_active: 0, live_streaming_active: 0 },
  });
  /** By the node that asks. */
  isHealthy: (node: string) => boolean = () => true;
  /** Rooms that somebody is in; undefined: it does not say. */
  rooms: string[] | undefined = [];
  /** Requests of users that HAProxy did not see as such, or that it should have kept from the shard. */
  readonly smuggled: string[] = [];
  readonly server: http.Server;
  private readonly websockets: WebSocketServer;

  constructor(readonly name: string) {
    // As lenient as a web server can be: what is refused must be refused by HAProxy.
    this.server = http.createServer({ insecureHTTPParser: true }, (request, response) => {
      const isOwn = request.method === "GET" && /^\/_(health|rooms|stats)$/.test(request.url ?? "");
      if (isOwn === (request.headers["x-forwarded-for"] !== undefined))
        this.smuggled.push(`${request.method} ${request.url}`);
      if (request.url === "/_health") {
        const node = /keeper\/(\S+)/.exec(request.headers["user-agent"] ?? "")?.[1] ?? "";
        return void response.writeHead(this.isHealthy(node) ? 200 : 500).end();
      }
      if (request.url === "/_rooms" && this.rooms)
        return void response.end(
          JSON.stringify({
            room_census: this.rooms.map((name) => ({ room_name: `${name}@muc.test`, participants: 1 })),
          }),
        );
      if (request.url === "/_stats") {
        if (this.stats !== undefined) response.end(this.stats);
        return;
      }
      const forwardedFor = request.headers["x-forwarded-for"];
      const seen: Seen = {
        shard: name,
        path: request.url ?? "",
        forwardedFor: Array.isArray(forwardedFor) ? forwardedFor.join() : forwardedFor,
      };
      response.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify(seen));
    });
    this.websockets = new WebSocketServer({ server: this.server });
  }

  async listen(): Promise<number> {
    this.server.listen(0, "127.0.0.1");
    await once(this.server, "listening");
    return (this.server.address() as AddressInfo).port;
  }

  close(): void {
    for (const websocket of this.websockets.clients) websocket.terminate();
    this.server.close();
    this.server.closeAllConnections();
  }
}

/** Has shards listen: how an edge is told of them, all of one release. */
export function serversOf(shards: readonly StandInShard[]): Promise<Server[]> {
  return Promise.all(
    shards.map(async (shard, index) => ({
      name: shard.name,
      number: index + 1,
      release: "r1",
      web: { address: "127.0.0.1", port: await shard.listen() },
    })),
  );
}
