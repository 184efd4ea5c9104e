import {
  AutoScalingClient,
  paginateDescribeAutoScalingGroups,
  SetInstanceProtectionCommand,
  SuspendProcessesCommand,
  UpdateAutoScalingGroupCommand,
} from "@aws-sdk/client-auto-scaling";
import { GetObjectCommand, S3Client } from "@aws-sdk/client-s3";
import {
  machineKeys,
  machineReportSchema,
  POINTER_TAG,
  type FleetStatus,
  type MachineReport,
} from "@jitsi-fleet/scaler";
import * as pulumi from "@pulumi/pulumi";
import { setTimeout as sleep } from "node:timers/promises";
import { z } from "zod";
import type { Route } from "../platform";
import { howItLeaves } from "../routes";
import type { AwsFleetSettings } from "../settings";
import { clientSettings } from "./clients";
import { readFleetStatus, type KnownFleet } from "./fleetStatus";
import { plain } from "./hookInputs";

/** What the inputs of a node's component tell its guard. Parsed from the state: what was is in an older one's words. */
export interface NodeInputs {
  readonly role: "edge" | "shard" | "scaler";
  readonly place: string;
  /** Changes with anything that may restart a container. */
  readonly revision: pulumi.Input<string>;
  /** Where an edge sends users. */
  readonly routes: readonly Route[];
}

/** Until a node has applied what it was told: an image may have to be pulled. */
const APPLIED_LIMIT_SECONDS = 600;
const PAUSE_SECONDS = 2;
/** Of one call to set protection. */
const PROTECTION_BATCH = 50;

/**
 * The hooks that keep an update or a destroy from cutting calls, by what the scaler last wrote down of the fleet. They
 * are registered once a stack and know their subject from the resource's own inputs, so that they also guard what the
 * program declares no longer.
 */
export class Guard {
  /** Before anything of a node is changed: a shard must be in drain or maint and be empty, and so what an edge lets go. */
  readonly change: pulumi.ResourceHook;
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
  /** One look an update: what is being replaced can't be asked twice. */
  private status: Promise<KnownFleet> | undefined;
  /** When each node whose machine is about to be stopped had last reported. */
  private readonly reportedBefore = new Map<string, string>();
  /** What was warned of in this run. */
  private readonly warned = new Set<string>();

  constructor(
    private readonly stack: string,
    private readonly settings: AwsFleetSettings,
  ) {
    this.client = clientSettings(settings);
    const hook = (
      name: string,
      callback: (args: pulumi.ResourceHookArgs) => Promise<void>,
      onDryRun = true,
    ): pulumi.ResourceHook => new pulumi.ResourceHook(name, callback, { onDryRun });
    this.change = hook("change-only-what-is-drained", (args) => this.beforeChange(args));
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

  private async beforeChange(args: pulumi.ResourceHookArgs): Promise<void> {
    const before = nodeInputs.parse(await plain(args.oldInputs));
    const after = nodeInputs.parse(await plain(args.newInputs));
    if (before.role === "edge") await this.reroute(before.routes, after.routes);
    if (before.role !== "shard") return;
    if (before.revision === after.revision && before.place === after.place) return;
    const what = `Changing ${args.name}`;
    if (this.isReady(args.name)) this.refuse(args.name, what, `shard ${args.name} is in state ready`);
    else this.refuse(args.name, what, await this.onShard(args.name));
  }

  private async reroute(before: readonly Route[], after: readonly Route[]): Promise<void> {
    for (const route of before) {
      const leaving = howItLeaves(
        route,
        after.find(({ node }) => node === route.node),
      );
      if (leaving === undefined) continue;
      const objection =
        route.state === "ready" ? `shard ${route.node} is in state ready` : await this.onShard(route.node);
      this.refuse(route.node, leaving, objection);
    }
  }

  private async beforeStop(args: pulumi.ResourceHookArgs): Promise<void> {
    if (this.isDestroying) return;
    const before = machineInputs.safeParse(await plain(args.oldInputs));
    const after = machineInputs.safeParse(await plain(args.newInputs));
    // In place, another type alone stops it.
    if (after.success && before.data?.instanceType === after.data.instanceType) return;
    if (before.data?.tags["Role"] === "shard")
      this.refuse(args.name, `Stopping ${args.name}`, await this.onShard(args.name));
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
    if (!this.isDestroying) this.refuse(args.name, `Deleting ${args.name}`, await this.inPool(args.name));
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
    const status = await this.known();
    if (status === "never up") return;
    const objections =
      "unknown" in status
        ? [status.unknown]
        : [
            ...status.shards.map(({ shard }) => this.ofShard(status, shard)),
            ...status.pools.map(({ pool }) => this.ofPool(status, pool)),
          ].filter((objection) => objection !== undefined);
    if (objections.length > 0) this.refuse(this.stack, `Destroying ${this.stack}`, objections.join("; "));
  }

  /** A shard's calls: those that its own focus knows, and those on its bridges. */
  private async onShard(shard: string): Promise<string | undefined> {
    const status = await this.known();
    if (status === "never up") return undefined;
    return "unknown" in status ? status.unknown : this.ofShard(status, shard);
  }

  private async inPool(pool: string): Promise<string | undefined> {
    const status = await this.known();
    if (status === "never up") return undefined;
    return "unknown" in status ? status.unknown : this.ofPool(status, pool);
  }

  private ofShard({ shards }: FleetStatus, name: string): string | undefined {
    const found = shards.find(({ shard }) => shard === name);
    if (!found) return `shard ${name} cannot be measured: the scaler does not know it`;
    if ("error" in found) return `shard ${name} cannot be measured: ${found.error}`;
    const held = [...counted(found.conferences, "conference"), ...counted(found.participants, "participant")];
    return held.length === 0 ? undefined : `shard ${name} holds ${held.join(", ")}`;
  }

  private ofPool({ pools }: FleetStatus, name: string): string | undefined {
    const found = pools.find(({ pool }) => pool === name);
    // The scaler never knew it: nothing was ever launched there by it.
    if (!found) return undefined;
    if (!found.fresh) return `${name} cannot be measured: its group was not seen`;
    const held = [
      ...counted(found.participants, "participant"),
      ...counted(found.recordings, "recording or stream"),
      ...counted(found.unsaved, "recording").map((count) => `${count} not in the store yet`),
      ...counted(found.silent, "machine").map((count) => `${count} not saying how full`),
    ];
    return held.length === 0 ? undefined : `${name} holds ${held.join(", ")}`;
  }

  private known(): Promise<KnownFleet> {
    this.status ??= readFleetStatus(this.stack, this.settings);
    return this.status;
  }

  private isReady(shard: string): boolean {
    return this.settings.shards.some(({ name, state }) => name === shard && state === "ready");
  }

  private refuse(subject: string, what: string, objection: string | undefined): void {
    if (objection === undefined) return;
    const reason = `${what} would cut calls: ${objection}`;
    if (this.settings.allowCutCalls) {
      this.warnOnce(subject, `${reason}. Allowed by allowCutCalls.`);
      return;
    }
    const message = `${reason}. ${REMEDY}. To cut them all the same: pulumi config set allowCutCalls true`;
    if (!pulumi.runtime.isDryRun()) throw new Error(message);
    this.warnOnce(subject, `As things are now, this update would be refused. ${message}`);
  }

  private warnOnce(subject: string, message: string): void {
    if (this.warned.has(subject)) return;
    this.warned.add(subject);
    void pulumi.log.warn(message);
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
        throw new Error(`${wanted.node} waits with its update, which would cut calls${said}. ${REMEDY}.`);
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

const REMEDY =
  "Drain a shard first (npm run shard -- drain SHARD --wait), another one ahead of it if the others are full, " +
  "and change it once it is empty; what bridges and Jibris hold, the scaler's API tells";

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

const counted = (count: number, one: string): string[] =>
  count === 0 ? [] : [`${count} ${one}${count === 1 ? "" : "s"}`];

const route = z.object({
  node: z.string(),
  state: z.enum(["ready", "drain", "maint"]),
  endpoint: z.object({ address: z.string(), port: z.number() }),
  place: z.string(),
});
const nodeInputs = z.object({
  role: z.enum(["edge", "shard", "scaler"]),
  place: z.string(),
  revision: z.string(),
  routes: z.array(route),
});
const machineInputs = z.object({ instanceType: z.string(), tags: z.record(z.string(), z.string()) });
const groupInputs = z.object({ name: z.string(), minSize: z.number() });
