import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer, request, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { refusalOfOldApi } from "../support/apiVersions";

/** `before`: Docker has not heard of it. `after`: Docker has done it, and the agent has not heard. */
export type When = "before" | "after";

/** A socket in front of Docker's, which refuses old versions of its API as Docker 29 does, notes what is asked and where tests may interrupt. */
export class DockerSocket {
  private readonly folder = mkdtempSync(join(tmpdir(), "fleet-agent-docker-"));
  readonly path = join(this.folder, "docker.sock");
  /** All that changes something: `METHOD /path?query`. */
  readonly changes: string[] = [];
  /** Called around each request, which is held until it resolves, and for `false` let go of, unanswered. */
  interrupt: (when: When, asked: string) => Promise<boolean> = () => Promise.resolve(true);
  private readonly server: Server;

  constructor(private readonly socketPath: string) {
    this.server = createServer((asked, answer) => {
      asked.on("error", () => undefined);
      this.pass(asked, answer).catch(() => answer.destroy());
    });
  }

  async open(): Promise<void> {
    this.server.listen(this.path);
    await once(this.server, "listening");
  }

  async close(): Promise<void> {
    if (!this.server.listening) return;
    this.server.closeAllConnections();
    this.server.close();
    await once(this.server, "close");
    rmSync(this.folder, { recursive: true, force: true });
  }

  private async pass(asked: IncomingMessage, answer: ServerResponse): Promise<void> {
    const { headers, method = "", url = "" } = asked;
    const line = `${method} ${url}`;
    const refusal = refusalOfOldApi(url);
    if (refusal !== undefined) {
      answer.writeHead(400, { "Content-Type": "application/json" }).end(refusal);
      return;
    }
    if (method !== "GET") this.changes.push(line);
    if (!(await this.interrupt("before", line))) return void answer.destroy();
    const passed = request({ socketPath: this.socketPath, method, path: url, headers });
    asked.pipe(passed);
    const [from] = (await once(passed, "response")) as [IncomingMessage];
    if (!(await this.interrupt("after", line))) {
      from.resume();
      return void answer.destroy();
    }
    answer.writeHead(from.statusCode ?? 0, from.headers);
    from.pipe(answer);
  }
}
