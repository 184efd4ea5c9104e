/** The world's TCP ports, at the load balancer and behind it. */
export const webPorts = { http: 80, https: 443 } as const;
/** The world's UDP port at each bridge. */
export const MEDIA_PORT = 10000;

/** Private TCP ports of the fleet's own parts. Each machine has its own address, so that all of a role have the same. */
export const shardPorts = { web: 8000, xmpp: 5222 } as const;
/** The agent beside each bridge and Jibri. */
export const AGENT_PORT = 23001;
/** The scaler's API. */
export const SCALER_PORT = 23002;
/**
 * An edge node's keeper, its HAProxy for the other nodes' tables, for Prometheus and whether it lives, and for requests
 * that another node cannot route.
 */
export const edgePorts = { keeper: 23003, peers: 23004, metrics: 23005, entry: 23006 } as const;
