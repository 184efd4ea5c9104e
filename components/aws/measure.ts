import { inUse, type ShardState } from "@jitsi-fleet/scaler";
import { stateInForce, type Measure, type Subject, type Unknown, type Words } from "../guard/objections";
import { isFresh, type KnownFleet } from "./fleetStatus";

/** How what may carry calls on AWS is spoken of. */
export const awsWords: Words = {
  called: ({ name, role }) => (role === "shard" ? `shard ${name}` : name),
  takingOut: (pool) => `Deleting ${pool}`,
  remedy: ({ name, role }) =>
    role === "shard"
      ? `Drain it first (npm run shard -- drain ${name} --wait), another one ahead of it if the others are full, and ` +
        "change it once it is empty; what bridges and Jibris hold, the scaler's API tells"
      : "Wait until it is empty: what bridges and Jibris hold, the scaler's API tells",
};

/** How a fleet on AWS is asked what it holds: by what its scaler last wrote down. */
export class AwsMeasure implements Measure {
  private status: Promise<KnownFleet> | undefined;

  /** @param read one look an update: what is being replaced can't be asked twice */
  constructor(private readonly read: () => Promise<KnownFleet>) {}

  async inForce(shard: string): Promise<ShardState | "none" | Unknown> {
    const known = await this.known();
    if (known === "never up") return "none";
    if ("unknown" in known) return known;
    const said = known.edges.map((answer) =>
      "page" in answer && isFresh(answer, Date.parse(known.knownAt))
        ? (answer.page[shard]?.state ?? "none")
        : { unknown: `${answer.edge}: ${"error" in answer ? answer.error : "it has been silent"}` },
    );
    return stateInForce(said);
  }

  async holds({ name, role }: Subject): Promise<string | undefined | Unknown> {
    const known = await this.known();
    if (known === "never up") return undefined;
    if ("unknown" in known) return known;
    if (role === "shard") {
      const found = known.shards.find(({ shard }) => shard === name);
      // Of a removal that was interrupted, or an addition: nobody is sent there, and nobody was when the scaler forgot it.
      if (!found)
        return (await this.inForce(name)) === "none" ? undefined : { unknown: "the scaler does not know it" };
      return "error" in found
        ? { unknown: found.error }
        : inUse({ conferences: found.conferences, participants: found.participants });
    }
    const found = known.pools.find(({ pool }) => pool === name);
    // The scaler never knew it: nothing was ever launched there by it.
    if (!found) return undefined;
    if (!found.fresh) return { unknown: "its group was not seen" };
    const { participants, recordings: busyJibris, silent, unsaved } = found;
    return inUse({ participants, busyJibris, unsaved, silent });
  }

  /** The shards that serve users, by what the edges say; none where nobody knows. */
  async served(): Promise<string[]> {
    const known = await this.known();
    if (known === "never up" || "unknown" in known) return [];
    const pages = known.edges.flatMap((answer) =>
      "page" in answer && isFresh(answer, Date.parse(known.knownAt)) ? Object.entries(answer.page) : [],
    );
    return [...new Set(pages.flatMap(([shard, { up }]) => (up ? [shard] : [])))];
  }

  private known(): Promise<KnownFleet> {
    this.status ??= this.read();
    return this.status;
  }
}
