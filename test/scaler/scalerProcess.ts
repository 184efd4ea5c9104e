import type { z } from "zod";
import type { scalerConfiguration } from "../../scaler/configuration";
import { freePort } from "../support/freePort";
import { ProgramProcess } from "../support/programProcess";

const TOKEN = "the-scalers-token-of-the-tests";

/** The real scaler as a process. */
export class ScalerProcess extends ProgramProcess {
  private port = 0;

  constructor(private readonly configuration: Omit<z.input<typeof scalerConfiguration>, "listen">) {
    super("scaler");
  }

  async start(): Promise<void> {
    this.port = await freePort();
    const listen = { address: "127.0.0.1", port: this.port, token: TOKEN };
    this.startWith({ ...this.configuration, listen });
  }

  /** Asks its API, with a token or, for null, without one. */
  ask(path: string, token: string | null = TOKEN): Promise<Response> {
    return fetch(`http://127.0.0.1:${this.port}${path}`, {
      headers: token === null ? {} : { Authorization: `Bearer ${token}` },
    });
  }
}
