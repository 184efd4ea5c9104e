import { createHash } from "node:crypto";

/** Linux has no longer host name. */
const LONGEST = 64;
const HASH = 8;

/** A container's host name: its name, or as much of it as fits and a hash that tells it from others. */
export function containerHostname(name: string): string {
  if (name.length <= LONGEST) return name;
  const hash = createHash("sha256").update(name).digest("hex").slice(0, HASH);
  return `${name.slice(0, LONGEST - HASH - 1)}-${hash}`;
}
