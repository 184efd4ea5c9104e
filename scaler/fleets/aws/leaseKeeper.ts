import { randomUUID } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import type { Logger } from "pino";
import { nowSeconds } from "../../clock";
import { isHeld, leaseTurn, leaseWritten, noLease, type LeaseView } from "./lease";
import type { Table } from "./table";

const LEASE_ITEM = "lease";
/** Turns within the time of a lease. */
const TURNS = 5;

/** Keeps this scaler's view of the lease, and the lease where it is its own. */
export class LeaseKeeper {
  private view: LeaseView = noLease;
  private readonly ending = new AbortController();
  private readonly running: Promise<void>;

  constructor(
    private readonly table: Table,
    private readonly me: string,
    private readonly leaseSeconds: number,
    private readonly log: Logger,
  ) {
    this.running = this.run();
  }

  /** Whether this scaler is the one that acts, at this very moment. */
  get isHeld(): boolean {
    return isHeld(this.view, nowSeconds());
  }

  /** Gives the lease back, so that another need not wait for its end. */
  async close(): Promise<void> {
    this.ending.abort();
    await this.running;
    const { heldUntilSeconds, seen } = this.view;
    this.view = noLease;
    if (heldUntilSeconds === undefined || seen?.beat === undefined) return;
    await this.table
      .write(LEASE_ITEM, { holder: "", beat: randomUUID() }, { attribute: "beat", is: seen.beat })
      .catch(() => undefined);
  }

  private async run(): Promise<void> {
    while (!this.ending.signal.aborted) {
      const wasHeld = this.isHeld;
      await this.turn().catch((error: unknown) =>
        this.log.warn({ error: String(error) }, "the lease cannot be seen"),
      );
      if (wasHeld !== this.isHeld) this.log.info({ leads: this.isHeld }, "lease");
      await sleep((this.leaseSeconds / TURNS) * 1000, undefined, { signal: this.ending.signal }).catch(
        () => undefined,
      );
    }
  }

  private async turn(): Promise<void> {
    const item = await this.table.read(LEASE_ITEM);
    const lease = item && { holder: item["holder"] ?? "", beat: item["beat"] ?? "" };
    const { view, write } = leaseTurn(lease, this.me, this.view, this.leaseSeconds, nowSeconds());
    this.view = view;
    if (!write) return;
    const [began, beat] = [nowSeconds(), randomUUID()];
    const isWritten = await this.table.write(
      LEASE_ITEM,
      { holder: this.me, beat },
      { attribute: "beat", is: lease?.beat },
    );
    // Where it was not, another was quicker; who it is shows at the next turn.
    this.view = isWritten
      ? leaseWritten(beat, began, this.leaseSeconds)
      : { ...view, heldUntilSeconds: undefined };
  }
}
