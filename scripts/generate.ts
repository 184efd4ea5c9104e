import { readFileSync, writeFileSync } from "node:fs";
import { format } from "prettier";
import { parseDocument } from "yaml";
import { metricsPage } from "../monitoring/reference";
import { settingsSchema } from "../components/settings/schema";
import { settingsJsonSchema, type JsonSchema } from "../components/settings/knownKeys";

/**
 * Writes what follows from the settings' schema, the config block of Pulumi.yaml and docs/settings.md, and from the
 * catalogue of metrics, docs/metrics.md. Run with --check it writes nothing and fails where one is out of step.
 */
const namespace = "jitsi-fleet";

/** The type as Pulumi.yaml knows it. */
function pulumiType(node: JsonSchema): string {
  return node.type ?? "object";
}

/**
 * The config block: an entry for each top-level setting that every stack has. A stack's object replaces the default
 * whole; what it leaves out, the schema fills in again. Pulumi demands of every stack what stands there without a
 * default: so what belongs to one platform alone does not.
 */
export function configBlock(): Record<string, Record<string, unknown>> {
  const required = new Set(settingsJsonSchema.required ?? []);
  return Object.fromEntries(
    Object.entries(settingsJsonSchema.properties ?? {}).flatMap(([key, node]) => {
      const type = pulumiType(node);
      const fallback = defaultOf(key);
      if (fallback === undefined && !required.has(key)) return [];
      const entry = {
        type,
        ...(type === "array" ? { items: { type: pulumiType(node.items ?? {}) } } : {}),
        description: `${node.description ?? ""}${required.has(key) ? " Required." : ""}`,
        ...(fallback === undefined ? {} : { default: fallback }),
      };
      return [[`${namespace}:${key}`, entry]];
    }),
  );
}

/** What a top-level setting is when nothing is given. */
function defaultOf(key: string): unknown {
  const schema = Object.entries(settingsSchema.shape).find(([name]) => name === key)?.[1];
  return schema?.safeParse(undefined).data;
}

export function pulumiYaml(current: string): string {
  const document = parseDocument(current);
  document.set("config", document.createNode(configBlock()));
  return document.toString({ lineWidth: 0 });
}

interface Row {
  readonly path: string;
  readonly kind: string;
  readonly fallback: string;
  readonly description: string;
}

function rows(path: string, node: JsonSchema, isRequired: boolean): Row[] {
  const variants = node.anyOf ?? node.oneOf;
  if (variants)
    return [
      row(path, node, isRequired, "an object, of one of the kinds below"),
      ...variants.flatMap((variant) => children(path, variant)),
    ];
  if (node.properties) return [row(path, node, isRequired, "an object"), ...children(path, node)];
  if (node.items?.properties)
    return [row(path, node, isRequired, "a list"), ...children(`${path}[]`, node.items)];
  return [row(path, node, isRequired, kind(node))];
}

function children(path: string, node: JsonSchema): Row[] {
  const required = new Set(node.required ?? []);
  return Object.entries(node.properties ?? {}).flatMap(([key, child]) =>
    rows(path === "" ? key : `${path}.${key}`, child, required.has(key)),
  );
}

function kind(node: JsonSchema): string {
  if (node.const !== undefined) return `\`${node.const}\``;
  if (node.enum) return node.enum.map((choice) => `\`${String(choice)}\``).join(", ");
  if (node.type === "integer") return `a whole number, ${node.minimum ?? ""} to ${node.maximum ?? ""}`;
  if (node.type === "array") return `a list of ${kind(node.items ?? {})}`;
  return (
    { string: "a text", boolean: "`true` or `false`", object: "an object of texts" }[node.type ?? "object"] ??
    ""
  );
}

function row(path: string, node: JsonSchema, isRequired: boolean, kindText: string): Row {
  const fallback =
    node.default === undefined || node.default === "" || typeof node.default === "object"
      ? ""
      : `\`${node.default}\``;
  return {
    path,
    kind: kindText,
    fallback: isRequired && node.const === undefined ? "required" : fallback,
    description: node.description ?? "",
  };
}

export async function settingsPage(): Promise<string> {
  const cell = (text: string): string => text.replaceAll("|", "\\|");
  const table = children("", settingsJsonSchema).map(
    ({ path, kind: kindText, fallback, description }) =>
      `| \`${path}\` | ${cell(kindText)} | ${fallback} | ${cell(description)} |`,
  );
  const page = `# Settings

Generated from \`components/settings/schema.ts\` by \`npm run generate\`. Set one with \`pulumi config set --path '<setting>' <value>\`,
one that is secret with \`--secret\`. Faults and unknown settings are all told at once, before anything changes.

| setting | what it takes | default | meaning |
|---|---|---|---|
${table.join("\n")}
`;
  return format(page, { parser: "markdown" });
}

async function main(check: boolean): Promise<void> {
  const current = readFileSync("Pulumi.yaml", "utf8");
  const files = {
    "Pulumi.yaml": pulumiYaml(current),
    "docs/settings.md": await settingsPage(),
    "docs/metrics.md": await metricsPage(),
  };
  for (const [file, content] of Object.entries(files)) {
    if (!check) writeFileSync(file, content);
    else if (readFileSync(file, "utf8") !== content)
      throw new Error(`${file} is out of step with what it follows from: npm run generate`);
  }
}

if (require.main === module)
  main(process.argv.includes("--check")).catch((error: unknown) => {
    console.error(error instanceof Error ? error.message : error);
    process.exitCode = 1;
  });
