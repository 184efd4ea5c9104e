import assert from "node:assert/strict";
import { awsTypes } from "../../engine/plugins/aws/types";
import { faultsByProvider, forcingPaths, providerTypes } from "../../engine/plugins/aws/provider";
import { isObject, type Properties, type Value } from "../../engine/plugins/properties";
import { existingNetwork, goodAwsSettings } from "../goodSettings";
import { DeclaredFleet, wholeSettings } from "./declaredFleet";

/** With these of `aws` besides. */
const withAws = (more: Readonly<Record<string, unknown>>): Record<string, unknown> => {
  const good = goodAwsSettings();
  return {
    ...good,
    aws: { ...(good["aws"] as object), ...more },
  };
};

/** As long as settings let them be. */
const LONGEST = { schedule: "x".repeat(32), shard: `${"s".repeat(19)}1` };

/** Fleets that together declare each type, with all that settings can ask of it. */
const fleets: [what: string, settings: () => Record<string, unknown>, stack?: string][] = [
  ["baked images, flow logs, schedules, alarms, a new certificate", wholeSettings],
  [
    "a network that exists, Spot, the longest names",
    () => ({
      ...withAws({
        network: existingNetwork(),
        bridges: { spot: true },
        flowLogs: true,
        schedules: [{ name: LONGEST.schedule, cron: "30 6 * * 1-5", bridgesMin: 4 }],
      }),
      shards: [{ name: LONGEST.shard }],
    }),
    "x".repeat(100),
  ],
  [
    "IPv6, one type, a warm pool, connections as they are, storage that gets colder",
    () => ({
      ...withAws({
        ipv6: true,
        bridges: { warmPool: 2 },
        instanceTypes: { bridges: ["c7i.xlarge"] },
        frontDoor: { certificate: "passThrough" },
        recordings: { coldAfterDays: 30, expireAfterDays: 365, noncurrentDays: 7 },
      }),
      tls: { mode: "acme", email: "it@school.net" },
    }),
  ],
];

/** What mocks give for what AWS or another resource says: an id, a secret, an output. */
const isMocked = (value: Value): boolean =>
  (isObject(value) && "secret" in value) ||
  (typeof value === "string" && /^(?:id|secret|bucket|ami-of)-|\bid-/.test(value));

/** With the name that Pulumi gives: the resource's, and seven digits. */
function named(type: string, name: string, inputs: Properties): Properties {
  const given = (Reflect.get(awsTypes, type) as { readonly autoName?: string } | undefined)?.autoName;
  return given === undefined || given in inputs ? inputs : { ...inputs, [given]: `${name}-0123456` };
}

describe("what the provider asks of each argument", () => {
  for (const [what, settings, stack] of fleets)
    it(`is kept by all that the program declares: ${what}`, async () => {
      const { resources } = await DeclaredFleet.of(settings(), stack);
      const faults = resources.flatMap(({ inputs, name, type }) => {
        if (!type.startsWith("aws:")) return [];
        if (!providerTypes.has(type)) return [`${type} is not in the table`];
        return faultsByProvider(type, named(type, name, inputs as Properties), isMocked).map(
          ({ path, reason }) => `${type} ${name} ${path}: ${reason}`,
        );
      });
      assert.deepEqual(faults, []);
    });

  it("is what is asked, so that this can fail", () => {
    const faults = (token: string, inputs: Properties): string[] =>
      faultsByProvider(token, inputs).map(({ path, reason }) => `${path} ${reason}`);
    assert.deepEqual(
      faults("aws:lb/targetGroup:TargetGroup", { name: "a_b", healthCheck: { interval: 1, path: "live" } }),
      [
        `name "a_b": matches ^[0-9A-Za-z-]+$`,
        "healthCheck.interval 1: between 5..300",
        `healthCheck.path "live": matches ^(/.{0,1023})?$`,
      ],
    );
    assert.deepEqual(
      faults("aws:autoscaling/lifecycleHook:LifecycleHook", { name: "x", heartbeatTimeout: 29 }),
      [
        "autoscalingGroupName is required",
        "lifecycleTransition is required",
        "heartbeatTimeout 29: between 30..7200",
      ],
    );
    assert.deepEqual(faults("aws:iam/role:Role", { assumeRolePolicy: "{", maxAge: 1 }), [
      `assumeRolePolicy "{": JSON`,
      "maxAge is no argument of the provider's",
    ]);
    assert.deepEqual(
      faults("aws:cloudwatch/metricAlarm:MetricAlarm", {
        name: "x".repeat(256),
        comparisonOperator: "GreaterThanThreshold",
        evaluationPeriods: 1,
        period: 45,
      }).map((fault) => fault.replace(/x+/, "x…")),
      [`name "x…": length 1..255`, "period 45: one of 10|20|30, or a multiple of 60"],
    );
  });

  it("has each type from a file of its sources, and is all that tells the stand-in what replaces", () => {
    for (const [token, { arguments: all, file, name }] of providerTypes) {
      assert.match(name, /^aws_[a-z0-9_]+$/, token);
      assert.match(file, /^internal\/service\/[a-z0-9]+\/[a-z0-9_]+\.go$/, token);
      assert(all.size > 0, token);
      const type = Reflect.get(awsTypes, token) as { readonly inputs: readonly string[] } | undefined;
      assert(type, `the stand-in has no ${token}`);
      for (const input of type.inputs) assert(all.has(input), `${token} has no ${input}`);
    }
    assert.deepEqual(forcingPaths("aws:autoscaling/lifecycleHook:LifecycleHook"), ["name"]);
    assert.deepEqual(forcingPaths("aws:cloudwatch/dashboard:Dashboard"), ["dashboardName"]);
    assert.equal(forcingPaths("aws:cloudwatch/nothing:Nothing"), undefined);
  });

  it("keeps a network load balancer that gets a subnet, and replaces one that is to leave one", () => {
    const replacedBy = awsTypes["aws:lb/loadBalancer:LoadBalancer"]?.replacedBy;
    assert(replacedBy);
    const standing = (...subnets: string[]): Properties => ({
      loadBalancerType: "network",
      subnets,
      securityGroups: ["sg-1"],
    });
    assert.deepEqual(replacedBy(standing("a", "b"), standing("a", "c")), ["subnets"]);
    assert.deepEqual(replacedBy(standing("a", "b"), standing("a")), ["subnets"]);
    assert.deepEqual(replacedBy(standing("a", "b"), standing("a", "b", "c")), []);
    assert.deepEqual(replacedBy(standing("a"), { ...standing("a", "b"), securityGroups: [] }), [
      "securityGroups",
    ]);
  });
});
