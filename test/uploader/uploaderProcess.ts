import { setTimeout as sleep } from "node:timers/promises";
import type { z } from "zod";
import type { uploaderConfiguration } from "../../scaler/configuration";
import { spoolSchema, type Spool } from "../../scaler/hostApi";
import { freePort } from "../support/freePort";
import { ProgramProcess } from "../support/programProcess";

/** The real uploader as a process. */
export class UploaderProcess extends ProgramProcess {
  private port = 0;

  constructor(private readonly configuration: Omit<z.input<typeof uploaderConfiguration>, "listen">) {
    super("uploader");
  }

  async start(): Promise<void> {
    this.port = await freePort();
    this.startWith({ ...this.configuration, listen: { address: "127.0.0.1", port: this.port } });
  }

  ask(path: string): Promise<Response> {
    return fetch(`http://127.0.0.1:${this.port}${path}`);
  }

  /** What it says of the spool; undefined while it cannot say. */
  async spool(query = ""): Promise<Spool | undefined> {
    const response = await this.ask(`/v1/spool${query}`).catch(() => undefined);
    return response?.ok ? spoolSchema.parse(await response.json()) : undefined;
  }
}

/** Waits until a condition holds. */
export async function until(
  what: string,
  condition: () => boolean | Promise<boolean>,
  seconds = 120,
): Promise<void> {
  const limit = Date.now() + seconds * 1000;
  while (!(await condition())) {
    if (Date.now() > limit) throw new Error(`not within ${seconds} s: ${what}`);
    await sleep(50);
  }
}
