import type { z } from "zod";
import { didYouMean } from "./didYouMean";

/** One thing wrong with the settings: where, what, and what would be right. */
export interface Fault {
  readonly path: string;
  readonly message: string;
}

/** Where checks tell what they find. */
export type Report = (path: string, message: string) => void;

/** Items whose key an earlier one has already. */
export function duplicates<T>(
  items: readonly T[],
  keyOf: (item: T) => string | number,
): { index: number; first: number; key: string }[] {
  const seen = new Map<string | number, number>();
  return items.flatMap((item, index) => {
    const key = keyOf(item);
    const first = seen.get(key);
    if (first === undefined) {
      seen.set(key, index);
      return [];
    }
    return [{ index, first, key: String(key) }];
  });
}

/** `shards[1].state` or `tags["cost.center"]`, as `pulumi config set --path` takes it. */
export function pathText(path: readonly PropertyKey[]): string {
  return path.reduce<string>((text, part) => {
    if (typeof part === "number") return `${text}[${part}]`;
    const key = String(part);
    if (/[.[\]"]/.test(key)) return `${text}[${JSON.stringify(key)}]`;
    return text === "" ? key : `${text}.${key}`;
  }, "");
}

/**
 * Turns what zod found into faults in this project's words. `choicesAt` names the keys known at a path, `isSecret` whether
 * what is there must not be shown.
 */
export function faultsOf(
  error: z.ZodError,
  choicesAt: (path: readonly PropertyKey[]) => readonly string[],
  isSecret: (path: readonly PropertyKey[]) => boolean,
): Fault[] {
  return error.issues.flatMap((issue) => faultsOfIssue(withheld(issue, isSecret), choicesAt));
}

/** What was given for a secret is not told. */
function withheld(
  issue: z.core.$ZodIssue,
  isSecret: (path: readonly PropertyKey[]) => boolean,
): z.core.$ZodIssue {
  if (issue.input === undefined || !isSecret(issue.path)) return issue;
  return { ...issue, input: WITHHELD } as z.core.$ZodIssue;
}

/** In the place of a secret. */
const WITHHELD = "(secret)";

function faultsOfIssue(
  issue: z.core.$ZodIssue,
  choicesAt: (path: readonly PropertyKey[]) => readonly string[],
): Fault[] {
  const path = pathText(issue.path);
  switch (issue.code) {
    case "unrecognized_keys":
      return issue.keys.map((key) => ({
        path: pathText([...issue.path, key]),
        message: unknownKeyFault(key, choicesAt(issue.path)),
      }));
    case "invalid_type":
      if (issue.input === null && typeof issue.path.at(-1) === "number")
        return [{ path, message: gapFault(issue) }];
      return [
        {
          path,
          message:
            issue.input === undefined
              ? `is missing; it must be ${article(issue.expected)}`
              : typeFault(issue),
        },
      ];
    case "invalid_value":
      return [{ path, message: choiceFault(issue.input, issue.values.map(String)) }];
    case "invalid_union":
      return [{ path, message: unionFault(issue) }];
    case "too_small":
      return [
        {
          path,
          message:
            issue.origin === "number" || issue.origin === "int"
              ? `is ${shown(issue.input)}, below ${issue.minimum}`
              : issue.message,
        },
      ];
    case "too_big":
      return [{ path, message: tooBigFault(issue) }];
    case "invalid_key":
      return issue.issues.map((inner) => ({ path, message: inner.message }));
    default:
      return [{ path, message: withInput(issue) }];
  }
}

function unknownKeyFault(key: string, choices: readonly string[]): string {
  return `is not a setting${suggestion(key, choices)}; known here: ${choices.join(", ")}`;
}

const words: Readonly<Record<string, string>> = {
  int: "a whole number",
  number: "a number",
  string: "a text",
  boolean: "true or false",
  array: "a list",
  object: "an object",
  record: "an object",
};

function article(expected: string): string {
  return words[expected] ?? expected;
}

function typeFault(issue: z.core.$ZodIssueInvalidType): string {
  return `is ${shown(issue.input)}; it must be ${article(issue.expected)}`;
}

/** What `pulumi config set --path` leaves in a list before the place that it sets. */
function gapFault({ path }: z.core.$ZodIssueInvalidType): string {
  const list = pathText(path.slice(0, -1));
  const remedy =
    list === "shards"
      ? `pulumi config rm shards, then npm run shard -- add`
      : `pulumi config rm --path '${pathText(path)}'`;
  return `is null: pulumi config set --path left it before what it set in a list that the stack did not have; mend it with ${remedy}`;
}

function tooBigFault(issue: z.core.$ZodIssueTooBig): string {
  if (issue.message.startsWith("is ")) return `is ${shown(issue.input)}; it ${issue.message}`;
  return issue.origin === "number" || issue.origin === "int"
    ? `is ${shown(issue.input)}, above ${issue.maximum}`
    : `has more than ${issue.maximum} entries or characters`;
}

function choiceFault(input: unknown, choices: readonly string[]): string {
  const list = `choose one of: ${choices.join(", ")}`;
  if (input === undefined) return `is missing; ${list}`;
  return `is ${shown(input)}, which is not a choice${suggestion(typeof input === "string" ? input : "", choices)}; ${list}`;
}

function unionFault(issue: z.core.$ZodIssueInvalidUnion): string {
  const input: unknown = issue.input;
  const tag = issue.discriminator;
  const given: unknown =
    tag !== undefined && typeof input === "object" && input !== null ? Reflect.get(input, tag) : input;
  return choiceFault(given, "options" in issue ? (issue.options ?? []).map(String) : []);
}

/** Messages of our own begin with a verb ("is not …"); what was given is put before it. */
function withInput(issue: z.core.$ZodIssue): string {
  const input: unknown = issue.input;
  if (!issue.message.startsWith("is not ") && !issue.message.startsWith("is none ")) return issue.message;
  return `${shown(input)} ${issue.message}`;
}

function suggestion(word: string, choices: readonly string[]): string {
  const near = didYouMean(word, choices);
  if (near !== undefined) return ` (did you mean ${near}?)`;
  return "";
}

/** What was given, short; never a key or a certificate. */
function shown(input: unknown): string {
  if (typeof input === "string" && (input.includes("-----BEGIN") || input.length > 60))
    return `a text of ${input.length} characters`;
  if (Array.isArray(input)) return "a list";
  if (typeof input === "object" && input !== null) return "an object";
  return typeof input === "string" ? `"${input}"` : String(input);
}
