import {
  AutoScalingClient,
  CompleteLifecycleActionCommand,
  DescribeLifecycleHooksCommand,
  paginateDescribeAutoScalingGroups,
  RecordLifecycleActionHeartbeatCommand,
  SetDesiredCapacityCommand,
  TerminateInstanceInAutoScalingGroupCommand,
  UpdateAutoScalingGroupCommand,
  type AutoScalingGroup,
  type LaunchTemplateSpecification,
  type TagDescription,
} from "@aws-sdk/client-auto-scaling";
import { EC2Client, paginateDescribeInstances } from "@aws-sdk/client-ec2";
import { ageSeconds, answerTimes } from "../../awsTime";
import { nowSeconds } from "../../clock";
import { MACHINE_TAG } from "../../machine/report";
import type { Group, Machine } from "./groupState";

/** Where AWS is. */
export interface Where {
  readonly region: string;
  readonly endpoint?: string | undefined;
}

/**
 * What every client of AWS gets: throttled calls are repeated with back-off, a few times and no more, and each ends
 * within a limit. What fails all the same is asked anew at the next look.
 */
export const clientSettings = ({ endpoint, region }: Where) => ({
  region,
  ...(endpoint === undefined ? {} : { endpoint }),
  retryMode: "standard",
  maxAttempts: 4,
  requestHandler: { connectionTimeout: 2000, requestTimeout: 5000 },
});

const NAMES_A_CALL = 50;
const IDS_A_CALL = 200;

/** How a hook holds what is to end. */
export interface Hook {
  readonly name: string;
  readonly timeoutSeconds: number;
}

/** Auto Scaling and EC2: all that the scaler sees and does there. */
export class Cloud {
  private readonly scaling: AutoScalingClient;
  private readonly machinery: EC2Client;
  private readonly answeredAt: () => number | undefined;

  constructor(where: Where) {
    this.scaling = new AutoScalingClient(clientSettings(where));
    this.machinery = new EC2Client(clientSettings(where));
    this.answeredAt = answerTimes(this.machinery);
  }

  /** Those of the groups that exist. */
  async groups(names: readonly string[]): Promise<Group[]> {
    const found: Group[] = [];
    for (const some of chunks(names, NAMES_A_CALL))
      for await (const page of paginateDescribeAutoScalingGroups(
        { client: this.scaling },
        { AutoScalingGroupNames: some },
      ))
        found.push(...(page.AutoScalingGroups ?? []).map(groupOf));
    return found;
  }

  /** By id. What EC2 does not know (yet) is missing. */
  async machines(ids: readonly string[]): Promise<Map<string, Machine>> {
    const found = new Map<string, Machine>();
    for (const some of chunks(ids, IDS_A_CALL))
      for await (const page of paginateDescribeInstances(
        { client: this.machinery },
        // By a filter: an id that EC2 does not know yet would fail the call for all of them.
        { Filters: [{ Name: "instance-id", Values: some }] },
      ))
        for (const { InstanceId, LaunchTime, PrivateIpAddress, State, Tags } of (
          page.Reservations ?? []
        ).flatMap(({ Instances }) => Instances ?? []))
          if (InstanceId !== undefined)
            found.set(InstanceId, {
              address: PrivateIpAddress,
              state: State?.Name ?? "unknown",
              launchedAtSeconds: nowSeconds() - this.ageOf(LaunchTime),
              revision: revisionIn(Tags),
            });
    return found;
  }

  /** By AWS's own clock. Of what is launched in its future, or never, nothing is known: as if it were just now. */
  private ageOf(launched: Date | undefined): number {
    const at = this.answeredAt();
    return launched === undefined || at === undefined
      ? 0
      : Math.max(0, ageSeconds(launched.toISOString(), at));
  }

  async setDesired(group: string, desired: number): Promise<void> {
    await this.scaling.send(
      new SetDesiredCapacityCommand({
        AutoScalingGroupName: group,
        DesiredCapacity: desired,
        HonorCooldown: false,
      }),
    );
  }

  async setMaximum(group: string, maximum: number): Promise<void> {
    await this.scaling.send(
      new UpdateAutoScalingGroupCommand({ AutoScalingGroupName: group, MaxSize: maximum }),
    );
  }

  async terminate(id: string, decrement: boolean): Promise<void> {
    await this.scaling.send(
      new TerminateInstanceInAutoScalingGroupCommand({
        InstanceId: id,
        ShouldDecrementDesiredCapacity: decrement,
      }),
    );
  }

  /** The hook that holds what the group ends; undefined where it has none. */
  async terminatingHook(group: string): Promise<Hook | undefined> {
    const { LifecycleHooks = [] } = await this.scaling.send(
      new DescribeLifecycleHooksCommand({ AutoScalingGroupName: group }),
    );
    const hook = LifecycleHooks.find(
      ({ LifecycleTransition }) => LifecycleTransition === "autoscaling:EC2_INSTANCE_TERMINATING",
    );
    return hook?.LifecycleHookName === undefined
      ? undefined
      : { name: hook.LifecycleHookName, timeoutSeconds: hook.HeartbeatTimeout ?? 3600 };
  }

  /** Lets an instance end. That it has ended meanwhile is as good. */
  async complete(group: string, hook: string, id: string): Promise<void> {
    await this.scaling
      .send(
        new CompleteLifecycleActionCommand({
          AutoScalingGroupName: group,
          LifecycleHookName: hook,
          InstanceId: id,
          LifecycleActionResult: "CONTINUE",
        }),
      )
      .catch(unlessOver);
  }

  /** Holds an instance for the hook's time from now on. */
  async heartbeat(group: string, hook: string, id: string): Promise<void> {
    await this.scaling
      .send(
        new RecordLifecycleActionHeartbeatCommand({
          AutoScalingGroupName: group,
          LifecycleHookName: hook,
          InstanceId: id,
        }),
      )
      .catch(unlessOver);
  }

  close(): void {
    this.scaling.destroy();
    this.machinery.destroy();
  }
}

function unlessOver(error: unknown): void {
  if (!(error instanceof Error) || !/No active Lifecycle Action found/i.test(error.message)) throw error;
}

const chunks = (all: readonly string[], size: number): string[][] =>
  Array.from({ length: Math.ceil(all.length / size) }, (_, index) =>
    all.slice(index * size, (index + 1) * size),
  );

function groupOf(group: AutoScalingGroup): Group {
  const { DesiredCapacity, Instances, LaunchTemplate, MaxSize, MinSize, MixedInstancesPolicy } = group;
  return {
    name: group.AutoScalingGroupName ?? "",
    desired: DesiredCapacity ?? 0,
    min: MinSize ?? 0,
    max: MaxSize ?? 0,
    revision: revisionIn(group.Tags),
    template: templateOf(LaunchTemplate ?? MixedInstancesPolicy?.LaunchTemplate?.LaunchTemplateSpecification),
    instances: (Instances ?? []).map((instance) => ({
      id: instance.InstanceId ?? "",
      lifecycle: instance.LifecycleState ?? "",
      template: templateOf(instance.LaunchTemplate),
    })),
  };
}

const revisionIn = (tags: readonly Pick<TagDescription, "Key" | "Value">[] = []): string | undefined =>
  tags.find(({ Key }) => Key === MACHINE_TAG)?.Value;

/** Undefined for `$Latest` and `$Default`: what they were when an instance was made is told by number. */
function templateOf(of: LaunchTemplateSpecification | undefined): string | undefined {
  const { LaunchTemplateId: id, Version: version } = of ?? {};
  return id === undefined || version === undefined || !/^\d+$/.test(version) ? undefined : `${id}:${version}`;
}
