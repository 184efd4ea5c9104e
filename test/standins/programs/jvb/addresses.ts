import { networkInterfaces } from "node:os";

/** An address at which a bridge says it takes media. */
export interface Advertised {
  readonly address: string;
  readonly port: number;
}

const octets = (address: string): number[] => address.split(".").map(Number);

/** As Java's `isSiteLocalAddress` has it: RFC 1918 and nothing else. */
function isSiteLocal(address: string): boolean {
  const [first, second = 0] = octets(address);
  return first === 10 || (first === 172 && second >= 16 && second <= 31) || (first === 192 && second === 168);
}

/** JvbHealthChecker.kt: neither site local, link local nor loopback. */
function isValid(address: string): boolean {
  const [first, second] = octets(address);
  return !isSiteLocal(address) && first !== 127 && !(first === 169 && second === 254);
}

/** This machine's or container's own IPv4 addresses but for loopback, which ice4j never uses. */
export const ownAddresses = (): string[] =>
  Object.values(networkInterfaces())
    .flatMap((addresses) => addresses ?? [])
    .filter(({ family, internal }) => family === "IPv4" && !internal)
    .map(({ address }) => address);

/** `JVB_ADVERTISE_IPS`: `address[#port]`, separated by commas. */
export const mappedAddresses = (variable: string, port: number): Advertised[] =>
  variable
    .split(",")
    .filter((entry) => entry !== "")
    .map((entry) => {
      const [address = "", mapped] = entry.split("#");
      return { address, port: mapped === undefined ? port : Number(mapped) };
    });

/** What browsers are told: without private candidates (IceTransport.kt) only what is no RFC 1918 address. */
export const toldToBrowsers = (all: readonly Advertised[], withPrivate: boolean): Advertised[] =>
  all.filter(({ address }) => withPrivate || !isSiteLocal(address));

/** Why the bridge is unhealthy where it must have an address that is valid everywhere; null where it has one. */
export const addressFault = (addresses: readonly string[]): string | null =>
  addresses.some(isValid) ? null : "No valid IP addresses available for harvesting.";
