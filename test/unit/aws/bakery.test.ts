import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parse } from "yaml";
import { BakedImages, type ImageClient } from "../../../components/aws/bakedImages";
import { Bakery } from "../../../components/aws/bakery";
import { openBakingSubnet } from "../../../components/aws/bakingSubnet";
import type { AwsContext } from "../../../components/aws/context";
import { bakingDocument, contentVersion } from "../../../components/aws/machine/bakedImage";
import { ENSURE_DOCKER, PULL } from "../../../components/aws/machine/docker";
import { SIGN_IN } from "../../../components/aws/machine/registries";
import { RUN_SCRIPT } from "../../../components/aws/machine/runScript";
import { USER_DATA } from "../../../components/aws/machine/userData";
import { Network } from "../../../components/aws/network";
import { SettingsError } from "../../../components/settings";
import { imageTypes } from "../../engine/plugins/aws/images";
import { existingNetwork, goodAwsSettings, spoilt } from "../goodSettings";
import { registeredBy, type Registered } from "./mocks";

const images = ["node:24-bookworm-slim", "ghcr.io/jitsi/jvb:stable-11146-2"];
const document = bakingDocument(images);

interface Step {
  readonly name: string;
  readonly action: string;
  readonly onFailure: string;
  readonly maxAttempts: number;
  readonly timeoutSeconds: number;
  readonly inputs: { readonly commands: readonly string[] };
}
interface Document {
  readonly schemaVersion: number;
  readonly phases: readonly { readonly name: string; readonly steps: readonly Step[] }[];
}

const stepsOf = (text: string): readonly Step[] => {
  const [phase, ...more] = (parse(text) as Document).phases;
  assert.deepEqual([phase?.name, more], ["build", []]);
  return phase?.steps ?? [];
};

describe("what is done on a machine for its image to be a pool's", () => {
  let directory: string;
  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), "baking-"));
    mkdirSync(join(directory, "etc"));
  });
  afterEach(() => {
    rmSync(directory, { recursive: true });
  });

  /** Runs the steps with stand-ins for what they call, and gives the calls. `lacks`: calls that end in an error. */
  function run(lacks: RegExp): string[] {
    const log = join(directory, "calls");
    const bin = join(directory, "bin");
    mkdirSync(bin);
    writeFileSync(log, "");
    for (const name of ["apt-get", "cloud-init", "docker", "systemctl"]) {
      const call = `call="${name} $*"; echo "$call" >>'${log}'; [[ ! $call =~ ${lacks.source} ]]`;
      writeFileSync(join(bin, name), `#!/bin/bash\n${call}\n`);
      chmodSync(join(bin, name), 0o755);
    }
    for (const { inputs } of stepsOf(document))
      for (const command of inputs.commands)
        execFileSync("bash", ["-c", command.replaceAll(/\/(?=etc\/|var\/)/g, `${directory}/`)], {
          // A socket there, and bash would run the user's own start-up file.
          stdio: ["ignore", "pipe", "pipe"],
          env: { PATH: `${bin}:${process.env["PATH"] ?? ""}` },
        });
    return readFileSync(log, "utf8").trim().split("\n");
  }

  it("is a document that AWSTOE reads: tried again, and given up as a whole where a step fails", () => {
    assert.equal((parse(document) as Document).schemaVersion, 1);
    const steps = stepsOf(document);
    assert.deepEqual(
      steps.map(({ name }) => name),
      ["Docker", "Images", "Tidy"],
    );
    for (const { action, inputs, maxAttempts, onFailure, timeoutSeconds } of steps) {
      assert.deepEqual([action, maxAttempts, onFailure, timeoutSeconds], ["ExecuteBash", 3, "Abort", 1200]);
      for (const command of inputs.commands) assert.match(command, /^set -euo pipefail\n/);
    }
    // It would take these for variables of its own.
    assert.doesNotMatch(document, /\{\{/);
    assert.ok(Buffer.byteLength(bakingDocument(Array<string>(20).fill(images[1] ?? ""))) < 16_000);
  });

  it("installs Docker and pulls by the very words that machines do at their first boot", () => {
    const text = stepsOf(document)
      .flatMap(({ inputs }) => inputs.commands)
      .join("");
    assert.ok(text.includes(ENSURE_DOCKER) && USER_DATA.includes(ENSURE_DOCKER));
    assert.ok(text.includes(PULL) && RUN_SCRIPT.includes(PULL));
  });

  it("is let in by registries as machines are, without a word of whom they let in, and signs out", () => {
    const [, pulls] = stepsOf(bakingDocument(images, { parameter: "/jitsi/prod/registries" }));
    const text = pulls?.inputs.commands.join("") ?? "";
    assert.ok(text.includes(SIGN_IN) && RUN_SCRIPT.includes(SIGN_IN) && !document.includes("sign_in"));
    const lines = text.split("\n").filter((line) => /^(sign_in|pull '|sign_out$)/.test(line));
    const pulled = images.map((image) => `pull '${image}'`);
    assert.deepEqual(
      lines.filter((line) => !line.endsWith("{")),
      ["sign_in <<<'/jitsi/prod/registries'", ...pulled, "sign_out"],
    );
    execFileSync("bash", ["-n"], { input: text });
  });

  it("installs Docker where the image lacks it, and pulls what is not there", () => {
    const calls = run(/^(docker compose version|docker version|docker image inspect)/);
    const found = calls.map((call) => call.replace(/ --option \S+/g, ""));
    const apt = "apt-get --quiet --yes --no-install-recommends";
    assert.deepEqual(found, [
      "cloud-init status --wait",
      "docker compose version",
      `${apt} update`,
      `${apt} install docker.io docker-compose-v2`,
      "docker version",
      "systemctl enable --now docker",
      ...images.flatMap((image) => [`docker image inspect ${image}`, `docker pull --quiet ${image}`]),
      "systemctl stop docker.socket docker.service",
    ]);
    assert.match(readFileSync(join(directory, "etc/docker/daemon.json"), "utf8"), /"live-restore": true/);
  });

  it("leaves a Docker that is there as it is, and lets each machine and its engine have a name of their own", () => {
    const engine = join(directory, "var/lib/docker");
    mkdirSync(engine, { recursive: true });
    writeFileSync(join(engine, "engine-id"), "one");
    writeFileSync(join(directory, "etc/machine-id"), "one");
    const calls = run(/^never$/);
    assert.ok(!calls.some((call) => /^apt-get|pull/.test(call)), calls.join("\n"));
    assert.ok(!existsSync(join(engine, "engine-id")));
    // Empty, it is made anew at the next boot.
    assert.equal(readFileSync(join(directory, "etc/machine-id"), "utf8"), "");
  });

  it("fails where an image cannot be pulled", () => {
    assert.throws(() => run(/^(docker image inspect|docker pull)/), /Command failed/);
  });
});

describe("versions of what is never changed", () => {
  it("are told by the content, in three numbers that Image Builder takes", () => {
    assert.equal(contentVersion({ a: 1 }), contentVersion({ a: 1 }));
    const versions = Array.from({ length: 500 }, (_, index) => contentVersion(index));
    assert.equal(new Set(versions).size, versions.length);
    for (const version of versions) {
      assert.match(version, /^\d+\.\d+\.\d+$/);
      for (const number of version.split(".")) assert.ok(Number(number) < 2 ** 30, version);
    }
  });
});

describe("the bakery", function () {
  this.timeout(600_000);
  const good = spoilt("aws.image.baked", true, goodAwsSettings());

  const baked = (given: Record<string, unknown>, pulled: readonly string[] = images, release = "r") =>
    registeredBy(given, (context: AwsContext) => {
      const network = new Network("network", context, {});
      const bakery = new Bakery(
        "bakery",
        {
          context,
          network,
          images: new BakedImages(context),
          bundles: { registries: undefined, registriesWritten: [] },
        },
        {},
      );
      return [bakery.image("bridge", release, pulled), bakery.image("bridge", release, pulled)];
    });
  const of = (found: readonly Registered[], type: string): Registered["inputs"] => {
    const all = found.filter((one) => one.type === `aws:imagebuilder/${type}`);
    assert.equal(all.length, 1, `one ${type}`);
    return all[0]?.inputs ?? {};
  };
  const recipe = async (...args: Parameters<typeof baked>): Promise<string> =>
    String(of((await baked(...args)).all, "imageRecipe:ImageRecipe")["version"]);

  it("makes one image of what is the same, on a machine that gives nothing away and does not stay", async () => {
    const { all } = await baked(good);
    for (const { inputs, type } of all) {
      const known = imageTypes[type]?.inputs;
      if (known)
        assert.deepEqual(
          Object.keys(inputs).filter((key) => ![...known, "tags"].includes(key)),
          [],
        );
    }
    const place = of(all, "infrastructureConfiguration:InfrastructureConfiguration");
    assert.deepEqual(place["instanceMetadataOptions"], {
      httpTokens: "required",
      httpPutResponseHopLimit: 1,
    });
    assert.equal(place["terminateInstanceOnFailure"], true);
    assert.deepEqual(place["securityGroupIds"], ["bakery-id"]);
    assert.deepEqual(place["instanceTypes"], ["c7i.xlarge", "c6i.xlarge"]);
    assert.equal(place["subnetId"], "network-eu-central-1a-pools-id");
    assert.equal(place["keyPair"], undefined);
    const { blockDeviceMappings, components, parentImage } = of(all, "imageRecipe:ImageRecipe");
    assert.equal(parentImage, "ami-0a1b2c3d4e5f60718");
    assert.deepEqual(components, [{ componentArn: "arn:Component:bakery-bridge-r" }]);
    assert.match(JSON.stringify(blockDeviceMappings), /"encrypted":"true".*"volumeSize":20/);
    const image = of(all, "image:Image");
    assert.deepEqual(image["imageTestsConfiguration"], { imageTestsEnabled: false });
    assert.deepEqual(image["loggingConfiguration"], { logGroupName: "/aws/imagebuilder/jitsi-test-bakery" });
  });

  it("makes another of another release or base image, and of nothing else", async () => {
    const version = await recipe(good);
    const others: [what: string, version: string][] = [
      ["images", await recipe(good, [images[0] ?? "", "ghcr.io/jitsi/jvb:stable-11200"])],
      ["base", await recipe(spoilt("aws.image.id", "ami-0123456789abcdef0", good))],
    ];
    assert.equal(new Set([version, ...others.map(([, other]) => other)]).size, 3, JSON.stringify(others));
    const same: [path: string, value: unknown][] = [
      ["tags", { owner: "it" }],
      ["domain", "other.school.net"],
      ["bridges", { max: 7, capacity: 60 }],
      ["shards", [{ name: "s1" }, { name: "s2", state: "drain" }]],
      ["aws.instanceTypes", { bridges: ["c7i.2xlarge"] }],
      ["aws.bridges", { spot: true }],
      ["aws.zones", ["eu-central-1a", "eu-central-1b", "eu-central-1c"]],
      ["aws.alarms", { email: "it@school.net" }],
    ];
    for (const [path, value] of same) assert.equal(await recipe(spoilt(path, value, good)), version, path);
  });

  it("has a public address for its machine: an own network's subnet gives one in the first zone alone", async () => {
    const subnets = async (given: Record<string, unknown>): Promise<string[]> =>
      (await registeredBy(given, (context) => new Network("network", context, {})))
        .only("aws:ec2/subnet:Subnet")
        .flatMap(({ inputs, name }) => (inputs["mapPublicIpOnLaunch"] === true ? [name] : []));
    assert.deepEqual(await subnets(good), ["network-eu-central-1a-pools"]);
    assert.deepEqual(await subnets(goodAwsSettings()), []);
  });

  it("is refused where an existing network's subnet gives none, before anything is made", async () => {
    const network = existingNetwork();
    const asked = async (given: Record<string, unknown>, mapPublicIpOnLaunch: boolean): Promise<unknown> => {
      const { result } = await registeredBy(
        given,
        (context) => {
          const found = openBakingSubnet(context) as unknown as { promise(): Promise<unknown> };
          return found.promise().catch((error: unknown) => error);
        },
        { mapPublicIpOnLaunch },
      );
      return result;
    };
    const existing = spoilt("aws.network", network, good);
    const refused = await asked(existing, false);
    assert(refused instanceof SettingsError, String(refused));
    const [fault] = refused.faults;
    assert.equal(fault?.path, "aws.image.baked");
    assert.match(
      fault.message,
      /subnet-00000001, .* no public address; run aws ec2 modify-subnet-attribute .*, or set it to false/,
    );
    assert.deepEqual(await asked(existing, true), []);
    assert.deepEqual(await asked(spoilt("aws.network", network, goodAwsSettings()), false), []);
  });
});

describe("what Image Builder leaves to others", () => {
  /** EC2 that says this of an AMI, or an error, and the requests that it got. */
  async function asked(
    what: (images: BakedImages) => Promise<void>,
    error?: Error,
  ): Promise<[request: string, input: unknown][]> {
    const requests: [string, unknown][] = [];
    const client = {
      send: ({ constructor, input }: { constructor: { name: string }; input: unknown }) => {
        requests.push([constructor.name, input]);
        if (error) return Promise.reject(error);
        const BlockDeviceMappings = [{ Ebs: { SnapshotId: "snap-1" } }, { VirtualName: "ephemeral0" }];
        return Promise.resolve({ Images: [{ BlockDeviceMappings }] });
      },
    } as unknown as ImageClient;
    const given = { ...goodAwsSettings(), tags: { owner: "it" } };
    const { result } = await registeredBy(given, (context) => new BakedImages(context, client));
    await what(result);
    return requests;
  }
  const outputs = { outputResources: [{ amis: [{ image: "ami-1" }], containers: [] }] };
  const named = (code: string): Error => Object.assign(new Error(code), { name: code });

  it("is to tag AMI and snapshots, by which an image bills", async () => {
    const newInputs = { tags: { Role: "bridge", Name: "jitsi-test-baked-bridge" } };
    const [described, tagged] = await asked((made) => made.tagImages({ newInputs, newOutputs: outputs }));
    assert.deepEqual(described, ["DescribeImagesCommand", { ImageIds: ["ami-1"] }]);
    const tags = { owner: "it", Project: "jitsi-fleet", Stack: "test", ...newInputs.tags };
    const Tags = Object.entries(tags).map(([Key, Value]) => ({ Key, Value }));
    assert.deepEqual(tagged, ["CreateTagsCommand", { Resources: ["ami-1", "snap-1"], Tags }]);
  });

  it("is to delete AMI and snapshots with the image, whoever else may have", async () => {
    const gone = [["DeregisterImageCommand", { ImageId: "ami-1", DeleteAssociatedSnapshots: true }]];
    const forget = (made: BakedImages): Promise<void> => made.deregister({ oldOutputs: outputs });
    assert.deepEqual(await asked(forget), gone);
    assert.deepEqual(await asked(forget, named("InvalidAMIID.Unavailable")), gone);
    await assert.rejects(asked(forget, named("UnauthorizedOperation")), /UnauthorizedOperation/);
  });

  it("is nothing where a build came to no AMI", async () => {
    for (const newOutputs of [{}, { outputResources: [{ containers: [] }] }])
      assert.deepEqual(
        await asked((made) =>
          made.tagImages({ newInputs: { tags: { Role: "bridge", Name: "baked" } }, newOutputs }),
        ),
        [],
      );
    for (const oldOutputs of [{}, { outputResources: [{ containers: [] }] }])
      assert.deepEqual(await asked((made) => made.deregister({ oldOutputs })), []);
  });
});
