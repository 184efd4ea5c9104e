import type { Action, Bridge, Fleet, Jibri } from "./fleet";
import type { History } from "./history";

/** For so long the instances of a host that does not answer count as if it did. */
const HOST_GRACE_SECONDS = 60;

/** Whether an instance takes a place: all but what ended or never came to be. */
export const takesPlace = ({ life }: Bridge | Jibri): boolean => life !== "exited" && life !== "failed";

/** Whether its host has not answered for so long that others must do its work: it does not count against max either. */
export const isLost = ({ host, life }: Bridge | Jibri, history: History, nowSeconds: number): boolean =>
  life === "unreachable" && nowSeconds - (history.lostSince[host] ?? nowSeconds) >= HOST_GRACE_SECONDS;

/**
 * Why nobody knows what a pool misses: a host has not told yet what runs there, and may only be late, as when agent and scaler
 * start at once. Undefined once all have told, or are lost.
 */
export function whyUntold(
  pool: string,
  { hosts }: Fleet,
  history: History,
  nowSeconds: number,
): string | undefined {
  const late = hosts.find(
    ({ name, only, told }) =>
      (only === undefined || only === pool) &&
      !told &&
      nowSeconds - (history.lostSince[name] ?? nowSeconds) < HOST_GRACE_SECONDS,
  );
  return late && `${late.name} has not told yet what runs there: nothing is launched`;
}

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
