import { z } from "zod";
import { nowSeconds } from "../../clock";
import type { Notice } from "./groupState";
import type { Message } from "./messages";
import type { Table } from "./table";

const NOTICES_ITEM = "notices";
/** From AWS's warning to the end of a Spot machine. */
const WARNING_SECONDS = 120;
/** So long a notice of an instance that no group has (yet) is kept: all of the region's come to the queue. */
const KEPT_SECONDS = 300;

const written = z.array(
  z.strictObject({
    instance: z.string(),
    kind: z.enum(["interruption", "rebalance"]),
    /** When it was read, or the machine's end: AWS's time. */
    at: z.iso.datetime(),
  }),
);
type Written = z.output<typeof written>[number];

/** What AWS announced of machines, written down: whoever acts next knows it, too. */
export class Notices {
  private known = new Map<string, Written>();

  constructor(private readonly table: Table) {}

  /** By instance. */
  get all(): ReadonlyMap<string, Notice> {
    return new Map(
      [...this.known].map(([instance, { at, kind }]) => [
        instance,
        kind === "rebalance"
          ? { kind }
          : { kind, endsAtSeconds: nowSeconds() + (Date.parse(at) - Date.now()) / 1000 },
      ]),
    );
  }

  /** What was written down before. */
  async load(): Promise<void> {
    const item = await this.table.read(NOTICES_ITEM);
    const parsed = written.safeParse(JSON.parse(item?.["notices"] ?? "[]"));
    for (const notice of parsed.data ?? []) this.take(notice);
  }

  /** Resolves once it is written down. */
  async add(message: Extract<Message, { kind: "interruption" | "rebalance" }>): Promise<void> {
    const { instance, kind } = message;
    const latest = Date.now() + WARNING_SECONDS * 1000;
    const at =
      kind === "rebalance" ? Date.now() : Math.min(latest, message.atMilliseconds + WARNING_SECONDS * 1000);
    if (this.take({ instance, kind, at: new Date(at).toISOString() })) await this.save();
  }

  /** Forgets those of instances that are no more, or never were the fleet's. */
  async keepOnly(instances: ReadonlySet<string>): Promise<void> {
    const over = [...this.known.values()].filter(
      ({ at, instance }) => !instances.has(instance) && Date.now() - Date.parse(at) > KEPT_SECONDS * 1000,
    );
    if (over.length === 0) return;
    for (const { instance } of over) this.known.delete(instance);
    await this.save();
  }

  /** Whether it is news. An interruption is never taken back by a mere recommendation, and the earlier end counts. */
  private take(notice: Written): boolean {
    const before = this.known.get(notice.instance);
    if (before && notice.kind === "rebalance") return false;
    if (before?.kind === "interruption" && before.at <= notice.at) return false;
    this.known.set(notice.instance, notice);
    return true;
  }

  private async save(): Promise<void> {
    await this.table.write(NOTICES_ITEM, { notices: JSON.stringify([...this.known.values()]) });
  }
}
