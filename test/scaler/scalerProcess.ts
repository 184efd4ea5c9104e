import type { z } from "zod";
import type { scalerConfiguration } from "../../scaler/configuration";
import { freePort } from "../support/freePort";
import { ProgramProcess } from "../support/programProcess";

const TOKEN = "the-scalers-token-of-the-tests";

/** The real scaler as a process. */
export class ScalerProcess extends ProgramProcess {
  private port = 0;

  constructor(private configuration: Omit<z.input<typeof scalerConfiguration>, "listen">) {
    // AWS's emulator takes any.
    const credentials = { AWS_ACCESS_KEY_ID: "test", AWS_SECRET_ACCESS_KEY: "test" };
    super(
      configuration.fleet.kind === "aws" ? "awsScaler" : "scaler",
      configuration.fleet.kind === "aws" ? credentials : {},
    );
  }

  async start(): Promise<void> {
    this.port = await freePort();
    this.startWith(this.listening());
  }

  /** Changes its configuration while it runs. */
  change(configuration: Partial<z.input<typeof scalerConfiguration>>): void {
    this.configuration = { ...this.configuration, ...configuration };
    this.rewrite(this.listening());
  }

  private listening(): object {
    return { ...this.configuration, listen: { address: "127.0.0.1", port: this.port, token: TOKEN } };
  }

  /** Asks its API, with a token or, for null, without one. */
  ask(path: string, token: string | null = TOKEN): Promise<Response> {
    return fetch(`http://127.0.0.1:${this.port}${path}`, {
      headers: token === null ? {} : { Authorization: `Bearer ${token}` },
    });
  }
}
