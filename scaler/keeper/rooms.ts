import type { Room } from "../jitsi/census";

/** The rooms of each shard that said which it has. One that did not is not in it: it may have any. */
export type RoomsByShard = ReadonlyMap<string, readonly Room[]>;

/** A room that is on several shards at once: people in it neither see nor hear each other. */
export interface Split {
  readonly jid: string;
  /** In the order of their names. */
  readonly shards: readonly string[];
}

/** The shards on which somebody is in a room, by room. */
function shardsByRoom(rooms: RoomsByShard): Map<string, Set<string>> {
  const found = new Map<string, Set<string>>();
  for (const [shard, its] of rooms)
    for (const { jid, occupants } of its) {
      if (occupants === 0) continue;
      const shards = found.get(jid) ?? new Set();
      found.set(jid, shards.add(shard));
    }
  return found;
}

/**
 * The rooms that were occupied on the same two or more shards at two looks in a row. Shards are asked one by one, so
 * that in one look a room which moves may be seen both where it was and where it is. An occupant is anybody but the
 * focus: a recorder on another shard than its meeting records nobody. A side whose focus is gone counts one too few, so
 * that a single person there is not seen.
 *
 * @returns what is certain. No split is evidence only where every shard answered: `isComplete`.
 */
export function splitRooms(before: RoomsByShard, now: RoomsByShard): Split[] {
  const earlier = shardsByRoom(before);
  return [...shardsByRoom(now)].flatMap(([jid, shards]) => {
    const lasting = [...shards].filter((shard) => earlier.get(jid)?.has(shard));
    return lasting.length < 2 ? [] : [{ jid, shards: lasting.sort() }];
  });
}

/** Whether each of the shards answered at each of the looks. */
export const isComplete = (shards: readonly string[], ...looks: readonly RoomsByShard[]): boolean =>
  looks.every((look) => shards.every((shard) => look.has(shard)));
