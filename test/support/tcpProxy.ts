import { once } from "node:events";
import { connect, createServer, type Server, type Socket } from "node:net";

/** Passes TCP connections on, and fails as a test wants: refuses, or cuts an answer off. */
export class TcpProxy {
  private server: Server | undefined;
  private readonly sockets = new Set<Socket>();
  /** Bytes of answers on one connection after which it is cut. */
  cutAfter = Infinity;
  cuts = 0;

  constructor(
    readonly port: number,
    private readonly target: number,
  ) {}

  async accept(): Promise<void> {
    const server = createServer((client) => {
      const upstream = connect(this.target, "127.0.0.1");
      let passed = 0;
      for (const [socket, other] of [
        [client, upstream],
        [upstream, client],
      ] as const) {
        this.sockets.add(socket);
        socket.on("error", () => other.destroy());
        socket.on("close", () => {
          this.sockets.delete(socket);
          other.destroy();
        });
      }
      client.pipe(upstream);
      upstream.on("data", (chunk: Buffer) => {
        passed += chunk.length;
        if (passed > this.cutAfter) {
          this.cuts += 1;
          upstream.destroy();
        } else client.write(chunk);
      });
    });
    server.listen(this.port, "127.0.0.1");
    await once(server, "listening");
    this.server = server;
  }

  /** Ends all connections and takes no other. */
  async refuse(): Promise<void> {
    const { server } = this;
    if (!server) return;
    this.server = undefined;
    const closed = once(server, "close");
    server.close();
    for (const socket of this.sockets) socket.destroy();
    await closed;
  }
}
