/**
 * Where the fixed bridges and Jibris run, and at which ports: pure functions of names and settings, so that
 * nothing that stays is moved by what comes or goes.
 */

/** Private TCP ports of a shard on its host, by the shard's number (1 to 999). */
export const shardPorts = (shardNumber: number): { readonly web: number; readonly xmpp: number } => ({
  web: 21000 + shardNumber,
  xmpp: 22000 + shardNumber,
});

/**
 * Offset of a bridge's UDP port in its host's range, from the shard's number and the bridge's ordinal (both from
 * 1): Cantor's pairing, one-to-one whatever other shards and bridges there are, so that a port never moves.
 */
export function bridgePortOffset(shardNumber: number, ordinal: number): number {
  const diagonal = shardNumber + ordinal - 2;
  return (diagonal * (diagonal + 1)) / 2 + shardNumber - 1;
}

/** Something that may take no more. */
export interface Candidate {
  readonly name: string;
  readonly drained: boolean;
}

/**
 * The host for the `turn`-th of alike things: each in turn, and for a drained host the next one that is not.
 * Draining a host moves only what ran there; changing the list's length moves others too.
 * Throws if all are drained: the settings refuse that first.
 */
export function hostInTurn<Host extends Candidate>(hosts: readonly Host[], turn: number): Host {
  for (let step = 0; step < hosts.length; step++) {
    const host = hosts[(turn + step) % hosts.length];
    if (host && !host.drained) return host;
  }
  throw new Error("no host is left that is not drained");
}
