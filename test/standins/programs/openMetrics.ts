import { readFileSync } from "node:fs";
import { join } from "node:path";

/** Values by metric name, without the program's prefix; a list for a metric with one series per label set. */
export type MetricValues = Record<string, number | boolean | { labels: string; value: number }[]>;

/** A metrics page recorded from the real program, told again with live values. */
export interface RecordedMetrics {
  openMetrics(values: MetricValues): string;
  json(values: MetricValues): Record<string, unknown>;
}

function bodyOf(recording: string): string {
  const text = readFileSync(join(__dirname, "recorded", recording), "utf8");
  const start = text.replaceAll("\r\n", "\n").indexOf("\n\n") + 2;
  return text.replaceAll("\r\n", "\n").slice(start, text.replaceAll("\r\n", "\n").lastIndexOf("\n# exit"));
}

/** A double as Java prints it. */
function double(value: number | boolean): string {
  const number = Number(value);
  return Number.isInteger(number) ? `${number}.0` : String(number);
}

const startedSeconds = `${(Date.now() / 1e12).toFixed(12)}E9`;

/**
 * Every metric that is not given keeps its recorded value, so that a scrape has the families of the real program; the
 * `_created` samples tell the start of this process.
 */
export function recordedMetrics(prefix: string, exposition: string, jsonPage?: string): RecordedMetrics {
  const lines = bodyOf(exposition).trimEnd().split("\n");
  const page = jsonPage === undefined ? {} : (JSON.parse(bodyOf(jsonPage)) as Record<string, unknown>);
  return {
    openMetrics(values) {
      const told: string[] = [];
      const listed = new Set<string>();
      for (const line of lines) {
        const sample = /^(\w+)(\{[^}]*\})? /.exec(line);
        const [, metric = "", labels = ""] = sample ?? [];
        const name = metric.slice(prefix.length);
        const value = values[name];
        if (sample === null) told.push(line);
        else if (name.endsWith("_created")) told.push(`${metric}${labels} ${startedSeconds}`);
        else if (value === undefined) told.push(line);
        else if (!Array.isArray(value)) told.push(`${metric}${labels} ${double(value)}`);
        else if (!listed.has(name)) {
          listed.add(name);
          told.push(...value.map((series) => `${metric}{${series.labels}} ${double(series.value)}`));
        }
      }
      return `${told.join("\n")}\n`;
    },
    json(values) {
      const known = Object.entries(values).filter(
        ([name, value]) => name in page && typeof value === typeof page[name],
      );
      return { ...page, ...Object.fromEntries(known) };
    },
  };
}
