import { labels } from "@jitsi-fleet/scaler";
import { z } from "zod";
import type { Before, Standing } from "../guard/objections";
import type { State, StateResource } from "../guard/state";
import { connectionOf } from "./commands/input";
import type { Connection } from "./connection";
import { nodeOf, type DockerSubject } from "./subject";

/** A fleet on Docker hosts as the state has it. */
export interface DockerBefore extends Before {
  /** The name that is in the names of its containers; undefined: it has none. */
  readonly stack: string | undefined;
  /** How each host was reached, by its name. */
  readonly places: ReadonlyMap<string, Connection>;
  /** The hosts with a node of the edge. */
  readonly edges: readonly string[];
  /** Names on the hosts, of the containers that the state has. */
  readonly containers: ReadonlySet<string>;
}

const containerSchema = z.object({ name: z.string() });
const CONTAINER = "docker:index/container:Container";
const COMMAND = "command:local:Command";

/** What the state says is there. */
export function dockerBefore(state: State): DockerBefore {
  const commands = state.ofType(COMMAND).flatMap(commandOf);
  const containers = state.ofType(CONTAINER).flatMap(containerOf);
  const nodes: readonly DockerSubject[] = [...containers, ...commands].map(({ subject }) => subject);
  const shards = new Map<string, Standing>();
  for (const { node, place, role } of nodes)
    if (role === "shard")
      shards.set(node, {
        place,
        revisions: Object.fromEntries(
          containers
            .filter(({ subject }) => subject.node === node)
            .map(({ part, revision }) => [part, revision]),
        ),
      });
  return {
    stack: containers[0]?.stack,
    shards,
    instances: unique(nodes.filter(({ role }) => role === "instances").map(({ place }) => place)),
    edges: unique(nodes.filter(({ role }) => role === "edge").map(({ place }) => place)),
    places: new Map(commands.map(({ connection, subject: { place } }) => [place, connection])),
    containers: new Set(containers.map(({ name }) => name)),
  };
}

const unique = <Value>(values: readonly Value[]): Value[] => [...new Set(values)];

/** A command that works on a host for a node. */
function commandOf({ outputs }: StateResource) {
  const [subject, connection] = [nodeOf(outputs), connectionOf(outputs)];
  return subject && connection ? [{ subject, connection }] : [];
}

function containerOf({ name: resource, outputs }: StateResource) {
  const subject = nodeOf(outputs);
  const parsed = containerSchema.safeParse(outputs);
  if (!subject || !parsed.success) return [];
  return [
    {
      subject,
      name: parsed.data.name,
      part: resource.slice(subject.node.length + 1),
      stack: subject.labels[labels.stack] ?? "",
      revision: subject.labels[labels.revision] ?? "",
    },
  ];
}
