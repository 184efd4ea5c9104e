import type { Action, Bridge, Fleet, Jibri } from "./fleet";

/** Whether an instance takes a place: all but what ended or never came to be. */
export const takesPlace = ({ life }: Bridge | Jibri): boolean => life !== "exited" && life !== "failed";

/**
 * Where up to `count` more of a pool are launched: hosts that answer, are not drained and have room; each time the
 * one with the fewest of the pool, then with the most room. Fewer where there is no room.
 */
export function launches(pool: string, count: number, fleet: Fleet, reason: string): Action[] {
  const members = [...fleet.bridges, ...fleet.jibris].filter(
    (instance) => instance.pool === pool && takesPlace(instance),
  );
  const places = fleet.hosts
    .filter((host) => host.reachable && !host.drained)
    .map((host) => ({
      host: host.name,
      room: host.room[pool] ?? 0,
      members: members.filter((member) => member.host === host.name).length,
    }));
  const actions: Action[] = [];
  while (actions.length < count) {
    const [best] = places
      .filter((place) => place.room > 0)
      .sort((a, b) => a.members - b.members || b.room - a.room || a.host.localeCompare(b.host));
    if (!best) return actions;
    best.room -= 1;
    best.members += 1;
    actions.push({ kind: "launch", pool, host: best.host, reason });
  }
  return actions;
}
