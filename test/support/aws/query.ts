import { randomUUID } from "node:crypto";

/** What a query API takes and answers: text, lists and structures. Numbers and booleans are text in what it takes. */
export type Value = string | number | boolean | Value[] | Structure | undefined;
export interface Structure {
  [name: string]: Value;
}

/** A refusal, as AWS says it: a code that clients tell apart, and a sentence. */
export class QueryError extends Error {
  constructor(
    readonly code: string,
    message: string,
    readonly status = 400,
  ) {
    super(message);
  }
}

/**
 * The parameters of AWS's query protocol as a structure: `Tags.member.1.Key=a` is `{ Tags: [{ Key: "a" }] }`.
 * Lists are marked by `member`, as botocore's model of Auto Scaling has it (its protocol is "query", no list is flattened).
 */
export function parseParameters(parameters: URLSearchParams): Structure {
  const root = new Map<string, Node>();
  for (const [name, value] of parameters) {
    let level = root;
    const path = name.split(".");
    for (const [index, part] of path.entries()) {
      if (index === path.length - 1) {
        level.set(part, value);
        break;
      }
      const next = level.get(part);
      if (next instanceof Map) level = next;
      else {
        const made = new Map<string, Node>();
        level.set(part, made);
        level = made;
      }
    }
  }
  return structureOf(root);
}

type Node = string | Map<string, Node>;

const structureOf = (level: ReadonlyMap<string, Node>): Structure =>
  Object.fromEntries([...level].map(([name, node]) => [name, valueOf(node)]));

function valueOf(node: Node): Value {
  if (typeof node === "string") return node;
  const members = node.get("member");
  if (!(members instanceof Map)) return structureOf(node);
  return [...members].sort(([a], [b]) => Number(a) - Number(b)).map(([, member]) => valueOf(member));
}

/** The answer to an action in the query protocol's XML. */
export const renderAnswer = (action: string, namespace: string, result: Structure): string =>
  `<${action}Response xmlns="${namespace}"><${action}Result>${renderMembers(result)}</${action}Result>` +
  `<ResponseMetadata><RequestId>${randomUUID()}</RequestId></ResponseMetadata></${action}Response>`;

export const renderError = (error: QueryError, namespace: string): string =>
  `<ErrorResponse xmlns="${namespace}"><Error><Type>${error.status < 500 ? "Sender" : "Receiver"}</Type>` +
  `<Code>${error.code}</Code><Message>${escape(error.message)}</Message></Error><RequestId>${randomUUID()}</RequestId></ErrorResponse>`;

const renderMembers = (structure: Structure): string =>
  Object.entries(structure)
    .map(([name, value]) => (value === undefined ? "" : `<${name}>${render(value)}</${name}>`))
    .join("");

function render(value: Value): string {
  if (Array.isArray(value)) return value.map((item) => `<member>${render(item)}</member>`).join("");
  if (typeof value === "object") return renderMembers(value);
  return escape(String(value ?? ""));
}

const escape = (text: string): string =>
  text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;").replaceAll('"', "&quot;");
