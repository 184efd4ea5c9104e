/** What a client of the AWS SDK takes to reach an emulator. */
export interface ClientSettings {
  readonly region: string;
  readonly endpoint: string;
  readonly credentials: { readonly accessKeyId: string; readonly secretAccessKey: string };
  /** Of S3's clients, whose buckets would else be named by host; others ignore it. */
  readonly forcePathStyle: true;
}
