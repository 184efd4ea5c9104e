import type { IncomingMessage } from "node:http";
import { setTimeout as sleep } from "node:timers/promises";
import { WebSocket } from "ws";
import type { EdgeNodeUnderTest } from "./edgeUnderTest";

interface Session {
  readonly room: string;
  readonly shard: string;
  readonly from: number;
  to: number;
}

/** People in rooms, each on a websocket that is opened again, at any node that answers, when it closes. */
export class LiveRooms {
  readonly sessions: Session[] = [];
  /** Attempts that were answered with anything but a websocket. */
  readonly refusals: string[] = [];
  private readonly open = new Set<WebSocket>();
  private readonly people: Promise<void>[] = [];
  private readonly over = new AbortController();

  /** One in each room on each node. Resolves once all are there. */
  static async gather(rooms: readonly string[], nodes: readonly EdgeNodeUnderTest[]): Promise<LiveRooms> {
    const live = new LiveRooms();
    const count = rooms.length * nodes.length;
    for (const room of rooms)
      for (const [index] of nodes.entries()) live.people.push(live.stay(room, nodes, index));
    while (live.open.size < count) await sleep(20);
    return live;
  }

  private async stay(room: string, nodes: readonly EdgeNodeUnderTest[], first: number): Promise<void> {
    const { signal } = this.over;
    for (let turn = first; !signal.aborted; turn += 1) {
      const node = nodes[turn % nodes.length];
      if (node) await this.session(room, node);
      await sleep(20 + Math.random() * 80, undefined, { signal }).catch(() => undefined);
    }
  }

  private session(room: string, node: EdgeNodeUnderTest): Promise<void> {
    return new Promise((resolve) => {
      const url = `wss://127.0.0.1:${node.ports.https}/xmpp-websocket?room=${room}`;
      const websocket = new WebSocket(url, { rejectUnauthorized: false, handshakeTimeout: 15_000 });
      let session: Session | undefined;
      websocket.on("upgrade", ({ headers }: IncomingMessage) => {
        session = { room, shard: String(headers["x-jitsi-shard"]), from: performance.now(), to: Infinity };
        this.sessions.push(session);
        this.open.add(websocket);
        // It was on its way when all others were ended.
        if (this.over.signal.aborted) websocket.terminate();
      });
      websocket.on("unexpected-response", (_, response) => {
        this.refusals.push(`${room}: ${response.statusCode ?? 0}`);
        websocket.terminate();
      });
      websocket.on("error", () => undefined);
      websocket.on("close", () => {
        if (session) session.to = performance.now();
        this.open.delete(websocket);
        resolve();
      });
    });
  }

  /** The shards on which a room's people are just now. */
  now(): Map<string, Set<string>> {
    const shards = new Map<string, Set<string>>();
    for (const { room, shard, to } of this.sessions)
      if (to === Infinity) shards.set(room, (shards.get(room) ?? new Set()).add(shard));
    return shards;
  }

  /** Sessions that ended since then. */
  endedSince(from: number): Session[] {
    return this.sessions.filter(({ to }) => to !== Infinity && to > from);
  }

  /** For how long a room's people were on two shards at the longest, in milliseconds. */
  longestSplitMilliseconds(): number {
    const byRoom = new Map<string, Session[]>();
    for (const session of this.sessions)
      byRoom.set(session.room, [...(byRoom.get(session.room) ?? []), session]);
    const now = performance.now();
    const splits = [...byRoom.values()].flatMap((sessions) =>
      sessions.flatMap((one, index) =>
        sessions
          .slice(index + 1)
          .filter((other) => other.shard !== one.shard)
          .map((other) => Math.min(one.to, other.to, now) - Math.max(one.from, other.from)),
      ),
    );
    return Math.max(0, ...splits);
  }

  async end(): Promise<void> {
    this.over.abort();
    for (const websocket of this.open) websocket.terminate();
    await Promise.all(this.people);
  }
}
