/**
 * The XMPP names inside every shard. Shards never speak to each other, so all keep the images' defaults; what
 * users see is PUBLIC_URL alone.
 */
export const xmppDomains = {
  XMPP_DOMAIN: "meet.jitsi",
  XMPP_AUTH_DOMAIN: "auth.meet.jitsi",
  XMPP_MUC_DOMAIN: "muc.meet.jitsi",
  XMPP_INTERNAL_MUC_DOMAIN: "internal-muc.meet.jitsi",
  XMPP_HIDDEN_DOMAIN: "hidden.meet.jitsi",
  XMPP_GUEST_DOMAIN: "guest.meet.jitsi",
} as const;

/**
 * The host name by which a Jibri knows a shard's Prosody. A Jibri tells servers apart by it alone, without the port: two of
 * one host's shards at their address would be one. It needs no DNS, and under .internal nobody else has it.
 */
export const prosodyName = (shard: string): string => `${shard}.shards.jitsi-fleet.internal`;

/** Rooms in which bridges and Jibris announce themselves to Jicofo. */
export const breweries = { JVB_BREWERY_MUC: "jvbbrewery", JIBRI_BREWERY_MUC: "jibribrewery" } as const;
