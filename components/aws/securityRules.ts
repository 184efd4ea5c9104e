import type { AwsFleetSettings } from "../settings";
import { AGENT_PORT, edgePorts, MEDIA_PORT, shardPorts, webPorts } from "./ports";

/** What has a security group of its own. */
export const securityRoles = ["loadBalancer", "edge", "shard", "bridge", "jibri", "scaler"] as const;
export type SecurityRole = (typeof securityRoles)[number];

/** Who may begin to speak to whom; answers need no rule. */
export interface Flow {
  readonly from: SecurityRole | "world";
  readonly to: SecurityRole | "world";
  readonly protocol: "tcp" | "udp";
  readonly first: number;
  readonly last: number;
  readonly why: string;
}

/** A security group's rule: the peer is another group, or a range of the world's. */
export interface SecurityRule {
  /** Unique, and told by what it says: another rule moves none. */
  readonly name: string;
  readonly role: SecurityRole;
  readonly direction: "ingress" | "egress";
  readonly peer: { readonly role: SecurityRole } | { readonly ipv4: string } | { readonly ipv6: string };
  readonly protocol: "tcp" | "udp";
  readonly first: number;
  readonly last: number;
  readonly why: string;
}

const tcp = (from: Flow["from"], to: Flow["to"], port: number, why: string): Flow => ({
  from,
  to,
  protocol: "tcp",
  first: port,
  last: port,
  why,
});

const udp = (from: Flow["from"], to: Flow["to"], first: number, last: number, why: string): Flow => ({
  from,
  to,
  protocol: "udp",
  first,
  last,
  why,
});

/** Where live streams go: RTMP. */
const STREAM_PORT = 1935;

/** All that may be said in the fleet, and to it. */
export function flows(settings: Pick<AwsFleetSettings, "aws" | "images" | "recordings" | "tls">): Flow[] {
  const machines = securityRoles.filter((role) => role !== "loadBalancer");
  return [
    ...Object.entries(webPorts).flatMap(([name, port]) => [
      tcp("world", "loadBalancer", port, `users: ${name}`),
      tcp("loadBalancer", "edge", port, `users: ${name}`),
    ]),
    tcp("loadBalancer", "edge", edgePorts.metrics, "whether an edge lives, and does not leave"),
    udp("world", "bridge", MEDIA_PORT, MEDIA_PORT, "media"),
    udp("bridge", "world", 1, 65535, "media, to whatever port a user has"),
    // By their public addresses, which no group's name stands for.
    udp("jibri", "world", MEDIA_PORT, MEDIA_PORT, "media of the bridges"),
    tcp("edge", "edge", edgePorts.peers, "which room is on which shard"),
    tcp("edge", "edge", edgePorts.keeper, "keepers agree on the shards"),
    tcp("edge", "edge", edgePorts.entry, "requests that a node cannot route"),
    tcp("edge", "shard", shardPorts.web, "meetings"),
    tcp("bridge", "shard", shardPorts.xmpp, "bridges log in"),
    tcp("jibri", "shard", shardPorts.xmpp, "Jibris log in"),
    tcp("jibri", "edge", webPorts.https, "Jibris join meetings"),
    tcp("scaler", "bridge", AGENT_PORT, "agents"),
    tcp("scaler", "jibri", AGENT_PORT, "agents"),
    tcp("scaler", "shard", shardPorts.web, "what shards hold"),
    tcp("scaler", "edge", edgePorts.keeper, "what is in force at the edges"),
    ...outwardPorts(settings).flatMap((port) =>
      machines.map((role) => tcp(role, "world", port, "packages, images and AWS")),
    ),
    ...(settings.recordings.stream ? [tcp("jibri", "world", STREAM_PORT, "live streams")] : []),
  ];
}

/** TCP ports that machines call elsewhere: the web's, and those of registries, authorities and emulators that have another. */
export function outwardPorts({ aws, images, tls }: Parameters<typeof flows>[0]): number[] {
  const registries = [`${images.registry}/`, images.haproxy, images.node].flatMap(
    (image) => /^[^/]+:(\d+)\//.exec(image)?.[1] ?? [],
  );
  const urls = [
    ...(aws.endpoint === undefined ? [] : [aws.endpoint]),
    ...(tls.mode === "acme" ? [tls.directoryUrl] : []),
  ];
  const ports = [...registries, ...urls.map((url) => new URL(url).port)].filter((port) => port !== "");
  return [...new Set([...Object.values(webPorts), ...ports.map(Number)])];
}

/** Each flow's rules: one at its source, one at its target. With IPv6, which the load balancer alone has, one more. */
export function securityRules(allowed: readonly Flow[], ipv6: boolean): SecurityRule[] {
  const worldOf = (role: SecurityRole): readonly (readonly [suffix: string, SecurityRule["peer"]])[] => [
    ["", { ipv4: "0.0.0.0/0" }],
    ...(ipv6 && role === "loadBalancer" ? ([["-ipv6", { ipv6: "::/0" }]] as const) : []),
  ];
  const side = (flow: Flow, direction: SecurityRule["direction"]): SecurityRule[] => {
    const { first, from, last, protocol, to, why } = flow;
    const [role, peer] = direction === "ingress" ? [to, from] : [from, to];
    if (role === "world") return [];
    const ports = first === last ? `${first}` : `${first}-${last}`;
    const word = direction === "ingress" ? "from" : "to";
    const peers = peer === "world" ? worldOf(role) : ([["", { role: peer }]] as const);
    return peers.map(([suffix, one]) => ({
      name: `${role}-${word}-${peer}-${protocol}-${ports}${suffix}`,
      role,
      direction,
      peer: one,
      protocol,
      first,
      last,
      why,
    }));
  };
  return allowed.flatMap((flow) => [...side(flow, "ingress"), ...side(flow, "egress")]);
}
