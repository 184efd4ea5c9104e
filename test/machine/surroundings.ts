import { createHash, createHmac, timingSafeEqual } from "node:crypto";
import { existsSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { once } from "node:events";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { buffer } from "node:stream/consumers";
import { answerOfMetadata, credentials, type Metadata } from "../support/aws/metadata";
import { cacheDir } from "../support/cache";

export const REGION = "eu-central-1";

/** What a stand-in answers: the status and, unless it is none, a text. */
type Answer = readonly [status: number, body?: Buffer | string, headers?: Readonly<Record<string, string>>];

async function serve(
  address: string,
  answer: (request: IncomingMessage, body: Buffer) => Promise<Answer>,
): Promise<Server> {
  const server = createServer((request, response: ServerResponse) => {
    buffer(request)
      .then((body) => answer(request, body))
      .then(
        ([status, body, headers]) => response.writeHead(status, headers).end(body),
        (error: unknown) => response.writeHead(500).end(String(error)),
      );
  });
  server.listen(0, address);
  await once(server, "listening");
  return server;
}

const portOf = (server: Server): number => (server.address() as AddressInfo).port;

/**
 * What a machine reaches beside AWS's own services, on one address of the test's: the instance's metadata (IMDSv2, which
 * refuses version 1), AWS as far as it verifies signatures, moto behind it; and Debian's archive, kept in the cache.
 */
export class Surroundings {
  /** Requests to AWS whose signature was right, as `GET /bucket/key`. */
  readonly requests: string[] = [];
  readonly #servers: Server[] = [];
  metadataPort = 0;
  proxyPort = 0;
  awsUrl = "";

  constructor(
    private readonly address: string,
    private readonly motoUrl: string,
    readonly metadata: Metadata,
  ) {}

  async start(): Promise<void> {
    const [metadata, aws, archive] = await Promise.all([
      serve(this.address, (request) => Promise.resolve(answerOfMetadata(REGION, this.metadata, request))),
      serve(this.address, (request, body) => this.#answerOfAws(request, body)),
      serve(this.address, (request) => answerOfArchive(request)),
    ]);
    this.#servers.push(metadata, aws, archive);
    this.metadataPort = portOf(metadata);
    this.proxyPort = portOf(archive);
    this.awsUrl = `http://${this.address}:${portOf(aws)}`;
  }

  stop(): void {
    for (const server of this.#servers) {
      server.close();
      server.closeAllConnections();
    }
  }

  async #answerOfAws(request: IncomingMessage, body: Buffer): Promise<Answer> {
    const fault = faultOfSignature(request, body);
    if (fault !== undefined) return [403, fault];
    const { method = "GET", url = "" } = request;
    this.requests.push(`${method} ${url}`);
    const passedOn = Object.entries(request.headers).filter(([name]) => !ofTheConnection.has(name));
    const answer = await fetch(this.motoUrl + url, {
      method,
      headers: Object.fromEntries(passedOn.map(([name, value]) => [name, String(value)])),
      ...(body.length === 0 ? {} : { body: new Uint8Array(body) }),
    });
    return [answer.status, Buffer.from(await answer.arrayBuffer())];
  }
}

const ofTheConnection = new Set(["connection", "content-length", "expect", "host"]);

const sha256 = (text: Buffer | string): string => createHash("sha256").update(text).digest("hex");
const hmac = (key: Buffer | string, text: string): Buffer => createHmac("sha256", key).update(text).digest();

/** What is wrong with a request's signature (AWS Signature Version 4); undefined if nothing. */
function faultOfSignature({ headers, method, url = "" }: IncomingMessage, body: Buffer): string | undefined {
  const [, date = "", region = "", service = "", names = "", signature = ""] =
    /^AWS4-HMAC-SHA256 Credential=\w+\/(\d+)\/([\w-]+)\/(\w+)\/aws4_request, ?SignedHeaders=([\w;-]+), ?Signature=(\w+)$/.exec(
      headers.authorization ?? "",
    ) ?? [];
  if (signature === "") return `not signed: ${headers.authorization ?? "no header"}`;
  if (headers["x-amz-security-token"] !== credentials.token) return "not the role's session";
  const signed = names.split(";");
  if (!signed.includes("host") || !signed.includes("x-amz-security-token"))
    return `not signed: host, or token (${names})`;
  const bodyHash = sha256(body);
  if (service === "s3" && headers["x-amz-content-sha256"] !== bodyHash) return "another body than was signed";
  const canonical = [
    method,
    url.split("?")[0],
    url.split("?")[1] ?? "",
    ...signed.map((name) => `${name}:${String(headers[name]).trim().replace(/ +/g, " ")}`),
    "",
    names,
    bodyHash,
  ].join("\n");
  const time = String(headers["x-amz-date"]);
  const scope = `${date}/${region}/${service}/aws4_request`;
  const key = [date, region, service, "aws4_request"].reduce<Buffer | string>(
    (last, text) => hmac(last, text),
    `AWS4${credentials.secret}`,
  );
  const expected = hmac(key, ["AWS4-HMAC-SHA256", time, scope, sha256(canonical)].join("\n"));
  const given = Buffer.from(signature, "hex");
  return given.length === expected.length && timingSafeEqual(given, expected)
    ? undefined
    : `another signature of:\n${canonical}`;
}

/** A package that was fetched once is not again; lists are. */
async function answerOfArchive({ url = "" }: IncomingMessage): Promise<Answer> {
  const isPackage = url.endsWith(".deb");
  const kept = join(cacheDir("machine", "packages"), sha256(url));
  if (isPackage && existsSync(kept)) return [200, readFileSync(kept)];
  const answer = await fetch(url);
  const body = Buffer.from(await answer.arrayBuffer());
  if (isPackage && answer.ok) {
    writeFileSync(`${kept}.next`, body);
    renameSync(`${kept}.next`, kept);
  }
  return [answer.status, body];
}
