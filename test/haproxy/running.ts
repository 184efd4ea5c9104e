import tls from "node:tls";
import type { Server } from "../../components/jitsi/haproxy";
import { EdgeUnderTest, type EdgeNodeUnderTest } from "./edgeUnderTest";
import type { Seen } from "./standInShard";

/** An edge of one node, to be asked as anybody asks it. */
export class RunningHaproxy {
  private edge: EdgeUnderTest | undefined;

  async start(servers: readonly Server[]): Promise<void> {
    this.edge = await EdgeUnderTest.create(1);
    await this.edge.start({ servers });
  }

  private get node(): EdgeNodeUnderTest {
    const [node] = this.edge?.nodes ?? [];
    if (!node) throw new Error("it was not started");
    return node;
  }

  /** Sends bytes as they are, and gives what comes back until the connection is closed or silent for half a second. */
  raw(bytes: string): Promise<string> {
    return new Promise((resolve) => {
      let answer = "";
      const socket = tls.connect({ port: this.node.ports.https, rejectUnauthorized: false }, () =>
        socket.write(bytes, "latin1"),
      );
      const end = (): void => {
        socket.destroy();
        resolve(answer);
      };
      socket.setTimeout(500, end);
      socket.on("data", (chunk: Buffer) => (answer += chunk.toString("latin1")));
      socket.on("error", end);
      socket.on("end", end);
    });
  }

  seen(path: string): Promise<Seen> {
    return this.node.seen(path);
  }

  async stop(): Promise<void> {
    await this.edge?.stop();
  }
}
