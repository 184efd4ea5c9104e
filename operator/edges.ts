import { shardsPageSchema } from "@jitsi-fleet/scaler";
import { edgeNodes } from "../components/aws/addresses";
import { isFresh, placeBySettings, readFleetStatus, type KnownFleet } from "../components/aws/fleetStatus";
import { askKeeper, edgeHosts } from "../components/docker/edges";
import { edgeName } from "../components/docker/ports";
import type { DockerFleetSettings } from "../components/settings";
import type { Stack } from "./stack";
import type { EdgeAnswer } from "./status";

/** What every node of the edge says of the shards. Never throws: who is silent is told. */
export async function askEdges({ name, settings }: Stack): Promise<EdgeAnswer[]> {
  if (settings.platform === "aws") {
    return writtenAnswers(await readFleetStatus(placeBySettings(name, settings)));
  }
  return askKeepers(name, settings);
}

/** Asks the keepers, each through its Docker host's engine. */
function askKeepers(stack: string, settings: DockerFleetSettings): Promise<EdgeAnswer[]> {
  const asked = edgeHosts(settings).map(async (host): Promise<EdgeAnswer> => {
    const edge = edgeName(host.name);
    const knownAt = new Date().toISOString();
    try {
      const page = shardsPageSchema.parse(JSON.parse(await askKeeper(stack, host, "shards")));
      return { edge, page, knownAt };
    } catch (error) {
      return { edge, error: error instanceof Error ? error.message : String(error) };
    }
  });
  return Promise.all(asked);
}

/** On AWS the operator reaches no keeper. The scaler that acts does, and writes down what each says. */
export const writtenAnswers = (known: KnownFleet): EdgeAnswer[] =>
  edgeNodes.map((edge) => writtenAnswer(edge, known));

function writtenAnswer(edge: string, known: KnownFleet): EdgeAnswer {
  if (known === "never up") return { edge, error: "the fleet is not up: bring it up with pulumi up" };
  if ("unknown" in known) return { edge, error: known.unknown };
  const said = known.edges.find((answer) => answer.edge === edge);
  if (!said)
    return { edge, error: "the scaler, of an older version, does not tell of it: renew it with pulumi up" };
  if ("page" in said && !isFresh(said, Date.parse(known.knownAt)))
    return { edge, error: `it has said nothing to the scaler since ${said.knownAt}` };
  return said;
}
