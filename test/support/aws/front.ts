import { once } from "node:events";
import { createServer, request, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { pipeline } from "node:stream/promises";
import { QueryError, renderError } from "./query";

/** A form is parameters of a query API; the largest that is read. */
const FORM_BYTES = 1_000_000;
const HOP_BY_HOP = new Set(["connection", "keep-alive", "transfer-encoding", "upgrade", "expect"]);

/** An answer that the front gives itself. */
export interface Answer {
  readonly status: number;
  readonly body: string;
  readonly type?: string;
}

/** What the front asks about a request before it lets the backend answer. `form`: of a query API. */
export interface FrontRequest {
  readonly method: string;
  readonly url: URL;
  /** As the signature names it: `s3`, `ec2`, `autoscaling`; undefined without a signature. */
  readonly service: string | undefined;
  readonly form: URLSearchParams | undefined;
  readonly body: () => Promise<string>;
}

export interface FrontOptions {
  readonly backend: () => { readonly host: string; readonly port: number };
  /** undefined: the backend shall answer. */
  readonly answer: (request: FrontRequest) => Promise<Answer | undefined>;
  /** The form that the backend gets in place of a client's; undefined: that one. */
  readonly amend: (request: FrontRequest) => Promise<URLSearchParams | undefined>;
  /** Before a client gets the backend's answer to a form that succeeded. */
  readonly answered: (request: FrontRequest) => Promise<void>;
}

/**
 * One address for all of AWS: what the emulator does not answer itself goes to the backend as it came, so signatures
 * and the Host header, of which moto makes queues' URLs, stay what they were. No signature is checked.
 */
export class Front {
  private constructor(
    private readonly server: Server,
    private readonly options: FrontOptions,
  ) {}

  static async listen(address: string, port: number, options: FrontOptions): Promise<Front> {
    const server = createServer().listen(port, address);
    // Throws where it cannot listen.
    await once(server, "listening");
    const front = new Front(server, options);
    server.on("request", (incoming: IncomingMessage, outgoing: ServerResponse) => {
      front.handle(incoming, outgoing).catch((error: unknown) => {
        const refusal =
          error instanceof QueryError ? error : new QueryError("InternalFailure", String(error), 500);
        if (!outgoing.headersSent) outgoing.writeHead(refusal.status, { "content-type": "text/xml" });
        outgoing.end(renderError(refusal, ""));
      });
    });
    return front;
  }

  get port(): number {
    return (this.server.address() as AddressInfo).port;
  }

  async close(): Promise<void> {
    this.server.close();
    this.server.closeAllConnections();
    await once(this.server, "close").catch(() => undefined);
  }

  private async handle(incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> {
    const isForm =
      incoming.method === "POST" &&
      (incoming.headers["content-type"]?.startsWith("application/x-www-form-urlencoded") ?? false);
    let text = isForm ? await read(incoming) : undefined;
    const asked: FrontRequest = {
      method: incoming.method ?? "GET",
      url: new URL(incoming.url ?? "/", "http://front"),
      service: serviceOf(incoming.headers.authorization),
      form: isForm ? new URLSearchParams(text) : undefined,
      body: async () => (text ??= await read(incoming)),
    };
    const answer = await this.options.answer(asked);
    if (answer) {
      outgoing.writeHead(answer.status, { "content-type": answer.type ?? "text/xml" });
      outgoing.end(answer.body);
      return;
    }
    const amended = asked.form && (await this.options.amend(asked));
    await this.forward(incoming, outgoing, asked, amended?.toString() ?? text);
  }

  private async forward(
    incoming: IncomingMessage,
    outgoing: ServerResponse,
    asked: FrontRequest,
    text: string | undefined,
  ): Promise<void> {
    const headers = Object.entries({
      ...incoming.headers,
      ...(text === undefined ? {} : { "content-length": String(Buffer.byteLength(text)) }),
    }).filter(([name]) => !HOP_BY_HOP.has(name));
    const onward = request({
      ...this.options.backend(),
      method: incoming.method,
      path: incoming.url,
      headers: Object.fromEntries(headers),
      // Python's small server does not take part in keeping connections.
      agent: false,
    });
    outgoing.on("close", () => onward.destroy());
    // Told by the wait for the response, too; what comes after that, by the body's end.
    onward.on("error", () => undefined);
    if (text === undefined) incoming.pipe(onward);
    else onward.end(text);
    const [back] = (await once(onward, "response")) as [IncomingMessage];
    const status = back.statusCode ?? 502;
    if (asked.form && status < 300) await this.options.answered(asked);
    outgoing.writeHead(
      status,
      Object.fromEntries(Object.entries(back.headers).filter(([name]) => !HOP_BY_HOP.has(name))),
    );
    await pipeline(back, outgoing);
  }
}

async function read(incoming: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of incoming as AsyncIterable<Buffer>) {
    length += chunk.length;
    if (length > FORM_BYTES) throw new QueryError("RequestEntityTooLarge", "The request is too large.", 413);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString();
}

/** The credential scope's service: `…Credential=key/20260101/eu-central-1/sqs/aws4_request, …`. */
const serviceOf = (authorization: string | undefined): string | undefined =>
  /Credential=[^/]+\/\d+\/[^/]+\/([^/]+)\/aws4_request/.exec(authorization ?? "")?.[1];
