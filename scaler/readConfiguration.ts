import { readFileSync } from "node:fs";
import { z } from "zod";
import { CONFIGURATION_FILE } from "./configuration";

/**
 * Reads a program's configuration: CONFIGURATION_FILE, or the file that FLEET_CONFIGURATION names. Throws with all
 * faults at once.
 */
export function readConfiguration<Configuration>(schema: z.ZodType<Configuration>): Configuration {
  const file = process.env["FLEET_CONFIGURATION"] ?? CONFIGURATION_FILE;
  const parsed = schema.safeParse(jsonOf(readFileSync(file, "utf8"), file));
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
