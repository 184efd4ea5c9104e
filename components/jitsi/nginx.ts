import { xmppDomains } from "./xmppDomains";

/** What HAProxy forwards says for whom; what the fleet asks itself does not. */
const HIDDEN_FROM_USERS = "if ($http_x_forwarded_for) { return 404; }";

/**
 * What the web image's nginx lacks, included into its server block.
 *
 * - `/_unlock`: the client asks for it every minute or two and reconnects when the shard in the header is not the
 *   one its page came from.
 * - `/_health`: the shard is healthy only if its Prosody and its Jicofo both say so. Jicofo says no without a bridge.
 * - `/_rooms`: the rooms that its Prosody has, and how many are in each (mod_muc_census).
 * - `/_stats`: conferences, recordings and streams as its Jicofo counts them.
 * - `/_jibris`: which Jibris its Jicofo sees, and more of its inner state.
 * - `/_metrics/jicofo`, `/_metrics/prosody`: what they tell Prometheus.
 * - `/conference-request/v1`: to Jicofo, as a client may ask by HTTP before it joins.
 * - The user's address comes from HAProxy, which overwrites X-Forwarded-For.
 *
 * What begins with `/_` except `/_unlock` is 404 to users, whatever path leads there: the image takes a first segment
 * for a tenant and looks up the rest. Rooms and statistics are 403 to whoever asks from outside `privateRanges`.
 *
 * Names are in variables, so that nginx looks them up at each request: a replaced container has a new address.
 */
export function webLocations(shard: string, privateRanges: readonly string[]): string {
  const fleetOnly = [
    HIDDEN_FROM_USERS,
    ...privateRanges.map((range) => `allow ${range};`),
    "deny all;",
    "access_log off;",
    "proxy_connect_timeout 2s;",
    "proxy_read_timeout 4s;",
  ].join("\n    ");
  return `${privateRanges.map((range) => `set_real_ip_from ${range};`).join("\n")}
real_ip_header X-Forwarded-For;

set $fleet_prosody prosody;
set $fleet_jicofo jicofo;

location ~ ^(?:/[^/]+)?/_unlock$ {
    default_type text/plain;
    add_header X-Jitsi-Shard ${shard} always;
    add_header Cache-Control no-store always;
    return 200 "OK\\n";
}

location = /_health {
    ${HIDDEN_FROM_USERS}
    access_log off;
    auth_request /_health/prosody;
    proxy_connect_timeout 2s;
    proxy_read_timeout 4s;
    proxy_pass http://$fleet_jicofo:8888/about/health;
}

location = /_health/prosody {
    internal;
    proxy_connect_timeout 2s;
    proxy_read_timeout 4s;
    proxy_pass_request_body off;
    proxy_set_header Content-Length "";
    proxy_pass http://$fleet_prosody:5280/health;
}

location = /_rooms {
    ${fleetOnly}
    proxy_set_header Host ${xmppDomains.XMPP_DOMAIN};
    # Prosody lets any page in a browser read it.
    proxy_hide_header Access-Control-Allow-Origin;
    proxy_pass http://$fleet_prosody:5280/room-census;
}

location = /_stats {
    ${fleetOnly}
    proxy_pass http://$fleet_jicofo:8888/stats;
}

location = /_jibris {
    ${fleetOnly}
    proxy_pass http://$fleet_jicofo:8888/debug;
}

location = /_metrics/jicofo {
    ${fleetOnly}
    proxy_pass http://$fleet_jicofo:8888/metrics;
}

location = /_metrics/prosody {
    ${fleetOnly}
    proxy_set_header Host ${xmppDomains.XMPP_DOMAIN};
    proxy_pass http://$fleet_prosody:5280/metrics;
}

location ~ ^(?:/[^/]+)?(/conference-request/v1)$ {
    proxy_set_header X-Forwarded-For $remote_addr;
    proxy_pass http://$fleet_jicofo:8888$1$is_args$args;
}
`;
}
