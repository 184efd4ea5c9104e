import assert from "node:assert/strict";
import { parse } from "smol-toml";
import { untarred } from "../../../components/aws/machine/tarball";
import { joinParts } from "@jitsi-fleet/scaler";
import { goodAwsSettings } from "../goodSettings";
import { DeclaredFleet } from "./declaredFleet";

interface Configuration {
  readonly agent: { readonly hostname: string };
  readonly inputs: {
    readonly prometheus: readonly {
      readonly urls: readonly string[];
      readonly tags: Readonly<Record<string, string>>;
      readonly bearer_token?: string;
      readonly tls_ca?: string;
      readonly tls_server_name?: string;
    }[];
  };
  readonly outputs: { readonly cloudwatch: readonly { readonly namespace: string }[] };
}

describe("monitoring on AWS", function () {
  this.timeout(600_000);
  let fleet: DeclaredFleet;
  before(async () => {
    fleet = await DeclaredFleet.whole();
  });

  /** What SSM has for a machine, by file. */
  function secretsOf(name: string): Readonly<Record<string, string>> {
    const parts = fleet
      .all("Parameter")
      .filter((parameter) => parameter.name.startsWith(`${name}-secrets-`))
      .map(({ inputs }) => (inputs["value"] as { secret: string }).secret);
    return joinParts(parts, parts[0]?.split(" ")[0] ?? "");
  }
  /** What is no secret, by file. */
  async function bundleOf(name: string): Promise<Readonly<Record<string, string>>> {
    const { contentBase64 } = fleet.one("BucketObjectv2", `${name}-bundle`).inputs;
    return untarred(Buffer.from(String(contentBase64), "base64"));
  }
  async function configurationOf(name: string): Promise<Configuration> {
    const text = (await bundleOf(name))["containers/collector/telegraf.conf"] ?? "";
    return parse(text) as unknown as Configuration;
  }
  const files = (name: string): Record<string, string> =>
    Object.fromEntries(
      Object.entries(secretsOf(name))
        .filter(([path]) => path.startsWith("containers/collector/"))
        .map(([path, content]) => [path.slice("containers/collector/".length), content]),
    );

  it("has a collector on each machine, for each page that is there, and for the agent's on a pool's", async () => {
    const pages = async (name: string): Promise<string[]> => {
      const { agent, inputs, outputs } = await configurationOf(name);
      assert.equal(agent.hostname, name.endsWith("bridges") || name === "jibris" ? "{{machine.id}}" : name);
      for (const { namespace } of outputs.cloudwatch) assert.equal(namespace, "JitsiFleet/prod");
      return inputs.prometheus.map(
        ({ bearer_token: token, tags, urls }) =>
          `${JSON.stringify(tags)} ${urls.join()} ${token ?? "without a token"}`,
      );
    };
    const addressOf = (node: string): string =>
      (fleet.one("NetworkInterface", node).inputs["privateIps"] as string[])[0] ?? "";
    const [edge, shard, scaler] = ["edge-1", "s2", "scaler-1"].map(addressOf);
    assert.deepEqual(await pages("edge-1"), [
      `{"component":"haproxy"} http://${edge}:23005/metrics without a token`,
      `{"component":"keeper"} https://${edge}:23003/metrics /fleet/keeper.token`,
    ]);
    assert.deepEqual(await pages("s2"), [
      `{"shard":"s2","component":"jicofo"} http://${shard}:8000/_metrics/jicofo without a token`,
      `{"shard":"s2","component":"prosody"} http://${shard}:8000/_metrics/prosody without a token`,
    ]);
    assert.deepEqual(await pages("scaler-1"), [
      `{"component":"scaler"} https://${scaler}:23002/metrics /fleet/scaler.token`,
    ]);
    for (const pool of ["s1-bridges", "jibris"])
      assert.deepEqual(await pages(pool), [
        '{"component":"agent"} https://{{machine.privateAddress}}:23001/metrics /fleet/agent.token',
      ]);
  });

  it("trusts each page's own certificate alone, and has tokens in no place but its secrets", async () => {
    for (const name of ["edge-1", "scaler-1", "s1-bridges"]) {
      const secrets = files(name);
      const bundle = JSON.stringify(await bundleOf(name));
      const tokens = Object.entries(secrets).filter(([path]) => path.endsWith(".token"));
      assert.equal(tokens.length, 1, name);
      for (const [path, token] of tokens) {
        assert(token.length > 20, path);
        assert(secrets[path.replace(/token$/, "pem")]?.includes("BEGIN CERTIFICATE"), path);
        assert(!bundle.includes(token), name);
      }
      const { prometheus } = (await configurationOf(name)).inputs;
      for (const input of prometheus.filter(({ urls }) => urls[0]?.startsWith("https:")))
        assert.equal(input.tls_server_name, "jitsi-fleet");
    }
  });

  it("tells a person by alarms for each shard and pool, and draws one dashboard", () => {
    const alarms = fleet.all("MetricAlarm").filter(({ parent }) => parent === "monitoring");
    const names = alarms.map(({ inputs }) => String(inputs["name"]));
    for (const name of [
      "jitsi-prod-page-shard-down-s1",
      "jitsi-prod-page-shard-down-s2",
      "jitsi-prod-page-pool-empty-jibris",
      "jitsi-prod-page-scaler-silent",
      "jitsi-prod-ticket-cpu-busy",
    ])
      assert(names.includes(name), name);
    for (const { inputs } of alarms) {
      assert.deepEqual(inputs["alarmActions"], ["arn:aws:sns:eu-central-1:123456789012:events-alarms"]);
      assert.equal(inputs["namespace"], "JitsiFleet/prod");
    }
    const [dashboard, ...more] = fleet.all("Dashboard");
    assert.deepEqual(more, []);
    assert.equal(dashboard?.inputs["dashboardName"], "jitsi-prod-fleet");
  });

  it("is nowhere where it is not asked for", async () => {
    const without = await DeclaredFleet.of(goodAwsSettings());
    assert.deepEqual(without.all("Dashboard"), []);
    assert.deepEqual(without.all("MonitoringStack"), []);
    assert(!JSON.stringify(without.resources).includes("telegraf"));
  });
});
