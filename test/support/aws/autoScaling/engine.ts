import { randomUUID } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import type { Clock } from "../clock";
import type { Machine, Machines, Subnet } from "../machines";
import { nextTime } from "./cron";
import {
  countedMembers,
  countedOrders,
  globalTimeoutSeconds,
  isWarm,
  LAUNCHING,
  purchaseOfNext,
  subnetForNext,
  TERMINATING,
  unbalancedZone,
  victimOf,
  warmMembers,
  warmPoolSize,
  type Action,
  type Activity,
  type Group,
  type Hook,
  type LifecycleState,
  type Member,
  type Order,
  type Schedule,
} from "./model";
import type { Notifier } from "./notifier";

/** Activities that are remembered of a group; AWS keeps six weeks. */
const ACTIVITIES_KEPT = 500;
const RETRY_LAUNCH_SECONDS = 30;
/** From EC2's notice to the end of a Spot instance (user guide, "Spot Instance interruption notices"). */
const SPOT_NOTICE_SECONDS = 120;

export interface EngineBehaviour {
  /** From the order of an instance to its machine being up: emulated seconds in `Pending`. */
  bootSeconds: number;
}

type Watcher = (machine: Machine) => unknown;

/**
 * What Auto Scaling does by itself: it brings every group to its desired capacity, takes instances through their
 * lifecycle and waits for hooks. Whatever changes a group calls `reconcile`.
 *
 * Sources: AWS's user guide ("How lifecycle hooks work", "Amazon EC2 Auto Scaling instance lifecycle", "Warm pools",
 * "Health checks", "Capacity Rebalancing", "Suspend and resume processes", "Control instance retention with instance
 * lifecycle policies") and the API reference as botocore's model has it.
 */
export class Engine {
  readonly groups = new Map<string, Group>();
  readonly launchWatchers: Watcher[] = [];
  readonly endWatchers: Watcher[] = [];
  private readonly machineOf = new Map<string, Machine>();
  /** What is under way at EC2 or at a target of notices. */
  private readonly running = new Set<Promise<void>>();
  private failures: { count: number; reason: string } = { count: 0, reason: "" };
  private isStopped = false;
  /** What went wrong inside; `settled` throws it. */
  private fault: Error | undefined;

  constructor(
    private readonly clock: Clock,
    private readonly machines: Machines,
    private readonly notifier: Notifier,
    private readonly behaviour: EngineBehaviour,
  ) {}

  // Launches

  /** The next so many instances cannot be launched. */
  failLaunches(count: number, reason: string): void {
    this.failures = { count, reason };
  }

  reconcile(group: Group): void {
    if (this.isStopped || group.isDeleting) return;
    const missing = group.desired - countedMembers(group).length - countedOrders(group).length;
    if (missing > 0 && !group.suspended.has("Launch")) this.scaleOut(group, missing);
    if (missing < 0 && !group.suspended.has("Terminate")) this.scaleIn(group, -missing);
    this.reconcileWarmPool(group);
    if (missing === 0) this.rebalanceZones(group);
    this.endReplaced(group);
  }

  private scaleOut(group: Group, missing: number): void {
    const cause = `At ${now()} an instance was started in response to a difference between desired and actual capacity, increasing the capacity from ${group.desired - missing} to ${group.desired}.`;
    const ready = warmMembers(group).filter(
      ({ state }) => state === "Warmed:Stopped" || state === "Warmed:Running",
    );
    const warm = ready.slice(0, missing);
    for (const member of warm) this.start(group, member, cause);
    this.order(group, missing - warm.length, cause, false);
  }

  private scaleIn(group: Group, surplus: number): void {
    // What is only ordered is ended when it has come.
    for (let left = Math.min(surplus, countedMembers(group).length); left > 0; left--) {
      const victim = victimOf(group);
      if (victim === undefined) {
        const last = group.activities[0];
        const text =
          "Could not scale to desired capacity because all remaining instances are protected from scale-in.";
        if (last?.message !== text)
          this.record(group, text, `At ${now()} group reached equilibrium.`, "Cancelled", text);
        return;
      }
      this.end(group, victim, `At ${now()} instance ${victim.id} was selected for termination.`);
    }
  }

  private reconcileWarmPool(group: Group): void {
    const warm = warmMembers(group);
    const ordered = group.ordered.size - countedOrders(group).length;
    const missing = warmPoolSize(group) - warm.length - ordered;
    if (missing > 0 && !group.suspended.has("Launch"))
      this.order(group, missing, `At ${now()} an instance was started for the warm pool.`, true);
    if (missing < 0 && !group.suspended.has("Terminate"))
      for (const member of warm.slice(0, -missing))
        this.end(group, member, `At ${now()} an instance of the warm pool was no longer needed.`);
  }

  /** One instance more where there are fewest, then one less where there are most; never while anything moves. */
  private rebalanceZones(group: Group): void {
    const isMoving = [...group.members.values()].some(
      (member) => !isWarm(member) && (member.state !== "InService" || member.isReplaced),
    );
    if (
      isMoving ||
      group.ordered.size > 0 ||
      ["AZRebalance", "Launch"].some((process) => group.suspended.has(process))
    )
      return;
    const zone = unbalancedZone(group);
    const victim = zone === undefined ? undefined : victimOf(group, zone);
    if (victim) this.replace(group, victim);
  }

  /** Another is launched, above the maximum if need be, and once it is in service this one ended. */
  private replace(group: Group, member: Member): void {
    member.isReplaced = true;
    this.reconcile(group);
  }

  private endReplaced(group: Group): void {
    if (group.suspended.has("Terminate")) return;
    const replaced = [...group.members.values()].filter((m) => m.isReplaced && m.state === "InService");
    const others = countedMembers(group).filter(({ state }) => state === "InService").length;
    for (const member of replaced.slice(0, Math.max(others + replaced.length - group.desired, 0)))
      this.end(
        group,
        member,
        `At ${now()} an instance was taken out of service as another has come in its place.`,
      );
  }

  private order(group: Group, count: number, cause: string, isForWarmPool: boolean): void {
    const orders: Order[] = [];
    for (let index = 0; index < count; index++) {
      const subnet = subnetForNext(group);
      if (!subnet) return;
      const order = { subnet, ...purchaseOfNext(group), isForWarmPool };
      group.ordered.add(order);
      orders.push(order);
    }
    for (const alike of Map.groupBy(
      orders,
      (order) => `${order.subnet.id} ${order.isSpot} ${order.instanceType}`,
    ).values())
      this.run(async () => {
        try {
          await this.launch(group, alike, cause);
        } catch (error) {
          const reason = error instanceof Error ? error.message : String(error);
          const text = `Launching a new EC2 instance.  Status Reason: ${reason} Launching EC2 instance failed.`;
          this.record(group, text, cause, "Failed", reason);
          this.clock.after(RETRY_LAUNCH_SECONDS, () => this.reconcile(group));
        } finally {
          for (const order of alike) group.ordered.delete(order);
        }
      });
  }

  private async launch(group: Group, orders: readonly Order[], cause: string): Promise<void> {
    const [order] = orders;
    if (!order) return;
    if (this.failures.count > 0) {
      this.failures.count -= orders.length;
      throw new Error(this.failures.reason);
    }
    const { machines, version } = await this.machines.launch({
      group: group.name,
      template: group.template,
      instanceType: order.instanceType,
      isSpot: order.isSpot,
      subnet: order.subnet,
      count: orders.length,
      tags: new Map(
        [...group.tags].filter(([, tag]) => tag.isPropagated).map(([key, { value }]) => [key, value]),
      ),
    });
    for (const machine of machines) {
      const member: Member = {
        id: machine.id,
        instanceType: machine.instanceType,
        subnet: order.subnet,
        template: { ...group.template, version },
        isSpot: order.isSpot,
        launchedAt: this.clock.now(),
        state: order.isForWarmPool ? "Warmed:Pending" : "Pending",
        isHealthy: true,
        isProtected: group.isNewProtected,
        inServiceAt: undefined,
        isUp: false,
        isLost: false,
        isGone: false,
        isReplaced: false,
        actions: new Map(),
        activity: this.record(
          group,
          `Launching a new EC2 instance: ${machine.id}`,
          cause,
          "PreInService",
          undefined,
          order.subnet,
        ),
      };
      group.members.set(member.id, member);
      this.machineOf.set(member.id, machine);
      this.boot(group, member);
    }
  }

  /** Out of the warm pool. */
  private start(group: Group, member: Member, cause: string): void {
    const wasStopped = member.state === "Warmed:Stopped";
    member.state = "Pending";
    member.isProtected = group.isNewProtected;
    member.activity = this.record(
      group,
      `Launching a new EC2 instance from warm pool: ${member.id}`,
      cause,
      "PreInService",
      undefined,
      member.subnet,
    );
    this.run(async () => {
      if (wasStopped) this.machineOf.set(member.id, await this.machines.start(group.name, member.id));
      this.boot(group, member, "WarmPool", wasStopped);
    });
  }

  private boot(group: Group, member: Member, origin = "EC2", isBooting = true): void {
    const starting = member.state;
    const up = (): void => {
      if (member.state !== starting || group.members.get(member.id) !== member) return;
      if (isBooting) this.up(member);
      this.await(group, member, LAUNCHING, origin, isWarm(member) ? "WarmPool" : "AutoScalingGroup");
    };
    if (isBooting) this.clock.after(this.behaviour.bootSeconds, up);
    else up();
  }

  private launched(group: Group, member: Member): void {
    if (!isWarm(member) || group.warmPool?.state === "Running") {
      close(member, "Successful");
      member.state = isWarm(member) ? "Warmed:Running" : "InService";
      member.inServiceAt = this.clock.now();
      this.reconcile(group);
      return;
    }
    this.down(member);
    const proceeding = member.state;
    this.run(async () => {
      await this.machines.stop(member.id);
      if (member.state !== proceeding) return;
      close(member, "Successful");
      member.state = "Warmed:Stopped";
      this.reconcile(group);
    });
  }

  // Ends

  /** Whatever protects it from scale-in. The group has to be reconciled afterwards. */
  end(group: Group, member: Member, cause: string): Activity {
    const origin = isWarm(member) ? "WarmPool" : "AutoScalingGroup";
    const isRetained = member.state.endsWith(":Retained");
    if (member.activity) close(member, "Cancelled");
    forget(member);
    member.state = isWarm(member) ? "Warmed:Terminating" : "Terminating";
    const activity = this.record(
      group,
      `Terminating EC2 instance: ${member.id}`,
      cause,
      "InProgress",
      undefined,
      member.subnet,
    );
    member.activity = activity;
    // One that was retained had its hooks: what remains is to end it.
    if (isRetained) this.proceed(group, member, TERMINATING);
    else this.await(group, member, TERMINATING, origin, "EC2");
    return activity;
  }

  private ended(group: Group, member: Member): void {
    this.run(async () => {
      if (!member.isGone) await this.machines.end([member.id]);
      this.remove(group, member);
      close(member, "Successful");
    });
  }

  private remove(group: Group, member: Member): void {
    this.down(member);
    group.members.delete(member.id);
    this.machineOf.delete(member.id);
    // A place that it had may be another's now.
    this.reconcile(group);
  }

  /** Machines that ended, or were stopped, by another hand than the group's. */
  machinesLost(ids: readonly string[], how: "terminated" | "stopped"): void {
    for (const group of this.groups.values())
      for (const member of ids.flatMap((id) => group.members.get(id) ?? [])) {
        if (member.state === "Warmed:Stopped" && how === "stopped") continue;
        this.down(member);
        member.isLost = true;
        member.isGone ||= how === "terminated";
        if (!group.suspended.has("HealthCheck"))
          this.unhealthy(group, member, `an EC2 health check indicating it has been ${how}.`);
      }
  }

  private up(member: Member): void {
    const machine = this.machineOf.get(member.id);
    if (!machine) return;
    member.isUp = true;
    this.tellWatchers(this.launchWatchers, machine);
  }

  private down(member: Member): void {
    const machine = this.machineOf.get(member.id);
    if (!machine || !member.isUp) return;
    member.isUp = false;
    this.tellWatchers(this.endWatchers, machine);
  }

  /** "As it terminates, another scaling activity launches a new one" (user guide, "Health checks"). */
  unhealthy(group: Group, member: Member, why: string): void {
    member.isHealthy = false;
    if (member.state.includes("Terminating")) return;
    if (group.suspended.has("ReplaceUnhealthy") || group.suspended.has("Terminate")) return;
    this.end(group, member, `At ${now()} an instance was taken out of service in response to ${why}`);
    this.reconcile(group);
  }

  /** After what suspended something no longer does. */
  resumed(group: Group): void {
    for (const member of [...group.members.values()]) {
      if (member.isLost && !group.suspended.has("HealthCheck")) member.isHealthy = false;
      if (!member.isHealthy) this.unhealthy(group, member, "a health check.");
    }
    this.reconcile(group);
  }

  /** Without hooks, as the reference says of ForceDelete. */
  delete(group: Group): void {
    group.isDeleting = true;
    group.desired = group.minSize = group.maxSize = 0;
    for (const schedule of group.schedules.values()) schedule.cancel();
    for (const member of group.members.values()) {
      forget(member);
      if (member.activity) close(member, "Cancelled");
      member.state = isWarm(member) ? "Warmed:Terminating:Proceed" : "Terminating:Proceed";
    }
    this.run(async () => {
      while (group.ordered.size > 0 && !this.isStopped) await sleep(10);
      const members = [...group.members.values()];
      await this.machines.end(members.filter(({ isGone }) => !isGone).map(({ id }) => id));
      for (const member of members) this.remove(group, member);
      this.groups.delete(group.name);
    });
  }

  /** It runs on, but is no more the group's. */
  detach(group: Group, member: Member): Activity {
    forget(member);
    group.members.delete(member.id);
    this.machineOf.delete(member.id);
    const text = `Detaching EC2 instance: ${member.id}`;
    return this.record(
      group,
      text,
      `At ${now()} instance ${member.id} was detached in response to a user request.`,
      "Successful",
    );
  }

  // Hooks

  private await(
    group: Group,
    member: Member,
    transition: Hook["transition"],
    origin: string,
    destination: string,
  ): void {
    const hooks = [...group.hooks.values()].filter((hook) => hook.transition === transition);
    if (hooks.length === 0) {
      this.proceed(group, member, transition);
      return;
    }
    member.state = `${member.state}:Wait` as LifecycleState;
    if (member.activity) member.activity.status = "MidLifecycleAction";
    for (const hook of hooks) {
      const action: Action = {
        hook,
        token: randomUUID(),
        lastEnd: this.clock.now() + globalTimeoutSeconds(hook),
        cancelTimeout: () => undefined,
      };
      member.actions.set(hook.name, action);
      this.extend(group, member, action);
      this.run(() =>
        this.notifier.tell({
          group: group.name,
          groupArn: group.arn,
          hook,
          instanceId: member.id,
          token: action.token,
          origin,
          destination,
        }),
      );
    }
  }

  /** A heartbeat: the hook's time begins anew, within the global time. */
  extend(group: Group, member: Member, action: Action): void {
    action.cancelTimeout();
    const left = Math.min(action.hook.heartbeatSeconds, action.lastEnd - this.clock.now());
    action.cancelTimeout = this.clock.after(left, () =>
      this.complete(group, member, action, action.hook.defaultResult),
    );
  }

  /** "ABANDON stops any remaining actions, such as other lifecycle hooks, and CONTINUE allows them to complete." */
  complete(group: Group, member: Member, action: Action, result: "CONTINUE" | "ABANDON"): void {
    action.cancelTimeout();
    member.actions.delete(action.hook.name);
    const { transition } = action.hook;
    if (result === "CONTINUE") {
      if (member.actions.size === 0) this.proceed(group, member, transition);
      return;
    }
    forget(member);
    if (transition === LAUNCHING) {
      this.end(
        group,
        member,
        `At ${now()} an instance was taken out of service in response to a lifecycle action that was abandoned.`,
      );
      this.reconcile(group);
      return;
    }
    if (!group.retainsAbandoned || member.isGone) {
      this.proceed(group, member, transition);
      return;
    }
    member.state = isWarm(member) ? "Warmed:Terminating:Retained" : "Terminating:Retained";
    close(member, "Failed");
    this.reconcile(group);
  }

  private proceed(group: Group, member: Member, transition: Hook["transition"]): void {
    const [base] = /^(Warmed:)?(Pending|Terminating)/.exec(member.state) ?? [];
    if (base === undefined) return;
    member.state = `${base}:Proceed` as LifecycleState;
    if (transition === LAUNCHING) this.launched(group, member);
    else this.ended(group, member);
  }

  // Spot

  /** EC2's notice, and two minutes later the end. A group with capacity rebalancing ends it at once, by its hook. */
  async interrupt(group: Group, member: Member): Promise<void> {
    await this.emit(member, "EC2 Spot Instance Interruption Warning", { "instance-action": "terminate" });
    this.clock.after(SPOT_NOTICE_SECONDS, () =>
      this.run(async () => {
        if (group.members.get(member.id) !== member || member.isGone) return;
        await this.machines.end([member.id]);
        this.machinesLost([member.id], "terminated");
      }),
    );
    if (!group.rebalancesCapacity || member.state !== "InService") return;
    this.end(
      group,
      member,
      `At ${now()} an instance was taken out of service in response to an EC2 Spot interruption notice.`,
    );
    this.reconcile(group);
  }

  /** A group with capacity rebalancing replaces it. */
  async recommendRebalance(group: Group, member: Member): Promise<void> {
    await this.emit(member, "EC2 Instance Rebalance Recommendation", {});
    if (group.rebalancesCapacity && !member.isReplaced && member.state === "InService")
      this.replace(group, member);
  }

  private emit(member: Member, type: string, detail: object): Promise<void> {
    return this.notifier.emit({
      source: "aws.ec2",
      type,
      resources: [`arn:aws:ec2:${member.subnet.zone}:instance/${member.id}`],
      detail: { "instance-id": member.id, ...detail },
    });
  }

  // Schedules

  /** Replaces one of the same name. */
  schedule(group: Group, schedule: Schedule): void {
    group.schedules.get(schedule.name)?.cancel();
    group.schedules.set(schedule.name, schedule);
    this.armSchedule(group, schedule);
  }

  private armSchedule(group: Group, schedule: Schedule): void {
    const from = new Date(this.clock.now() * 1000);
    const { recurrence, startTime, endTime } = schedule;
    const begin = startTime && startTime > from ? startTime : from;
    const due = recurrence === undefined ? startTime : nextTime(recurrence, begin);
    if (due === undefined || due < from || (endTime && due > endTime)) return;
    schedule.cancel = this.clock.after(due.getTime() / 1000 - this.clock.now(), () => {
      this.runSchedule(group, schedule);
      if (recurrence !== undefined) this.armSchedule(group, schedule);
    });
  }

  /** Sizes it leaves out stay; the desired capacity follows into the new bounds. */
  runSchedule(group: Group, schedule: Schedule): void {
    if (group.suspended.has("ScheduledActions") || group.isDeleting) return;
    resize(group, schedule);
    this.reconcile(group);
  }

  // Housekeeping

  private record(
    group: Group,
    description: string,
    cause: string,
    status: string,
    message?: string,
    subnet?: Subnet,
  ): Activity {
    const isOver = ["Successful", "Failed", "Cancelled"].includes(status);
    const activity: Activity = {
      id: randomUUID(),
      group: group.name,
      groupArn: group.arn,
      cause,
      startedAt: new Date(),
      details: subnet ? { "Subnet ID": subnet.id, "Availability Zone": subnet.zone } : {},
      description,
      status,
      message,
      progress: isOver ? 100 : 0,
      endedAt: isOver ? new Date() : undefined,
    };
    group.activities.unshift(activity);
    if (group.activities.length > ACTIVITIES_KEPT) group.activities.pop();
    return activity;
  }

  private tellWatchers(watchers: readonly Watcher[], machine: Machine): void {
    for (const watcher of watchers)
      this.run(async () => {
        await watcher(machine);
      });
  }

  /** What fails in it, `settled` throws. */
  run(act: () => Promise<void>): void {
    if (this.isStopped) return;
    const running: Promise<void> = act()
      .catch((error: unknown) => {
        if (!this.isStopped) this.fault ??= error instanceof Error ? error : new Error(String(error));
      })
      .finally(() => this.running.delete(running));
    this.running.add(running);
  }

  /**
   * Resolves once nothing moves by itself: what waits for a hook, is retained or scheduled may go on waiting. Throws
   * what failed inside, and after so many seconds of the wall's clock.
   */
  async settled(limitSeconds = 30): Promise<void> {
    const limit = Date.now() + limitSeconds * 1000;
    for (;;) {
      if (this.fault) throw this.fault;
      const moving = [...this.groups.values()].flatMap((group) => [
        ...(group.isDeleting ? [`${group.name} is being deleted`] : []),
        ...(group.ordered.size > 0 ? [`${group.name} has ordered instances`] : []),
        ...[...group.members.values()]
          .filter(({ state }) => /Pending$|Terminating$|Proceed$/.test(state))
          .map(({ id, state }) => `${id} is ${state}`),
      ]);
      if (moving.length === 0 && this.running.size === 0) return;
      if (Date.now() > limit)
        throw new Error(`After ${limitSeconds} s the groups have not settled: ${moving.join(", ")}.`);
      await sleep(10);
    }
  }

  async stop(): Promise<void> {
    this.isStopped = true;
    await Promise.race([Promise.all(this.running), sleep(1000, undefined, { ref: false })]);
  }
}

/** Sets the sizes that are given, and brings the desired capacity into them where it is not given itself. */
export function resize(
  group: Pick<Group, "minSize" | "maxSize" | "desired">,
  sizes: { minSize: number | undefined; maxSize: number | undefined; desired: number | undefined },
): void {
  group.minSize = sizes.minSize ?? group.minSize;
  group.maxSize = sizes.maxSize ?? group.maxSize;
  group.desired = sizes.desired ?? Math.min(Math.max(group.desired, group.minSize), group.maxSize);
}

/** What it waits for. */
function forget(member: Member): void {
  for (const action of member.actions.values()) action.cancelTimeout();
  member.actions.clear();
}

function close(member: Member, status: string): void {
  const { activity } = member;
  member.activity = undefined;
  if (activity === undefined) return;
  activity.status = status;
  activity.progress = 100;
  activity.endedAt = new Date();
}

const now = (): string => `${new Date().toISOString().slice(0, 19)}Z`;
