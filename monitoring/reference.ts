import { format } from "prettier";
import { metrics } from "./catalogue";
import type { Metric } from "./metric";

const where = ({ source }: Metric): string =>
  Object.entries(source.where ?? {})
    .map(([label, values]) => `${label} ${values.join(" or ")}`)
    .join(", ");

const row = (name: string, metric: Metric): string => {
  const { alarms, kind, meaning, source, unit } = metric;
  const chosen = where(metric);
  const alarmed = alarms.map((alarm) => `[${alarm.name}](runbooks.md#${alarm.name})`).join(", ");
  return `| \`${name}\` | ${meaning} | ${source.from}: \`${source.sample}\`${chosen === "" ? "" : ` (${chosen})`} | ${kind} | ${unit} | ${alarmed} |`;
};

/** docs/metrics.md: every metric of the catalogue. */
export const metricsPage = (): Promise<string> =>
  format(
    `# Metrics

Generated from [monitoring/catalogue.ts](../monitoring/catalogue.ts) by \`npm run generate\`. A counter is stored as what it grew by. \`pulumi up\` declares no collector and no store yet: the catalogue has what each program of the fleet says, and what Telegraf, Elasticsearch, Kibana and CloudWatch are given for it is generated and tested.

| metric | meaning | read from | kind | unit | alarms |
|---|---|---|---|---|---|
${metrics.map(([name, metric]) => row(name, metric)).join("\n")}
`,
    { parser: "markdown" },
  );
