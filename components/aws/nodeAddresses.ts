import type { AddressOf, NodeRole, RolePorts } from "../platform";
import type { AwsFleetSettings } from "../settings";
import { edgeNodes, nodeAddress, scalerNodes, zoneOfNumber, zoneRanges } from "./addresses";
import { edgePorts, SCALER_PORT, shardPorts, webPorts } from "./ports";

/** Where each role's ports answer, at whatever address. */
const PORTS: { readonly [R in NodeRole]: Readonly<Record<RolePorts[R], number>> } = {
  edge: { ...webPorts, ...edgePorts },
  shard: shardPorts,
  scaler: { api: SCALER_PORT },
};

/** Where a node is and answers, by the settings alone. */
export function awsAddress<R extends NodeRole>(
  settings: AwsFleetSettings,
  role: R,
  name: string,
): AddressOf<R> {
  const { place, number } = standing(settings, role, name);
  const ranges = zoneRanges(settings.aws.network, place);
  if (!ranges) throw new Error(`${name} is in ${place}, for which aws.network has nothing`);
  const privateAddress = nodeAddress(ranges, role, number);
  const endpoints = Object.entries(PORTS[role]).map(([port, at]) => [
    port,
    { address: privateAddress, port: at },
  ]);
  return {
    place,
    // Users reach the edges by the load balancer, and no other node.
    publicAddress: privateAddress,
    privateAddress,
    endpoints: Object.fromEntries(endpoints) as AddressOf<R>["endpoints"],
  };
}

/** A node's zone, and its number among those of its role. */
function standing(
  { aws, shards }: AwsFleetSettings,
  role: NodeRole,
  name: string,
): { place: string; number: number } {
  if (role === "shard") {
    const shard = shards.find((candidate) => candidate.name === name);
    if (!shard) throw new Error(`${name} is no shard of the settings`);
    return shard;
  }
  const number = (role === "edge" ? edgeNodes : scalerNodes).findIndex((node) => node === name) + 1;
  if (number === 0) throw new Error(`${name} is no node of the ${role}`);
  return { place: zoneOfNumber(aws, number), number };
}
