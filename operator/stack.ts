import { z } from "zod";
import { givenSettings, parseSettings, type Settings } from "../components/settings";
import type { Pulumi } from "./pulumi";

const configurationSchema = z.record(z.string(), z.object({ value: z.string() }));
/** Pulumi.yaml gives it to every stack: its namespace is the project's. */
const ALWAYS_SET = ":allowCutCalls";

/** A stack as the operator finds it. */
export interface Stack {
  readonly name: string;
  /** As Pulumi hands them over, defaults of Pulumi.yaml among them. Secret. */
  readonly given: Readonly<Record<string, unknown>>;
  readonly settings: Settings;
}

/** Reads a stack's settings. Throws a SettingsError that names every fault, and what Pulumi says where it refuses. */
export async function readStack(pulumi: Pulumi): Promise<Stack> {
  const [name, given] = await Promise.all([
    pulumi.read(["stack", "--show-name"]).then((printed) => printed.trim().split("/").at(-1) ?? ""),
    readGiven(pulumi),
  ]);
  return { name, given, settings: parseSettings(given, name) };
}

/** Reads a stack's settings without a look at them. */
export async function readGiven(pulumi: Pulumi): Promise<Record<string, unknown>> {
  const printed = await pulumi.read(["config", "--json", "--show-secrets"]);
  const configuration = Object.entries(configurationSchema.parse(JSON.parse(printed)));
  const project = configuration.find(([key]) => key.endsWith(ALWAYS_SET))?.[0].split(":")[0] ?? "";
  return givenSettings(Object.fromEntries(configuration.map(([key, { value }]) => [key, value])), project);
}
