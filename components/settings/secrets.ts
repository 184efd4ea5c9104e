import type { Fault } from "./faults";
import { kinds, settingsJsonSchema, type JsonSchema } from "./knownKeys";
import { pathText } from "./faults";

/** Paths of the secret settings that are given, such as `auth.appSecret`. */
export function secretPaths(given: unknown): PropertyKey[][] {
  return walk(given, [settingsJsonSchema], []);
}

/** Whether a setting is secret, wherever in a kind of its object it stands. */
export function isSecretPath(path: readonly PropertyKey[]): boolean {
  let nodes: readonly JsonSchema[] = [settingsJsonSchema];
  for (const part of path) nodes = nodes.flatMap((node) => below(node, part));
  return nodes.some(({ secret }) => secret === true);
}

/**
 * Secrets that a stack has in clear. Pulumi tells of a whole top-level setting alone whether anything in it is encrypted.
 * @param isEncrypted of a top-level setting
 */
export function clearSecrets(
  given: Readonly<Record<string, unknown>>,
  isEncrypted: (key: string) => boolean,
): Fault[] {
  return secretPaths(given)
    .filter(([key]) => !isEncrypted(String(key)))
    .map((path) => ({
      path: pathText(path),
      message:
        "is in clear, for all who see the stack's file; take another one, since this one has been there, and set it with: " +
        `pulumi config set --path --secret '${pathText(path)}'`,
    }));
}

function walk(value: unknown, nodes: readonly JsonSchema[], path: PropertyKey[]): PropertyKey[][] {
  if (nodes.some(({ secret }) => secret === true)) return typeof value === "string" ? [path] : [];
  const parts: [PropertyKey, unknown][] = Array.isArray(value)
    ? value.map((item: unknown, index): [number, unknown] => [index, item])
    : typeof value === "object" && value !== null
      ? Object.entries(value)
      : [];
  return parts.flatMap(([part, inner]) => {
    const found = nodes.flatMap((node) => below(node, part));
    return found.length === 0 ? [] : walk(inner, found, [...path, part]);
  });
}

/** What a part of an object or list may be. */
function below(node: JsonSchema, part: PropertyKey): JsonSchema[] {
  return kinds(node).flatMap((kind) => {
    const found =
      typeof part === "number"
        ? kind.items
        : (kind.properties?.[String(part)] ??
          (typeof kind.additionalProperties === "object" ? kind.additionalProperties : undefined));
    return found === undefined ? [] : [found];
  });
}
