/**
 * Property values as they cross the engine's plug-in protocol.
 *
 * Secrets and unknowns travel inside plain JSON, marked by signatures that are part of that protocol
 * (sdk/go/common/resource/sig and plugin/rpc.go of pulumi/pulumi).
 */

/** A property's value. An unknown is one of the protocol's sentinel strings, see {@link isUnknown}. */
export type Value = null | boolean | number | string | Value[] | Properties;
/** An object of properties. */
export interface Properties {
  [key: string]: Value;
}

const signatureKey = "4dabf18193072939515e22adb298388d";
const secretSignature = "1b47061264138c4ac30d75fd1eb44270";

/** What stands for a value that is only known once the update has run. */
export const unknown = "04da6b54-80e4-46f7-96ec-b56ff0331ba9";

const unknowns = new Set([
  unknown,
  "1c4a061d-8072-4f0a-a4cb-0ff528b18fe7",
  "3eeb2bf0-c639-47a8-9e75-3b44932eb421",
  "6a19a0b0-7e62-4c92-b797-7f8e31da9cc2",
  "030794c1-ac77-496b-92df-f27374a8bd58",
  "e48ece36-62e2-4504-bad9-02848725956a",
  "dd056dcd-154b-4c76-9bd3-c8f88648b5ff",
]);

/** Whether this is a value that is not known before the update has run. */
export function isUnknown(value: Value | undefined): boolean {
  return typeof value === "string" && unknowns.has(value);
}

/** Whether this is a list. */
export function isList(value: Value | undefined): value is Value[] {
  return Array.isArray(value);
}

/** Whether this is an object, neither a list nor null. */
export function isObject(value: Value | undefined): value is Properties {
  return typeof value === "object" && value !== null && !isList(value);
}

/** The value marked as a secret, so that the engine encrypts it. */
export function secret(value: Value): Properties {
  return { [signatureKey]: secretSignature, value };
}

function isSecret(value: Properties): boolean {
  return value[signatureKey] === secretSignature;
}

/** Whether there is a secret anywhere in this value. */
export function hasSecret(value: Value): boolean {
  if (isList(value)) return value.some(hasSecret);
  return isObject(value) && (isSecret(value) || Object.values(value).some(hasSecret));
}

function withoutSecretMarks(value: Value): Value {
  if (isList(value)) return value.map(withoutSecretMarks);
  if (!isObject(value)) return value;
  if (isSecret(value)) return withoutSecretMarks(value["value"] ?? null);
  return revealed(value);
}

/** The same properties with every secret replaced by its plain value. */
export function revealed(properties: Properties): Properties {
  return Object.fromEntries(
    Object.entries(properties).map(([key, value]) => [key, withoutSecretMarks(value)]),
  );
}

/** One difference between two property objects. */
export interface Change {
  /** Where, in the engine's syntax: `ports[0].external`, `labels["a.b"]`. */
  path: string;
  /** The property at the top which holds it. */
  property: string;
  kind: "add" | "delete" | "update";
}

/** How values are compared. */
export interface Comparison {
  /** Names of top-level list properties whose order says nothing. */
  sets?: readonly string[];
  /** Whether false, 0 and "" are the same as nothing, as in Terraform's schemas. */
  zeroIsAbsent?: boolean;
}

/** What changed from `olds` to `news`. */
export function changesBetween(olds: Properties, news: Properties, comparison: Comparison = {}): Change[] {
  const form = (value: Value | undefined): string => canonical(value, comparison.zeroIsAbsent === true);
  const sorted = (value: Value | undefined): Value | undefined =>
    isList(value) ? value.toSorted((a, b) => (form(a) < form(b) ? -1 : 1)) : value;

  const differences = (
    path: string,
    old: Value | undefined,
    now: Value | undefined,
  ): Omit<Change, "property">[] => {
    if (form(old) === form(now)) return [];
    if (canonical(old, false) === "") return [{ path, kind: "add" }];
    if (canonical(now, false) === "") return [{ path, kind: "delete" }];
    if (isList(old) && isList(now)) {
      const length = Math.max(old.length, now.length);
      return Array.from({ length }, (_, i) => differences(`${path}[${i}]`, old[i], now[i])).flat();
    }
    if (isObject(old) && isObject(now)) {
      return keysOf(old, now).flatMap((key) => differences(path + pathStep(key), old[key], now[key]));
    }
    return [{ path, kind: "update" }];
  };

  return keysOf(olds, news).flatMap((property) => {
    const isSet = comparison.sets?.includes(property) === true;
    const [old, now] = isSet
      ? [sorted(olds[property]), sorted(news[property])]
      : [olds[property], news[property]];
    return differences(property, old, now).map((change) => ({ ...change, property }));
  });
}

function pathStep(key: string): string {
  return /^[A-Za-z_]\w*$/.test(key) ? `.${key}` : `[${JSON.stringify(key)}]`;
}

function keysOf(...objects: Properties[]): string[] {
  return [...new Set(objects.flatMap((object) => Object.keys(object)))].filter((key) => key !== defaultsKey);
}

/** Lists the properties of an object that a plug-in filled in itself; the engine does not show it. */
export const defaultsKey = "__defaults";

/** Text that is equal exactly when the values are; absent, null and an empty list or object are all "". */
function canonical(value: Value | undefined, zeroIsAbsent: boolean): string {
  if (value === undefined || value === null) return "";
  if (zeroIsAbsent && (value === false || value === 0 || value === "")) return "";
  if (isList(value))
    return value.length === 0 ? "" : `[${value.map((entry) => canonical(entry, zeroIsAbsent)).join()}]`;
  if (!isObject(value)) return JSON.stringify(value);
  const entries = Object.entries(value)
    .map(([key, entry]) => [key, canonical(entry, zeroIsAbsent)] as const)
    .filter(([key, form]) => key !== defaultsKey && form !== "")
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .map(([key, form]) => `${JSON.stringify(key)}:${form}`);
  return entries.length === 0 ? "" : `{${entries.join()}}`;
}
