/** What one instance told of itself, and whose page it is. */
export interface InstancePage {
  readonly labels: Readonly<Record<string, string>>;
  /** Its page of metrics; undefined: it did not answer. */
  readonly text: string | undefined;
}

/** A sample's name, its labels without braces, and its figure. */
const SAMPLE = /^([A-Za-z_:][\w:]*)(?:\{(.*)\})?(\s.*)$/;

/**
 * Pages of several instances as one, each sample with whose it is, and first of all who answered. Types and descriptions
 * go: a page may say each only once.
 */
export function metricsPage(pages: readonly InstancePage[]): string {
  const lines = pages.map(
    ({ labels, text }) => `jitsi_fleet_instance_up{${written(labels)}} ${text === undefined ? 0 : 1}`,
  );
  for (const { labels, text = "" } of pages) {
    const owner = written(labels);
    for (const line of text.split(/\r?\n/)) {
      const [, name, own = "", figure] = SAMPLE.exec(line) ?? [];
      if (name === undefined || figure === undefined) continue;
      lines.push(`${name}{${[owner, own.replace(/,\s*$/, "")].filter(Boolean).join()}}${figure}`);
    }
  }
  return lines.map((line) => `${line}\n`).join("");
}

const written = (labels: InstancePage["labels"]): string =>
  Object.entries(labels)
    .map(([name, value]) => `${name}=${JSON.stringify(value)}`)
    .join();
