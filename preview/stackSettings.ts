import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { parse } from "yaml";
import { SEALED_KEY } from "../components/settings/certificates";

/** What a stack's program is told: texts by `<project>:<key>`, as the engine hands them over. */
export interface StackSettings {
  readonly project: string;
  readonly values: Readonly<Record<string, string>>;
  /** Keys whose value holds something encrypted. */
  readonly secretKeys: readonly string[];
}

interface ProjectFile {
  name: string;
  config?: Record<string, { default?: unknown } | null>;
}

/** Where a stack's settings are, from its name or from a path that ends in .yaml. */
export function settingsFile(stack: string, directory: string): string {
  return /\.ya?ml$/.test(stack) ? stack : join(directory, `Pulumi.${stack}.yaml`);
}

/**
 * A stack's settings with the project's defaults, as the engine would have them. What is encrypted stays so: nothing here
 * can open it, and something of the same shape stands in for it.
 * @param overrides on top of the file: values by setting
 */
export async function readStackSettings(
  directory: string,
  stack: string,
  overrides: Readonly<Record<string, string>> = {},
): Promise<StackSettings> {
  const file = settingsFile(stack, directory);
  const projectFile = parse(await readFile(join(directory, "Pulumi.yaml"), "utf8")) as ProjectFile;
  const text = await readFile(file, "utf8").catch((error: unknown) => {
    throw new Error(
      `The settings of the stack cannot be read: ${file}. Name a stack with a Pulumi.<stack>.yaml.`,
      {
        cause: error,
      },
    );
  });
  const given = (parse(text) as { config?: Record<string, unknown> } | null)?.config ?? {};
  const defaults = Object.entries(projectFile.config ?? {}).flatMap(([key, about]) =>
    about?.default === undefined ? [] : [[key, about.default] as const],
  );
  const qualified = Object.entries(overrides).map(([key, value]): [string, unknown] => [
    key.includes(":") ? key : `${projectFile.name}:${key}`,
    value,
  ]);
  const all: [string, unknown][] = Object.entries({
    ...Object.fromEntries(defaults),
    ...given,
    ...Object.fromEntries(qualified),
  });
  return {
    project: projectFile.name,
    values: Object.fromEntries(all.map(([key, value]) => [key, asText(opened(value, key))])),
    secretKeys: all.filter(([, value]) => isEncrypted(value)).map(([key]) => key),
  };
}

function asText(value: unknown): string {
  return typeof value === "string" ? value : JSON.stringify(value);
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

const isSealed = (value: unknown): boolean => isObject(value) && typeof value["secure"] === "string";

function isEncrypted(value: unknown): boolean {
  if (isSealed(value)) return true;
  if (Array.isArray(value)) return value.some(isEncrypted);
  return isObject(value) && Object.values(value).some(isEncrypted);
}

/** The value with stand-ins in the place of what is encrypted. */
function opened(value: unknown, key: string): unknown {
  if (isSealed(value)) return standInFor(key);
  if (Array.isArray(value)) return value.map((entry: unknown) => opened(entry, key));
  if (!isObject(value)) return value;
  return Object.fromEntries(Object.entries(value).map(([name, entry]) => [name, opened(entry, name)]));
}

/** Something that the settings' schema takes in this place. */
function standInFor(key: string): string {
  if (/privateKey$/i.test(key)) return SEALED_KEY;
  // VRRP's are eight letters at most.
  return /password$/i.test(key) ? "stand-in" : "stand-in-for-what-is-encrypted";
}
