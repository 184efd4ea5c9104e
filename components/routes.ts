import type { Route } from "./platform";

/** How a shard leaves where users are sent, in words; undefined if it does not, or was in maint already. */
export function howItLeaves(before: Route, after: Route | undefined): string | undefined {
  if (before.state === "maint") return undefined;
  if (!after) return `Removing shard ${before.node}`;
  if (
    after.place !== before.place ||
    after.endpoint.address !== before.endpoint.address ||
    after.endpoint.port !== before.endpoint.port
  )
    return `Moving shard ${before.node}`;
  return after.state === "maint" ? `Setting shard ${before.node} to maint` : undefined;
}
