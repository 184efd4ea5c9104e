import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { metricsPage } from "../../../scaler/agent/metricsPage";
import { KeeperMetrics } from "../../../scaler/keeper/metrics";
import { RoomMetrics } from "../../../scaler/keeper/roomMetrics";
import { Metrics } from "../../../scaler/service/metrics";
import { metrics } from "../../../monitoring/catalogue";
import type { Program } from "../../../monitoring/metric";
import { spellings } from "../../../monitoring/telegraf/rules";
import { samplesOf, type Sample } from "../../support/openMetrics";

const recorded = (file: string): Sample[] =>
  samplesOf(readFileSync(`test/fixtures/recorded/${file}`, "utf8"));

/** What each program was seen to say, in several states. */
const seen: Readonly<Partial<Record<Program, readonly Sample[][]>>> = {
  jvb: ["jvb_metrics_openmetrics.http", "jvb2_conf_metrics.http", "jvb_restdisabled_metrics.http"].map(
    recorded,
  ),
  jicofo: ["jicofo_metrics.http", "jicofo_metrics_with_jibri.http", "jicofo_conf_metrics.http"].map(recorded),
  jibri: ["jibri_metrics.http", "jibri_metrics_busy.http", "jibri_metrics_prosody_dead.http"].map(recorded),
  prosody: [
    "monitoring/prosody_metrics_c2s_and_websocket.txt",
    "monitoring/prosody_metrics_two_rooms_five_users.txt",
  ].map(recorded),
  haproxy: [recorded("monitoring/haproxy_metrics_26.txt")],
  agent: [
    samplesOf(
      metricsPage([{ labels: { component: "jvb", pool: "s1-bridges", instance: "s1-bridges-1" }, text: "" }]),
    ),
  ],
};

/** The names and labels of the fleet's own programs, from where they are declared. */
function declared(program: Program): Map<string, readonly string[]> | undefined {
  const keeper = new KeeperMetrics();
  new RoomMetrics(keeper.registry);
  const registry =
    program === "scaler" ? new Metrics().registry : program === "keeper" ? keeper.registry : undefined;
  if (!registry) return undefined;
  const all = registry.getMetricsAsArray() as unknown as { name: string; labelNames: string[] }[];
  return new Map(all.map(({ labelNames, name }) => [name, labelNames]));
}

describe("the catalogue of metrics", () => {
  const scraped = metrics.filter(
    ([, { source }]) => source.from !== "machine" && source.from !== "container",
  );

  for (const [name, { isOptional, source }] of scraped)
    it(`${name} is what ${source.from} says`, () => {
      const own = declared(source.from as Program);
      const wanted = [...Object.keys(source.labels ?? {}), ...Object.keys(source.where ?? {})].sort();
      if (own) {
        assert(own.has(source.sample), `${source.sample} is not among ${[...own.keys()].join(", ")}`);
        assert.deepEqual([...new Set(wanted)], [...(own.get(source.sample) ?? [])].sort());
        return;
      }
      const pages = seen[source.from as Program];
      assert(pages, `nobody has seen what ${source.from} says`);
      const having = pages.map((page) => page.filter((sample) => sample.name === source.sample));
      const missing = having.filter((samples) => samples.length === 0).length;
      assert(missing < pages.length, `${source.sample} was never seen`);
      if (!isOptional)
        assert.equal(missing, 0, `${source.sample} is missing in ${missing} of ${pages.length}`);
      for (const { labels } of having.flat())
        for (const label of wanted) assert(label in labels, `${source.sample} has no label ${label}`);
    });

  it("leaves no two series of one program that could not be told apart", () => {
    for (const [name, { source }] of scraped)
      for (const page of seen[source.from as Program] ?? []) {
        // Labels that choose have the values of this fleet, and the recorded ones are another's.
        const kept = [...Object.keys(source.labels ?? {}), ...Object.keys(source.where ?? {})];
        const identities = page
          .filter((sample) => sample.name === source.sample)
          .map(({ labels }) => kept.map((label) => labels[label]).join("|"));
        assert.equal(new Set(identities).size, identities.length, `${name}: ${identities.join(" ")}`);
      }
  });

  it("reads no counter whose name without _total is another sample's", () => {
    for (const page of Object.values(seen).flat()) {
      const names = new Set(page.map((sample) => sample.name));
      for (const [, { source }] of scraped)
        for (const spelling of spellings(source.sample).slice(1)) assert(!names.has(spelling), spelling);
    }
  });

  it("never sums a gauge over time, and always sums a counter", () => {
    for (const [name, { kind, over }] of metrics) assert.equal(over.time === "sum", kind === "counter", name);
  });

  it("names each alarm once, and has a runbook for it", () => {
    const names = metrics.flatMap(([, { alarms }]) => alarms.map((alarm) => alarm.name));
    assert.deepEqual(names, [...new Set(names)]);
    const runbooks = readFileSync("docs/runbooks.md", "utf8");
    for (const name of names) assert(runbooks.includes(`\n## ${name}\n`), `no runbook for ${name}`);
  });

  it("has dimensions in CloudWatch for what an alarm is for each of", () => {
    const wanted = { fleet: "", shard: "Shard", pool: "Pool" };
    const missing = metrics.flatMap(([name, { alarms, dimensions }]) =>
      alarms
        .filter(({ each }) =>
          each in wanted
            ? !dimensions.some((set) => set.join() === wanted[each as keyof typeof wanted])
            : dimensions.length === 0,
        )
        .map(({ each }) => `${name} by ${each}`),
    );
    assert.deepEqual(missing, []);
  });
});
