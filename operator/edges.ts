import { shardsPageSchema } from "@jitsi-fleet/scaler";
import { edgeNodes } from "../components/aws/addresses";
import { askKeeper, edgeHosts } from "../components/docker/edges";
import { edgeName } from "../components/docker/ports";
import type { Stack } from "./stack";
import type { EdgeAnswer } from "./status";

/** Asks every node of the edge for the shards, through its Docker host's engine. Never throws: who is silent is told. */
export function askEdges({ name, settings }: Stack): Promise<EdgeAnswer[]> {
  if (settings.platform === "aws") {
    const error = "on AWS it cannot be asked from here yet";
    return Promise.resolve(edgeNodes.map((edge) => ({ edge, error })));
  }
  const asked = edgeHosts(settings).map(async (host): Promise<EdgeAnswer> => {
    const edge = edgeName(host.name);
    try {
      const page = shardsPageSchema.parse(JSON.parse(await askKeeper(name, host, "shards")));
      return { edge, page };
    } catch (error) {
      return { edge, error: error instanceof Error ? error.message : String(error) };
    }
  });
  return Promise.all(asked);
}
