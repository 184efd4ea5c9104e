import {
  AttachInternetGatewayCommand,
  CreateInternetGatewayCommand,
  CreateSubnetCommand,
  CreateVpcCommand,
  EC2Client,
} from "@aws-sdk/client-ec2";
import assert from "node:assert/strict";
import "../engine/ready";
import type { PreviewStep } from "../engine/workspace";
import { groupOf, ProdBed, succeeded, until } from "../prod/bed";
import { leftIn } from "../prod/left";

/** What settings can ask of a stack that runs: each brought up and changed, and nothing left to do then. */
describe("a running stack on AWS", function () {
  this.timeout(900_000);
  let bed: ProdBed;

  before(async () => {
    bed = await ProdBed.start();
    await bed.stack.setConfigs({
      "aws.frontDoor.certificate": "passThrough",
      "tls.mode": "acme",
      "tls.email": "it@my-school.org",
    });
    await bed.up();
    await bed.isSettled();
    await all(2);
  });
  after(() => bed.stop());
  afterEach(() => {
    bed.isWell();
  });

  const all = async (bridges: number): Promise<void> => {
    await Promise.all([
      bed.settled("s1-bridges", bridges),
      bed.settled("s2-bridges", bridges),
      bed.settled("jibris", 2),
    ]);
  };

  it("has its certificate from AWS now: its load balancer stays, and never has a group without edges", async () => {
    await bed.stack.setConfig("aws.frontDoor.certificate", "acm");
    await bed.stack.removeConfig("tls");
    const ids = bed.allIds();
    assert.deepEqual(replaced((await bed.stack.previewJson()).steps), [
      "aws:lb/targetGroup:TargetGroup edges-https",
      "aws:lb/targetGroupAttachment:TargetGroupAttachment edge-1-https",
      "aws:lb/targetGroupAttachment:TargetGroupAttachment edge-2-https",
    ]);
    const { stdout } = await bed.up();
    const at = (what: RegExp): number => stdout.search(what);
    for (const edge of ["edge-1", "edge-2"]) {
      const registered = at(new RegExp(`TargetGroupAttachment ${edge}-https created replacement`));
      assert(registered > 0 && registered < at(/Listener front-door-https updated/), stdout);
    }
    await bed.isSettled();
    assert.deepEqual(bed.allIds(), ids);
  });

  it("launches Spot instances from now on, and keeps what it has", async () => {
    await bed.stack.setConfig("aws.bridges.spot", "true");
    const ids = bed.allIds();
    assert.deepEqual(replaced((await bed.stack.previewJson()).steps), []);
    await bed.up();
    await bed.isSettled();
    assert.deepEqual(bed.allIds(), ids);
    bed.load("s1", 80);
    await bed.settled("s1-bridges", 4);
    const spot = bed.emulator.instances(groupOf("s1-bridges")).filter(({ isSpot }) => isSpot);
    assert.equal(spot.length, 2);
    const [taken] = spot;
    assert(taken);
    await bed.emulator.spotInterrupt(taken.id);
    // Its people are moved, and another takes their place.
    await until("it takes nobody new", () => bed.machines.get(taken.id)?.instance.draining !== false);
    bed.load("s1", 0);
    const machine = bed.machines.get(taken.id);
    if (machine) machine.instance.participants = 0;
    await bed.settled("s1-bridges", 2);
  });

  it("has one type and keeps stopped machines ready", async () => {
    await bed.stack.removeConfig("aws.instanceTypes.bridges[2]");
    await bed.stack.removeConfig("aws.instanceTypes.bridges[1]");
    await bed.stack.setConfigs({ "aws.bridges.spot": "false", "aws.bridges.warmPool": "1" });
    assert.deepEqual(replaced((await bed.stack.previewJson()).steps), []);
    await bed.up();
    await bed.isSettled();
    await until("one waits for each shard", () =>
      ["s1-bridges", "s2-bridges"].every((pool) => bed.count(pool).includes("Warmed:Stopped")),
    );
    await bed.stack.setConfig("aws.bridges.warmPool", "0");
    await bed.up();
    await bed.isSettled();
    await all(2);
  });

  it("starts from images of its own now: its pools are replaced, each machine once it is empty", async () => {
    const before = bed.allIds();
    await bed.stack.setConfig("aws.image.baked", "true");
    await bed.up();
    await bed.isSettled();
    await until(
      () => `all machines are others: ${bed.allIds().join()} were ${before.join()}`,
      () => bed.allIds().every((id) => !before.includes(id)),
      300,
    );
    await all(2);
  });

  it("is destroyed whole", async () => {
    bed.isEnding = true;
    succeeded(await bed.stack.destroy());
    assert.deepEqual(await leftIn(bed.emulator.clientSettings()), { buckets: 1 });
  });
});

describe("a stack in a network that is there", function () {
  this.timeout(900_000);
  let bed: ProdBed;

  before(async () => {
    bed = await ProdBed.start();
    await bed.stack.removeConfig("aws.network");
    await bed.stack.setConfigs(await madeNetwork(bed));
  });
  after(() => bed.stop());
  afterEach(() => {
    bed.isWell();
  });

  it("comes up in it, has nothing to do then, and is refused where its load balancer would have to leave", async () => {
    await bed.up();
    await bed.isSettled();
    await bed.settled("s1-bridges", 2);
    await bed.stack.setConfig("aws.network.subnets[3].id", "subnet-0123456789abcdef0");
    const refused = await bed.stack.up();
    assert.notEqual(refused.exitCode, 0);
    assert.match(
      refused.stdout + refused.stderr,
      /aws\.network\.subnets\[3\]\.id: the load balancer stands in subnet-\w+, which it cannot leave/,
    );
  });
});

/** What a preview replaces, but for bundles: those have keys of their own, and pointers lead to the new ones. */
function replaced(steps: readonly PreviewStep[]): string[] {
  return steps
    .filter(({ op, urn }) => op === "replace" && !/-bundle$/.test(urn))
    .map(({ urn }) => urn.split("::").slice(2).join(" ").replace(/^.*\$/, ""))
    .sort();
}

/** A VPC with a subnet for each use in each zone, as settings. */
async function madeNetwork({ emulator }: ProdBed): Promise<Record<string, string>> {
  const ec2 = new EC2Client(emulator.clientSettings());
  const { Vpc } = await ec2.send(new CreateVpcCommand({ CidrBlock: "10.9.0.0/16" }));
  const VpcId = Vpc?.VpcId ?? "";
  const { InternetGateway } = await ec2.send(new CreateInternetGatewayCommand({}));
  const gateway = { InternetGatewayId: InternetGateway?.InternetGatewayId ?? "", VpcId };
  await ec2.send(new AttachInternetGatewayCommand(gateway));
  const wanted = [
    ["eu-central-1a", "machines", "10.9.0.0/22"],
    ["eu-central-1b", "machines", "10.9.4.0/22"],
    ["eu-central-1a", "loadBalancer", "10.9.8.0/26"],
    ["eu-central-1b", "loadBalancer", "10.9.8.64/26"],
  ] as const;
  const settings: Record<string, string> = { "aws.network.type": "existing", "aws.network.vpcId": VpcId };
  for (const [index, [zone, use, range]] of wanted.entries()) {
    const made = await ec2.send(new CreateSubnetCommand({ VpcId, AvailabilityZone: zone, CidrBlock: range }));
    const at = `aws.network.subnets[${index}]`;
    Object.assign(settings, {
      [`${at}.id`]: made.Subnet?.SubnetId ?? "",
      [`${at}.zone`]: zone,
      [`${at}.use`]: use,
      [`${at}.range`]: range,
    });
  }
  ec2.destroy();
  return settings;
}
