import { freePort } from "../freePort";
import { Moto } from "../moto";
import { BucketPolicies } from "./buckets";
import { Front, type FrontRequest } from "./front";

const LOOPBACK = "127.0.0.1";

export const REGION = "eu-central-1";

export interface EmulatorOptions {
  /** Where clients reach it; by default loopback and a free port. */
  readonly address?: string;
  readonly port?: number;
}

/**
 * AWS for tests, at one address: moto, and in front of it what moto lacks or has otherwise than AWS. It takes any
 * credentials; buckets are named by path. Nothing outlives `stop`.
 */
export class AwsEmulator {
  private constructor(
    private readonly moto: Moto,
    private readonly front: Front,
    readonly url: string,
  ) {}

  static async start(options: EmulatorOptions = {}): Promise<AwsEmulator> {
    const motoPort = await freePort();
    const moto = new Moto({
      port: motoPort,
      // moto is left a minute to say that a certificate is valid, and else knows no managed policy.
      prefix: ["MOTO_ACM_VALIDATION_WAIT=1", "MOTO_IAM_LOAD_MANAGED_POLICIES=true"],
    });
    await moto.start();
    const policies = new BucketPolicies();
    const address = options.address ?? LOOPBACK;
    const front = await Front.listen(address, options.port ?? 0, {
      backend: () => ({ host: LOOPBACK, port: motoPort }),
      answer: async (request: FrontRequest) =>
        request.service === "s3" ? policies.answer(request) : undefined,
      answered: () => Promise.resolve(),
    });
    return new AwsEmulator(moto, front, `http://${address}:${front.port}`);
  }

  /** What every client of the AWS SDK takes to reach it. Those of S3 take `forcePathStyle` too; others ignore it. */
  clientSettings(): {
    region: string;
    endpoint: string;
    credentials: { accessKeyId: string; secretAccessKey: string };
    forcePathStyle: true;
  } {
    return {
      region: REGION,
      endpoint: this.url,
      credentials: { accessKeyId: "test", secretAccessKey: "test" },
      forcePathStyle: true,
    };
  }

  async stop(): Promise<void> {
    await this.front.close();
    await this.moto.stop();
  }
}
