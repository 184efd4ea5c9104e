import { setTimeout as sleep } from "node:timers/promises";
import type { AgentConfiguration } from "../../scaler/configuration";
import { AgentClient } from "../../scaler/fleets/agentClient";
import { freePort } from "../support/freePort";
import { ProgramProcess } from "../support/programProcess";

const TOKEN = "the-agents-token-of-the-tests";
const START_LIMIT_SECONDS = 120;

/** The real agent as a process. */
export class AgentProcess extends ProgramProcess {
  private constructor(
    private readonly port: number,
    readonly client: AgentClient,
  ) {
    super("agent");
  }

  static async create(host: string): Promise<AgentProcess> {
    const port = await freePort();
    return new AgentProcess(port, new AgentClient({ host, url: `http://127.0.0.1:${port}`, token: TOKEN }));
  }

  /** Resolves when it answers. */
  async start(configuration: Omit<AgentConfiguration, "listen">): Promise<void> {
    this.startWith({ ...configuration, listen: { address: "0.0.0.0", port: this.port, token: TOKEN } });
    const limit = Date.now() + START_LIMIT_SECONDS * 1000;
    while (!(await this.isUp())) {
      if (!this.isRunning || Date.now() > limit)
        throw new Error(`the agent does not answer:\n${this.output}`);
      await sleep(50);
    }
  }

  /** Asks its API for what its client never would. */
  async ask(method: string, path: string): Promise<number> {
    const url = `http://127.0.0.1:${this.port}${path}`;
    const { status } = await fetch(url, { method, headers: { Authorization: `Bearer ${TOKEN}` } });
    return status;
  }

  /** The text of one of its pages. */
  async page(path: string): Promise<string> {
    const url = `http://127.0.0.1:${this.port}${path}`;
    return (await fetch(url, { headers: { Authorization: `Bearer ${TOKEN}` } })).text();
  }

  private isUp(): Promise<boolean> {
    return this.client.state().then(
      () => true,
      () => false,
    );
  }
}
