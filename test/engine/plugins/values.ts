/** Reading property values, which the program may have given any type. */
import { isList, isObject, type Properties, type Value } from "./properties";

/** A non-empty string, or undefined. */
export function text(value: Value | undefined): string | undefined {
  return typeof value === "string" && value !== "" ? value : undefined;
}

/** Any value written as text. */
export function written(value: Value | undefined): string {
  if (value === undefined || value === null) return "";
  return typeof value === "object" ? JSON.stringify(value) : String(value);
}

export function number(value: Value | undefined): number | undefined {
  return typeof value === "number" ? value : undefined;
}

export function flag(value: Value | undefined): boolean {
  return value === true;
}

export function texts(value: Value | undefined): string[] {
  return isList(value) ? value.map(written) : [];
}

export function textMap(value: Value | undefined): Record<string, string> {
  return isObject(value)
    ? Object.fromEntries(Object.entries(value).map(([key, entry]) => [key, written(entry)]))
    : {};
}

export function objects(value: Value | undefined): Properties[] {
  return isList(value) ? value.filter(isObject) : [];
}
