/** An inclusive range of port numbers. */
export interface PortRange {
  readonly first: number;
  readonly last: number;
}

/** Reads `10000-10099`; undefined unless both are unprivileged ports in order. */
export function parsePortRange(text: string): PortRange | undefined {
  const match = /^(\d{4,5})-(\d{4,5})$/.exec(text);
  if (!match) return undefined;
  const first = Number(match[1]);
  const last = Number(match[2]);
  return first >= 1024 && first <= last && last <= 65535 ? { first, last } : undefined;
}
