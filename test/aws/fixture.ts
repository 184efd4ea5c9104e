import {
  AutoScalingClient,
  CompleteLifecycleActionCommand,
  CreateAutoScalingGroupCommand,
  DescribeAutoScalingGroupsCommand,
  type AutoScalingGroup,
  type CreateAutoScalingGroupCommandInput,
} from "@aws-sdk/client-auto-scaling";
import {
  CreateLaunchTemplateCommand,
  CreateSubnetCommand,
  CreateVpcCommand,
  EC2Client,
} from "@aws-sdk/client-ec2";
import { CreateTopicCommand, SNSClient, SubscribeCommand } from "@aws-sdk/client-sns";
import {
  CreateQueueCommand,
  DeleteMessageCommand,
  GetQueueAttributesCommand,
  ReceiveMessageCommand,
  SQSClient,
} from "@aws-sdk/client-sqs";
import { AwsEmulator } from "../support/aws/emulator";

export const TERMINATING = "autoscaling:EC2_INSTANCE_TERMINATING";
export const LAUNCHING = "autoscaling:EC2_INSTANCE_LAUNCHING";
const ROLE = "arn:aws:iam::123456789012:role/notify";
/** So many times as fast as on AWS: a hook's shortest time, 30 s, is half a second. */
export const CLOCK_SCALE = 60;

/** A hook's message in a queue: of the hook, or a test. */
export interface HookMessage {
  readonly subject: string;
  readonly body: Readonly<Record<string, string>>;
}

/** One for all files of the run: a start takes seconds. */
let shared: Promise<Fixture> | undefined;

after(async () => {
  await (await shared)?.stop();
});

/** An emulator with a network of three zones, a launch template, and a topic with a queue behind it. */
export class Fixture {
  private groups = 0;

  private constructor(
    readonly emulator: AwsEmulator,
    readonly scaling: AutoScalingClient,
    readonly ec2: EC2Client,
    readonly sqs: SQSClient,
    private readonly subnets: string,
    readonly topic: string,
    readonly queueUrl: string,
    readonly queueArn: string,
  ) {}

  static shared(): Promise<Fixture> {
    return (shared ??= Fixture.start());
  }

  private static async start(): Promise<Fixture> {
    const emulator = await AwsEmulator.start({ clockScale: CLOCK_SCALE });
    const settings = emulator.clientSettings();
    const ec2 = new EC2Client(settings);
    const sqs = new SQSClient(settings);
    const sns = new SNSClient(settings);
    const { Vpc } = await ec2.send(new CreateVpcCommand({ CidrBlock: "127.42.0.0/16" }));
    const subnets = await Promise.all(
      ["a", "b", "c"].map(async (zone, index) => {
        const { Subnet } = await ec2.send(
          new CreateSubnetCommand({
            VpcId: Vpc?.VpcId,
            CidrBlock: `127.42.${16 * index}.0/20`,
            AvailabilityZone: `eu-central-1${zone}`,
          }),
        );
        return Subnet?.SubnetId ?? "";
      }),
    );
    await ec2.send(
      new CreateLaunchTemplateCommand({
        LaunchTemplateName: "bridge",
        LaunchTemplateData: {
          ImageId: "ami-0123456789abcdef0",
          InstanceType: "c7i.xlarge",
          NetworkInterfaces: [{ DeviceIndex: 0, AssociatePublicIpAddress: true }],
          TagSpecifications: [{ ResourceType: "instance", Tags: [{ Key: "Role", Value: "bridge" }] }],
        },
      }),
    );
    const { QueueUrl = "" } = await sqs.send(new CreateQueueCommand({ QueueName: "hooks" }));
    const { Attributes } = await sqs.send(
      new GetQueueAttributesCommand({ QueueUrl, AttributeNames: ["QueueArn"] }),
    );
    const { TopicArn = "" } = await sns.send(new CreateTopicCommand({ Name: "hooks" }));
    await sns.send(new SubscribeCommand({ TopicArn, Protocol: "sqs", Endpoint: Attributes?.QueueArn }));
    sns.destroy();
    return new Fixture(
      emulator,
      // Retries would hide what is refused.
      new AutoScalingClient({ ...settings, maxAttempts: 1 }),
      ec2,
      sqs,
      subnets.join(","),
      TopicArn,
      QueueUrl,
      Attributes?.QueueArn ?? "",
    );
  }

  /** The last test's end does that. */
  async stop(): Promise<void> {
    for (const client of [this.scaling, this.ec2, this.sqs]) client.destroy();
    await this.emulator.stop();
  }

  /** A new group of up to ten, settled; its name. `hook`: a terminating one to the topic, and its heartbeat's seconds. */
  async group(
    input: Partial<CreateAutoScalingGroupCommandInput> & { hookSeconds?: number } = {},
  ): Promise<string> {
    const { hookSeconds, ...rest } = input;
    const name = `group-${++this.groups}`;
    await this.scaling.send(
      new CreateAutoScalingGroupCommand({
        AutoScalingGroupName: name,
        MinSize: 0,
        MaxSize: 10,
        VPCZoneIdentifier: this.subnets,
        ...(rest.MixedInstancesPolicy
          ? {}
          : { LaunchTemplate: { LaunchTemplateName: "bridge", Version: "$Latest" } }),
        ...(hookSeconds === undefined ? {} : { LifecycleHookSpecificationList: [this.hook(hookSeconds)] }),
        ...rest,
      }),
    );
    await this.emulator.settled();
    return name;
  }

  hook(seconds: number) {
    return {
      LifecycleHookName: "drain",
      LifecycleTransition: TERMINATING,
      HeartbeatTimeout: seconds,
      NotificationTargetARN: this.topic,
      RoleARN: ROLE,
      NotificationMetadata: '{"pool":"s1"}',
    };
  }

  async describe(name: string): Promise<AutoScalingGroup> {
    const { AutoScalingGroups = [] } = await this.scaling.send(
      new DescribeAutoScalingGroupsCommand({ AutoScalingGroupNames: [name] }),
    );
    const [group] = AutoScalingGroups;
    if (!group) throw new Error(`There is no group ${name}.`);
    return group;
  }

  /** The states of a group's instances, sorted. */
  states(name: string): string[] {
    return this.emulator
      .instances(name)
      .map(({ state }) => state)
      .sort();
  }

  async complete(group: string, id: string, result = "CONTINUE"): Promise<void> {
    await this.scaling.send(
      new CompleteLifecycleActionCommand({
        AutoScalingGroupName: group,
        LifecycleHookName: "drain",
        InstanceId: id,
        LifecycleActionResult: result,
      }),
    );
    await this.emulator.settled();
  }

  /** All that is in the queue; it is empty then. */
  async bodies(): Promise<unknown[]> {
    const all: unknown[] = [];
    for (;;) {
      const { Messages = [] } = await this.sqs.send(
        new ReceiveMessageCommand({ QueueUrl: this.queueUrl, MaxNumberOfMessages: 10 }),
      );
      if (Messages.length === 0) return all;
      for (const { Body = "", ReceiptHandle } of Messages) {
        all.push(JSON.parse(Body));
        await this.sqs.send(new DeleteMessageCommand({ QueueUrl: this.queueUrl, ReceiptHandle }));
      }
    }
  }

  /** What the topic brought of one group. */
  async messages(group: string): Promise<HookMessage[]> {
    const bodies = (await this.bodies()) as { Subject: string; Message?: string }[];
    return bodies
      .flatMap(({ Subject, Message }) =>
        Message === undefined ? [] : [{ subject: Subject, body: JSON.parse(Message) as HookMessage["body"] }],
      )
      .filter(({ body }) => body["AutoScalingGroupName"] === group);
  }
}
