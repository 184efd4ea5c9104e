import { Agent as HttpAgent, request as httpRequest } from "node:http";
import { Agent as HttpsAgent, request as httpsRequest } from "node:https";
import { text } from "node:stream/consumers";
import { CERTIFICATE_NAME } from "../configuration";
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
  private readonly agent: HttpAgent;

  constructor(private readonly at: AgentAddress) {
    this.agent = at.url.startsWith("https:")
      ? new HttpsAgent({
          keepAlive: true,
          ...(at.certificate === undefined ? {} : { ca: at.certificate }),
          servername: CERTIFICATE_NAME,
        })
      : new HttpAgent({ keepAlive: true });
  }

  get host(): string {
    return this.at.host;
  }

  /** Throws where the host does not answer, or not with what it should. */
  async state(): Promise<HostState> {
    const state = hostStateSchema.parse(
      JSON.parse(await this.call("GET", "/v1/state", [200], STATE_LIMIT_SECONDS)),
    );
    if (state.host !== this.at.host)
      throw new Error(`host ${this.at.host}: its address leads to the agent of ${state.host}`);
    return state;
  }

  async launch(instance: string, request: LaunchRequest): Promise<void> {
    await this.call("PUT", `/v1/instances/${instance}`, [202], CALL_LIMIT_SECONDS, JSON.stringify(request));
  }

  async tell(instance: string, verb: Verb): Promise<void> {
    await this.call("POST", `/v1/instances/${instance}/${verb}`, [204], CALL_LIMIT_SECONDS);
  }

  async remove(instance: string): Promise<void> {
    await this.call("DELETE", `/v1/instances/${instance}`, [202, 404], CALL_LIMIT_SECONDS);
  }

  private call(
    method: string,
    path: string,
    expected: readonly number[],
    limitSeconds: number,
    body?: string,
  ): Promise<string> {
    return new Promise((resolve, reject) => {
      const send = this.at.url.startsWith("https:") ? httpsRequest : httpRequest;
      const signal = AbortSignal.timeout(limitSeconds * 1000);
      const request = send(new URL(path, this.at.url), {
        method,
        agent: this.agent,
        signal,
        headers: {
          Authorization: `Bearer ${this.at.token}`,
          ...(body === undefined
            ? {}
            : { "Content-Type": "application/json", "Content-Length": Buffer.byteLength(body) }),
        },
      });
      const fail = (error: Error): void =>
        reject(
          new Error(
            `host ${this.at.host}: ${signal.aborted ? `no answer within ${limitSeconds} s` : error.message}`,
            { cause: error },
          ),
        );
      request.on("error", fail);
      request.on("response", (response) => {
        text(response).then((answer) => {
          if (expected.includes(response.statusCode ?? 0)) resolve(answer);
          else
            fail(
              new Error(`${method} ${path} was answered with ${response.statusCode ?? 0} ${answer}`.trim()),
            );
        }, fail);
      });
      request.end(body);
    });
  }
}
