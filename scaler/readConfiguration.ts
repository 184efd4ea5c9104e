import { readFileSync } from "node:fs";
import { z } from "zod";
import { CONFIGURATION_FILE } from "./configuration";

/**
 * Reads a program's configuration: CONFIGURATION_FILE, or the file that FLEET_CONFIGURATION names. Throws with all
 * faults at once.
 */
export function readConfiguration<Configuration>(schema: z.ZodType<Configuration>): Configuration {
  return parse(schema, textOf());
}

/**
 * What a program's configuration has become each time that it is asked: undefined while it is the same. Throws like
 * readConfiguration, and once for each text.
 */
export function watchedConfiguration<Configuration>(
  schema: z.ZodType<Configuration>,
): () => Configuration | undefined {
  let before = textOf();
  return () => {
    const text = textOf();
    if (text === before) return undefined;
    before = text;
    return parse(schema, text);
  };
}

const fileName = (): string => process.env["FLEET_CONFIGURATION"] ?? CONFIGURATION_FILE;
const textOf = (): string => readFileSync(fileName(), "utf8");

function parse<Configuration>(schema: z.ZodType<Configuration>, text: string): Configuration {
  const file = fileName();
  const parsed = schema.safeParse(jsonOf(text, file));
  if (!parsed.success)
    throw new Error(
      `${file} must be mended (the program that deploys the fleet writes it):\n${z.prettifyError(parsed.error)}`,
    );
  return parsed.data;
}

/** Without the parser's own message, which quotes the text: tokens are in it. */
function jsonOf(text: string, file: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new Error(`${file} is no JSON: the program that deploys the fleet writes it`);
  }
}
