import { readFileSync } from "node:fs";
import { z } from "zod";
import { CONFIGURATION_FILE } from "./configuration";

/**
 * Reads a program's configuration: CONFIGURATION_FILE, or the file that FLEET_CONFIGURATION names. Throws with all
 * faults at once.
 */
export function readConfiguration<Configuration>(schema: z.ZodType<Configuration>): Configuration {
  const file = process.env["FLEET_CONFIGURATION"] ?? CONFIGURATION_FILE;
  const parsed = schema.safeParse(JSON.parse(readFileSync(file, "utf8")));
  if (!parsed.success)
    throw new Error(
      `${file} must be mended (the program that deploys the fleet writes it):\n${z.prettifyError(parsed.error)}`,
    );
  return parsed.data;
}
