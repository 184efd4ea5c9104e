import { z } from "zod";

export const shardStates = ["ready", "drain", "maint"] as const;
export type ShardState = (typeof shardStates)[number];

/** Which shards take rooms, and which rooms take which release: what all nodes of the edge must agree on. */
export const arrangementSchema = z.strictObject({
  shards: z.record(
    z.string(),
    z.strictObject({
      /** `ready` takes new rooms; `drain` keeps its own; `maint` takes nothing. */
      state: z.enum(shardStates),
      /** Whether it can hold rooms at all, by the judgement of all nodes. */
      up: z.boolean(),
    }),
  ),
  /** Release of a tenant's new rooms. */
  tenants: z.record(z.string(), z.string()),
  /** Release of the other new rooms, by the hundredth that a room falls into (0 to 99); the default one if absent. */
  shares: z.record(z.string(), z.string()),
});
export type Arrangement = z.output<typeof arrangementSchema>;

/** An arrangement in force. Of two, the one with the greater epoch is the later. */
export const topologySchema = arrangementSchema.extend({ epoch: z.int() });
export type Topology = z.output<typeof topologySchema>;

/** What a node may not do just now. */
export const holdSchema = z.strictObject({
  /** Give a shard to a room that has none. */
  placing: z.boolean(),
  /** Send anything to these shards, which are just being taken out or back. */
  shards: z.array(z.string()),
});
export type Hold = z.output<typeof holdSchema>;
export const noHold: Hold = { placing: false, shards: [] };
export const isHeld = ({ placing, shards }: Hold): boolean => placing || shards.length > 0;

/** How a node finds a shard. `unknown`: not for long enough either way. */
export const reaches = ["up", "down", "unknown"] as const;
export type Reach = (typeof reaches)[number];

/** What the operator wants. */
export type Wanted = Omit<Arrangement, "shards"> & { readonly states: Readonly<Record<string, ShardState>> };

/** A node as far as a decision needs it. */
export interface Voter {
  /** Shards that its HAProxy knows. */
  readonly shards: readonly string[];
  readonly reach: Readonly<Record<string, Reach>>;
}

/**
 * What ought to be in force.
 * - A shard that some node does not know yet takes no new room: the nodes would not agree.
 * - A shard is down when no node reaches it. If only some do, the others' users have a bad time, but no room is split.
 * - Are all down, then more likely we are: all stays as it is.
 */
export function decideArrangement(
  wanted: Wanted,
  voters: readonly Voter[],
  current: Arrangement | undefined,
): Arrangement {
  const names = [
    ...new Set([...Object.keys(wanted.states), ...voters.flatMap(({ shards }) => shards)]),
  ].sort();
  const judged = names.map((name) => {
    const state = wanted.states[name] ?? "drain";
    const known = voters.every(({ shards }) => shards.includes(name));
    const up = isUp(
      voters.map(({ reach }) => reach[name] ?? "unknown"),
      current?.shards[name]?.up ?? true,
    );
    return { name, state: state === "ready" && !known ? "drain" : state, up } as const;
  });
  const isAnyUp = judged.some(({ state, up }) => up && state !== "maint");
  const shards = judged.map(({ name, state, up }) => [
    name,
    { state, up: isAnyUp ? up : (current?.shards[name]?.up ?? true) },
  ]);
  return {
    shards: Object.fromEntries(shards) as Arrangement["shards"],
    tenants: wanted.tenants,
    shares: wanted.shares,
  };
}

function isUp(votes: readonly Reach[], before: boolean): boolean {
  if (votes.includes("up")) return true;
  return votes.every((vote) => vote === "down") ? false : before;
}

/** What must be held while one arrangement gives way to another. */
export function holdBetween(before: Arrangement, after: Arrangement): Hold {
  const names = [...new Set([...Object.keys(before.shards), ...Object.keys(after.shards)])].sort();
  const differs = (trait: (shard: Arrangement["shards"][string] | undefined) => boolean): string[] =>
    names.filter((name) => trait(before.shards[name]) !== trait(after.shards[name]));
  const isPlacementSame =
    sameRecord(before.tenants, after.tenants) && sameRecord(before.shares, after.shares);
  return { placing: differs(takesNewRooms).length > 0 || !isPlacementSame, shards: differs(holdsRooms) };
}

/** Whether a shard is among those that new rooms are placed on. */
export const takesNewRooms = (shard: Arrangement["shards"][string] | undefined): boolean =>
  shard?.state === "ready" && shard.up;
const holdsRooms = (shard: Arrangement["shards"][string] | undefined): boolean =>
  shard !== undefined && shard.state !== "maint" && shard.up;

/** Shards whose rooms must leave them. */
export const emptiedBetween = (before: Arrangement, after: Arrangement): string[] =>
  holdBetween(before, after).shards.filter((name) => holdsRooms(before.shards[name]));

const sameRecord = (a: Readonly<Record<string, string>>, b: Readonly<Record<string, string>>): boolean =>
  JSON.stringify(Object.entries(a).sort()) === JSON.stringify(Object.entries(b).sort());

export function sameArrangement(a: Arrangement, b: Arrangement): boolean {
  const states = ({ shards }: Arrangement): Record<string, string> =>
    Object.fromEntries(Object.entries(shards).map(([name, { state, up }]) => [name, `${state} ${up}`]));
  return (
    sameRecord(states(a), states(b)) && sameRecord(a.tenants, b.tenants) && sameRecord(a.shares, b.shares)
  );
}
