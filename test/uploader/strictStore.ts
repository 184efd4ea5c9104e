import { createHash, randomUUID } from "node:crypto";
import { once } from "node:events";
import {
  createServer as createHttp,
  type IncomingMessage,
  type Server,
  type ServerResponse,
} from "node:http";
import { createServer as createHttps } from "node:https";
import type { AddressInfo } from "node:net";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { storeRemote } from "../../components/jitsi/uploads";
import type { StoreSettings } from "../../components/settings/schema";
import type { TestStore } from "./stores";

/** How a store differs from the S3 that most clients are tried with. All of it is seen with stores that people have. */
export interface Quirks {
  /** Encrypts with KMS by default: the ETag is 32 hex digits and no MD5 (S3's API reference, "Object"). */
  readonly etagIsNoMd5?: boolean;
  /**
   * `enforced`: Object Ownership "bucket owner enforced": 400 for any other than bucket-owner-full-control (S3's user
   * guide, "Controlling ownership of objects"). `private`: 501 for any other than private, an empty one too, as Cloudflare's
   * R2 and StorageGRID have it (github.com/fsspec/s3fs issue 749, github.com/pixelfed/pixelfed issue 3775). `none`: 501 for
   * any (github.com/versity/versitygw issue 1904).
   */
  readonly acl?: "enforced" | "private" | "none";
  /** No CopyObject, no UploadPartCopy (Storj's gateway lacks the latter). */
  readonly copy?: "none" | "endless";
  /** The region in which the bucket is: signatures for another are refused, as S3's regional endpoints do. */
  readonly region?: string;
  /** How far this store's clock is from the client's. S3 takes 15 minutes. */
  readonly clockOffSeconds?: number;
  /** A certificate of an authority that the system does not know. */
  readonly pem?: string;
}

interface Refusal {
  readonly status: number;
  readonly code: string;
  readonly message: string;
  readonly headers?: Readonly<Record<string, string>>;
}

/** An S3 store in memory, one bucket, that is as strict as its quirks say. Looks at signatures' dates and regions, not at keys. */
export class StrictStore implements TestStore {
  readonly #objects = new Map<string, Buffer>();
  readonly #uploads = new Map<string, { key: string; parts: Map<number, Buffer> }>();
  readonly kind = "bucket";
  readonly #folder = mkdtempSync(join(tmpdir(), "fleet-strict-store-"));
  #server: Server | undefined;
  quirks: Quirks = {};
  /** Refuses a request, or does not. */
  refuse: (method: string, key: string) => Refusal | undefined = () => undefined;
  /** What came and went, in bytes of objects. */
  readonly bytes = { sent: 0, read: 0 };
  readonly requests: string[] = [];

  constructor(private readonly settings: Partial<Extract<StoreSettings, { type: "s3" }>> = {}) {}

  get #remote(): ReturnType<typeof storeRemote> {
    return storeRemote({
      type: "s3",
      bucket: "recordings",
      prefix: "",
      region: "us-east-1",
      provider: "AWS",
      endpoint: `${this.quirks.pem === undefined ? "http" : "https"}://127.0.0.1:${(this.#server?.address() as AddressInfo).port}`,
      accessKeyId: "the-access-key",
      secretAccessKey: "the-secret-key-of-the-tests",
      ...this.settings,
    });
  }

  get destination(): string {
    return this.#remote.destination;
  }

  get environment(): Readonly<Record<string, string>> {
    const { env, files, secrets } = this.#remote;
    // As the container has them.
    for (const { content, path } of files) writeFileSync(join(this.#folder, path), content as string);
    const own = Object.entries(env).map(([name, text]) => [name, text.replace("/fleet", this.#folder)]);
    return {
      ...(Object.fromEntries(own) as Record<string, string>),
      ...secrets,
      RCLONE_S3_UPLOAD_CUTOFF: "5M",
      RCLONE_S3_CHUNK_SIZE: "5M",
    };
  }

  async open(): Promise<void> {
    const answer = (request: IncomingMessage, response: ServerResponse): void =>
      void this.#answer(request, response).catch(() => response.destroy());
    const { pem } = this.quirks;
    const server = pem === undefined ? createHttp(answer) : createHttps({ key: pem, cert: pem }, answer);
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    this.#server = server;
  }

  close(): Promise<void> {
    this.#server?.close();
    this.#server?.closeAllConnections();
    rmSync(this.#folder, { recursive: true });
    return Promise.resolve();
  }

  clear(): Promise<void> {
    this.#objects.clear();
    this.#uploads.clear();
    this.requests.length = 0;
    this.bytes.sent = this.bytes.read = 0;
    this.refuse = () => undefined;
    return Promise.resolve();
  }

  files(): Promise<Map<string, Buffer>> {
    return Promise.resolve(new Map(this.#objects));
  }

  put(name: string, content: Buffer): Promise<void> {
    this.#objects.set(name, content);
    return Promise.resolve();
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const body = Buffer.concat(chunks);
    const url = new URL(request.url ?? "/", "http://store");
    const [, bucket = "", ...rest] = url.pathname.split("/").map(decodeURIComponent);
    const key = rest.join("/");
    const method = request.method ?? "";
    this.requests.push(`${method} ${key}${url.search}`);
    const tell = (status: number, text: string | Buffer, headers: Record<string, string> = {}): void => {
      // An answer to HEAD has no words.
      const content = method === "HEAD" ? "" : text;
      response.writeHead(status, { "Content-Length": Buffer.byteLength(text), ...headers });
      response.end(content);
    };
    const refusal = this.#refusal(request, url, method, key, bucket);
    if (refusal) {
      const { code, headers, message, status } = refusal;
      tell(status, `<Error><Code>${code}</Code><Message>${message}</Message></Error>`, {
        "Content-Type": "application/xml",
        ...headers,
      });
      return;
    }
    if (request.headers["x-amz-copy-source"] !== undefined) {
      if (this.quirks.copy === "endless") return;
      const source = decodeURIComponent(String(request.headers["x-amz-copy-source"])).replace(
        /^\/?[^/]+\//,
        "",
      );
      this.#objects.set(key, this.#objects.get(source) ?? Buffer.of());
      tell(200, `<CopyObjectResult><ETag>"${this.#etag(body)}"</ETag></CopyObjectResult>`);
      return;
    }
    this.#serve(method, key, url.searchParams, body, request.headers.range, tell);
  }

  #serve(
    method: string,
    key: string,
    query: URLSearchParams,
    body: Buffer,
    range: string | undefined,
    tell: (status: number, text: string | Buffer, headers?: Record<string, string>) => void,
  ): void {
    const uploadId = query.get("uploadId") ?? "";
    if (method === "GET" && key === "") tell(200, this.#list(query.get("prefix") ?? ""));
    else if (method === "POST" && query.has("uploads")) {
      const id = randomUUID();
      this.#uploads.set(id, { key, parts: new Map() });
      tell(200, `<InitiateMultipartUploadResult><UploadId>${id}</UploadId></InitiateMultipartUploadResult>`);
    } else if (method === "PUT" && uploadId !== "") {
      this.bytes.sent += body.length;
      this.#uploads.get(uploadId)?.parts.set(Number(query.get("partNumber")), body);
      tell(200, "", { ETag: `"${this.#etag(body)}"` });
    } else if (method === "POST" && uploadId !== "") {
      const parts = [...(this.#uploads.get(uploadId)?.parts ?? [])].sort(([a], [b]) => a - b);
      this.#objects.set(key, Buffer.concat(parts.map(([, part]) => part)));
      tell(
        200,
        `<CompleteMultipartUploadResult><ETag>"${this.#etag(body)}-${parts.length}"</ETag></CompleteMultipartUploadResult>`,
      );
    } else if (method === "PUT") {
      this.bytes.sent += body.length;
      this.#objects.set(key, body);
      tell(200, "", { ETag: `"${this.#etag(body)}"` });
    } else if (method === "DELETE") {
      this.#objects.delete(key);
      tell(204, "");
    } else this.#give(method, key, range, tell);
  }

  #give(
    method: string,
    key: string,
    range: string | undefined,
    tell: (status: number, text: string | Buffer, headers?: Record<string, string>) => void,
  ): void {
    const object = this.#objects.get(key);
    if (!object) {
      tell(404, "<Error><Code>NoSuchKey</Code><Message>The specified key does not exist.</Message></Error>");
      return;
    }
    const headers = { ETag: `"${this.#etag(object)}"`, "Last-Modified": new Date().toUTCString() };
    const [, first, last] = /^bytes=(\d+)-(\d*)$/.exec(range ?? "") ?? [];
    const part =
      first === undefined
        ? object
        : object.subarray(Number(first), last === "" ? undefined : Number(last) + 1);
    if (method === "GET") this.bytes.read += part.length;
    if (first === undefined) tell(200, part, headers);
    else
      tell(206, part, {
        ...headers,
        "Content-Range": `bytes ${first}-${Number(first) + part.length - 1}/${object.length}`,
      });
  }

  #list(prefix: string): string {
    const keys = [...this.#objects.keys()].filter((key) => key.startsWith(prefix));
    const entries = keys.map(
      (key) =>
        `<Contents><Key>${key}</Key><Size>${this.#objects.get(key)?.length ?? 0}</Size><LastModified>2026-01-01T00:00:00.000Z</LastModified></Contents>`,
    );
    return `<ListBucketResult><IsTruncated>false</IsTruncated>${entries.join("")}</ListBucketResult>`;
  }

  #refusal(
    { headers }: IncomingMessage,
    url: URL,
    method: string,
    key: string,
    bucket: string,
  ): Refusal | undefined {
    const { acl, clockOffSeconds = 0, copy, region } = this.quirks;
    if (bucket !== "recordings")
      return { status: 404, code: "NoSuchBucket", message: "The specified bucket does not exist" };
    const given = String(headers["x-amz-acl"] ?? url.searchParams.get("x-amz-acl") ?? "");
    if (acl === "enforced" && given !== "" && given !== "bucket-owner-full-control")
      return {
        status: 400,
        code: "AccessControlListNotSupported",
        message: "The bucket does not allow ACLs",
      };
    if (acl === "none" && given !== "")
      return {
        status: 501,
        code: "NotImplemented",
        message: "A header you provided implies functionality that is not implemented.",
      };
    if (acl === "private" && headers["x-amz-acl"] !== undefined && given !== "private")
      return {
        status: 501,
        code: "NotImplemented",
        message: `Header 'x-amz-acl' with value '${given}' not implemented`,
      };
    if (copy === "none" && headers["x-amz-copy-source"] !== undefined)
      return { status: 501, code: "NotImplemented", message: "UploadPartCopy is not implemented" };
    const scope = /Credential=[^/]+\/\d+\/([^/]+)\//.exec(headers.authorization ?? "")?.[1];
    if (region !== undefined && scope !== undefined && scope !== region)
      return {
        status: 400,
        code: "AuthorizationHeaderMalformed",
        message: `The authorization header is malformed; the region '${scope}' is wrong; expecting '${region}'`,
      };
    const date = String(headers["x-amz-date"]).replace(
      /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/,
      "$1-$2-$3T$4:$5:$6Z",
    );
    if (Math.abs(Date.now() + clockOffSeconds * 1000 - Date.parse(date)) > 900_000)
      return {
        status: 403,
        code: "RequestTimeTooSkewed",
        message: "The difference between the request time and the current time is too large.",
      };
    return this.refuse(method, key);
  }

  #etag(content: Buffer): string {
    const md5 = createHash("md5").update(content);
    return (this.quirks.etagIsNoMd5 ? md5.update("of what the key made of it") : md5).digest("hex");
  }
}
