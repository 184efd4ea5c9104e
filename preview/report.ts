import type { DeclaredResource } from "./monitor";
import type { Preview } from "./run";

/** How much of each resource's inputs is shown. */
export type Detail = "none" | "short" | "full";

const shortLength = 100;

/** The preview as text: the tree of components and resources, each with its inputs. */
export function report({ stack, resources, outputs }: Preview, detail: Detail): string {
  const children = Map.groupBy(resources, ({ parent }) => parent ?? "");
  const root = resources.find(({ type }) => type === "pulumi:pulumi:Stack");
  const shown = resources.filter((resource) => resource !== root);
  const under = (urn: string, indent: string): string[] =>
    (children.get(urn) ?? [])
      .filter((resource) => resource !== root)
      .toSorted((a, b) => (`${a.type} ${a.name}` < `${b.type} ${b.name}` ? -1 : 1))
      .flatMap((resource) => [
        `${indent}${resource.type} ${resource.name}${remarks(resource)}`,
        ...inputLines(resource.inputs, detail, `${indent}    `),
        ...under(resource.urn, `${indent}  `),
      ]);
  const components = shown.filter(({ component }) => component).length;
  return [
    `Stack ${stack}: ${shown.length - components} resources in ${components} components`,
    ...under("", "  "),
    ...under(root?.urn ?? "-", "  "),
    "",
    "By type:",
    ...countLines(shown),
    "",
    "Outputs:",
    ...inputLines(outputs, detail === "none" ? "short" : detail, "  "),
  ].join("\n");
}

function remarks({ protect, retainOnDelete, ignoreChanges, hooks }: DeclaredResource): string {
  const all = [
    ...(protect ? ["protected"] : []),
    ...(retainOnDelete ? ["outlives the stack"] : []),
    ...(ignoreChanges.length > 0 ? [`${ignoreChanges.join(", ")} left to others`] : []),
    ...(hooks.length > 0 ? ["guarded"] : []),
  ];
  return all.length === 0 ? "" : `  (${all.join("; ")})`;
}

function countLines(resources: readonly DeclaredResource[]): string[] {
  const counts = Map.groupBy(resources, ({ type }) => type);
  return [...counts]
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .map(([type, all]) => `${String(all.length).padStart(6)}  ${type}`);
}

function inputLines(inputs: Readonly<Record<string, unknown>>, detail: Detail, indent: string): string[] {
  if (detail === "none") return [];
  return Object.entries(inputs)
    .filter(([, value]) => value !== undefined && value !== null)
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .map(([key, value]) => `${indent}${key}: ${written(value, detail)}`);
}

function written(value: unknown, detail: Detail): string {
  const text = typeof value === "string" ? value : JSON.stringify(value);
  const oneLine = detail === "full" ? text : text.replaceAll("\n", String.raw`\n`);
  if (detail === "full" || oneLine.length <= shortLength) return oneLine;
  return `${oneLine.slice(0, shortLength)}… (${text.length} characters)`;
}
