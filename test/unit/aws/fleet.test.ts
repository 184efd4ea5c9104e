import { joinParts, lookToken } from "@jitsi-fleet/scaler";
import assert from "node:assert/strict";
import { untarred } from "../../../components/aws/machine/tarball";
import { USER_DATA } from "../../../components/aws/machine/userData";
import { MOST_TAGS, OWN_TAGS } from "../../../components/aws/limits";
import { groupLaunches, launchChoice, warmPool } from "../../../components/aws/pool";
import {
  keeperConfiguration,
  scalerConfiguration,
  type AwsFleetConfiguration,
} from "../../../scaler/configuration";
import { forcingPaths } from "../../engine/plugins/aws/provider";
import { DeclaredFleet, type Declared } from "./declaredFleet";

/** Pulumi appends a hyphen and seven letters to a name that AWS is not told. */
const AUTONAME_LETTERS = 8;
const LONGEST_BALANCER_NAME = 32;

/** Nothing of what is secret. */
const hidden = (_key: string, value: unknown): unknown =>
  typeof value === "object" && value !== null && "secret" in value ? undefined : value;

describe("the fleet on AWS, as it is declared", function () {
  this.timeout(600_000);
  let fleet: DeclaredFleet;
  const nodes = ["edge-1", "edge-2", "s1", "s2", "scaler-1", "scaler-2"];
  const pools = ["jibris", "s1-bridges", "s2-bridges"];

  before(async () => {
    fleet = await DeclaredFleet.whole();
  });

  const names = (type: string): string[] =>
    fleet
      .all(type)
      .map(({ name }) => name)
      .sort();
  const inputOf = (resource: Declared, path: string): unknown =>
    path
      .split(".")
      .reduce<unknown>(
        (value, key) => (value as Record<string, unknown> | undefined)?.[key],
        resource.inputs,
      );

  it("has a machine with an interface and an address for each node, and a group for each pool, below whose they are", () => {
    for (const type of ["Instance", "NetworkInterface", "Eip"]) assert.deepEqual(names(type), nodes);
    for (const type of ["Group", "LaunchTemplate", "LifecycleHook"]) assert.deepEqual(names(type), pools);
    assert.deepEqual(names("MachineRole"), [...nodes, ...pools, "bakery"].sort());
    const parents = Object.fromEntries(
      [...fleet.all("Node"), ...fleet.all("Pool")].map(({ name, parent }) => [name, parent]),
    );
    assert.deepEqual(parents, {
      "edge-1": "edge",
      "edge-2": "edge",
      s1: "s1",
      s2: "s2",
      "scaler-1": "scaler",
      "scaler-2": "scaler",
      jibris: "jibris",
      "s1-bridges": "s1-bridges",
      "s2-bridges": "s2-bridges",
    });
  });

  it("lets nobody but the scaler end a machine of a pool, and keeps one whose drain takes too long", () => {
    for (const group of fleet.all("Group")) {
      assert.equal(group.inputs["protectFromScaleIn"], true, group.name);
      assert.deepEqual(group.inputs["suspendedProcesses"], ["AZRebalance"], group.name);
      assert.deepEqual(
        group.ignoreChanges,
        ["desiredCapacity", "maxSize", "initialLifecycleHooks"],
        group.name,
      );
      assert.equal(group.inputs["desiredCapacity"], undefined, group.name);
      assert.equal(
        inputOf(group, "instanceLifecyclePolicy.retentionTriggers.terminateHookAbandon"),
        "retain",
        group.name,
      );
      assert.equal(group.inputs["instanceRefresh"], undefined, group.name);
      assert.deepEqual(group.hooks.beforeDelete, ["release-only-what-is-empty"], group.name);
      // The same from the first machine on and afterwards.
      const { autoscalingGroupName, ...hook } = fleet.one("LifecycleHook", group.name).inputs;
      assert.deepEqual(group.inputs["initialLifecycleHooks"], [hook], group.name);
      assert.equal(autoscalingGroupName, group.inputs["name"]);
      assert.equal(hook["lifecycleTransition"], "autoscaling:EC2_INSTANCE_TERMINATING");
      assert.equal(hook["defaultResult"], "ABANDON");
      assert.equal(hook["notificationTargetArn"], "arn:aws:sns:eu-central-1:123456789012:events");
    }
  });

  it("bounds pools as the settings do", () => {
    const bounds = fleet.all("Group").map(({ inputs, name }) => [name, inputs["minSize"], inputs["maxSize"]]);
    assert.deepEqual(bounds.sort(), [
      ["jibris", 1, 4],
      ["s1-bridges", 2, 10],
      ["s2-bridges", 2, 10],
    ]);
  });

  it("lets a group grow by itself while no scaler decides, and never shrink", () => {
    for (const pool of pools) {
      const policy = fleet.one("Policy", `${pool}-no-scaler`);
      assert.equal(inputOf(policy, "targetTrackingConfiguration.disableScaleIn"), true);
      const metrics = inputOf(
        policy,
        "targetTrackingConfiguration.customizedMetricSpecification.metrics",
      ) as Record<string, unknown>[];
      const told = metrics.filter(({ returnData }) => returnData === true);
      assert.deepEqual(
        told.map(({ expression }) => expression),
        ["IF(FILL(alive, 0) > 0, 0, cpu)"],
      );
    }
  });

  it("answers for metadata by IMDSv2 alone, to nothing behind the machine, and encrypts disks", () => {
    for (const machine of [...fleet.all("Instance"), ...fleet.all("LaunchTemplate")])
      assert.deepEqual(
        machine.inputs["metadataOptions"],
        {
          httpEndpoint: "enabled",
          httpTokens: "required",
          httpPutResponseHopLimit: 1,
          instanceMetadataTags: "enabled",
        },
        machine.name,
      );
    for (const instance of fleet.all("Instance"))
      assert.equal(inputOf(instance, "rootBlockDevice.encrypted"), true);
    for (const template of fleet.all("LaunchTemplate"))
      assert.equal(inputOf(template, "blockDeviceMappings.0.ebs.encrypted"), "true");
  });

  it("starts all machines with the same user data: nodes from the pinned image, pools from one baked of it", () => {
    for (const { inputs, name } of fleet.all("Instance")) {
      assert.equal(inputs["userData"], USER_DATA, name);
      assert.equal(inputs["ami"], "ami-0a1b2c3d4e5f60718");
    }
    for (const { inputs, name } of fleet.all("LaunchTemplate")) {
      assert.equal(Buffer.from(String(inputs["userData"]), "base64").toString(), USER_DATA, name);
      const role = name === "jibris" ? "jibri" : "bridge";
      assert.equal(inputs["imageId"], `ami-of-bakery-${role}-stable-11146-2`);
    }
    for (const { inputs, name } of fleet.all("ImageRecipe"))
      assert.equal(inputs["parentImage"], "ami-0a1b2c3d4e5f60718", name);
  });

  it("bakes one image for all bridges of a release and one for the Jibris, with all that their bundles pull", async () => {
    const baked = { bridge: ["s1-bridges", "s2-bridges"], jibri: ["jibris"] };
    assert.deepEqual(
      names("Image"),
      Object.keys(baked).map((role) => `bakery-${role}-stable-11146-2`),
    );
    for (const [role, ofRole] of Object.entries(baked)) {
      const document = String(fleet.one("Component", `bakery-${role}-stable-11146-2`).inputs["data"]);
      const pulled = Array.from(document.matchAll(/^ +pull '(.+)'$/gm), ([, image]) => image);
      for (const pool of ofRole) {
        const { contentBase64 } = fleet.one("BucketObjectv2", `${pool}-bundle`).inputs;
        const { images = "" } = await untarred(Buffer.from(String(contentBase64), "base64"));
        assert.deepEqual(pulled, [...new Set(images.trim().split("\n"))], pool);
      }
    }
  });

  it("tells a pool's machines of another release once its image is there, so that each is replaced once", () => {
    for (const pool of pools) {
      const { dependsOn } = fleet.one("BucketObjectv2", `${pool}-pointer`);
      const image = `Image bakery-${pool === "jibris" ? "jibri" : "bridge"}-stable-11146-2`;
      assert(
        dependsOn.some((one) => one.endsWith(image)),
        `${pool} waits for ${image}`,
      );
    }
  });

  it("makes each image once its machine may reach what it needs, and takes AMI and snapshots away with it", () => {
    const rules = names("SecurityGroupEgressRule").filter((name) => name.startsWith("bakery"));
    assert.deepEqual(rules, ["bakery-to-world-tcp-443", "bakery-to-world-tcp-80"]);
    for (const { dependsOn, hooks, name } of fleet.all("Image")) {
      for (const one of [...rules, "bakery", "network"])
        assert(
          dependsOn.some((on) => on.endsWith(` ${one}`)),
          `${name} waits for ${one}`,
        );
      assert.deepEqual(hooks.afterCreate, ["tag-ami-and-snapshots"]);
      assert.deepEqual(hooks.beforeDelete, ["delete-ami-and-snapshots"]);
    }
    // The old one is there until launch templates name the new one.
    for (const { createBeforeReplace, name } of [...fleet.all("Component"), ...fleet.all("ImageRecipe")])
      assert.equal(createBeforeReplace, true, name);
    // Closed to everybody.
    const open = fleet.all("SecurityGroupIngressRule").map(({ inputs }) => inputs["securityGroupId"]);
    assert(!open.includes("id-bakery"));
  });

  it("has secrets in parameters that are encrypted, and nowhere else", () => {
    const valueOf = (name: string): string => {
      const value = fleet.one("Parameter", name).inputs["value"] as { secret?: string };
      assert(value.secret, `${name} is secret in the state`);
      return value.secret;
    };
    const ofS1 = [1, 2, 3, 4].map((part) => valueOf(`s1-secrets-${part}`));
    const [revision = ""] = ofS1[0]?.split(" ") ?? [];
    assert.match(JSON.stringify(joinParts(ofS1, revision)), /secret-of-the-tokens/);
    for (const { inputs, name } of fleet.all("Parameter")) {
      valueOf(name);
      assert.equal(inputs["type"], "SecureString", name);
    }
    for (const { inputs, name, type } of fleet.resources) {
      const { contentBase64 = "" } = inputs as { contentBase64?: string };
      const shown = JSON.stringify(inputs, hidden) + Buffer.from(contentBase64, "base64").toString();
      assert(!shown.includes("secret-"), `${type} ${name} shows a secret`);
    }
    assert.match(
      String(fleet.one("BucketObjectv2", "s1-bundle").inputs["contentBase64"]),
      /^[A-Za-z0-9+/]{1000,}=*$/,
    );
  });

  const secretsOf = (node: string): Record<string, string> => {
    const parts = fleet
      .all("Parameter")
      .filter(({ name }) => name.startsWith(`${node}-secrets-`))
      .map(({ inputs }) => (inputs["value"] as { secret: string }).secret);
    return joinParts(parts, parts[0]?.split(" ")[0] ?? "");
  };

  it("puts what calls AWS where the metadata answers, a hop away, and lets what is there listen at no other address than it must", async () => {
    const calling = ["collector", "scaler", "rclone"];
    const seen: string[] = [];
    for (const name of [...nodes, ...pools]) {
      const { contentBase64 } = fleet.one("BucketObjectv2", `${name}-bundle`).inputs;
      const files = await untarred(Buffer.from(String(contentBase64), "base64"));
      const { services } = JSON.parse(files["compose.json"] ?? "") as {
        services: Record<string, { network_mode?: string; environment: Record<string, string> }>;
      };
      const secrets = secretsOf(name);
      for (const [service, { environment, network_mode: network }] of Object.entries(services)) {
        if (network !== "host") {
          assert(!calling.includes(service), `${name}'s ${service} gets no credentials`);
          continue;
        }
        const written = secrets[`containers/${service}/configuration.json`];
        const listens =
          written === undefined
            ? environment["RCLONE_RC_ADDR"]
            : (JSON.parse(written) as { listen: { address: string } }).listen.address;
        // A collector asks, and answers nobody.
        if (service !== "collector") seen.push(`${name} ${service}: ${listens ?? ""}`);
      }
    }
    const addressOf = (node: string): string =>
      (fleet.one("NetworkInterface", node).inputs["privateIps"] as string[])[0] ?? "";
    assert.deepEqual(seen, [
      ...["scaler-1", "scaler-2"].map((node) => `${node} scaler: ${addressOf(node)}`),
      "jibris rclone: 127.0.0.1:5572",
      "jibris uploader: 127.0.0.1",
      ...pools.map((pool) => `${pool} agent: {{machine.privateAddress}}`),
    ]);
  });

  it("replaces no group but for another name: another hook is brought by what stands beside it", () => {
    const forceNew = forcingPaths("aws:autoscaling/group:Group") ?? [];
    for (const group of fleet.all("Group")) {
      const replacing = Object.keys(group.inputs).filter(
        (input) => forceNew.includes(input) && !group.ignoreChanges.includes(input),
      );
      assert.deepEqual(replacing, ["name"]);
      const [first] = group.inputs["initialLifecycleHooks"] as Record<string, unknown>[];
      const { inputs: beside } = fleet.one("LifecycleHook", group.name);
      assert.deepEqual(beside, { ...first, autoscalingGroupName: beside["autoscalingGroupName"] });
    }
  });

  it("tags nothing with more of its own than tags leave room for", () => {
    const ofStack = ["Project", "Stack"];
    const known: readonly string[] = [
      ...OWN_TAGS,
      ...["jitsi-fleet:bundle", "jitsi-fleet:endpoint", "jitsi-fleet:machine"],
    ];
    for (const { inputs, type } of fleet.resources.filter(({ type: of }) => of.startsWith("aws:"))) {
      const { tags = {} } = inputs;
      const names = Array.isArray(tags)
        ? tags.map((tag) => String((tag as { key: unknown }).key))
        : Object.keys(tags as object);
      const own = [...new Set([...ofStack, ...names])].filter((name) => name !== "owner");
      const { own: most } = type.endsWith(":BucketObjectv2") ? MOST_TAGS.object : MOST_TAGS.resource;
      assert(own.length <= most, `${type}: ${own.join()}`);
      assert.deepEqual(
        own.filter((name) => !known.includes(name)),
        [],
        type,
      );
    }
  });

  it("sends users to a group once all edges are in it", () => {
    const attached = fleet.all("TargetGroupAttachment").map(({ name }) => `TargetGroupAttachment ${name}`);
    assert.equal(attached.length, 4);
    for (const { dependsOn, name } of fleet.all("Listener"))
      for (const one of attached)
        assert(
          dependsOn.some((urn) => urn.endsWith(one)),
          `${name}: ${one}`,
        );
  });

  it("has public addresses once the network leads out, as AWS asks, and while it does", () => {
    for (const { dependsOn } of fleet.all("Eip"))
      assert(
        dependsOn.some((one) => /:Route network$/.test(one)),
        dependsOn.join(),
      );
  });

  it("lets this account's alarms alone publish to the topic of alarms", () => {
    const { policy } = fleet.one("TopicPolicy", "events-alarms").inputs;
    const [{ Condition }] = (JSON.parse(String(policy)) as { Statement: [{ Condition: unknown }] }).Statement;
    assert.deepEqual(Condition, {
      ArnLike: { "aws:SourceArn": ["arn:aws:cloudwatch:eu-central-1:*:alarm:jitsi-prod*"] },
      StringEquals: { "aws:SourceAccount": "123456789012" },
    });
  });

  it("lets the scalers look at the edges' shards, and have no more of the keepers' secrets", () => {
    const written = secretsOf("scaler-1")["containers/scaler/configuration.json"] ?? "";
    const { edges } = scalerConfiguration.parse(JSON.parse(written)).fleet as AwsFleetConfiguration;
    assert.deepEqual(
      edges?.keepers.map(({ edge, url }) => `${edge} ${url}`),
      ["edge-1", "edge-2"].map((edge) => {
        const [address = ""] = fleet.one("NetworkInterface", edge).inputs["privateIps"] as string[];
        return `${edge} https://${address}:23003`;
      }),
    );
    const keeper = keeperConfiguration.parse(
      JSON.parse(secretsOf("edge-1")["containers/keeper/configuration.json"] ?? ""),
    );
    assert.equal(edges.token, lookToken(keeper.listen.token));
    assert.equal(edges.certificate, keeper.listen.tls?.certificate);
    assert(!written.includes(keeper.listen.token));
  });

  it("keeps what a pointer leads to until the pointer leads elsewhere: a machine may start meanwhile", () => {
    const pointed = fleet.all("BucketObjectv2").filter(({ name }) => !name.endsWith("-pointer"));
    assert(pointed.length > nodes.length + pools.length);
    for (const object of pointed) assert.equal(object.createBeforeReplace, true, object.name);
  });

  it("keeps a node's address when its machine is replaced, which the guard is asked about", () => {
    for (const machine of fleet.all("Instance")) {
      assert.equal(machine.deleteBeforeReplace, true, machine.name);
      assert.deepEqual(machine.ignoreChanges, ["userData"], machine.name);
      assert.deepEqual(machine.hooks.beforeUpdate, ["stop-only-what-is-empty"], machine.name);
      assert.deepEqual(machine.hooks.beforeDelete, ["stop-only-what-is-empty"], machine.name);
      const card = fleet.one("NetworkInterface", machine.name);
      assert.equal(inputOf(machine, "primaryNetworkInterface.networkInterfaceId"), `id-${card.name}`);
      assert.match(JSON.stringify(card.inputs["privateIps"]), /^\["10\.42\.\d+\.\d+"\]$/);
    }
    const addresses = fleet.all("NetworkInterface").map(({ inputs }) => String(inputs["privateIps"]));
    assert.equal(new Set(addresses).size, nodes.length);
  });

  it("changes the edges one after another, each once the one before has it in force", () => {
    const [second, pointer] = [
      fleet.one("Instance", "edge-2"),
      fleet.one("BucketObjectv2", "edge-2-pointer"),
    ];
    for (const { dependsOn, name } of [second, pointer])
      for (const first of ["BucketObjectv2 edge-1-pointer", "Instance edge-1"])
        assert(
          dependsOn.some((one) => one.endsWith(first)),
          `${name} waits for ${first}`,
        );
    for (const name of ["edge-1", "edge-2", "s1"])
      assert.deepEqual(fleet.one("BucketObjectv2", `${name}-pointer`).hooks.afterUpdate, [
        "wait-until-applied",
      ]);
    // Users are sent to the first again, before the second is taken out.
    for (const port of ["http", "https"])
      assert(second.dependsOn.some((one) => one.endsWith(`TargetGroupAttachment edge-1-${port}`)));
    const first = fleet.one("Instance", "edge-1").dependsOn;
    assert(!first.some((one) => one.includes("edge-2")));
  });

  it("tells a machine of its bundle once all of it is there", () => {
    for (const name of [...nodes, ...pools]) {
      const { dependsOn } = fleet.one("BucketObjectv2", `${name}-pointer`);
      const parts = ["bundle", "secrets-1", "secrets-2"].map((part) => `${name}-${part}`);
      for (const part of [...parts, "bundles-machine"])
        assert(
          dependsOn.some((one) => one.endsWith(` ${part}`)),
          `${name} waits for ${part}`,
        );
      const machine = nodes.includes(name) ? fleet.one("Instance", name) : fleet.one("Group", name);
      assert(machine.dependsOn.some((one) => one.endsWith(` ${name}-pointer`)));
    }
  });

  it("tags what bills by its role, and what AWS makes by itself with all tags", () => {
    const billed =
      /:(Component|Image|ImageRecipe|InfrastructureConfiguration|LogGroup|Instance|Eip|NetworkInterface|LaunchTemplate|Bucket|BucketObjectv2|Queue|Topic|Table|MetricAlarm|Parameter|LoadBalancer|VpcEndpoint)$/;
    for (const { inputs, name, type } of fleet.resources)
      if (billed.test(type) && type.startsWith("aws:"))
        assert.equal(
          typeof (inputs["tags"] as Record<string, unknown> | undefined)?.["Role"],
          "string",
          `${type} ${name}`,
        );
    for (const { inputs, name } of fleet.all("Group")) {
      const tags = inputs["tags"] as { key: string; value: string; propagateAtLaunch: boolean }[];
      const given = Object.fromEntries(tags.map(({ key, value }) => [key, value]));
      const unasked = tags.filter(({ propagateAtLaunch }) => !propagateAtLaunch);
      // Its machines have that of the template which they were made by.
      assert.deepEqual(
        unasked.map(({ key }) => key),
        ["jitsi-fleet:machine"],
      );
      assert.deepEqual(
        { Project: given["Project"], Stack: given["Stack"], owner: given["owner"], Pool: given["Pool"] },
        { Project: "jitsi-fleet", Stack: "prod", owner: "it", Pool: name },
      );
      assert.equal(given["jitsi-fleet:bundle"], `s3://bucket-bundles/machines/${name}/current`);
    }
    const recipes = fleet.all("ImageRecipe").map(({ inputs }) => inputs["amiTags"]);
    assert.equal(recipes.length, 2);
    for (const tags of recipes as object[]) {
      assert("Project" in tags && "Stack" in tags && "Role" in tags);
      assert(!("owner" in tags), "another one would bake another image");
    }
    const [places, ...others] = fleet.all("InfrastructureConfiguration");
    const resourceTags = places?.inputs["resourceTags"] as object;
    assert(others.length === 0 && "Project" in resourceTags && "owner" in resourceTags);
    for (const template of fleet.all("LaunchTemplate")) {
      const given = template.inputs["tagSpecifications"] as { resourceType: string; tags: object }[];
      assert.deepEqual(given.map(({ resourceType }) => resourceType).sort(), [
        "instance",
        "network-interface",
        "volume",
      ]);
      for (const { tags } of given)
        assert("Project" in tags && "Stack" in tags && "Role" in tags && "owner" in tags);
    }
  });

  it("keeps recordings and what protects them when the stack is destroyed, and nothing else", () => {
    const kept = fleet.resources.filter(({ retainOnDelete }) => retainOnDelete);
    assert.deepEqual([...new Set(kept.map(({ name }) => name))], ["recordings"]);
    assert.equal(kept.length, 7);
  });

  it("has names that AWS takes", () => {
    for (const { inputs, name } of [...fleet.all("LoadBalancer"), ...fleet.all("TargetGroup")]) {
      assert.equal(inputs["name"], undefined, "Pulumi names it");
      assert(name.length + AUTONAME_LETTERS <= LONGEST_BALANCER_NAME, name);
    }
  });

  it("tells a person of machines that do not say how they are, for they count as what serves", () => {
    for (const pool of pools) {
      const { inputs } = fleet.one("MetricAlarm", `${pool}-silent`);
      const { dimensions, metricName, namespace, statistic, threshold } = inputs;
      assert.deepEqual(
        { dimensions, metricName, namespace, statistic, threshold },
        {
          dimensions: { Pool: pool },
          metricName: "Silent",
          namespace: "JitsiFleet/prod",
          statistic: "Minimum",
          threshold: 0,
        },
      );
      assert.deepEqual(inputs["alarmActions"], ["arn:aws:sns:eu-central-1:123456789012:events-alarms"]);
    }
  });

  it("ends nothing while the scaler could begin something: the scalers know the groups, and go first", () => {
    for (const name of ["scaler-1", "scaler-2"]) {
      const parameters = fleet.all("Parameter").filter((one) => one.name.startsWith(`${name}-secrets`));
      for (const pool of pools)
        assert(
          parameters.every(({ dependsOn }) => dependsOn.some((one) => one.endsWith(`Group ${pool}`))),
          `${name} depends on ${pool}`,
        );
    }
  });

  it("has more bridges by the clock, and tells a person of what needs one", () => {
    const schedules = fleet
      .all("Schedule")
      .map(({ inputs }) => [
        inputs["autoscalingGroupName"],
        inputs["recurrence"],
        inputs["minSize"],
        inputs["maxSize"],
        inputs["desiredCapacity"],
        inputs["timeZone"],
      ]);
    assert.deepEqual(schedules.sort(), [
      ["jitsi-prod-s1-bridges", "30 6 * * 1-5", 4, -1, -1, "Etc/UTC"],
      ["jitsi-prod-s2-bridges", "30 6 * * 1-5", 4, -1, -1, "Etc/UTC"],
    ]);
    assert(fleet.all("TopicSubscription").some(({ inputs }) => inputs["endpoint"] === "it@school.net"));
  });
});

describe("how a group launches", () => {
  const instanceTypes = { edge: "", shard: "", scaler: "", bridges: ["c7i.xlarge"], jibris: ["m7i.xlarge"] };
  const template = { id: "lt-1", version: "3" };

  it("takes one type as the template has it", () => {
    const choice = launchChoice({ instanceTypes, bridges: { spot: false, warmPool: 0 } }, "bridge");
    assert.deepEqual(groupLaunches(choice, template), { launchTemplate: template });
  });

  it("takes Spot for bridges alone, of whatever type there is most of", () => {
    const settings = { instanceTypes, bridges: { spot: true, warmPool: 0 } };
    const bridges = groupLaunches(launchChoice(settings, "bridge"), template);
    assert.deepEqual(bridges, {
      mixedInstancesPolicy: {
        launchTemplate: {
          launchTemplateSpecification: { launchTemplateId: "lt-1", version: "3" },
          overrides: [{ instanceType: "c7i.xlarge" }],
        },
        instancesDistribution: {
          onDemandAllocationStrategy: "prioritized",
          onDemandBaseCapacity: 0,
          onDemandPercentageAboveBaseCapacity: 0,
          spotAllocationStrategy: "price-capacity-optimized",
        },
      },
    });
    assert.deepEqual(groupLaunches(launchChoice(settings, "jibri"), template), { launchTemplate: template });
  });

  it("keeps stopped bridges ready where that is asked for", () => {
    const settings = { instanceTypes, bridges: { spot: false, warmPool: 2 } };
    assert.deepEqual(warmPool(settings, "bridge").warmPool, {
      poolState: "Stopped",
      minSize: 2,
      maxGroupPreparedCapacity: 2,
    });
    assert.deepEqual(warmPool(settings, "jibri"), {});
  });
});
