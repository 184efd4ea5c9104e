import {
  GetObjectCommand,
  ListBucketsCommand,
  NoSuchKey,
  paginateListObjectsV2,
  PutObjectCommand,
  S3Client,
} from "@aws-sdk/client-s3";
import { GetParametersCommand, SSMClient } from "@aws-sdk/client-ssm";
import {
  MANIFEST_FILE,
  machineKeys,
  machineManifest,
  programKey,
  type MachineManifest,
  type MachineReport,
} from "@jitsi-fleet/scaler";
import { untarred } from "../../components/aws/machine/tarball";
import { fill, type Self } from "../../scaler/machine/content";
import { joinParts } from "../../scaler/machine/secretParts";
import type { ClientSettings } from "../support/aws/clientSettings";

/** What a machine reads of its bundle. */
export interface ReadBundle {
  readonly sha256: string;
  readonly manifest: MachineManifest;
  /** Its containers, as compose is told of them. */
  readonly services: Readonly<Record<string, { readonly network_mode?: string }>>;
  /** A file of a container, its placeholders filled in. */
  file(container: string, path: string, self: Self): string;
  /** One of its live configuration. */
  live(container: string, path: string): string;
}

/** The bundles of the only stack there is, read as machines read them: pointer, bundle, secrets. */
export class StackBundles {
  private readonly s3: S3Client;
  private readonly ssm: SSMClient;
  private found: string | undefined;

  constructor(settings: ClientSettings) {
    this.s3 = new S3Client(settings);
    this.ssm = new SSMClient(settings);
  }

  /** The hash that the pointer names; undefined where there is none. */
  async pointer(name: string): Promise<string | undefined> {
    try {
      return (await this.get(machineKeys(name).pointer)).toString("utf8").trim();
    } catch (error) {
      if (error instanceof NoSuchKey) return undefined;
      throw error;
    }
  }

  async read(name: string): Promise<ReadBundle> {
    const sha256 = await this.pointer(name);
    if (sha256 === undefined) throw new Error(`${name} has no pointer`);
    const files = await untarred(await this.get(machineKeys(name).bundle(sha256)));
    const manifest = machineManifest.parse(JSON.parse(files[MANIFEST_FILE] ?? ""));
    const secrets = joinParts(await this.parameters(manifest.secrets.parameters), manifest.secrets.revision);
    const content = (at: string): string => {
      const found = secrets[at] ?? files[at];
      if (found === undefined) throw new Error(`${name} has no ${at}`);
      return found;
    };
    return {
      sha256,
      manifest,
      services: (JSON.parse(files["compose.json"] ?? "") as Pick<ReadBundle, "services">).services,
      file: (container, path, self) => fill(content(`containers/${container}/${path}`), self),
      live: (container, path) => content(`live/${container}/${path}`),
    };
  }

  async program(sha256: string): Promise<string> {
    return (await this.get(programKey(sha256))).toString("utf8");
  }

  async report(name: string, report: MachineReport): Promise<void> {
    const Body = JSON.stringify(report);
    await this.s3.send(
      new PutObjectCommand({ Bucket: await this.bucket(), Key: machineKeys(name).report, Body }),
    );
  }

  /** What machines are told, by key: changes with each one's content. Without what they report. */
  async told(): Promise<Record<string, string>> {
    const found: Record<string, string> = {};
    const pages = paginateListObjectsV2({ client: this.s3 }, { Bucket: await this.bucket() });
    for await (const { Contents = [] } of pages)
      for (const { ETag = "", Key = "" } of Contents) if (!Key.endsWith("report.json")) found[Key] = ETag;
    return found;
  }

  private async bucket(): Promise<string> {
    if (this.found !== undefined) return this.found;
    const { Buckets = [] } = await this.s3.send(new ListBucketsCommand({}));
    this.found = Buckets.map(({ Name }) => Name ?? "").find((name) => name.includes("bundles"));
    if (this.found === undefined) throw new Error("there is no bucket of bundles");
    return this.found;
  }

  close(): void {
    this.s3.destroy();
    this.ssm.destroy();
  }

  private async parameters(names: string[]): Promise<string[]> {
    const { Parameters = [] } = await this.ssm.send(
      new GetParametersCommand({ Names: names, WithDecryption: true }),
    );
    return names.map((name) => Parameters.find((one) => one.Name === name)?.Value ?? "");
  }

  private async get(Key: string): Promise<Buffer> {
    const { Body } = await this.s3.send(new GetObjectCommand({ Bucket: await this.bucket(), Key }));
    return Buffer.from((await Body?.transformToByteArray()) ?? []);
  }
}
