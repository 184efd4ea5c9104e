import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, relative } from "node:path";
import { storeRemote } from "../../components/jitsi/uploads";
import { freePort } from "../support/freePort";
import { Moto } from "../support/moto";
import { TcpProxy } from "../support/tcpProxy";

/** A store as tests see it from behind. */
export interface TestStore {
  readonly destination: string;
  readonly kind: "bucket" | "directory";
  /** For rclone. */
  readonly environment: Readonly<Record<string, string>>;
  open(): Promise<void>;
  close(): Promise<void>;
  /** Nothing is in it any more. */
  clear(): Promise<void>;
  /** All files by name. */
  files(): Promise<Map<string, Buffer>>;
  put(name: string, content: Buffer): Promise<void>;
}

export class DirectoryStore implements TestStore {
  readonly kind = "directory";
  readonly destination = mkdtempSync(join(tmpdir(), "fleet-store-"));
  readonly environment = storeRemote({ type: "directory", path: this.destination }).env;

  open(): Promise<void> {
    return Promise.resolve();
  }

  clear(): Promise<void> {
    rmSync(this.destination, { recursive: true, force: true });
    mkdirSync(this.destination);
    return Promise.resolve();
  }

  close(): Promise<void> {
    rmSync(this.destination, { recursive: true, force: true });
    return Promise.resolve();
  }

  files(): Promise<Map<string, Buffer>> {
    const names = readdirSync(this.destination, { recursive: true, encoding: "utf8" });
    const files = names.map((name) => join(this.destination, name)).filter((path) => statSync(path).isFile());
    return Promise.resolve(
      new Map(files.map((path) => [relative(this.destination, path), readFileSync(path)])),
    );
  }

  put(name: string, content: Buffer): Promise<void> {
    const path = join(this.destination, name);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, content);
    return Promise.resolve();
  }
}

/** S3: moto, behind a proxy that can refuse. */
export class S3Store implements TestStore {
  readonly kind = "bucket";
  private bucket = "recordings-0";
  private buckets = 0;
  private constructor(
    readonly moto: Moto,
    readonly proxy: TcpProxy,
  ) {}

  static async create(): Promise<S3Store> {
    const port = await freePort();
    return new S3Store(new Moto({ port }), new TcpProxy(await freePort(), port));
  }

  get #remote(): ReturnType<typeof storeRemote> {
    return storeRemote({
      type: "s3",
      bucket: this.bucket,
      prefix: "a prefix",
      region: "us-east-1",
      provider: "Other",
      endpoint: `http://127.0.0.1:${this.proxy.port}`,
      accessKeyId: "the-access-key",
      secretAccessKey: "the-secret-key-of-the-tests",
    });
  }

  get destination(): string {
    return this.#remote.destination;
  }

  get environment(): Readonly<Record<string, string>> {
    const { env, secrets } = this.#remote;
    // Small files already go in parts.
    return { ...env, ...secrets, RCLONE_S3_UPLOAD_CUTOFF: "5M", RCLONE_S3_CHUNK_SIZE: "5M" };
  }

  async open(): Promise<void> {
    await this.moto.start();
    await this.proxy.accept();
  }

  async close(): Promise<void> {
    await this.proxy.refuse();
    await this.moto.stop();
  }

  async clear(): Promise<void> {
    this.bucket = `recordings-${++this.buckets}`;
    await this.createBucket();
  }

  /** As after a restart of moto, which forgets it. */
  createBucket(): Promise<void> {
    return this.moto.createBucket(this.bucket);
  }

  async files(): Promise<Map<string, Buffer>> {
    const files = new Map<string, Buffer>();
    for (const key of await this.moto.keys(this.bucket))
      files.set(key.slice("a prefix/".length), await this.moto.get(this.bucket, key));
    return files;
  }

  put(name: string, content: Buffer): Promise<void> {
    return this.moto.put(this.bucket, `a prefix/${name}`, content);
  }
}
