import type { Settings } from "../settings";

/** Entries of a file in HAProxy's map format. */
export const mapFile = (entries: Readonly<Record<string, string>>): string =>
  Object.entries(entries)
    .map(([key, value]) => `${key} ${value}\n`)
    .join("");

/**
 * Which release new rooms take, as the edge looks it up: by tenant, and by the hundredth (0 to 99) that a room falls
 * into. A growing share keeps the hundredths that it had.
 */
export function placementMaps(releases: Settings["edge"]["releases"]): {
  readonly tenants: Readonly<Record<string, string>>;
  readonly shares: Readonly<Record<string, string>>;
} {
  const tenants = releases.flatMap(({ release, tenants: pinned }) =>
    pinned.map((tenant) => [tenant, release]),
  );
  const shares = releases.flatMap(({ release, sharePercent }) =>
    Array.from({ length: sharePercent }, () => release),
  );
  return {
    tenants: Object.fromEntries(tenants) as Record<string, string>,
    shares: Object.fromEntries(shares.map((release, hundredth) => [String(hundredth), release])),
  };
}
