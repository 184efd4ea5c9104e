/** Between the property values of the plug-in and the values of the Docker API. */
import type { Value } from "../properties";
import { objects, text, written } from "../values";

export const bytesPerMiB = 1024 * 1024;

/** The `[{ label, value }]` of the plug-in as the map of the API. */
export function labelMap(value: Value | undefined): Record<string, string> {
  return Object.fromEntries(objects(value).map(({ label, value }) => [written(label), written(value)]));
}

/** The map of the API as the `[{ label, value }]` of the plug-in. */
export function labelList(labels: Record<string, string> | null | undefined): Value {
  return Object.entries(labels ?? {}).map(([label, value]) => ({ label, value }));
}

const nsByUnit: Record<string, number> = { ns: 1, us: 1e3, µs: 1e3, ms: 1e6, s: 1e9, m: 60e9, h: 3600e9 };

/** A duration as Go writes it, "1m30s", in nanoseconds. */
export function nanoseconds(value: Value | undefined): number {
  const parts = [...(text(value) ?? "0s").matchAll(/(\d+(?:\.\d+)?)(ns|us|µs|ms|s|m|h)/g)];
  return parts.reduce((sum, [, amount, unit]) => sum + Number(amount) * (nsByUnit[unit ?? ""] ?? 0), 0);
}

/** Nanoseconds as Go writes a duration: 90 s is "1m30s", one minute "1m0s". */
export function goDuration(ns: number): string {
  if (ns === 0) return "0s";
  if (ns < 1e3) return `${ns}ns`;
  if (ns < 1e6) return `${ns / 1e3}µs`;
  if (ns < 1e9) return `${ns / 1e6}ms`;
  const hours = Math.floor(ns / 3600e9);
  const minutes = Math.floor((ns % 3600e9) / 60e9);
  const seconds = (ns % 60e9) / 1e9;
  return `${hours > 0 ? `${hours}h` : ""}${hours > 0 || minutes > 0 ? `${minutes}m` : ""}${seconds}s`;
}

/** CPUs as the real plug-in writes them, with its peculiarities: "1.0" for one, "10." for ten. */
export function decimalCpus(nanoCpus: number): string {
  const digits = (nanoCpus / 1e9).toFixed(9);
  return digits.split("0").length - 1 === 9 ? (nanoCpus / 1e9).toFixed(1) : digits.replace(/0+$/, "");
}

/** Whether the Docker API says that the thing is not there. */
export function isNotFound(error: unknown): boolean {
  return error instanceof Error && "statusCode" in error && error.statusCode === 404;
}

export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
