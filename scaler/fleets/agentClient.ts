import { FleetClient } from "../fleetClient";
import { hostStateSchema, type HostState, type LaunchRequest, type Verb } from "../hostApi";

const STATE_LIMIT_SECONDS = 8;
const CALL_LIMIT_SECONDS = 5;

/** How to reach the agent of a host. */
export interface AgentAddress {
  readonly host: string;
  readonly url: string;
  readonly token: string;
  /** PEM: the only certificate that is trusted. */
  readonly certificate?: string | undefined;
}

/** The agent of one host. Every call ends within its limit; nothing is retried: the next look at the fleet is the retry. */
export class AgentClient {
  private readonly client: FleetClient;

  constructor(private readonly at: AgentAddress) {
    this.client = new FleetClient({ ...at, called: `host ${at.host}` });
  }

  get host(): string {
    return this.at.host;
  }

  /** Throws where the host does not answer, or not with what it should. */
  async state(): Promise<HostState> {
    const state = hostStateSchema.parse(
      JSON.parse(await this.client.call("GET", "/v1/state", [200], STATE_LIMIT_SECONDS)),
    );
    if (state.host !== this.at.host)
      throw new Error(`host ${this.at.host}: its address leads to the agent of ${state.host}`);
    return state;
  }

  async launch(instance: string, request: LaunchRequest): Promise<void> {
    await this.client.call(
      "PUT",
      `/v1/instances/${instance}`,
      [202],
      CALL_LIMIT_SECONDS,
      JSON.stringify(request),
    );
  }

  async tell(instance: string, verb: Verb): Promise<void> {
    await this.client.call("POST", `/v1/instances/${instance}/${verb}`, [204], CALL_LIMIT_SECONDS);
  }

  async remove(instance: string): Promise<void> {
    await this.client.call("DELETE", `/v1/instances/${instance}`, [202, 404], CALL_LIMIT_SECONDS);
  }
}
