import assert from "node:assert/strict";
import { z } from "zod";
import { metrics } from "../../../monitoring/catalogue";
import { cloudwatchAlarms } from "../../../monitoring/cloudwatch/alarms";
import { cloudwatchDashboard } from "../../../monitoring/cloudwatch/dashboards";
import { metricsTemplate } from "../../../monitoring/elasticsearch/template";
import { dashboards, questionOf } from "../../../monitoring/graphs";
import { dashboardBody } from "../../../monitoring/kibana/dashboards";
import { dashboardNames } from "../../../monitoring/metric";

const NAMESPACE = "JitsiFleet/test";

describe("graphs", () => {
  const of = (name: string) => {
    const metric = metrics.find(([one]) => one === name)?.[1];
    assert(metric);
    return metric;
  };

  it("take the average of a gauge for each who tells it, and add those up", () => {
    assert.deepEqual(questionOf("participants", of("participants"), undefined), {
      statistic: "average",
      added: "shard",
    });
    assert.deepEqual(questionOf("participants", of("participants"), "shard"), { statistic: "average" });
  });

  it("sum what a counter grew by", () => {
    assert.deepEqual(questionOf("joins", of("joins"), undefined), { statistic: "sum" });
  });

  it("refuse a sum that a graph would get wrong", () => {
    assert.throws(
      () => questionOf("bridge_participants", of("bridge_participants"), "shard"),
      /bridge_participants by shard: instance cannot be added up/,
    );
  });

  it("show every metric somewhere", () => {
    const shown = new Set(
      dashboardNames.flatMap((one) => dashboards[one].flatMap(({ lines }) => lines.map(({ name }) => name))),
    );
    assert.deepEqual(
      metrics.map(([name]) => name).filter((name) => !shown.has(name)),
      [],
    );
  });
});

/** Kibana 9.5, `PUT /api/dashboards/{id}`: the part of its schema that is used here. Its objects take no unknown key. */
const kibanaTerms = z.strictObject({
  operation: z.literal("terms"),
  fields: z.array(z.string()).length(1),
  limit: z.int().min(1).max(1000),
  rank_by: z.strictObject({ type: z.literal("alphabetical"), direction: z.enum(["asc", "desc"]) }),
  collapse_by: z.enum(["avg", "sum", "max", "min"]).optional(),
});
const kibanaTitle = z.strictObject({ title: z.strictObject({ visible: z.boolean() }) });
const kibanaPanel = z.strictObject({
  type: z.literal("vis"),
  grid: z.strictObject({
    x: z.int().min(0),
    y: z.int().min(0),
    w: z.int().min(1).max(48),
    h: z.int().min(1),
  }),
  config: z.strictObject({
    type: z.literal("xy"),
    title: z.string(),
    axis: z.strictObject({ x: kibanaTitle, y: kibanaTitle }),
    legend: z.strictObject({
      position: z.literal("bottom"),
      visibility: z.literal("visible"),
      layout: z.strictObject({ type: z.literal("list") }),
    }),
    styling: z.strictObject({ fitting: z.strictObject({ type: z.literal("none") }) }),
    layers: z
      .array(
        z.strictObject({
          type: z.literal("line"),
          data_source: z.strictObject({ type: z.literal("data_view_reference"), ref_id: z.string() }),
          x: z.strictObject({ operation: z.literal("date_histogram"), field: z.literal("@timestamp") }),
          y: z
            .array(
              z.strictObject({
                operation: z.enum(["sum", "max", "min", "average"]),
                field: z.string(),
                label: z.string(),
              }),
            )
            .length(1),
          breakdown_by: kibanaTerms.optional(),
        }),
      )
      .min(1),
  }),
});
const kibanaDashboard = z.strictObject({
  title: z.string(),
  description: z.string(),
  time_range: z.strictObject({ from: z.string(), to: z.string() }),
  refresh_interval: z.strictObject({ pause: z.boolean(), value: z.int() }),
  pinned_panels: z.array(
    z.strictObject({
      type: z.literal("options_list_control"),
      width: z.literal("medium"),
      grow: z.boolean(),
      config: z.strictObject({ title: z.string(), data_view_id: z.string(), field_name: z.string() }),
    }),
  ),
  panels: z.array(kibanaPanel).min(1).max(100),
});

describe("Kibana's dashboards", () => {
  const { template } = metricsTemplate(undefined) as {
    template: { mappings: { properties: Record<string, { properties?: object }> } };
  };
  const fields = new Set(
    Object.entries(template.mappings.properties).flatMap(([name, { properties }]) =>
      properties ? Object.keys(properties).map((one) => `${name}.${one}`) : [name],
    ),
  );

  for (const name of dashboardNames)
    it(`${name}: in the shape of its API, of fields that the template has`, () => {
      const { panels, pinned_panels: pinned } = kibanaDashboard.parse(dashboardBody(name));
      const used = [
        ...pinned.map(({ config }) => config.field_name),
        ...panels.flatMap(({ config }) =>
          config.layers.flatMap((layer) => [
            ...layer.y.map(({ field }) => field),
            ...(layer.breakdown_by?.fields ?? []),
          ]),
        ),
      ];
      assert.deepEqual(
        used.filter((field) => !fields.has(field)),
        [],
      );
      for (const { grid } of panels) assert(grid.x + grid.w <= 48, JSON.stringify(grid));
    });
});

/** The structure of a dashboard's body as CloudWatch documents it; moto takes anything that is JSON. */
const cloudwatchPlace = {
  x: z.int().min(0).max(23),
  y: z.int().min(0),
  width: z.int().min(1).max(24),
  height: z.int().min(1).max(1000),
};
const cloudwatchBody = z.strictObject({
  widgets: z
    .array(
      z.discriminatedUnion("type", [
        z.strictObject({
          type: z.literal("text"),
          ...cloudwatchPlace,
          properties: z.strictObject({ markdown: z.string() }),
        }),
        z.strictObject({
          type: z.literal("metric"),
          ...cloudwatchPlace,
          properties: z.strictObject({
            title: z.string(),
            region: z.string(),
            metrics: z
              .array(
                z.union([
                  z.tuple([
                    z.strictObject({
                      expression: z.string().max(2048),
                      id: z.string().regex(/^[a-z][a-zA-Z0-9_]*$/),
                      label: z.string(),
                    }),
                  ]),
                  z.tuple([
                    z.literal(NAMESPACE),
                    z.string(),
                    z.strictObject({
                      stat: z.enum(["Sum", "Maximum", "Minimum", "Average"]),
                      label: z.string(),
                      period: z.int().multipleOf(60),
                    }),
                  ]),
                ]),
              )
              .min(1),
            view: z.literal("timeSeries"),
            stacked: z.boolean(),
            period: z.int().multipleOf(60),
            yAxis: z.strictObject({ left: z.strictObject({ label: z.string(), showUnits: z.boolean() }) }),
          }),
        }),
      ]),
    )
    .min(1)
    .max(500),
});

describe("CloudWatch", () => {
  it("takes the dashboard: in its columns, no two at one place, each of the catalogue's under its heading", () => {
    const { widgets } = cloudwatchBody.parse(cloudwatchDashboard("eu-central-1", NAMESPACE));
    const taken = new Set<string>();
    for (const { height, width, x, y } of widgets) {
      assert(x + width <= 24);
      for (let column = x; column < x + width; column++)
        for (let row = y; row < y + height; row++) {
          assert(!taken.has(`${column} ${row}`), `${column} ${row}`);
          taken.add(`${column} ${row}`);
        }
    }
    assert.deepEqual(
      widgets.flatMap((widget) => (widget.type === "text" ? [widget.properties.markdown] : [])),
      [
        "## Overview",
        "## Shards",
        "## Bridges and scaling",
        "## Jibris and recordings",
        "## Edge",
        "## Machines",
      ],
    );
  });

  const alarms = cloudwatchAlarms({
    namespace: NAMESPACE,
    shards: ["s1", "s2"],
    pools: ["s1-bridges", "s2-bridges", "jibris"],
  });

  it("takes the alarms: names, periods and times within its limits", () => {
    assert.deepEqual(
      alarms.map(({ name }) => name),
      [...new Set(alarms.map(({ name }) => name))],
    );
    for (const { evaluationPeriods, name, period } of alarms) {
      assert(name.length <= 255);
      assert(period % 60 === 0 && period > 0, name);
      assert(Number.isInteger(evaluationPeriods) && evaluationPeriods >= 1, name);
      // Periods of an hour and more may go back a week, shorter ones a day.
      assert(period * evaluationPeriods <= (period >= 3600 ? 604_800 : 86_400), name);
    }
  });

  it("is asked for a metric by dimensions that it is sent with", () => {
    const sent = new Set(
      metrics.flatMap(([name, { dimensions }]) =>
        dimensions.map((set) => `fleet_${name} ${set.join().toLowerCase()}`),
      ),
    );
    for (const { dimensions, metricName } of alarms)
      assert(sent.has(`${metricName} ${Object.keys(dimensions).join()}`), metricName);
  });

  it("tells of what does not come, and of nothing else", () => {
    for (const { name, threshold, treatMissingData } of alarms)
      assert.equal(treatMissingData === "breaching", threshold === -1, name);
  });

  it("has one alarm for each shard, and one for each pool", () => {
    const named = (name: string) => alarms.filter((one) => one.name.startsWith(name)).map((one) => one.name);
    assert.deepEqual(named("no-bridge"), ["no-bridge-s1", "no-bridge-s2"]);
    assert.deepEqual(named("pool-empty"), [
      "pool-empty-s1-bridges",
      "pool-empty-s2-bridges",
      "pool-empty-jibris",
    ]);
    assert.deepEqual(named("room-split"), ["room-split"]);
  });
});
