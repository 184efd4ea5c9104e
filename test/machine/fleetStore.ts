import { machineKeys, machineReportSchema, type MachineReport } from "@jitsi-fleet/scaler";
import { PutParameterCommand, SSMClient } from "@aws-sdk/client-ssm";
import type * as pulumi from "@pulumi/pulumi";
import { programObject, type MachineBundle } from "../../components/aws/machine/bundle";
import { Moto } from "../support/moto";
import { REGION } from "./surroundings";

export const BUCKET = "jitsi-prod-bundles";

export const valueOf = <Value>(output: pulumi.Output<Value>): Promise<Value> =>
  new Promise((resolve) => output.apply(resolve));

/** What pulumi up does with a bundle, on moto: programs, secrets, bundle, and the pointer last. */
export class FleetStore {
  readonly #moto: Moto;
  readonly #ssm: SSMClient;

  constructor(port: number) {
    this.#moto = new Moto({ port });
    this.#ssm = new SSMClient({
      region: REGION,
      endpoint: this.#moto.url,
      credentials: { accessKeyId: "test", secretAccessKey: "test" },
    });
  }

  get url(): string {
    return this.#moto.url;
  }

  async start(): Promise<void> {
    await this.#moto.start();
    await this.#moto.createBucket(BUCKET);
  }

  stop(): Promise<void> {
    return this.#moto.stop();
  }

  /** @returns the bundle's hash */
  async publish(name: string, bundle: MachineBundle): Promise<string> {
    const sha256 = await valueOf(bundle.sha256);
    for (const program of bundle.programs) {
      const { content, key } = programObject(program);
      await this.put(key, content);
    }
    for (const [parameter, value] of Object.entries(bundle.parameters))
      await this.putParameter(parameter, await valueOf(value));
    await this.put(machineKeys(name).bundle(sha256), Buffer.from(await valueOf(bundle.content), "base64"));
    await this.put(machineKeys(name).pointer, `${sha256}\n`);
    return sha256;
  }

  async putParameter(Name: string, Value: string): Promise<void> {
    await this.#ssm.send(new PutParameterCommand({ Name, Value, Type: "SecureString", Overwrite: true }));
  }

  put(key: string, content: Buffer | string): Promise<void> {
    return this.#moto.put(BUCKET, key, Buffer.from(content));
  }

  async report(name: string): Promise<MachineReport> {
    const text = (await this.#moto.get(BUCKET, machineKeys(name).report)).toString("utf8");
    return machineReportSchema.parse(JSON.parse(text));
  }
}
