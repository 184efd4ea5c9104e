import {
  CreateTagsCommand,
  DescribeAddressesCommand,
  DescribeInstancesCommand,
  DescribeLaunchTemplatesCommand,
  DescribeLaunchTemplateVersionsCommand,
  DescribeNetworkInterfacesCommand,
  DescribeSubnetsCommand,
  EC2Client,
  RegisterImageCommand,
  RunInstancesCommand,
  StartInstancesCommand,
  StopInstancesCommand,
  TerminateInstancesCommand,
  type LaunchTemplateVersion,
  type RunInstancesCommandInput,
} from "@aws-sdk/client-ec2";
import type { ClientSettings } from "./clientSettings";
import { QueryError } from "./query";

/** A running EC2 instance of a group. Its addresses are those of its subnet: of 127.42.0.0/16, they can be listened on. */
export interface Machine {
  readonly id: string;
  readonly group: string;
  readonly zone: string;
  readonly instanceType: string;
  readonly privateAddress: string;
  /** undefined: without one, as one that was launched without, and one that is stopped. */
  readonly publicAddress: string | undefined;
}

export interface Subnet {
  readonly id: string;
  readonly zone: string;
}

/** Which version of which launch template an instance is made of. */
export interface TemplateVersion {
  readonly id: string;
  readonly name: string;
  readonly version: string;
}

export interface LaunchOrder {
  readonly group: string;
  readonly template: TemplateVersion;
  /** undefined: the template's. */
  readonly instanceType: string | undefined;
  readonly isSpot: boolean;
  readonly subnet: Subnet;
  readonly count: number;
  readonly tags: ReadonlyMap<string, string>;
}

/** EC2 as Auto Scaling uses it: moto's. */
export class Machines {
  private readonly ec2: EC2Client;

  constructor(settings: ClientSettings) {
    this.ec2 = new EC2Client(settings);
  }

  /** An AMI with nothing in it; its id. */
  /** How many Elastic IP addresses there are. */
  async addresses(): Promise<number> {
    return (await this.ec2.send(new DescribeAddressesCommand({}))).Addresses?.length ?? 0;
  }

  async registerImage(name: string, tags: Readonly<Record<string, string>>): Promise<string> {
    const { ImageId = "" } = await this.ec2.send(new RegisterImageCommand({ Name: name }));
    const Tags = Object.entries(tags).map(([Key, Value]) => ({ Key, Value }));
    // moto takes none with the image.
    if (Tags.length > 0) await this.ec2.send(new CreateTagsCommand({ Resources: [ImageId], Tags }));
    return ImageId;
  }

  /** The subnets of these ids, or where there is none the zones' default ones. */
  async subnets(ids: readonly string[], zones: readonly string[]): Promise<Subnet[]> {
    const filter =
      ids.length > 0
        ? { SubnetIds: [...ids] }
        : {
            Filters: [
              { Name: "availability-zone", Values: [...zones] },
              { Name: "default-for-az", Values: ["true"] },
            ],
          };
    const { Subnets = [] } = await this.ec2
      .send(new DescribeSubnetsCommand(filter))
      .catch((error: unknown) => refuse(error));
    return Subnets.map(({ SubnetId = "", AvailabilityZone = "" }) => ({
      id: SubnetId,
      zone: AvailabilityZone,
    }));
  }

  /** `$Latest` and `$Default` are resolved when it launches, so the version stays as it was given. */
  async template(given: {
    id: string | undefined;
    name: string | undefined;
    version: string | undefined;
  }): Promise<TemplateVersion> {
    const { LaunchTemplates = [] } = await this.ec2
      .send(
        new DescribeLaunchTemplatesCommand(
          given.id === undefined
            ? { LaunchTemplateNames: [given.name ?? ""] }
            : { LaunchTemplateIds: [given.id] },
        ),
      )
      .catch((error: unknown) => refuse(error));
    const [found] = LaunchTemplates;
    if (!found) throw new QueryError("ValidationError", "The specified launch template does not exist.");
    const template = {
      id: found.LaunchTemplateId ?? "",
      name: found.LaunchTemplateName ?? "",
      version: given.version ?? "$Default",
    };
    await this.version(template);
    return template;
  }

  private async version(template: TemplateVersion): Promise<LaunchTemplateVersion> {
    const { LaunchTemplateVersions = [] } = await this.ec2
      .send(
        new DescribeLaunchTemplateVersionsCommand({
          LaunchTemplateId: template.id,
          Versions: [template.version],
        }),
      )
      .catch((error: unknown) => refuse(error));
    const [found] = LaunchTemplateVersions;
    if (!found)
      throw new QueryError(
        "ValidationError",
        `You must use a valid fully-formed launch template. Version ${template.version} of ${template.name} does not exist.`,
      );
    return found;
  }

  async isSpot(template: TemplateVersion): Promise<boolean> {
    const { LaunchTemplateData } = await this.version(template);
    return LaunchTemplateData?.InstanceMarketOptions?.MarketType === "spot";
  }

  /** Everything the template says goes into the order: moto forgets half of a template that it is only named. */
  async launch(order: LaunchOrder): Promise<{ machines: Machine[]; version: string }> {
    const { LaunchTemplateData: data, VersionNumber } = await this.version(order.template);
    const { NetworkInterfaces: [nic] = [], InstanceMarketOptions, TagSpecifications = [] } = data ?? {};
    const tagsOf = (type: string) =>
      TagSpecifications.filter(({ ResourceType }) => ResourceType === type).flatMap(({ Tags = [] }) => Tags);
    // A group's tags win over the template's, says the API's reference on Tags.
    const tags = new Map([
      ...tagsOf("instance").map(({ Key = "", Value = "" }) => [Key, Value] as const),
      ...order.tags,
      ["aws:autoscaling:groupName", order.group] as const,
      ["aws:ec2launchtemplate:id", order.template.id] as const,
      ["aws:ec2launchtemplate:version", String(VersionNumber)] as const,
    ]);
    const volumeTags = tagsOf("volume");
    const input = {
      MinCount: order.count,
      MaxCount: order.count,
      ImageId: data?.ImageId,
      InstanceType: order.instanceType ?? data?.InstanceType,
      UserData: data?.UserData,
      IamInstanceProfile: data?.IamInstanceProfile,
      KeyName: data?.KeyName,
      EbsOptimized: data?.EbsOptimized,
      BlockDeviceMappings: data?.BlockDeviceMappings,
      MetadataOptions: data?.MetadataOptions,
      InstanceMarketOptions: order.isSpot ? { MarketType: "spot" } : InstanceMarketOptions,
      ...(nic === undefined
        ? { SubnetId: order.subnet.id, SecurityGroupIds: data?.SecurityGroupIds }
        : { NetworkInterfaces: [{ ...nic, SubnetId: order.subnet.id, DeleteOnTermination: true }] }),
      TagSpecifications: [
        { ResourceType: "instance", Tags: [...tags].map(([Key, Value]) => ({ Key, Value })) },
        ...(volumeTags.length > 0 ? [{ ResourceType: "volume", Tags: volumeTags }] : []),
      ],
      // What a template's description has and an order takes differ only in what both leave out.
    } as RunInstancesCommandInput;
    const { Instances = [] } = await this.ec2.send(new RunInstancesCommand(input));
    const ids = Instances.flatMap(({ InstanceId }) => InstanceId ?? []);
    return { machines: await this.machines(order.group, ids), version: String(VersionNumber) };
  }

  /** The zone of a network interface; undefined where there is no such. */
  async zoneOf(networkInterface: string): Promise<string | undefined> {
    const { NetworkInterfaces = [] } = await this.ec2.send(
      new DescribeNetworkInterfacesCommand({
        Filters: [{ Name: "network-interface-id", Values: [networkInterface] }],
      }),
    );
    return NetworkInterfaces[0]?.AvailabilityZone;
  }

  async start(group: string, id: string): Promise<Machine> {
    await this.ec2.send(new StartInstancesCommand({ InstanceIds: [id] }));
    const [machine] = await this.machines(group, [id]);
    if (!machine) throw new Error(`${id} is gone.`);
    return machine;
  }

  async stop(id: string): Promise<void> {
    await this.ec2.send(new StopInstancesCommand({ InstanceIds: [id] }));
  }

  /** What has ended already is none the worse for it. */
  async end(ids: readonly string[]): Promise<void> {
    const InstanceIds = [...ids];
    if (InstanceIds.length === 0) return;
    try {
      await this.ec2.send(new TerminateInstancesCommand({ InstanceIds }));
    } catch (error) {
      const { Reservations = [] } = await this.ec2.send(new DescribeInstancesCommand({ InstanceIds }));
      const instances = Reservations.flatMap(({ Instances = [] }) => Instances);
      if (!instances.every(({ State }) => State?.Name === "terminated")) throw error;
    }
  }

  private async machines(group: string, ids: readonly string[]): Promise<Machine[]> {
    const { Reservations = [] } = await this.ec2.send(
      new DescribeInstancesCommand({ InstanceIds: [...ids] }),
    );
    return Reservations.flatMap(({ Instances = [] }) => Instances).map((instance) => ({
      id: instance.InstanceId ?? "",
      group,
      zone: instance.Placement?.AvailabilityZone ?? "",
      instanceType: instance.InstanceType ?? "",
      privateAddress: instance.PrivateIpAddress ?? "",
      publicAddress: instance.PublicIpAddress,
    }));
  }

  destroy(): void {
    this.ec2.destroy();
  }
}

/** What EC2 refuses of a group's settings, Auto Scaling refuses as a ValidationError. */
function refuse(error: unknown): never {
  throw new QueryError("ValidationError", error instanceof Error ? error.message : String(error));
}
