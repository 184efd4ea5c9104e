import { Agent as HttpAgent, request as httpRequest } from "node:http";
import { Agent as HttpsAgent, request as httpsRequest } from "node:https";
import { text } from "node:stream/consumers";
import { CERTIFICATE_NAME } from "./configuration";

/** How to reach another program of the fleet. */
export interface FleetAddress {
  /** Who it is, for errors: `host a`, `keeper edge-2`. */
  readonly called: string;
  readonly url: string;
  readonly token: string;
  /** PEM: the only certificate that is trusted. */
  readonly certificate?: string | undefined;
}

/** Another program of the fleet. Every call ends within its limit; nothing is retried: whoever asks looks again. */
export class FleetClient {
  private readonly agent: HttpAgent;

  constructor(private readonly at: FleetAddress) {
    this.agent = at.url.startsWith("https:")
      ? new HttpsAgent({
          keepAlive: true,
          ...(at.certificate === undefined ? {} : { ca: at.certificate }),
          servername: CERTIFICATE_NAME,
        })
      : new HttpAgent({ keepAlive: true });
  }

  /** The answer's body. Throws where there is none in time, or its status is not one of those expected. */
  call(
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
            `${this.at.called}: ${signal.aborted ? `no answer within ${limitSeconds} s` : error.message}`,
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
