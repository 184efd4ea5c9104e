import {
  AutoScalingClient,
  paginateDescribeAutoScalingGroups,
  type AutoScalingGroup,
} from "@aws-sdk/client-auto-scaling";
import { DynamoDBClient, GetItemCommand, ResourceNotFoundException } from "@aws-sdk/client-dynamodb";
import { CreateHostedZoneCommand, Route53Client } from "@aws-sdk/client-route-53";
import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer, type Server } from "node:http";
import { setTimeout as sleep } from "node:timers/promises";
import { EngineStack, type CliResult, type ExportedState } from "../engine/workspace";
import { AwsEmulator } from "../support/aws/emulator";
import { answerOfMetadata, METADATA_ADDRESS, type Metadata } from "../support/aws/metadata";
import { fleetStatusSchema, STATUS_ITEM, TABLE_KEY, type FleetStatus } from "../../scaler/fleetStatus";
import { StackBundles } from "./bundles";
import { Nodes } from "./nodes";
import { PoolMachine } from "./poolMachine";

export const STACK = "prod";
/** Emulated seconds in one. */
const CLOCK_SCALE = 30;
const BOOT_SECONDS = 15;
/** Of what a scaler asks the metadata about, its role's credentials, all machines have the same. */
const ANY_MACHINE: Metadata = { tags: {}, instance: "i-0123456789abcdef0", privateAddress: "10.42.0.1" };

export const groupOf = (pool: string): string => `jitsi-${STACK}-${pool}`;

/**
 * The prod stack, made by the real engine on AWS's emulator, with the real scaler of its bundles and stand-ins for what is
 * on the machines. It needs a network of its own.
 */
export class ProdBed {
  /** Those of pools, by id. */
  readonly machines = new Map<string, PoolMachine>();
  /** Instances whose machine ended while somebody was on them, or, but for the end, before they took nothing new any more. */
  readonly cut: string[] = [];
  isEnding = false;
  private readonly failures: unknown[] = [];

  private constructor(
    readonly emulator: AwsEmulator,
    readonly stack: EngineStack,
    readonly nodes: Nodes,
    readonly scaling: AutoScalingClient,
    readonly dynamo: DynamoDBClient,
    private readonly bundles: StackBundles,
    private readonly metadata: Server,
  ) {
    emulator.onLaunch((machine) => {
      const pool = machine.group.replace(`jitsi-${STACK}-`, "");
      PoolMachine.start(machine, pool, bundles).then(
        (started) => this.machines.set(machine.id, started),
        (error: unknown) => this.failures.push(error),
      );
    });
    emulator.onTerminate(async ({ id }) => {
      const machine = this.machines.get(id);
      this.machines.delete(id);
      if (this.isEnding ? machine?.hasPeople : machine?.isInUse) this.cut.push(machine?.name ?? id);
      await machine?.stop();
    });
  }

  static async start(): Promise<ProdBed> {
    const emulator = await AwsEmulator.start({ clockScale: CLOCK_SCALE, bootSeconds: BOOT_SECONDS });
    const settings = emulator.clientSettings();
    const bundles = new StackBundles(settings);
    const metadata = createServer((request, response) => {
      const [status, body, headers] = answerOfMetadata(settings.region, ANY_MACHINE, request);
      response.writeHead(status, headers).end(body);
    }).listen(80, METADATA_ADDRESS);
    await once(metadata, "listening");
    const route53 = new Route53Client(settings);
    const { HostedZone } = await route53.send(
      new CreateHostedZoneCommand({ Name: "my-school.org", CallerReference: "test" }),
    );
    route53.destroy();
    const stack = await EngineStack.create({
      programDir: process.cwd(),
      stack: STACK,
      configFile: "Pulumi.prod.yaml",
      env: { AWS_ACCESS_KEY_ID: "test", AWS_SECRET_ACCESS_KEY: "test" },
    });
    await stack.setConfigs({
      "aws.endpoint": emulator.url,
      "aws.frontDoor.zoneId": (HostedZone?.Id ?? "").replace("/hostedzone/", ""),
      // A schedule may not ask for more than the maximum that a test sets.
      "aws.schedules[0].bridgesMin": "2",
      "scaler.tickSeconds": "1",
      "bridges.scaleInDelaySeconds": "2",
      "jibris.scaleInDelaySeconds": "2",
    });
    const clients = [new AutoScalingClient(settings), new DynamoDBClient(settings)] as const;
    return new ProdBed(emulator, stack, new Nodes(settings, bundles), ...clients, bundles, metadata);
  }

  async stop(): Promise<void> {
    await this.nodes.stop();
    for (const machine of this.machines.values()) await machine.stop();
    this.metadata.close();
    this.metadata.closeAllConnections();
    this.bundles.close();
    this.scaling.destroy();
    this.dynamo.destroy();
    await this.stack.dispose();
    await this.emulator.stop();
  }

  /** Nothing failed beside the test, and nobody was cut off. */
  isWell(): void {
    assert.deepEqual(this.failures, []);
    assert.equal(this.nodes.failure, undefined);
    assert.deepEqual(this.cut, []);
  }

  async up(args: string[] = []): Promise<CliResult> {
    return succeeded(await this.stack.up({ args }));
  }

  /** Nothing is left to do. */
  async isSettled(): Promise<void> {
    succeeded(await this.stack.preview({ args: ["--expect-no-changes"] }));
  }

  async groups(): Promise<Map<string, AutoScalingGroup>> {
    const found = new Map<string, AutoScalingGroup>();
    for await (const { AutoScalingGroups = [] } of paginateDescribeAutoScalingGroups(
      { client: this.scaling },
      {},
    ))
      for (const group of AutoScalingGroups) found.set(group.AutoScalingGroupName ?? "", group);
    return found;
  }

  /** All that a refused update must leave as it is: the state, what machines are told, the pools. */
  async everything() {
    // What is encrypted is so anew each time that it is written.
    const exported = await this.stack.run(["stack", "export", "--show-secrets", "--stack", this.stack.stack]);
    const { deployment } = JSON.parse(succeeded(exported).stdout) as ExportedState;
    const groups = [...(await this.groups())].map(
      ([name, { MaxSize, MinSize, MixedInstancesPolicy, Tags }]) => ({
        name,
        MaxSize,
        MinSize,
        MixedInstancesPolicy,
        Tags,
      }),
    );
    return {
      resources: deployment.resources ?? [],
      told: await this.bundles.told(),
      groups,
      machines: this.allIds(),
    };
  }

  /** Those of a pool's machines that its group counts on and that are up. */
  serving(pool: string): PoolMachine[] {
    const states = this.emulator.instances(groupOf(pool));
    return states
      .filter(({ state }) => state === "InService")
      .flatMap(({ id }) => this.machines.get(id) ?? []);
  }

  ids(pool: string): string[] {
    return this.emulator
      .instances(groupOf(pool))
      .map(({ id }) => id)
      .sort();
  }

  allIds(): string[] {
    return ["s1-bridges", "s2-bridges", "jibris"].flatMap((pool) => this.ids(pool));
  }

  /** So many on each bridge of a shard. */
  load(shard: string, participants: number): void {
    for (const { instance } of this.serving(`${shard}-bridges`)) instance.participants = participants;
  }

  /** What the scaler last wrote down; undefined: nothing, or there is nothing to write it into. */
  private async status(): Promise<FleetStatus | undefined> {
    const TableName = `jitsi-${STACK}-fleet`;
    try {
      const { Item } = await this.dynamo.send(
        new GetItemCommand({ TableName, Key: { [TABLE_KEY]: { S: STATUS_ITEM } } }),
      );
      const text = Item?.["status"]?.S;
      return text === undefined ? undefined : fleetStatusSchema.parse(JSON.parse(text));
    } catch (error) {
      if (error instanceof ResourceNotFoundException) return undefined;
      throw error;
    }
  }

  /** The scaler has written down so many that all say how they are. */
  async scalersSee(pool: string, instances: number): Promise<void> {
    let told = "";
    await until(
      () => `the scaler sees ${instances} of ${pool}; it told ${told}\n${this.nodes.said}`,
      async () => {
        const now = await this.status();
        told = JSON.stringify(now);
        const found = now?.pools.find((one) => one.pool === pool);
        return found?.fresh === true && found.instances === instances && found.silent === 0;
      },
    );
  }

  /** The scaler has written down so many participants of a shard, since now. */
  async scalersTell(shard: string, participants: number): Promise<void> {
    const from = Date.now();
    await until(`the scaler tells of ${participants} on ${shard}`, async () => {
      const now = await this.status();
      const found = now?.shards.find((one) => one.shard === shard);
      return (
        now !== undefined &&
        Date.parse(now.knownAt) > from &&
        found !== undefined &&
        "participants" in found &&
        found.participants === participants
      );
    });
  }

  count(pool: string): string {
    return this.emulator
      .instances(groupOf(pool))
      .map(({ state }) => state)
      .join();
  }

  /** So many serve, and nothing is on its way in or out. */
  settled(pool: string, number: number): Promise<void> {
    return until(
      () => `${number} of ${pool}, not ${this.count(pool)}\n${this.nodes.said}`,
      () => this.emulator.instances(groupOf(pool)).length === number && this.serving(pool).length === number,
    );
  }
}

export function succeeded(result: CliResult): CliResult {
  assert.equal(result.exitCode, 0, `${result.stdout}\n${result.stderr}`);
  return result;
}

const LIMIT_SECONDS = 90;
/** Of an update, and a preview before it. */
export const UPDATE_LIMIT_SECONDS = 240;

/** Waits until a condition holds; throws after a while. */
export async function until(
  what: string | (() => string),
  condition: () => boolean | Promise<boolean>,
  limitSeconds = LIMIT_SECONDS,
): Promise<void> {
  const limit = Date.now() + limitSeconds * 1000;
  while (!(await condition())) {
    if (Date.now() > limit)
      throw new Error(`not within ${limitSeconds} s: ${typeof what === "string" ? what : what()}`);
    await sleep(100);
  }
}
