import { xmppDomains } from "../../components/jitsi/xmppDomains";
import { counter, gauge, on, type Metric } from "../metric";

const [number, growing] = [gauge("prosody"), counter("prosody")];

/** What a shard's Prosody says of its rooms and connections. */
export const prosody = {
  rooms: number("prosody_mod_muc__live_room", "Rooms that are open, breakout rooms not counted.", {
    where: { host: [xmppDomains.XMPP_MUC_DOMAIN] },
    panels: [on("shard", "Rooms and connections", "shard")],
    isOptional: true,
  }),
  connections: number("prosody_mod_c2s__connections", "Websockets. Absent until there was one.", {
    where: { type: ["c2s"], host: [xmppDomains.XMPP_DOMAIN], ip_family: ["ipv4"] },
    panels: [on("shard", "Rooms and connections", "shard")],
    isOptional: true,
  }),
  bosh_active: number("prosody_mod_bosh__active_sessions", "BOSH sessions with a request open.", {
    panels: [on("shard", "Rooms and connections", "shard")],
  }),
  bosh_inactive: number("prosody_mod_bosh__inactive_sessions", "BOSH sessions between two requests.", {
    panels: [on("shard", "Rooms and connections", "shard")],
  }),
  resumptions_expired: growing(
    "prosody_mod_smacks__sessions_expired_total",
    "Broken websockets that nobody took up again.",
    {
      labels: { host: "domain" },
      panels: [on("shard", "Failures", "shard")],
      isOptional: true,
    },
  ),
} satisfies Record<string, Metric>;
