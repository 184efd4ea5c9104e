/** The provider's rules, out of its table. */
import { isIPv4, isIPv6 } from "node:net";
import { defaultsKey, isList, isObject, unknown, type Properties, type Value } from "../properties";
import { written } from "../values";
import { providerTable } from "./providerTable";

/** What the provider asks of an argument. */
export interface Argument {
  /** In the type's inputs, without the places in lists: `rootBlockDevice.encrypted`. */
  readonly path: string;
  readonly isRequired: boolean;
  /** A change of it replaces the resource. */
  readonly forcesNew: boolean;
  /** What its values may be: `length 1..64`, `one of a|b`, `between 1..`, `matches …`, `not …`, `ARN`, `JSON`. */
  readonly rules: readonly string[];
}

/** What the provider says of a resource type, and where. */
export interface ProviderType {
  /** Its own name: `aws_lb`. */
  readonly name: string;
  /** In its sources. */
  readonly file: string;
  readonly arguments: ReadonlyMap<string, Argument>;
}

function parse(table: string): ReadonlyMap<string, ProviderType> {
  const types = new Map<string, ProviderType & { readonly arguments: Map<string, Argument> }>();
  let current: Map<string, Argument> | undefined;
  for (const line of table.split("\n").filter((one) => one !== "")) {
    if (!line.startsWith(" ")) {
      const [token = "", name = "", file = ""] = line.split(" ");
      current = new Map();
      types.set(token, { name, file, arguments: current });
      continue;
    }
    const [path = "", use = "", ...rules] = line.trim().split(" | ");
    const words = use.split(" ");
    current?.set(path, {
      path,
      isRequired: words.includes("required"),
      forcesNew: words.includes("forceNew"),
      rules,
    });
  }
  return types;
}

/** By Pulumi's token: each type that the program declares. */
export const providerTypes = parse(providerTable);

/** The paths of the arguments of a type whose change replaces it; undefined: the table does not have the type. */
export function forcingPaths(token: string): readonly string[] | undefined {
  const type = providerTypes.get(token);
  return type && [...type.arguments.values()].flatMap(({ forcesNew, path }) => (forcesNew ? [path] : []));
}

/** What the provider would object to in these inputs; what is not known yet, and `skips`, it does not judge. */
export function faultsByProvider(
  token: string,
  inputs: Properties,
  skips: (value: Value) => boolean = () => false,
): { readonly path: string; readonly reason: string }[] {
  const type = providerTypes.get(token);
  if (!type) return [];
  const faults: { path: string; reason: string }[] = [];
  const look = (path: string, value: Value): void => {
    if (value === null || value === unknown || skips(value)) return;
    const argument = type.arguments.get(path);
    if (argument === undefined) return void faults.push({ path, reason: "is no argument of the provider's" });
    if (isList(value)) {
      value.forEach((one) => look(path, one));
      return;
    }
    const inside = [...type.arguments.values()].filter((one) => parentOf(one.path) === path);
    if (isObject(value) && inside.length > 0) {
      lookInto(path, value, inside);
      return;
    }
    for (const rule of argument.rules)
      if (!keeps(value, rule)) faults.push({ path, reason: `${JSON.stringify(value)}: ${rule}` });
  };
  const lookInto = (path: string, value: Properties, inside: readonly Argument[]): void => {
    for (const argument of inside)
      if (argument.isRequired && (value[nameIn(argument.path)] ?? null) === null)
        faults.push({ path: argument.path, reason: "is required" });
    for (const [key, one] of Object.entries(value))
      if (key !== defaultsKey && key !== "region") look(path === "" ? key : `${path}.${key}`, one);
  };
  lookInto(
    "",
    inputs,
    [...type.arguments.values()].filter(({ path }) => !path.includes(".")),
  );
  return faults;
}

const parentOf = (path: string): string => path.slice(0, Math.max(0, path.lastIndexOf(".")));
const nameIn = (path: string): string => path.slice(path.lastIndexOf(".") + 1);

/** `each …`: of each in a list, which values are looked at one by one anyway. */
function keeps(value: Value, rule: string): boolean {
  const [word = "", ...rest] = rule.replace(/^each /, "").split(" ");
  const what = rest.join(" ");
  const text = written(value);
  switch (word) {
    case "length":
      return isBetween(text.length, what);
    case "between":
      return isBetween(Number(text), what);
    case "one":
      return isOneOf(text, what.replace(/^of /, ""));
    case "matches":
      return new RegExp(what, "u").test(text);
    case "not":
      return !what.split(" ").some((pattern) => new RegExp(pattern, "u").test(text));
    case "ARN":
      return /^arn:[\w-]+:/.test(text);
    case "JSON":
      return isJson(text);
    case "CIDR":
    case "CIDR4":
      return /^\d+\.\d+\.\d+\.\d+\/\d+$/.test(text);
    case "CIDR6":
      return /^[0-9a-f:]+\/\d+$/.test(text);
    case "netmask":
      return isBetween(Number(text.split("/")[1]), what);
    case "base64":
      return Buffer.from(text, "base64").toString("base64") === text;
    case "IPv4":
      return isIPv4(text);
    case "IPv6":
      return isIPv6(text);
    case "duration":
      return /^\d+[smh]?$/.test(text);
    // Of a list, or a time: nothing that the program sends.
    case "items":
    case "time":
      return true;
    default:
      throw new Error(`a rule that nobody reads: ${rule}`);
  }
}

function isBetween(number: number, range: string): boolean {
  const [least = "", most = ""] = range.split("..");
  return (
    number >= (least === "" ? -Infinity : Number(least)) && number <= (most === "" ? Infinity : Number(most))
  );
}

/** `a|b`, and perhaps `, or a multiple of 60`. */
function isOneOf(text: string, choices: string): boolean {
  const [named = "", multiple] = choices.split(", or a multiple of ");
  if (multiple !== undefined && Number(text) % Number(multiple) === 0) return true;
  return named.split("|").includes(text);
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}
