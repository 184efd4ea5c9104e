/** The number at the end of a shard's name: its identity. */
export function shardNumber(name: string): number {
  return Number(/[0-9]+$/.exec(name)?.[0]);
}
