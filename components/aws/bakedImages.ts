import type { EC2Client } from "@aws-sdk/client-ec2";
import * as pulumi from "@pulumi/pulumi";
import { z } from "zod";
import { clientSettings } from "./clients";
import { allTags, type AwsContext } from "./context";
import { plain } from "../guard/values";

/** EC2, as far as baked images need it. */
export type ImageClient = Pick<EC2Client, "send">;

/**
 * What Image Builder leaves to others of the images that it made, as hooks: its own image knows of an AMI, which bills by
 * its snapshots, and neither tags those nor takes any of it away with itself. They are registered whether the settings
 * want an image or not, so that one that was wanted before can go.
 */
export class BakedImages {
  /** After an image is made, or is to have other tags: its AMI and snapshots have the tags that tell whose they are. */
  readonly tag: pulumi.ResourceHook;
  /** Before an image is deleted: its AMI goes, and its snapshots. Machines that were launched from it stay. */
  readonly forget: pulumi.ResourceHook;

  constructor(
    private readonly context: AwsContext,
    private readonly client?: ImageClient,
  ) {
    this.tag = new pulumi.ResourceHook("tag-ami-and-snapshots", (args) => this.tagImages(args), {
      onDryRun: false,
      // A bill that tells less is no reason to keep machines from what is new.
      ignoreErrors: true,
    });
    this.forget = new pulumi.ResourceHook("delete-ami-and-snapshots", (args) => this.deregister(args), {
      onDryRun: false,
    });
  }

  async tagImages({
    newInputs,
    newOutputs,
  }: Pick<pulumi.ResourceHookArgs, "newInputs" | "newOutputs">): Promise<void> {
    const { CreateTagsCommand, DescribeImagesCommand } = await sdk();
    const client = await this.ec2();
    const { tags } = imageInputs.parse(await plain(newInputs));
    const ImageIds = amisOf(await plain(newOutputs));
    // EC2 takes none for all that there are.
    if (ImageIds.length === 0) return;
    const { Images = [] } = await client.send(new DescribeImagesCommand({ ImageIds }));
    const snapshots = Images.flatMap(({ BlockDeviceMappings = [] }) =>
      BlockDeviceMappings.flatMap(({ Ebs }) => Ebs?.SnapshotId ?? []),
    );
    const Tags = Object.entries({ ...allTags(this.context, tags.Role), Name: tags.Name }).map(
      ([Key, Value]) => ({ Key, Value }),
    );
    await client.send(new CreateTagsCommand({ Resources: [...ImageIds, ...snapshots], Tags }));
  }

  async deregister({ oldOutputs }: Pick<pulumi.ResourceHookArgs, "oldOutputs">): Promise<void> {
    const { DeregisterImageCommand } = await sdk();
    const client = await this.ec2();
    for (const ImageId of amisOf(await plain(oldOutputs)))
      await client
        .send(new DeregisterImageCommand({ ImageId, DeleteAssociatedSnapshots: true }))
        .catch((error: unknown) => {
          // Somebody has done it already.
          if (!(error instanceof Error && error.name.startsWith("InvalidAMIID."))) throw error;
        });
  }

  private async ec2(): Promise<ImageClient> {
    return this.client ?? new (await sdk()).EC2Client(clientSettings(this.context.settings));
  }
}

/** Only where it is called: it takes longer to load than a preview of all pools. */
const sdk = () => import("@aws-sdk/client-ec2");

const imageInputs = z.object({ tags: z.object({ Role: z.string(), Name: z.string() }) });
const ami = z.object({ image: z.string() });
const imageOutputs = z.object({
  outputResources: z.array(z.object({ amis: z.array(ami).default([]) })).default([]),
});

/** Ids of the AMIs that an image of Image Builder came to: none where its build failed. */
function amisOf(outputs: unknown): string[] {
  return imageOutputs.parse(outputs).outputResources.flatMap(({ amis }) => amis.map(({ image }) => image));
}
