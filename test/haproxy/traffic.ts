import https from "node:https";
import { exchange } from "../e2e/clients/http";
import type { EdgeNodeUnderTest } from "./edgeUnderTest";

/**
 * Users who ask for their rooms over and over, on connections kept alive, at any of the nodes: as a browser does with
 * several addresses, at the next one where a node takes no connection.
 */
export class RoomTraffic {
  readonly failures: string[] = [];
  readonly moved: string[] = [];
  requests = 0;
  private isOver = false;
  private readonly agents: https.Agent[];
  private readonly users: Promise<void>[];

  constructor(
    private readonly nodes: readonly EdgeNodeUnderTest[],
    private readonly homes: ReadonlyMap<string, string>,
    users = 16,
  ) {
    this.agents = nodes.map(
      () => new https.Agent({ keepAlive: true, maxSockets: users, rejectUnauthorized: false }),
    );
    this.users = Array.from({ length: users }, (_, index) => this.use(index));
  }

  private async use(index: number): Promise<void> {
    const rooms = [...this.homes.keys()];
    for (let turn = index; !this.isOver; turn += 1) {
      const room = rooms[turn % rooms.length] ?? "";
      for (const path of [`/${room}`, `/http-bind?room=${room}`, `/_unlock?room=${room}`])
        await this.ask(path, room, turn);
    }
  }

  private async ask(path: string, room: string, turn: number): Promise<void> {
    this.requests += 1;
    for (let attempt = 0; ; attempt += 1) {
      const at = (turn + attempt) % this.nodes.length;
      const node = this.nodes[at];
      const url = `https://127.0.0.1:${node?.ports.https ?? 0}${path}`;
      try {
        const { answer } = await exchange({ url }, this.agents[at] ?? https.globalAgent);
        if (answer.status !== 200) this.failures.push(`${path}: ${answer.status}`);
        else if (answer.headers["x-jitsi-shard"] !== this.homes.get(room)) this.moved.push(room);
        return;
      } catch (error) {
        // Refused, or reset before anything was sent: it was in the queue of a listener that closed.
        const { cause } = error as { cause?: NodeJS.ErrnoException };
        const isRefused = cause?.syscall === "connect";
        if (isRefused && attempt < this.nodes.length - 1) continue;
        this.failures.push(`${path}: ${String(error)}`);
        return;
      }
    }
  }

  async stop(): Promise<void> {
    this.isOver = true;
    await Promise.all(this.users);
    for (const agent of this.agents) agent.destroy();
  }
}
