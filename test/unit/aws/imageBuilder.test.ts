import assert from "node:assert/strict";
import { Aws } from "../../engine/plugins/aws/client";
import { imageTypes } from "../../engine/plugins/aws/images";
import { resourceType } from "../../engine/plugins/aws/type";
import type { Properties } from "../../engine/plugins/properties";
import { Front } from "../../support/aws/front";
import { ImageBuilder } from "../../support/aws/imageBuilder";

describe("the stand-ins for Image Builder", () => {
  const amis: [name: string, tags: object][] = [];
  let front: Front;
  let client: Aws;

  before(async () => {
    const builder = new ImageBuilder((name, tags) => Promise.resolve(`ami-${amis.push([name, tags])}`));
    front = await Front.listen("127.0.0.1", 0, {
      backend: () => assert.fail("asked of moto"),
      answer: (request) => builder.answer(request),
      amend: () => Promise.resolve(undefined),
      answered: () => Promise.resolve(),
    });
    const endpoints = { imagebuilder: `http://127.0.0.1:${front.port}` };
    client = new Aws({ region: "eu-central-1", endpoints });
  });
  after(() => front.close());

  const typeOf = (name: string) => {
    const [token, type] =
      Object.entries(imageTypes).find(([one]) => one.endsWith(`:${name}`)) ??
      assert.fail(`there is no ${name}`);
    return resourceType(token, type);
  };
  const operation = () => ({
    client,
    name: "one",
    signal: new AbortController().signal,
    log: () => undefined,
  });
  async function make(name: string, inputs: Properties) {
    const { id, outputs } = await typeOf(name).create(inputs, operation());
    return { id, inputs, outputs };
  }
  const component = { name: "Pools", platform: "Linux", version: "1.2.3", data: "name: x", tags: { a: "1" } };
  const recipe = (componentArn: string): Properties => ({
    name: "Pools",
    version: "4.5.6",
    parentImage: "ami-parent",
    components: [{ componentArn }],
    blockDeviceMappings: [{ deviceName: "/dev/sda1", ebs: { encrypted: "true" } }],
    amiTags: { Role: "bridge" },
  });
  const place = {
    name: "Pools",
    instanceProfileName: "profile",
    instanceTypes: ["c7i.xlarge"],
    terminateInstanceOnFailure: true,
    instanceMetadataOptions: { httpTokens: "required" },
  };

  it("make an image of a recipe, with an AMI, and take all of it away but for that", async () => {
    const made = await make("Component", component);
    assert.equal(made.id, "arn:aws:imagebuilder:eu-central-1:123456789012:component/pools/1.2.3/1");
    const cooked = await make("ImageRecipe", recipe(made.id));
    const where = await make("InfrastructureConfiguration", place);
    const arns = { imageRecipeArn: cooked.id, infrastructureConfigurationArn: where.id };
    const image = await make("Image", arns);
    assert.match(image.id, /:image\/pools\/4\.5\.6\/1$/);
    assert.equal(
      (image.outputs["outputResources"] as { amis: { image: string }[] }[])[0]?.amis[0]?.image,
      "ami-1",
    );
    assert.deepEqual(amis, [["Pools 4.5.6/1", { Role: "bridge" }]]);
    assert.match((await make("Image", arns)).id, /\/2$/);

    // Nothing of it is told otherwise than it was given.
    for (const [name, one] of Object.entries({
      Component: made,
      ImageRecipe: cooked,
      InfrastructureConfiguration: where,
      Image: image,
    }))
      assert.deepEqual((await typeOf(name).read?.(one, operation()))?.inputs, one.inputs, name);

    const news = { ...place, instanceTypes: ["c7i.2xlarge"], tags: { b: "2" } };
    const changed = await typeOf("InfrastructureConfiguration").update?.(where, news, operation());
    assert.deepEqual([changed?.["instanceTypes"], changed?.["tags"]], [["c7i.2xlarge"], { b: "2" }]);
    const tagged = await typeOf("Component").update?.(
      made,
      { ...component, tags: { "c d": "3" } },
      operation(),
    );
    assert.deepEqual(tagged?.["tags"], { "c d": "3" });

    await assert.rejects(
      typeOf("Component").delete?.(made, operation()) ?? Promise.resolve(),
      /ResourceDependencyException/,
    );
    for (const [name, one] of [
      ["Image", image],
      ["ImageRecipe", cooked],
      ["Component", made],
      ["InfrastructureConfiguration", where],
    ] as const) {
      await typeOf(name).delete?.(one, operation());
      assert.equal(await typeOf(name).read?.(one, operation()), undefined, name);
    }
  });

  it("never make a version twice, nor anything of what is not there", async () => {
    const { id } = await make("Component", { ...component, version: "7.8.9" });
    await assert.rejects(
      make("Component", { ...component, version: "7.8.9", data: "name: y" }),
      /ResourceAlreadyExistsException/,
    );
    await assert.rejects(make("ImageRecipe", recipe(`${id}0`)), /ResourceNotFoundException/);
    await assert.rejects(
      make("Image", { imageRecipeArn: id, infrastructureConfigurationArn: "arn:none" }),
      /ResourceNotFoundException/,
    );
  });
});
