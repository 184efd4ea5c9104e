import { labels } from "@jitsi-fleet/scaler";
import { z } from "zod";
import type { NodeRole } from "../platform";
import { SUBJECT_VARIABLE } from "./commands/input";

/** Whom a resource of a Docker host belongs to: a node in a place, or what its scaler started there. */
export interface DockerSubject {
  readonly role: NodeRole | "agent" | "instances";
  readonly node: string;
  readonly place: string;
}

const subjectSchema = z.object({
  role: z.enum(["edge", "shard", "scaler", "agent", "instances"]),
  node: z.string(),
  place: z.string(),
});
const asked = z.object({ environment: z.object({ [SUBJECT_VARIABLE]: z.string() }) });
const labelled = z.object({ labels: z.array(z.object({ label: z.string(), value: z.string() })) });

/**
 * Whom a resource belongs to, by a command's environment or a container's labels as its inputs or outputs have them;
 * undefined for what belongs to none. `labels`: a container's.
 */
export function nodeOf(
  properties: unknown,
): (DockerSubject & { readonly labels: Readonly<Record<string, string>> }) | undefined {
  const command = asked.safeParse(properties);
  if (command.success)
    return {
      ...subjectSchema.parse(JSON.parse(command.data.environment[SUBJECT_VARIABLE])),
      labels: {},
    };
  const named = labelsOf(properties);
  const subject = subjectSchema.safeParse({
    role: named[labels.role],
    node: named[labels.node],
    place: named[labels.place],
  });
  return subject.success ? { ...subject.data, labels: named } : undefined;
}

/** A resource's labels, by name; none where it has none. */
export const labelsOf = (properties: unknown): Readonly<Record<string, string>> =>
  Object.fromEntries(
    (labelled.safeParse(properties).data?.labels ?? []).map(({ label, value }) => [label, value]),
  );
