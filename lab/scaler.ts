import { randomBytes } from "node:crypto";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import type { z } from "zod";
import type { scalerConfiguration } from "../scaler/configuration";
import type { PoolOutlook } from "../scaler/core/fleet";
import type { Deed } from "../scaler/service/loop";
import { freePort } from "../test/support/freePort";
import type { Processes } from "./processes";

const DECISIONS_SHOWN = 3;

type Written = Omit<z.input<typeof scalerConfiguration>, "listen">;

export interface ScalerView {
  readonly pools: readonly PoolOutlook[];
  /** The last ones, newest first, with their reasons. */
  readonly decisions: readonly string[];
}

/** The real scaler, as a process of its own. */
export class Scaler {
  private constructor(
    private readonly url: string,
    private readonly token: string,
  ) {}

  static async start(folder: string, processes: Processes, written: Written): Promise<Scaler> {
    const [port, token] = [await freePort(), randomBytes(24).toString("hex")];
    const file = join(folder, "scaler.json");
    const listen = { address: "127.0.0.1", port, token };
    writeFileSync(file, JSON.stringify({ ...written, listen }), { mode: 0o600 });
    const program = join(folder, "programs", "scaler.js");
    processes.need(
      "scaler",
      processes.start("scaler", process.execPath, [program], { FLEET_CONFIGURATION: file }),
    );
    return new Scaler(`http://127.0.0.1:${port}`, token);
  }

  /** How to ask it, for a terminal. */
  get curl(): string {
    return `curl -H "Authorization: Bearer ${this.token}" ${this.url}/v1/decisions`;
  }

  /** Undefined when it does not answer. */
  async look(): Promise<ScalerView | undefined> {
    try {
      const [pools, deeds] = await Promise.all([this.#get("pools"), this.#get("decisions")]);
      const decisions = (deeds as Deed[])
        .slice(0, DECISIONS_SHOWN)
        .map(({ action, at, error, instance }) =>
          [
            `${at.slice(11, 19)} ${action.kind} ${instance}: ${action.reason}`,
            ...(error ? [error] : []),
          ].join("; "),
        );
      return { pools: pools as PoolOutlook[], decisions };
    } catch {
      return undefined;
    }
  }

  async #get(page: string): Promise<unknown> {
    const response = await fetch(`${this.url}/v1/${page}`, {
      headers: { authorization: `Bearer ${this.token}` },
      signal: AbortSignal.timeout(1000),
    });
    return response.json();
  }
}
