/** Private TCP ports of the fleet's own parts on a host. Never the world's. */

/** A shard's, by its number (1 to 999), so that nothing that stays is moved by what comes or goes. */
export const shardPorts = (shardNumber: number): { readonly web: number; readonly xmpp: number } => ({
  web: 21000 + shardNumber,
  xmpp: 22000 + shardNumber,
});

/** The agent of a host. */
export const AGENT_PORT = 23001;
/** The scaler's API. */
export const SCALER_PORT = 23002;

/**
 * An edge node's keeper, its HAProxy for the other nodes' tables, for Prometheus and whether it lives, and for requests
 * that another node cannot route.
 */
export const edgePorts = { keeper: 23003, peers: 23004, metrics: 23005, entry: 23006 } as const;

/** The node of the edge on a host. */
export const edgeName = (host: string): string => `edge-${host}`;
/** The node of a host's agent. */
export const agentName = (host: string): string => `agent-${host}`;
