import { addressAt, parseRange, partOf, sizeOf, type Ipv4Range } from "../settings/ipv4Range";
import type { AwsNetwork } from "../settings/awsSchema";

/** The nodes of the edge, in two zones. */
export const edgeNodes = ["edge-1", "edge-2"] as const;
/** The scaler's replicas, in two zones. */
export const scalerNodes = ["scaler-1", "scaler-2"] as const;

/** What of a zone is for what: for bridges and Jibris, for nodes, for the load balancer. */
const zoneUses = ["pools", "nodes", "loadBalancer"] as const;
export type ZoneUse = (typeof zoneUses)[number];

export interface ZoneRanges {
  /** The nodes', whose addresses are fixed. */
  readonly nodes: Ipv4Range;
  /** Where AWS gives addresses to bridges and Jibris. */
  readonly pools: Ipv4Range;
  /** Where AWS gives addresses to the load balancer, and to nothing else; undefined: it is not in this zone. */
  readonly loadBalancer: Ipv4Range | undefined;
}

/** The parts of an own network: one for each letter that a zone may end in, so that no zone moves another. */
const ZONE_BITS = 3;

/** Undefined where the network has nothing for the zone, or no readable range. */
export function zoneRanges(network: AwsNetwork, zone: string): ZoneRanges | undefined {
  return network.type === "own" ? ownRanges(network.range, zone) : existingRanges(network.subnets, zone);
}

/** Counted from 0. */
const letterOf = (zone: string): number => zone.charCodeAt(zone.length - 1) - "a".charCodeAt(0);

function ownRanges(text: string, zone: string): ZoneRanges | undefined {
  const range = parseRange(text);
  if (!range) return undefined;
  const ofZone = partOf(range, ZONE_BITS, letterOf(zone));
  return {
    pools: partOf(ofZone, 1, 0),
    nodes: partOf(ofZone, 2, 2),
    loadBalancer: partOf(ofZone, 2, 3),
  };
}

function existingRanges(
  subnets: Extract<AwsNetwork, { type: "existing" }>["subnets"],
  zone: string,
): ZoneRanges | undefined {
  const rangeFor = (use: "machines" | "loadBalancer"): Ipv4Range | undefined =>
    parseRange(subnets.find((subnet) => subnet.zone === zone && subnet.use === use)?.range ?? "");
  const machines = rangeFor("machines");
  if (!machines) return undefined;
  return {
    pools: partOf(machines, 1, 0),
    nodes: partOf(machines, 1, 1),
    loadBalancer: rangeFor("loadBalancer"),
  };
}

/** AWS keeps a subnet's first four addresses and its last. */
const KEPT_FIRST = 4;
const KEPT_LAST = 1;

/** Where each role's addresses begin in a zone's range of nodes, counted from the number 0. */
const OFFSETS = { edge: 8, scaler: 16, shard: 24 } as const;

/** How many instances of pools a zone has addresses for. */
export const poolRoom = ({ pools }: ZoneRanges): number => sizeOf(pools) - KEPT_FIRST - KEPT_LAST;

/** The highest number that a shard may have, for there to be an address for it. */
export const highestShard = ({ nodes }: ZoneRanges): number => sizeOf(nodes) - KEPT_LAST - 1 - OFFSETS.shard;

/** The zones with an edge, and so with the load balancer's addresses. */
export const loadBalancerZones = ({ zones }: { readonly zones: readonly string[] }): readonly string[] =>
  zones.slice(0, edgeNodes.length);

/** The zone of an edge's or a scaler's node: the first two in turn. */
export function zoneOfNumber({ zones }: { readonly zones: readonly string[] }, number: number): string {
  // In all zones in turn, another zone would move what stands.
  return zones[(number - 1) % edgeNodes.length] ?? "";
}

/** A node's fixed private address in its zone, by its role and number alone, so that none moves another. */
export function nodeAddress({ nodes }: ZoneRanges, role: keyof typeof OFFSETS, number: number): string {
  return addressAt(nodes, OFFSETS[role] + number);
}

/** A zone's /64 of an own network's /56: by the zone's letter too. */
export function ipv6Subnet(block: string, zone: string, use: ZoneUse): string {
  const [address = "", length] = block.split("::/");
  const groups = address.split(":").map((group) => parseInt(group, 16));
  if (length !== "56" || groups.length > 4 || groups.some(Number.isNaN))
    throw new Error(`${block} is no range of IPv6 addresses of /56`);
  const [a = 0, b = 0, c = 0, d = 0] = groups;
  const last = d + letterOf(zone) * 4 + zoneUses.indexOf(use);
  return `${[a, b, c, last].map((group) => group.toString(16)).join(":")}::/64`;
}
