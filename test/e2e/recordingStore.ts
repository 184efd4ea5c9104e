import { setTimeout as sleep } from "node:timers/promises";
import { runInContainer } from "../../scaler/engine/exec";
import { Moto } from "../support/moto";
import type { Lab } from "./lab/lab";
import { inNamespace } from "./lab/network";
import type { PoolInstance, Pools } from "./pools";
import { until } from "./fleetUnderTest";

const BUCKET = "recordings";
const PREFIX = "school-a";
const PORT = 5000;
/** A little above the time from one write of a Jibri to the next. */
const WRITE_SECONDS = 1.2;

/** A recording as its Jibri ended it. */
export interface Finished {
  readonly session: string;
  readonly file: string;
  readonly sha256: string;
}

/** An emulated S3 on the internet of the lab, to which the hosts' uploaders bring recordings. */
export class RecordingStore {
  private readonly moto: Moto;

  constructor(private readonly lab: Lab) {
    const address = lab.users.addresses.at(-1) ?? "";
    this.moto = new Moto({ address, port: PORT, prefix: inNamespace(lab.users.namespace) });
  }

  /** For recordings.store. */
  get settings(): Record<string, string> {
    return {
      type: "s3",
      bucket: BUCKET,
      prefix: PREFIX,
      provider: "Other",
      endpoint: this.moto.url,
      accessKeyId: "test",
      secretAccessKey: "secret-of-the-store",
    };
  }

  /** Resolves once it answers and has the bucket. */
  async start(): Promise<void> {
    await this.moto.start();
    await this.curl("--fail -X PUT", "");
  }

  /** What connects now waits for an answer. */
  freeze(): void {
    this.moto.pause();
  }

  thaw(): void {
    this.moto.resume();
  }

  async stop(): Promise<void> {
    this.moto.resume();
    await this.moto.stop();
  }

  /** Ends a Jibri's recording, as the store has to have it in the end. */
  async finish(pools: Pools, jibri: PoolInstance): Promise<Finished> {
    const { recordingDirectory, session } = await pools.jibri(jibri);
    if (recordingDirectory === null || session === null) throw new Error(`${jibri.name} records nothing`);
    await pools.setJibri(jibri, { bytesPerWrite: 0 });
    await sleep(WRITE_SECONDS * 1000);
    const argv = ["sh", "-c", 'cd "$0" && sha256sum *.mp4', recordingDirectory];
    const { exitCode, output } = await runInContainer(jibri.container, argv);
    const [, sha256, file] = /^(\w{64}) +(.*?)\s*$/.exec(output) ?? [];
    if (exitCode !== 0 || sha256 === undefined || file === undefined)
      throw new Error(`${jibri.name} has no file: ${output}`);
    await pools.stopRecording(jibri);
    return { session, file, sha256 };
  }

  /** Waits until a recording is in the bucket, whole. */
  async arrived({ file, session, sha256 }: Finished, seconds: number): Promise<void> {
    const path = ["", PREFIX, session, file].map(encodeURIComponent).join("/");
    await until(`${session} is in the store`, seconds, async () => {
      const said = await this.curl("--fail", path, "| sha256sum");
      if (said.startsWith(sha256)) return true;
      throw new Error(`the store has ${said}, not ${sha256}`);
    });
  }

  private async curl(options: string, path: string, then = ""): Promise<string> {
    // It wants to see some signature.
    const signature = "Authorization: AWS4-HMAC-SHA256 Credential=test/20200101/us-east-1/s3/aws4_request";
    const script = `curl -sS --max-time 10 ${options} -H "$1" "$0" ${then}`;
    const argv = ["sh", "-c", script, `${this.moto.url}/${BUCKET}${path}`, signature];
    const { exitCode, stderr, stdout } = await this.lab.inUsersNamespace(argv);
    if (exitCode !== 0) throw new Error(`${path}: ${stderr}`);
    return stdout;
  }
}
