import {
  AutoScalingClient,
  paginateDescribeAutoScalingGroups,
  SetInstanceProtectionCommand,
  SuspendProcessesCommand,
  UpdateAutoScalingGroupCommand,
} from "@aws-sdk/client-auto-scaling";
import { GetObjectCommand, S3Client } from "@aws-sdk/client-s3";
import { machineKeys, machineReportSchema, POINTER_TAG, type MachineReport } from "@jitsi-fleet/scaler";
import * as pulumi from "@pulumi/pulumi";
import { setTimeout as sleep } from "node:timers/promises";
import { z } from "zod";
import { objectionToEnd, objectionToStop, type Measure, type Subject } from "../guard/objections";
import type { Refusals } from "../guard/refusals";
import type { AwsFleetSettings } from "../settings";
import type { AwsBefore } from "./before";
import { clientSettings } from "./clients";
import { plain } from "../guard/values";
import { awsWords } from "./measure";

/** Until a node has applied what it was told: an image may have to be pulled. */
const APPLIED_LIMIT_SECONDS = 600;
const PAUSE_SECONDS = 2;
/** Of one call to set protection. */
const PROTECTION_BATCH = 50;

/**
 * The hooks of what the preflight cannot see: that a stack is taken down, and that Pulumi is told to replace something
 * whose settings stay; and of what waits for machines. They know their subject from the resource's own inputs.
 */
export class Guard {
  /** Before a node's machine is stopped or deleted: it must be empty. */
  readonly stop: pulumi.ResourceHook;
  /** After a node was told of another bundle, or its machine was replaced: until it says that all is in force. */
  readonly applied: pulumi.ResourceHook;
  /** Before a group is changed: its maximum, which is the scaler's, must not be below its new minimum. */
  readonly resize: pulumi.ResourceHook;
  /** Before a group is deleted: it must be empty; then its machines are let go. */
  readonly release: pulumi.ResourceHook;
  /** Before the first thing of a whole stack is deleted: all of it must be empty. */
  readonly destroy: pulumi.ResourceHook;
  private readonly client: ReturnType<typeof clientSettings>;
  private hasBegunToDestroy = false;
  /** When each node whose machine is about to be stopped had last reported. */
  private readonly reportedBefore = new Map<string, string>();

  constructor(
    private readonly stack: string,
    settings: AwsFleetSettings,
    private readonly before: AwsBefore,
    private readonly measure: Measure,
    private readonly refusals: Refusals,
  ) {
    this.client = clientSettings(settings);
    const hook = (
      name: string,
      callback: (args: pulumi.ResourceHookArgs) => Promise<void>,
      onDryRun = true,
    ): pulumi.ResourceHook => new pulumi.ResourceHook(name, callback, { onDryRun });
    this.stop = hook("stop-only-what-is-empty", (args) => this.beforeStop(args));
    this.applied = hook("wait-until-applied", (args) => this.untilApplied(args), false);
    this.resize = hook("raise-maximum-first", (args) => this.beforeResize(args), false);
    this.release = hook("release-only-what-is-empty", (args) => this.beforeRelease(args));
    this.destroy = hook("destroy-only-what-is-empty", () => this.beforeDestroy());
  }

  /** Whether the whole stack is being taken down. */
  get isDestroying(): boolean {
    return this.hasBegunToDestroy;
  }

  private async beforeStop(args: pulumi.ResourceHookArgs): Promise<void> {
    if (this.isDestroying) return;
    const before = machineInputs.safeParse(await plain(args.oldInputs));
    const after = machineInputs.safeParse(await plain(args.newInputs));
    // In place, another type alone stops it.
    if (after.success && before.data?.instanceType === after.data.instanceType) return;
    if (before.data?.tags["Role"] === "shard")
      await this.mustBeEmpty({ role: "shard", name: args.name }, `Stopping ${args.name}`);
    if (after.success && !pulumi.runtime.isDryRun()) await this.noteReport(before.data?.tags ?? {});
  }

  /** A machine that is stopped and started is the same one, and reports anew once all is in force again. */
  private async noteReport(tags: Readonly<Record<string, string>>): Promise<void> {
    const at = pointerOf(tags);
    const report = at && (await this.reportOf(this.objects(), at));
    if (report) this.reportedBefore.set(at.node, report.time);
  }

  private objects(): S3Client {
    return new S3Client({ ...this.client, forcePathStyle: this.client.endpoint !== undefined });
  }

  private async beforeResize(args: pulumi.ResourceHookArgs): Promise<void> {
    const { minSize, name } = groupInputs.parse(await plain(args.newInputs));
    const groups = this.autoScaling();
    const max = await this.groupNow(groups, name);
    if (max !== undefined && max.max < minSize)
      await groups.send(new UpdateAutoScalingGroupCommand({ AutoScalingGroupName: name, MaxSize: minSize }));
  }

  private async beforeRelease(args: pulumi.ResourceHookArgs): Promise<void> {
    const { name } = groupInputs.parse(await plain(args.oldInputs));
    if (!this.isDestroying)
      await this.mustBeEmpty({ role: "instances", name: args.name }, `Deleting ${args.name}`);
    if (!pulumi.runtime.isDryRun()) await this.letGo(name);
  }

  /** AWS deletes no group that retains machines, and would ask for hooks and protection of each. */
  private async letGo(name: string): Promise<void> {
    const groups = this.autoScaling();
    const group = { AutoScalingGroupName: name };
    const now = await this.groupNow(groups, name);
    if (!now) return;
    await groups.send(new SuspendProcessesCommand({ ...group, ScalingProcesses: ["Launch"] }));
    await groups.send(
      new UpdateAutoScalingGroupCommand({
        ...group,
        MinSize: 0,
        InstanceLifecyclePolicy: { RetentionTriggers: { TerminateHookAbandon: "terminate" } },
      }),
    );
    for (let first = 0; first < now.protectedIds.length; first += PROTECTION_BATCH)
      await groups.send(
        new SetInstanceProtectionCommand({
          ...group,
          InstanceIds: now.protectedIds.slice(first, first + PROTECTION_BATCH),
          ProtectedFromScaleIn: false,
        }),
      );
  }

  private async groupNow(
    client: AutoScalingClient,
    name: string,
  ): Promise<{ max: number; protectedIds: string[] } | undefined> {
    const pages = paginateDescribeAutoScalingGroups({ client }, { AutoScalingGroupNames: [name] });
    for await (const { AutoScalingGroups = [] } of pages)
      for (const { Instances = [], MaxSize = 0 } of AutoScalingGroups)
        return {
          max: MaxSize,
          protectedIds: Instances.filter(
            ({ LifecycleState, ProtectedFromScaleIn }) =>
              ProtectedFromScaleIn === true && LifecycleState === "InService",
          ).flatMap(({ InstanceId }) => InstanceId ?? []),
        };
    return undefined;
  }

  private async beforeDestroy(): Promise<void> {
    this.hasBegunToDestroy = true;
    const objection = await objectionToEnd(this.stack, this.before, this.measure, awsWords);
    if (objection) this.refusals.refuse([objection]);
  }

  private async mustBeEmpty(subject: Subject, what: string): Promise<void> {
    const objection = await objectionToStop(subject, what, this.measure, awsWords);
    if (objection) this.refusals.refuse([objection]);
  }

  /**
   * On a pointer that was written, or on a machine that came in another's place. A node that never reported is not
   * waited for: it is new, or was out of order before.
   */
  private async untilApplied(args: pulumi.ResourceHookArgs): Promise<void> {
    const wanted = wantedOf(args.id, await plain(args.newInputs), await plain(args.newOutputs));
    if (!wanted) return;
    const s3 = this.objects();
    const notSince = this.reportedBefore.get(wanted.node);
    const limit = Date.now() + APPLIED_LIMIT_SECONDS * 1000;
    for (let first = true; ; first = false) {
      const report = await this.reportOf(s3, wanted);
      if (report === undefined && first) return;
      if (report !== undefined && report.time !== notSince && isInForce(report, wanted)) return;
      const said = report === undefined ? "" : `: ${report.reason ?? report.state}`;
      if (report?.bundle === wanted.bundle && report?.state === "waiting")
        throw new Error(
          `${wanted.node} waits with its update, which would cut calls${said}. ${awsWords.remedy({ role: "shard", name: wanted.node })}.`,
        );
      if (Date.now() > limit)
        throw new Error(
          `${wanted.node} did not bring its update into force within ${APPLIED_LIMIT_SECONDS} s${said}. What comes after it stays as it is.`,
        );
      await sleep(PAUSE_SECONDS * 1000);
    }
  }

  private async reportOf(s3: S3Client, { bucket, node }: Wanted): Promise<MachineReport | undefined> {
    try {
      const { Body } = await s3.send(new GetObjectCommand({ Bucket: bucket, Key: machineKeys(node).report }));
      return machineReportSchema.parse(JSON.parse((await Body?.transformToString()) ?? ""));
    } catch (error) {
      if (error instanceof Error && error.name === "NoSuchKey") return undefined;
      throw error;
    }
  }

  private autoScaling(): AutoScalingClient {
    return new AutoScalingClient(this.client);
  }
}

/** What a node is to say before anything else goes on. */
interface Wanted {
  readonly node: string;
  readonly bucket: string;
  readonly bundle?: string;
  readonly instance?: string;
}

const isInForce = (report: MachineReport, { bundle, instance }: Wanted): boolean =>
  report.state === "applied" &&
  (bundle === undefined || report.bundle === bundle) &&
  (instance === undefined || report.instance === instance);

const pointerInputs = z.object({ bucket: z.string(), key: z.string(), content: z.string() });
const instanceOutputs = z.object({ tags: z.record(z.string(), z.string()) });

/** `id`: the resource's. */
function wantedOf(id: string, inputs: unknown, outputs: unknown): Wanted | undefined {
  const pointer = pointerInputs.safeParse(inputs);
  if (pointer.success) {
    const { bucket, content, key } = pointer.data;
    return { node: key.split("/")[1] ?? "", bucket, bundle: content.trim() };
  }
  const instance = instanceOutputs.safeParse(outputs);
  const at = pointerOf(instance.data?.tags ?? {});
  return instance.success && at ? { ...at, instance: id } : undefined;
}

/** Whose machine it is and where its bundles are, by its tags. */
function pointerOf(tags: Readonly<Record<string, string>>): { node: string; bucket: string } | undefined {
  const [, bucket, node] = /^s3:\/\/([^/]+)\/machines\/([^/]+)\//.exec(tags[POINTER_TAG] ?? "") ?? [];
  return bucket === undefined || node === undefined ? undefined : { bucket, node };
}

const machineInputs = z.object({ instanceType: z.string(), tags: z.record(z.string(), z.string()) });
const groupInputs = z.object({ name: z.string(), minSize: z.number() });
