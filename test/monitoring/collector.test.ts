import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { CERTIFICATE_NAME } from "@jitsi-fleet/scaler";
import { METRICS, metrics, type MetricName } from "../../monitoring/catalogue";
import { cloudwatchAlarms } from "../../monitoring/cloudwatch/alarms";
import {
  fieldOf,
  indexPattern,
  metricsTemplate,
  tagOf,
  TEMPLATE_NAME,
} from "../../monitoring/elasticsearch/template";
import {
  telegrafConfiguration,
  type CollectorArgs,
  type Target,
} from "../../monitoring/telegraf/configuration";
import { freePort } from "../support/freePort";
import { Moto } from "../support/moto";
import { selfSigned } from "../support/selfSigned";
import { RunningElasticsearch } from "./elasticsearch";
import { Pages } from "./pages";
import { RunningTelegraf, telegrafBinary } from "./telegraf";

const TOKEN = "token-of-the-tests";
const NAMESPACE = "JitsiFleet/test";
const INTERVAL_SECONDS = 2;
const GRACE_SECONDS = 10;

interface Found {
  readonly hits: { readonly hits: readonly { readonly _source: Record<string, unknown> }[] };
}

describe("a collector: real Telegraf", function () {
  this.timeout(40 * 60_000);
  let folder: string;
  let binary: string;
  let pages: Pages;
  let targets: Target[];
  let collector: Pick<CollectorArgs, "host" | "intervalSeconds" | "targets">;

  before(async () => {
    binary = await telegrafBinary();
    folder = await mkdtemp(join(tmpdir(), "fleet-monitoring-"));
    await writeFile(join(folder, "token"), TOKEN, { mode: 0o600 });
    const pem = selfSigned(CERTIFICATE_NAME);
    await writeFile(join(folder, "pem"), pem);
    // How often it was asked tells one look from the next.
    pages = new Pages(
      {
        "/s1/jicofo": {
          as: "jicofo",
          values: {
            jitsi_jicofo_participants_current: (nth) => 1000 + nth,
            jitsi_jicofo_participants_total: (nth) => 5000 + 3 * nth,
          },
        },
        "/s1/prosody": { as: "prosody" },
        "/edge-a/haproxy": { as: "haproxy" },
        "/agent": [
          {
            labels: { component: "jvb", shard: "s1", pool: "s1-bridges", instance: "s1-bridges-1" },
            as: "jvb",
            values: { jitsi_jvb_stress: () => 0.25 },
          },
          {
            labels: { component: "jvb", shard: "s1", pool: "s1-bridges", instance: "s1-bridges-2" },
            as: "jvb",
            values: { jitsi_jvb_stress: () => 0.75 },
          },
          { labels: { component: "jibri", pool: "jibris", instance: "jibris-1" }, as: "jibri" },
        ],
      },
      TOKEN,
      pem,
    );
    await pages.start();
    const target = (component: Target["component"], path: string, tags: Target["tags"]): Target => ({
      component,
      url: pages.url + path,
      tags,
      tokenFile: join(folder, "token"),
      tls: { authorityFile: join(folder, "pem"), serverName: CERTIFICATE_NAME },
    });
    targets = [
      target("jicofo", "/s1/jicofo", { shard: "s1" }),
      target("prosody", "/s1/prosody", { shard: "s1" }),
      target("haproxy", "/edge-a/haproxy", {}),
      target("agent", "/agent", {}),
    ];
    collector = {
      host: "a",
      intervalSeconds: INTERVAL_SECONDS,
      targets,
    };
  });
  after(async () => {
    pages.stop();
    await rm(folder, { recursive: true, force: true });
  });

  async function telegraf(
    outputs: CollectorArgs["outputs"],
    name: string,
    env = {},
  ): Promise<RunningTelegraf> {
    const file = join(folder, `${name}.conf`);
    await writeFile(
      file,
      telegrafConfiguration({ ...collector, bufferDirectory: join(folder, `${name}-buffer`), outputs }),
    );
    return new RunningTelegraf(binary, file, env);
  }

  async function until(
    what: string,
    condition: () => Promise<boolean> | boolean,
    said: () => string,
  ): Promise<void> {
    const limit = Date.now() + 300_000;
    for (;;) {
      if (await condition()) return;
      if (Date.now() > limit) throw new Error(`not within 300 s: ${what}\n${said()}`);
      await sleep(500);
    }
  }

  describe("to a real Elasticsearch", () => {
    let store: RunningElasticsearch;
    let running: RunningTelegraf;
    const index = indexPattern("*");

    before(async () => {
      store = new RunningElasticsearch(await freePort(), await freePort());
      await store.start(folder);
      const output = { to: "elasticsearch", url: store.url, user: "collector", password: "unused" } as const;
      running = await telegraf([output], "elasticsearch");
      running.start();
    });
    after(async () => {
      await running.end("SIGTERM");
      await store.stop();
    });

    const search = async (body: object): Promise<Record<string, unknown>[]> => {
      await store.ask("POST", `/${index}/_refresh?ignore_unavailable=true`);
      const found = await store.ask<Found>("POST", `/${index}/_search?ignore_unavailable=true`, {
        size: 10_000,
        ...body,
      });
      return found.hits.hits.map(({ _source }) => _source);
    };
    const having = (name: MetricName, where: Readonly<Record<string, string>> = {}) =>
      search({
        query: {
          bool: {
            filter: [
              { exists: { field: fieldOf(name) } },
              ...Object.entries(where).map(([tag, value]) => ({ term: { [tagOf(tag)]: value } })),
            ],
          },
        },
      });
    const values = async (
      name: MetricName,
      where: Readonly<Record<string, string>> = {},
    ): Promise<number[]> =>
      (await having(name, where)).map((source) => (source["fleet"] as Record<string, number>)[name] ?? NaN);

    it("writes nothing while there is no template, and all of it once there is", async () => {
      await until(
        "it was refused",
        () => running.output.includes("no such index"),
        () => running.output,
      );
      assert.deepEqual(await search({}), []);
      await store.ask("PUT", `/_index_template/${TEMPLATE_NAME}`, metricsTemplate(undefined));
      await until(
        "the first look is there",
        async () => (await values("participants")).includes(1001),
        () => running.output,
      );
    });

    it("has each metric of the catalogue that its pages have, under its name, with who told it", async () => {
      const told = metrics.filter(
        ([, { isOptional, source }]) =>
          !isOptional && !["scaler", "keeper", "container"].includes(source.from),
      );
      for (const [name] of told) {
        // Other machines have no such disks.
        if (name.startsWith("disk")) continue;
        await until(
          `${name} is there`,
          async () => (await values(name)).length > 0,
          () => running.output,
        );
      }
      const [one] = await having("bridge_stress", { instance: "s1-bridges-2" });
      assert.deepEqual(one?.["tag"], {
        component: "jvb",
        host: "a",
        instance: "s1-bridges-2",
        pool: "s1-bridges",
        shard: "s1",
      });
      assert.deepEqual(new Set(await values("bridge_stress", { instance: "s1-bridges-1" })), new Set([0.25]));
      assert.deepEqual(new Set(await values("bridge_stress", { instance: "s1-bridges-2" })), new Set([0.75]));
    });

    it("stores what a counter has grown by, and nothing of before the first look", async () => {
      assert.deepEqual(new Set(await values("joins")), new Set([3]));
    });

    it("loses and doubles nothing while the store is down and Telegraf is ended meanwhile", async () => {
      store.signal("SIGSTOP");
      await sleep(5 * INTERVAL_SECONDS * 1000);
      await running.end("SIGTERM");
      running.start();
      await sleep(5 * INTERVAL_SECONDS * 1000);
      store.signal("SIGCONT");
      const told = (): number[] => pages.told.get("/s1/jicofo jitsi_jicofo_participants_current") ?? [];
      const wanted = told();
      await until(
        "all of it is there",
        async () => {
          const found = new Set(await values("participants"));
          return wanted.every((value) => found.has(value));
        },
        () => running.output,
      );
      const found = await values("participants");
      assert.equal(found.length, new Set(found).size, "some are there twice");
    });

    it("loses no more than the look at hand when Telegraf is killed", async () => {
      const told = (): number[] => pages.told.get("/s1/jicofo jitsi_jicofo_participants_current") ?? [];
      store.signal("SIGSTOP");
      const before = told();
      await sleep((GRACE_SECONDS + 3 * INTERVAL_SECONDS) * 1000);
      await running.end("SIGKILL");
      store.signal("SIGCONT");
      running.start();
      await until(
        "all of before is there",
        async () => {
          const found = new Set(await values("participants"));
          return before.every((value) => found.has(value));
        },
        () => running.output,
      );
      const found = await values("participants");
      assert.equal(found.length, new Set(found).size, "some are there twice");
    });

    it("refuses a name that nobody declared, and a tag", async () => {
      const today = indexPattern("2026.01.01");
      const at = { "@timestamp": "2026-01-01T00:00:00Z" };
      for (const body of [
        { ...at, fleet: { nonsense: 1 } },
        { ...at, tag: { nonsense: "1" } },
      ])
        await assert.rejects(store.ask("POST", `/${today}/_doc`, body), /strict_dynamic_mapping_exception/);
    });
  });

  describe("to CloudWatch: moto", () => {
    let moto: Moto;
    let running: RunningTelegraf;
    before(async () => {
      moto = new Moto({ port: await freePort() });
      await moto.start();
      const output = { to: "cloudwatch", region: "eu-central-1", namespace: NAMESPACE } as const;
      running = await telegraf([output], "cloudwatch", {
        AWS_ACCESS_KEY_ID: "test",
        AWS_SECRET_ACCESS_KEY: "test",
        // It passes its own option endpoint_url over.
        AWS_ENDPOINT_URL: moto.url,
      });
      running.start();
    });
    after(async () => {
      await running.end("SIGTERM");
      await moto.stop();
    });

    it("publishes each metric and dimension that an alarm is for", async () => {
      const { CloudWatchClient, paginateListMetrics } = await import("@aws-sdk/client-cloudwatch");
      const client = new CloudWatchClient({
        endpoint: moto.url,
        region: "eu-central-1",
        credentials: { accessKeyId: "test", secretAccessKey: "test" },
      });
      const published = async (): Promise<Set<string>> => {
        const found = new Set<string>();
        for await (const { Metrics = [] } of paginateListMetrics({ client }, { Namespace: NAMESPACE }))
          for (const { Dimensions = [], MetricName: name = "" } of Metrics)
            found.add(
              `${name} ${JSON.stringify(Object.fromEntries(Dimensions.map((one) => [one.Name, one.Value])))}`,
            );
        return found;
      };
      const fromPages = (name: string): boolean => {
        const metric = METRICS[name.replace(/^fleet_/, "") as MetricName];
        return !("isOptional" in metric) && !["scaler", "keeper", "container"].includes(metric.source.from);
      };
      const wanted = cloudwatchAlarms({ namespace: NAMESPACE, shards: ["s1"], pools: ["s1-bridges"] })
        .filter(({ metricName }) => fromPages(metricName))
        .map(({ dimensions, metricName }) => `${metricName} ${JSON.stringify(dimensions)}`);
      assert(wanted.length > 20);
      let missing: string[] = wanted;
      await until(
        "all of them are published",
        async () => {
          const found = await published();
          missing = wanted.filter((one) => !found.has(one));
          return missing.length === 0;
        },
        () => `${missing.join("\n")}\n${running.output}`,
      );
      const perInstance = [...(await published())].filter((one) => /instance|host|component/.test(one));
      assert.deepEqual(perInstance, []);
    });
  });
});
