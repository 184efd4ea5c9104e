import * as cloudwatch from "@pulumi/aws/cloudwatch";
import * as ec2 from "@pulumi/aws/ec2";
import * as imagebuilder from "@pulumi/aws/imagebuilder";
import * as vpc from "@pulumi/aws/vpc";
import * as pulumi from "@pulumi/pulumi";
import type { PoolRole } from "../platform";
import type { BakedImages } from "./bakedImages";
import { bakingZone } from "./bakingSubnet";
import type { Bundles } from "./bundles";
import { allTags, type AwsContext } from "./context";
import { bakingDocument, contentVersion } from "./machine/bakedImage";
import { metadataOptions, rootDisk } from "./machineDefaults";
import { MachineRole } from "./machineRole";
import { awsName, ownTags } from "./names";
import type { Network } from "./network";
import { bakingStatements } from "./policies";
import { outwardPorts } from "./securityRules";

export interface BakeryArgs {
  readonly context: AwsContext;
  readonly network: Network;
  readonly images: BakedImages;
  /** Which of their own have whom registries let in. */
  readonly bundles: Pick<Bundles, "registries" | "registriesWritten">;
}

/** An image that a pool's machines start from. */
export interface BakedImage {
  /** The AMI's. */
  readonly id: pulumi.Output<string>;
  /** It is there once this is. */
  readonly made: pulumi.Resource;
}

const LOG_DAYS = 30;
/** A build takes some ten minutes; one that never ends is given up, and nothing was changed by then. */
const BUILD_LIMIT = "60m";

/**
 * Images for the pools' machines, baked by EC2 Image Builder at an update: what a machine would install and pull at its
 * first boot is there already. A new release of Jitsi, another `aws.image.id`, or `images.node` make another image,
 * then another launch template, by which the scaler replaces each machine once it is empty. The old image is deleted last.
 */
export class Bakery extends pulumi.ComponentResource {
  private readonly infrastructure: imagebuilder.InfrastructureConfiguration;
  /** What a machine that builds needs beside its configuration. */
  private readonly ways: readonly pulumi.Resource[];
  private readonly log: cloudwatch.LogGroup;
  /** By role and images: pools that run the same have one. */
  private readonly known = new Map<string, BakedImage>();
  /** Of components and recipes: their versions tell them apart. */
  private readonly recipeName: string;

  constructor(
    private readonly name: string,
    private readonly args: BakeryArgs,
    opts: pulumi.ComponentResourceOptions,
  ) {
    super("jitsi-fleet:aws:Bakery", name, {}, opts);
    const { bundles, context, network } = args;
    const { aws } = context.settings;
    this.recipeName = awsName(context.stack, name);
    // Of the name that Image Builder writes to: by itself it would keep all of it for ever.
    this.log = new cloudwatch.LogGroup(
      name,
      { name: `/aws/imagebuilder/${this.recipeName}`, retentionInDays: LOG_DAYS, tags: { Role: name } },
      this.own,
    );
    const allowed = new MachineRole(
      name,
      {
        context,
        statements: this.log.arn.apply((log) =>
          bakingStatements({
            region: aws.region,
            component: this.recipeName,
            log,
            parameters: bundles.registries === undefined ? [] : [bundles.registries],
          }),
        ),
      },
      { parent: this },
    );
    const group = this.securityGroup();
    this.ways = [
      allowed.rights,
      this.log,
      ...bundles.registriesWritten,
      ...network.ways,
      ...this.rules(group),
    ];
    this.infrastructure = new imagebuilder.InfrastructureConfiguration(
      name,
      {
        name: this.recipeName,
        description: "Where images of bridges and Jibris are baked",
        instanceProfileName: allowed.profile.name,
        // Of the architecture of the image, and to be had: bridges are launched of them.
        instanceTypes: [...aws.instanceTypes.bridges],
        subnetId: network.subnets[bakingZone(aws)]?.pools ?? "",
        securityGroupIds: [group.id],
        instanceMetadataOptions: {
          httpTokens: metadataOptions.httpTokens,
          httpPutResponseHopLimit: metadataOptions.httpPutResponseHopLimit,
        },
        terminateInstanceOnFailure: true,
        resourceTags: { ...allTags(context, name), Name: this.recipeName },
        tags: { Role: name },
      },
      this.own,
    );
    this.registerOutputs();
  }

  /** The image of machines of a role, with these containers' images in it. `release` names it to people. */
  image(role: PoolRole, release: string, containerImages: readonly string[]): BakedImage {
    const images = [...new Set(containerImages)];
    const key = [role, ...images].join(" ");
    const known = this.known.get(key);
    if (known) return known;
    const { bundles, context, images: baked } = this.args;
    const { endpoint } = context.settings.aws;
    const registries =
      bundles.registries === undefined ? undefined : { parameter: bundles.registries, endpoint };
    const name = `${this.name}-${role}-${release}`;
    // None of the user's: they are the image's own for ever, and another image would replace machines.
    const tags = { ...ownTags(context.stack), Role: role, Name: awsName(context.stack, "baked", role) };
    const recipe = this.recipe(name, role, bakingDocument(images, registries), tags);
    const made = new imagebuilder.Image(
      name,
      {
        imageRecipeArn: recipe.arn,
        infrastructureConfigurationArn: this.infrastructure.arn,
        // Another machine would be launched for them, to find what the steps have just seen.
        imageTestsConfiguration: { imageTestsEnabled: false },
        // A list of all packages, for which the machine would need more rights.
        enhancedImageMetadataEnabled: false,
        loggingConfiguration: { logGroupName: this.log.name },
        tags: { Role: role, Name: tags.Name },
      },
      {
        ...this.own,
        dependsOn: [...this.ways],
        customTimeouts: { create: BUILD_LIMIT },
        hooks: { afterCreate: [baked.tag], afterUpdate: [baked.tag], beforeDelete: [baked.forget] },
      },
    );
    const image = { id: made.outputResources.apply(amiOf), made };
    this.known.set(key, image);
    return image;
  }

  private recipe(
    name: string,
    role: PoolRole,
    data: string,
    amiTags: Record<string, string>,
  ): imagebuilder.ImageRecipe {
    const component = new imagebuilder.Component(
      name,
      {
        name: this.recipeName,
        platform: "Linux",
        version: contentVersion(data),
        data,
        tags: { Role: role },
      },
      this.version,
    );
    const content = {
      parentImage: this.args.context.settings.aws.image.id,
      blockDeviceMappings: [rootDisk(role)],
      amiTags,
    };
    return new imagebuilder.ImageRecipe(
      name,
      {
        ...content,
        name: this.recipeName,
        // Nothing of it can be changed afterwards: all of it tells its version.
        version: contentVersion({ ...content, data }),
        components: [{ componentArn: component.arn }],
        tags: { Role: role },
      },
      this.version,
    );
  }

  /** Closed to everybody; outward as machines are. */
  private securityGroup(): ec2.SecurityGroup {
    const { context, network } = this.args;
    return new ec2.SecurityGroup(
      this.name,
      {
        vpcId: network.vpcId,
        description: `jitsi-fleet ${context.stack}: ${this.name}`,
        tags: { Role: this.name, Name: this.recipeName },
      },
      this.own,
    );
  }

  private rules(group: ec2.SecurityGroup): pulumi.Resource[] {
    return outwardPorts(this.args.context.settings).map(
      (port) =>
        new vpc.SecurityGroupEgressRule(
          `${this.name}-to-world-tcp-${port}`,
          {
            securityGroupId: group.id,
            cidrIpv4: "0.0.0.0/0",
            ipProtocol: "tcp",
            fromPort: port,
            toPort: port,
            description: "packages, images and AWS",
          },
          this.own,
        ),
    );
  }

  /** Of what has a name of its own Pulumi deletes the old one first, and the image that was made of it. */
  private get version(): pulumi.CustomResourceOptions {
    return { ...this.own, deleteBeforeReplace: false };
  }

  private get own(): pulumi.CustomResourceOptions {
    return { parent: this, provider: this.args.context.provider };
  }
}

type Made = readonly { readonly amis?: readonly { readonly image: string }[] }[];

function amiOf(resources: Made): string {
  const id = resources[0]?.amis?.[0]?.image;
  if (id === undefined) throw new Error("EC2 Image Builder has made an image without an AMI");
  return id;
}
