/** What the stand-in's AWS resource types share. */
import { isDeepStrictEqual } from "node:util";
import type { ResourceType } from "../core";
import { PartlyCreatedError } from "../core";
import { isList, isObject, type Properties, type Value } from "../properties";
import { text, textMap, written } from "../values";
import { type Aws, AwsError } from "./client";
import { faultsByProvider, forcingPaths } from "./provider";

/** What one thing is asked about: whatever fits the request. */
export interface Asked {
  id: string;
  inputs: Properties;
  outputs: Properties;
}

/**
 * A resource type as a row of the table: what it takes, what replaces it, and the requests for it. A type shows drift
 * in those inputs that its `look` gives.
 */
export interface AwsType {
  /** Beside `region`. */
  inputs: readonly string[];
  required?: readonly string[];
  /** Where the provider's table has the type not. */
  forceNew?: ResourceType<Aws>["forceNew"];
  replacedBy?: ResourceType<Aws>["replacedBy"];
  /** Known once it is there, beside `region` and `arn`. */
  outputs?: readonly string[];
  outputsOfUpdate?: readonly string[];
  nested?: ResourceType<Aws>["nested"];
  defaults?: Properties;
  sets?: readonly string[];
  sticky?: readonly string[];
  secretOutputs?: readonly string[];
  /** The input that gets the resource's name with a random suffix where the program names it not. */
  autoName?: string;
  /** Who gets the provider's default tags, under `tags`. */
  tagged?: boolean;
  check?: ResourceType<Aws>["check"];
  /** @returns its id */
  create: (inputs: Properties, aws: Aws) => Promise<string>;
  /** @returns what is there, under the names of inputs and outputs; undefined where it is gone */
  look: (aws: Aws, asked: Asked) => Promise<Properties | undefined>;
  /** Absent: every change replaces, or nothing has to be done for it. */
  update?: (
    aws: Aws,
    asked: Asked & { news: Properties; changed: (...inputs: string[]) => boolean },
  ) => Promise<void>;
  /** May find it gone. */
  remove?: (aws: Aws, asked: Asked) => Promise<unknown>;
}

/** The type as the shared part of the plug-ins takes it; what replaces it, by the provider's own table. */
export function resourceType(token: string, type: AwsType): ResourceType<Aws> {
  const tagged = type.tagged === true;
  const look = async (aws: Aws, asked: Asked): Promise<Properties | undefined> => {
    const found = await ifThere(type.look(aws, asked));
    return found === undefined
      ? undefined
      : { region: aws.region, ...(tagged ? tagsOf(asked.inputs, found) : {}), ...found };
  };
  return {
    inputs: [...type.inputs, "region", ...(tagged ? ["tags"] : [])],
    required: type.required ?? [],
    outputs: [...(type.outputs ?? []), "arn", ...(tagged ? ["tagsAll"] : [])],
    outputsOfUpdate: type.outputsOfUpdate ?? [],
    nested: type.nested ?? {},
    defaults: type.defaults ?? {},
    forceNew: forceNewOf(token, type),
    sets: type.sets ?? [],
    sticky: type.sticky ?? [],
    secretOutputs: type.secretOutputs ?? [],
    ...(type.autoName === undefined ? {} : { autoName: type.autoName }),
    check: (inputs) => [
      ...(type.check?.(inputs) ?? []),
      ...faultsByProvider(token, inputs).flatMap(({ path, reason }) =>
        // Pulumi names what the program does not.
        path === type.autoName && inputs[path] === undefined ? [] : [{ property: path, reason }],
      ),
    ],
    ...(type.replacedBy === undefined ? {} : { replacedBy: type.replacedBy }),
    complete: (inputs, aws) =>
      tagged && aws !== undefined && Object.keys(aws.defaultTags).length > 0
        ? {
            ...inputs,
            tags: {
              ...aws.defaultTags,
              ...(isObject(inputs["tags"] ?? null) ? (inputs["tags"] as Properties) : {}),
            },
          }
        : inputs,
    create: async (inputs, { client }) => {
      const id = await type.create(inputs, client);
      const found = await look(client, { id, inputs, outputs: inputs });
      if (found === undefined) throw new PartlyCreatedError("it was made and is not there", id, inputs);
      return { id, outputs: { ...inputs, ...found } };
    },
    read: async ({ id, inputs, outputs }, { client }) => {
      const found = await look(client, { id, inputs, outputs });
      if (found === undefined) return undefined;
      const drifted = Object.entries(inputs).map(([key, value]): [string, Value] => [
        key,
        found[key] ?? value,
      ]);
      return { id, inputs: Object.fromEntries(drifted), outputs: { ...outputs, ...found } };
    },
    update: async ({ id, inputs, outputs }, news, { client }) => {
      const changed = (...keys: string[]): boolean =>
        keys.some((key) => !isDeepStrictEqual(inputs[key] ?? null, news[key] ?? null));
      await type.update?.(client, { id, inputs, outputs, news, changed });
      const found = await look(client, { id, inputs: news, outputs: { ...outputs, ...news } });
      return { ...outputs, ...news, ...found };
    },
    delete: async ({ id, inputs, outputs }, { client }) => {
      await ifThere(type.remove?.(client, { id, inputs, outputs }) ?? Promise.resolve());
    },
  };
}

function forceNewOf(token: string, { forceNew }: AwsType): ResourceType<Aws>["forceNew"] {
  const byProvider = forcingPaths(token);
  if ((byProvider === undefined) === (forceNew === undefined))
    throw new Error(`what replaces ${token} is to be told once: in the provider's table, or beside it`);
  const all = byProvider ?? forceNew ?? [];
  return all === "all" ? "all" : [...all, "region"];
}

/** The answer, or undefined where AWS says that there is no such thing. */
export async function ifThere<T>(answer: Promise<T>): Promise<T | undefined> {
  try {
    return await answer;
  } catch (error) {
    if (error instanceof AwsError && error.isNotFound) return undefined;
    throw error;
  }
}

/** Asks again until there is an answer. */
export async function eventually<T>(
  ask: () => Promise<T | undefined>,
  what: string,
  seconds = 60,
): Promise<T> {
  const limit = Date.now() + seconds * 1000;
  for (;;) {
    const answer = await ask();
    if (answer !== undefined) return answer;
    if (Date.now() > limit) throw new Error(`${what}: not within ${seconds} s`);
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
}

function tagsOf(inputs: Properties, found: Properties): Properties {
  return { tagsAll: found["tags"] ?? inputs["tags"] ?? {} };
}

/** Tags as AWS lists them. */
export function tagList(tags: Value | undefined): { Key: string; Value: string }[] {
  return Object.entries(textMap(tags)).map(([Key, value]) => ({ Key, Value: value }));
}

/** Tags out of AWS's list, in either case. AWS's own, and those the engine does not know, are left out. */
export function tagMap(tags: readonly Properties[]): Record<string, string> {
  return Object.fromEntries(
    tags
      .map(
        ({ Key, key, Value: upper, value }) =>
          [text(Key) ?? text(key) ?? "", text(upper) ?? text(value) ?? ""] as const,
      )
      .filter(([key]) => !key.startsWith("aws:")),
  );
}

/** What tagging must remove and set. */
export function tagChanges(
  olds: Value | undefined,
  news: Value | undefined,
): { gone: string[]; set: Record<string, string> } {
  const [before, after] = [textMap(olds), textMap(news)];
  return { gone: Object.keys(before).filter((key) => !(key in after)), set: after };
}

/** The document the program wrote, where what is in force means the same; otherwise what is in force. */
export function sameDocument(wanted: Value | undefined, found: string | undefined): Value {
  if (found === undefined) return null;
  const plain = found.startsWith("%7B") ? decodeURIComponent(found) : found;
  try {
    return isDeepStrictEqual(JSON.parse(written(wanted)), JSON.parse(plain)) ? (wanted ?? null) : plain;
  } catch {
    return plain;
  }
}

/** The properties of an object under other names: `{ ebs: "Ebs" }`. Those that are not set stay away. */
export function renamed(value: Value | undefined, names: Record<string, string>): Properties {
  if (!isObject(value ?? null)) return {};
  const given = value as Properties;
  return Object.fromEntries(
    Object.entries(names).flatMap(([key, name]): [string, Value][] => {
      const entry = given[key];
      return entry === undefined || entry === null ? [] : [[name, entry]];
    }),
  );
}

/** The object without one of its properties. */
export function without(value: Properties, key: string): Properties {
  return Object.fromEntries(Object.entries(value).filter(([name]) => name !== key));
}

/** As AWS spells what Pulumi spells with a small letter, at every depth. */
export function capitalised(value: Value): Value {
  if (isList(value)) return value.map(capitalised);
  if (!isObject(value)) return value;
  return Object.fromEntries(
    Object.entries(value)
      .filter(([key]) => key !== "__defaults")
      .map(([key, entry]): [string, Value] => [
        key.charAt(0).toUpperCase() + key.slice(1),
        capitalised(entry),
      ]),
  );
}

/** Without the properties that are not set. */
export function set(properties: Record<string, Value | undefined>): Properties {
  return Object.fromEntries(
    Object.entries(properties).filter(
      (entry): entry is [string, Value] => entry[1] !== undefined && entry[1] !== null,
    ),
  );
}
