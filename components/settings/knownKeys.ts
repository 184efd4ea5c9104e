import { z } from "zod";
import { settingsSchema } from "./schema";

/** The schema as JSON Schema: for its keys here, and for what is generated from it. */
export const settingsJsonSchema = z.toJSONSchema(settingsSchema, { io: "input" }) as JsonSchema;

/** As much of JSON Schema as zod writes for the settings. */
export interface JsonSchema {
  readonly type?: string;
  readonly description?: string;
  readonly default?: string | number | boolean | object;
  readonly const?: string | number | boolean;
  readonly enum?: readonly (string | number)[];
  readonly minimum?: number;
  readonly maximum?: number;
  readonly properties?: Readonly<Record<string, JsonSchema>>;
  readonly required?: readonly string[];
  readonly items?: JsonSchema;
  readonly anyOf?: readonly JsonSchema[];
  readonly oneOf?: readonly JsonSchema[];
  /** Of what an object of any keys has; false where it has none but its properties. */
  readonly additionalProperties?: JsonSchema | boolean;
  /** Whether it must not be seen. */
  readonly secret?: boolean;
}

/** The settings that exist at a path of an object (of any of its kinds, for one with kinds). */
export function knownKeys(path: readonly PropertyKey[]): string[] {
  let nodes: readonly JsonSchema[] = [settingsJsonSchema];
  for (const part of path)
    nodes = nodes
      .flatMap(kinds)
      .flatMap((node) => (typeof part === "number" ? [node.items] : [node.properties?.[String(part)]]))
      .filter((node) => node !== undefined);
  return [...new Set(nodes.flatMap(kinds).flatMap((node) => Object.keys(node.properties ?? {})))];
}

/** The kinds of an object that has kinds, or itself. */
export const kinds = (node: JsonSchema): readonly JsonSchema[] => node.anyOf ?? node.oneOf ?? [node];
