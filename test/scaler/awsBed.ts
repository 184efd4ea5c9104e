import { setTimeout as sleep } from "node:timers/promises";
import {
  AutoScalingClient,
  CreateAutoScalingGroupCommand,
  DeleteWarmPoolCommand,
  DescribeAutoScalingGroupsCommand,
  PutWarmPoolCommand,
  TerminateInstanceInAutoScalingGroupCommand,
  UpdateAutoScalingGroupCommand,
  type UpdateAutoScalingGroupCommandInput,
  type AutoScalingGroup,
} from "@aws-sdk/client-auto-scaling";
import { CloudWatchClient, ListMetricsCommand } from "@aws-sdk/client-cloudwatch";
import { CreateTableCommand, DynamoDBClient, GetItemCommand } from "@aws-sdk/client-dynamodb";
import {
  CreateLaunchTemplateCommand,
  CreateLaunchTemplateVersionCommand,
  CreateSubnetCommand,
  CreateVpcCommand,
  EC2Client,
} from "@aws-sdk/client-ec2";
import { CreateTopicCommand, SNSClient, SubscribeCommand } from "@aws-sdk/client-sns";
import {
  CreateQueueCommand,
  GetQueueAttributesCommand,
  SendMessageCommand,
  SQSClient,
} from "@aws-sdk/client-sqs";
import pino from "pino";
import { serveHostApi, type HostApiServer, type HostBackend } from "../../scaler/agent/server";
import type { EdgesConfiguration } from "../../scaler/configuration";
import { fleetStatusSchema, STATUS_ITEM, TABLE_KEY, type FleetStatus } from "../../scaler/fleetStatus";
import type { HostState, Verb } from "../../scaler/hostApi";
import { AwsEmulator, type Behaviour } from "../support/aws/emulator";
import { freePort } from "../support/freePort";
import { AGENT_TOKEN, newInstance, obey, told, type FakeInstance } from "./fakeHost";
import { ScalerProcess } from "./scalerProcess";

const POOLS = { bridge: "s1-bridges", jibri: "jibris" } as const;
type Role = keyof typeof POOLS;
const TEMPLATE = "fleet";
/** Emulated seconds in one: what takes a minute on AWS is two seconds here. */
export const CLOCK_SCALE = 30;
/** From the order of a machine to its agent's answer. */
const BOOT_SECONDS = 15;

/** A machine of a group with the agent on it, and what stands in for the instance that the agent launches by itself. */
class FakeMachine implements HostBackend {
  readonly instance: FakeInstance;
  /** Recordings that are not in the store yet. */
  unsaved = 0;
  private server: Promise<HostApiServer> | undefined;
  private looks = 0;

  constructor(
    readonly id: string,
    readonly role: Role,
    private readonly onTold: (verb: Verb) => Promise<void>,
  ) {
    this.instance = newInstance(role);
  }

  get name(): string {
    return `${POOLS[this.role]}-${this.id.replace(/^i-/, "")}`;
  }

  /** Whether somebody would be cut off, or a recording lost, if it ended now. */
  get isInUse(): boolean {
    const { busy, ended, participants, retiring } = this.instance;
    if (this.unsaved > 0) return true;
    return !ended && (participants > 0 || busy || (this.role === "bridge" && !retiring));
  }

  async start(address: string, port: number): Promise<void> {
    const log = pino({ level: "silent" });
    this.server = serveHostApi({ listen: { address, port, token: AGENT_TOKEN }, backend: this, log });
    await this.server;
  }

  async stop(): Promise<void> {
    const { server } = this;
    this.server = undefined;
    await (await server)?.close();
  }

  state(): Promise<HostState> {
    this.looks += 1;
    const item = { instance: this.name, bytes: 1, attempts: 1, partial: false, state: "waiting" as const };
    return Promise.resolve({
      host: this.id.replace(/^i-/, ""),
      time: new Date().toISOString(),
      version: "1",
      pools: [{ name: POOLS[this.role], role: this.role, revision: "1", room: 0 }],
      instances: [told(this.name, this.instance, `look ${this.looks}`)],
      ...(this.role === "jibri"
        ? {
            spool: {
              items: Array.from({ length: this.unsaved }, (_, index) => ({ ...item, session: `${index}` })),
              uploaded: 0,
              uploadedBytes: 0,
              partial: 0,
            },
          }
        : {}),
    });
  }

  launch() {
    return Promise.resolve("no slot" as const);
  }

  async tell(name: string, verb: Verb) {
    if (name !== this.name) return "absent" as const;
    await this.onTold(verb);
    obey(this.instance, verb);
    return "done" as const;
  }

  remove() {
    return Promise.resolve("absent" as const);
  }
}

/** AWS's emulator with two groups as the fleet's, an agent on each machine, and scalers beside them. */
export class AwsBed {
  readonly machines = new Map<string, FakeMachine>();
  /** Instances whose machine ended while somebody was on them. */
  readonly cut: string[] = [];
  /** All that instances were told, in its order. */
  readonly tellings: { readonly id: string; readonly verb: Verb }[] = [];
  /** The most instances that a group counted at a time, by role. */
  readonly most: Record<Role, number> = { bridge: 0, jibri: 0 };
  /** Called before an instance obeys. */
  interrupt: (verb: Verb) => Promise<void> = () => Promise.resolve();
  /** The shards that the scaler asks. */
  shards: { shard: string; url: string }[] = [];
  /** The edge's keepers, likewise. */
  edges: EdgesConfiguration | undefined;
  private isOver = false;
  private readonly scalers: ScalerProcess[] = [];
  private static count = 0;

  private constructor(
    readonly emulator: AwsEmulator,
    readonly scaling: AutoScalingClient,
    private readonly sqs: SQSClient,
    private readonly dynamo: DynamoDBClient,
    private readonly watch: CloudWatchClient,
    private readonly ec2: EC2Client,
    private readonly queueUrl: string,
    private readonly agentPort: number,
    private readonly names: Readonly<Record<Role, string>>,
    private readonly table: string,
  ) {}

  /** @param hookSeconds How long the groups' hooks hold what ends, in emulated seconds. */
  static async start(emulator: AwsEmulator, hookSeconds = 3600): Promise<AwsBed> {
    const settings = emulator.clientSettings();
    const [ec2, sqs, sns] = [new EC2Client(settings), new SQSClient(settings), new SNSClient(settings)];
    const [dynamo, scaling] = [new DynamoDBClient(settings), new AutoScalingClient(settings)];
    const id = (AwsBed.count += 1);
    const table = `fleet-${id}`;
    await dynamo.send(
      new CreateTableCommand({
        TableName: table,
        BillingMode: "PAY_PER_REQUEST",
        KeySchema: [{ AttributeName: TABLE_KEY, KeyType: "HASH" }],
        AttributeDefinitions: [{ AttributeName: TABLE_KEY, AttributeType: "S" }],
      }),
    );
    const { QueueUrl = "" } = await sqs.send(new CreateQueueCommand({ QueueName: `fleet-${id}` }));
    const { Attributes } = await sqs.send(
      new GetQueueAttributesCommand({ QueueUrl, AttributeNames: ["QueueArn"] }),
    );
    const { TopicArn = "" } = await sns.send(new CreateTopicCommand({ Name: `fleet-${id}` }));
    await sns.send(new SubscribeCommand({ TopicArn, Protocol: "sqs", Endpoint: Attributes?.["QueueArn"] }));
    sns.destroy();
    const names = { bridge: `fleet-${id}-bridges`, jibri: `fleet-${id}-jibris` };
    const bed = new AwsBed(
      emulator,
      scaling,
      sqs,
      dynamo,
      new CloudWatchClient(settings),
      ec2,
      QueueUrl,
      await freePort(),
      names,
      table,
    );
    bed.follow();
    const subnets = await network(emulator, ec2);
    for (const role of ["bridge", "jibri"] as const)
      await scaling.send(
        new CreateAutoScalingGroupCommand({
          AutoScalingGroupName: names[role],
          MinSize: 0,
          MaxSize: 4,
          VPCZoneIdentifier: subnets.join(),
          NewInstancesProtectedFromScaleIn: true,
          LaunchTemplate: { LaunchTemplateName: TEMPLATE, Version: "1" },
          LifecycleHookSpecificationList: [
            {
              LifecycleHookName: "drain",
              LifecycleTransition: "autoscaling:EC2_INSTANCE_TERMINATING",
              HeartbeatTimeout: hookSeconds,
              NotificationTargetARN: TopicArn,
              RoleARN: "arn:aws:iam::123456789012:role/notify",
            },
          ],
          InstanceLifecyclePolicy: { RetentionTriggers: { TerminateHookAbandon: "retain" } },
        }),
      );
    return bed;
  }

  private follow(): void {
    this.emulator.onLaunch(async ({ group, id, privateAddress }) => {
      const role = (["bridge", "jibri"] as const).find((one) => this.names[one] === group);
      // The groups go on until the emulator ends.
      if (!role || this.isOver) return;
      this.most[role] = Math.max(this.most[role], this.counted(role).length);
      const machine = new FakeMachine(id, role, async (verb) => {
        this.tellings.push({ id, verb });
        await this.interrupt(verb);
      });
      this.machines.set(id, machine);
      await machine.start(privateAddress, this.agentPort);
    });
    this.emulator.onTerminate(async ({ id }) => {
      const machine = this.machines.get(id);
      if (!machine) return;
      this.machines.delete(id);
      if (machine.isInUse) this.cut.push(machine.name);
      await machine.stop();
    });
  }

  /** A scaler, as the configuration of all of them says but for its name. */
  async scaler(replica = "scaler-1", policy: object = {}): Promise<ScalerProcess> {
    const scaler = new ScalerProcess({
      stack: "test",
      tickSeconds: 0.3,
      fleet: {
        kind: "aws",
        region: "eu-central-1",
        endpoint: this.emulator.url,
        replica,
        table: this.table,
        queueUrl: this.queueUrl,
        namespace: `JitsiFleet/${this.table}`,
        groups: (["bridge", "jibri"] as const).map((role) => ({
          pool: POOLS[role],
          role,
          group: this.names[role],
        })),
        agentPort: this.agentPort,
        agentToken: AGENT_TOKEN,
        shards: this.shards,
        edges: this.edges,
        leaseSeconds: 2,
      },
      ...this.policy(policy),
    });
    this.scalers.push(scaler);
    await scaler.start();
    return scaler;
  }

  policy(bridges: object = {}) {
    return {
      bridgePools: [
        {
          name: POOLS.bridge,
          shard: "s1",
          policy: { min: 2, max: 4, spare: 0, scaleInDelaySeconds: 1, ...bridges },
        },
      ],
      jibriPool: { name: POOLS.jibri, policy: { free: 1, max: 3, scaleInDelaySeconds: 1 } },
    };
  }

  /** Instances that a group counts on. */
  counted(role: Role): string[] {
    return this.emulator
      .instances(this.names[role])
      .filter(({ state }) => state === "InService" || state.startsWith("Pending"))
      .map(({ id }) => id);
  }

  states(role: Role): string[] {
    return this.emulator.instances(this.names[role]).map(({ state }) => state);
  }

  /** Those of a role whose machines are up. */
  up(role: Role): FakeMachine[] {
    const all = new Set(this.counted(role));
    return [...this.machines].flatMap(([id, machine]) => (all.has(id) ? [machine] : []));
  }

  load(participants: number): void {
    for (const { instance } of this.up("bridge")) instance.participants = participants;
  }

  /** So many are there and nothing else is, neither on its way in nor out. */
  settled(bridges: number, jibris: number): Promise<void> {
    return until(
      () =>
        `${bridges} bridges and ${jibris} Jibris, not ${this.states("bridge").join()} and ${this.states("jibri").join()}`,
      () =>
        this.up("bridge").length === bridges &&
        this.up("jibri").length === jibris &&
        this.states("bridge").length === bridges &&
        this.states("jibri").length === jibris,
    );
  }

  async group(role: Role): Promise<AutoScalingGroup> {
    const { AutoScalingGroups: [group] = [] } = await this.scaling.send(
      new DescribeAutoScalingGroupsCommand({ AutoScalingGroupNames: [this.names[role]] }),
    );
    if (!group) throw new Error(`there is no group ${this.names[role]}`);
    return group;
  }

  /** By the console: nobody drains it before. */
  async end(InstanceId: string): Promise<void> {
    await this.scaling.send(
      new TerminateInstanceInAutoScalingGroupCommand({ InstanceId, ShouldDecrementDesiredCapacity: false }),
    );
  }

  async change(
    role: Role,
    change: Omit<UpdateAutoScalingGroupCommandInput, "AutoScalingGroupName">,
  ): Promise<void> {
    await this.scaling.send(
      new UpdateAutoScalingGroupCommand({ AutoScalingGroupName: this.names[role], ...change }),
    );
  }

  /** EC2's word that a Spot machine is taken away two minutes after that, as EventBridge brings it to the queue. */
  async announce(id: string, kind: "interruption" | "rebalance", agoSeconds = 0): Promise<void> {
    const type =
      kind === "rebalance"
        ? "EC2 Instance Rebalance Recommendation"
        : "EC2 Spot Instance Interruption Warning";
    const time = new Date(Date.now() - agoSeconds * 1000).toISOString();
    await this.send(JSON.stringify({ "detail-type": type, time, detail: { "instance-id": id } }));
  }

  async send(MessageBody: string): Promise<void> {
    await this.sqs.send(new SendMessageCommand({ QueueUrl: this.queueUrl, MessageBody }));
  }

  async status(): Promise<FleetStatus> {
    const { Item } = await this.dynamo.send(
      new GetItemCommand({ TableName: this.table, Key: { [TABLE_KEY]: { S: STATUS_ITEM } } }),
    );
    return fleetStatusSchema.parse(JSON.parse(Item?.["status"]?.S ?? ""));
  }

  async metricNames(): Promise<string[]> {
    const { Metrics = [] } = await this.watch.send(
      new ListMetricsCommand({ Namespace: `JitsiFleet/${this.table}` }),
    );
    return [...new Set(Metrics.map(({ MetricName }) => MetricName ?? ""))].sort();
  }

  /** So many machines wait, stopped, beside the group's. */
  async warm(role: Role, count: number): Promise<void> {
    const AutoScalingGroupName = this.names[role];
    await this.scaling.send(
      count > 0
        ? new PutWarmPoolCommand({ AutoScalingGroupName, MinSize: count, MaxGroupPreparedCapacity: count })
        : new DeleteWarmPoolCommand({ AutoScalingGroupName }),
    );
  }

  /** Another version of its launch template, for what it launches from now on. */
  async newTemplate(role: Role): Promise<void> {
    const { LaunchTemplateVersion: made } = await this.ec2.send(
      new CreateLaunchTemplateVersionCommand({
        LaunchTemplateName: TEMPLATE,
        SourceVersion: "1",
        LaunchTemplateData: { InstanceType: "c7i.2xlarge" },
      }),
    );
    const Version = String(made?.VersionNumber);
    await this.change(role, { LaunchTemplate: { LaunchTemplateName: TEMPLATE, Version } });
  }

  async dispose(): Promise<void> {
    this.isOver = true;
    for (const scaler of this.scalers) await scaler.dispose();
    for (const machine of this.machines.values()) await machine.stop();
    for (const client of [this.scaling, this.sqs, this.dynamo, this.watch, this.ec2]) client.destroy();
  }
}

const made = new Map<AwsEmulator, Promise<string[]>>();

/** Subnets of loopback addresses, and the launch template: once for all groups of an emulator. */
function network(emulator: AwsEmulator, ec2: EC2Client): Promise<string[]> {
  const before = made.get(emulator);
  if (before) return before;
  const making = (async () => {
    const { Vpc } = await ec2.send(new CreateVpcCommand({ CidrBlock: "127.42.0.0/16" }));
    await ec2.send(
      new CreateLaunchTemplateCommand({
        LaunchTemplateName: TEMPLATE,
        LaunchTemplateData: { ImageId: "ami-0123456789abcdef0", InstanceType: "c7i.xlarge" },
      }),
    );
    const subnets = ["a", "b"].map(async (zone, index) => {
      const { Subnet } = await ec2.send(
        new CreateSubnetCommand({
          VpcId: Vpc?.VpcId,
          CidrBlock: `127.42.${16 * index}.0/20`,
          AvailabilityZone: `eu-central-1${zone}`,
        }),
      );
      return Subnet?.SubnetId ?? "";
    });
    return Promise.all(subnets);
  })();
  made.set(emulator, making);
  return making;
}

export const newEmulator = (behaviour: Partial<Behaviour> = {}): Promise<AwsEmulator> =>
  AwsEmulator.start({ clockScale: CLOCK_SCALE, bootSeconds: BOOT_SECONDS, ...behaviour });

const LIMIT_SECONDS = 240;

/** Waits until a condition holds; throws after 40 s. */
export async function until(
  what: string | (() => string),
  condition: () => boolean | Promise<boolean>,
): Promise<void> {
  const limit = Date.now() + LIMIT_SECONDS * 1000;
  while (!(await condition())) {
    if (Date.now() > limit)
      throw new Error(`not within ${LIMIT_SECONDS} s: ${typeof what === "string" ? what : what()}`);
    await sleep(50);
  }
}
