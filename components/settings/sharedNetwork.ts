import { BlockList } from "node:net";
import type { DockerHostSettings, SharedAddress } from "./schema";

/**
 * Which of the edges' addresses are in the shared address's network, and so on the segment on which it moves from one
 * to another: the public ones, or else the private ones (behind a router that has the public address). Undefined if
 * neither are, all of them and each its own.
 */
export function sharedNetwork(
  { address, prefixLength }: SharedAddress,
  edges: readonly Pick<DockerHostSettings, "publicAddress" | "privateAddress">[],
): "publicAddress" | "privateAddress" | undefined {
  const network = new BlockList();
  network.addSubnet(address, prefixLength);
  return (["publicAddress", "privateAddress"] as const).find((which) => {
    const addresses = new Set(edges.map((edge) => edge[which]));
    return addresses.size === edges.length && [...addresses].every((own) => network.check(own));
  });
}
