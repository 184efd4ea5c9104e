import { isIPv4 } from "node:net";

/** A range of IPv4 addresses, aligned to its size: its first address as a number, and its prefix's length. */
export interface Ipv4Range {
  readonly first: number;
  readonly prefixLength: number;
}

/** Reads `10.42.0.0/16`. Undefined unless it is a range, aligned: its address is the range's first. */
export function parseRange(text: string): Ipv4Range | undefined {
  const [address = "", length = "", ...more] = text.split("/");
  if (more.length > 0 || !isIPv4(address) || !/^(?:[0-9]|[12][0-9]|3[0-2])$/.test(length)) return undefined;
  const range = { first: numberOf(address), prefixLength: Number(length) };
  return range.first % sizeOf(range) === 0 ? range : undefined;
}

export const rangeText = (range: Ipv4Range): string => `${addressText(range.first)}/${range.prefixLength}`;

/** How many addresses it has. */
export const sizeOf = ({ prefixLength }: Ipv4Range): number => 2 ** (32 - prefixLength);

/** Its address so many after the first. Throws where it has none. */
export function addressAt(range: Ipv4Range, offset: number): string {
  if (offset >= sizeOf(range)) throw new RangeError(`${rangeText(range)} has no address ${offset}`);
  return addressText(range.first + offset);
}

/** One of its `2 ** bits` equal parts. Throws where it has none of this index. */
export function partOf(range: Ipv4Range, bits: number, index: number): Ipv4Range {
  if (index < 0 || index >= 2 ** bits) throw new RangeError(`${rangeText(range)} has no part ${index}`);
  const prefixLength = range.prefixLength + bits;
  return { first: range.first + index * sizeOf({ first: 0, prefixLength }), prefixLength };
}

export function overlap(a: Ipv4Range, b: Ipv4Range): boolean {
  return a.first < b.first + sizeOf(b) && b.first < a.first + sizeOf(a);
}

const isWithin = (inner: Ipv4Range, outer: Ipv4Range): boolean =>
  inner.prefixLength >= outer.prefixLength && overlap(inner, outer);

const rangesOf = (...texts: string[]): readonly Ipv4Range[] =>
  texts.flatMap((text) => parseRange(text) ?? []);

/** Private networks (RFC 1918): Docker's own are of these, if nobody says otherwise. */
export const privateNetworks: readonly string[] = ["10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16"];
/** What carriers and overlay networks number their own with (RFC 6598). */
export const sharedAddressSpace = "100.64.0.0/10";

const privateRanges = rangesOf(...privateNetworks);
const loopback = rangesOf("127.0.0.0/8");
const linkLocal = rangesOf("169.254.0.0/16");

const isIn = (networks: readonly Ipv4Range[], range: Ipv4Range): boolean =>
  networks.some((network) => isWithin(range, network));

/** Whether all of it is private (RFC 1918). */
export const isPrivate = (range: Ipv4Range): boolean => isIn(privateRanges, range);

/** Whether an address leads to the machine itself, whoever asks. */
export const isLoopback = (address: string): boolean => isAddressIn(loopback, address);

/** Whether an address leads to the same machine only within one network: private, link-local or loopback. */
export const isLocal = (address: string): boolean =>
  isAddressIn([...privateRanges, ...loopback, ...linkLocal], address);

/** Whether an address is in one of networks such as `10.0.0.0/8`. */
export const isInNetworks = (networks: readonly string[], address: string): boolean =>
  isAddressIn(rangesOf(...networks), address);

const isAddressIn = (networks: readonly Ipv4Range[], address: string): boolean =>
  isIPv4(address) && isIn(networks, { first: numberOf(address), prefixLength: 32 });

function numberOf(address: string): number {
  return address.split(".").reduce((number, byte) => number * 256 + Number(byte), 0);
}

function addressText(number: number): string {
  return [24, 16, 8, 0].map((bits) => Math.floor(number / 2 ** bits) % 256).join(".");
}
