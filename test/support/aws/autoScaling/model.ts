import type { Subnet, TemplateVersion } from "../machines";
import type { Structure } from "../query";

export const LAUNCHING = "autoscaling:EC2_INSTANCE_LAUNCHING";
export const TERMINATING = "autoscaling:EC2_INSTANCE_TERMINATING";

/** AWS's limit on waiting, whatever heartbeats come: 48 hours, or 100 times the hook's own time where that is less. */
export const globalTimeoutSeconds = ({ heartbeatSeconds }: Hook): number =>
  Math.min(172_800, 100 * heartbeatSeconds);

export interface Hook {
  readonly name: string;
  readonly transition: typeof LAUNCHING | typeof TERMINATING;
  readonly target: string | undefined;
  readonly role: string | undefined;
  readonly metadata: string | undefined;
  readonly heartbeatSeconds: number;
  readonly defaultResult: "CONTINUE" | "ABANDON";
}

/** What a member waits for. */
export interface Action {
  readonly hook: Hook;
  readonly token: string;
  /** Emulated seconds since the epoch, after which no heartbeat helps. */
  readonly lastEnd: number;
  cancelTimeout: () => void;
}

export type LifecycleState =
  | "Pending"
  | "Pending:Wait"
  | "Pending:Proceed"
  | "InService"
  | "Terminating"
  | "Terminating:Wait"
  | "Terminating:Proceed"
  | "Terminating:Retained"
  | "Warmed:Pending"
  | "Warmed:Pending:Wait"
  | "Warmed:Pending:Proceed"
  | "Warmed:Stopped"
  | "Warmed:Running"
  | "Warmed:Terminating"
  | "Warmed:Terminating:Wait"
  | "Warmed:Terminating:Proceed"
  | "Warmed:Terminating:Retained";

/** An instance of a group or of its warm pool. */
export interface Member {
  readonly id: string;
  readonly instanceType: string;
  readonly subnet: Subnet;
  readonly template: TemplateVersion;
  readonly isSpot: boolean;
  /** Emulated seconds since the epoch. */
  readonly launchedAt: number;
  state: LifecycleState;
  /** Emulated seconds since the epoch. */
  inServiceAt: number | undefined;
  isHealthy: boolean;
  isProtected: boolean;
  /** Its machine runs, and the emulator's user has been told. */
  isUp: boolean;
  /** Another hand than the group's has stopped or ended its machine. */
  isLost: boolean;
  /** Nothing is left to end. */
  isGone: boolean;
  /** Shall go once another has come in its place; does not count. */
  isReplaced: boolean;
  readonly actions: Map<string, Action>;
  /** Of the launch or the end that is under way. */
  activity: Activity | undefined;
}

export interface Activity {
  readonly id: string;
  readonly group: string;
  readonly groupArn: string;
  readonly cause: string;
  readonly startedAt: Date;
  readonly details: Structure;
  description: string;
  status: string;
  message: string | undefined;
  progress: number;
  endedAt: Date | undefined;
}

export interface Order {
  readonly subnet: Subnet;
  readonly isSpot: boolean;
  /** undefined: the launch template's. */
  readonly instanceType: string | undefined;
  readonly isForWarmPool: boolean;
}

export interface WarmPool {
  readonly minSize: number;
  readonly maxPrepared: number | undefined;
  readonly state: "Stopped" | "Running";
}

export interface Schedule {
  readonly name: string;
  readonly arn: string;
  readonly recurrence: string | undefined;
  readonly startTime: Date | undefined;
  readonly endTime: Date | undefined;
  readonly timeZone: string | undefined;
  readonly minSize: number | undefined;
  readonly maxSize: number | undefined;
  readonly desired: number | undefined;
  cancel: () => void;
}

export interface GroupTag {
  readonly value: string;
  readonly isPropagated: boolean;
}

/** Which instance types, and how many of them on demand, for a group that has several. */
export interface Mix {
  readonly instanceTypes: readonly string[];
  readonly onDemandBase: number;
  readonly onDemandPercentAbove: number;
}

export interface Group {
  readonly name: string;
  readonly arn: string;
  readonly createdAt: Date;
  template: TemplateVersion;
  /** As they came in a MixedInstancesPolicy, and what it means; undefined: one type, the template's. */
  mixedPolicy: Structure | undefined;
  mix: Mix | undefined;
  /** That the launch template itself asks for Spot. */
  isSpotTemplate: boolean;
  minSize: number;
  maxSize: number;
  desired: number;
  subnets: readonly Subnet[];
  isNewProtected: boolean;
  rebalancesCapacity: boolean;
  retainsAbandoned: boolean;
  deletionProtection: string;
  /** What is only kept and answered: cooldowns, health check types, policies of termination … */
  readonly kept: Structure;
  readonly tags: Map<string, GroupTag>;
  readonly hooks: Map<string, Hook>;
  readonly members: Map<string, Member>;
  readonly suspended: Set<string>;
  readonly schedules: Map<string, Schedule>;
  readonly policies: Map<string, Structure>;
  readonly metrics: Set<string>;
  warmPool: WarmPool | undefined;
  /** What EC2 is being asked for and has no name yet. */
  readonly ordered: Set<Order>;
  isDeleting: boolean;
  readonly activities: Activity[];
}

export const PROCESSES = [
  "Launch",
  "Terminate",
  "HealthCheck",
  "ReplaceUnhealthy",
  "AZRebalance",
  "AlarmNotification",
  "ScheduledActions",
  "AddToLoadBalancer",
  "InstanceRefresh",
] as const;

export const isWarm = ({ state }: Member): boolean => state.startsWith("Warmed:");
const isEnding = ({ state }: Member): boolean => state.includes("Terminating");

/** What the group counts towards its desired capacity: not what ends, is retained, is warm or is being replaced. */
export const countedMembers = (group: Group): Member[] =>
  [...group.members.values()].filter((member) => !isWarm(member) && !isEnding(member) && !member.isReplaced);

/** What will count once EC2 has given it a name. */
export const countedOrders = (group: Group): Order[] =>
  [...group.ordered].filter(({ isForWarmPool }) => !isForWarmPool);

/** What is warm and stays so. */
export const warmMembers = (group: Group): Member[] =>
  [...group.members.values()].filter((member) => isWarm(member) && !isEnding(member));

/**
 * How many instances the warm pool shall have: what the larger of MaxGroupPreparedCapacity, by default the group's
 * maximum, leaves above the desired capacity, and at least its MinSize (API reference, PutWarmPool).
 */
export const warmPoolSize = ({ warmPool, maxSize, desired }: Group): number =>
  warmPool === undefined ? 0 : Math.max(warmPool.minSize, (warmPool.maxPrepared ?? maxSize) - desired, 0);

/** In the zone that has fewest, as "Distribute instances across Availability Zones" of the user guide says. */
export function subnetForNext(group: Group): Subnet | undefined {
  const counts = zoneCounts(group);
  return [...group.subnets].sort((a, b) => (counts.get(a.zone) ?? 0) - (counts.get(b.zone) ?? 0))[0];
}

function zoneCounts(group: Group): Map<string, number> {
  const counts = new Map(group.subnets.map(({ zone }) => [zone, 0]));
  for (const { subnet } of [...countedMembers(group), ...group.ordered])
    counts.set(subnet.zone, (counts.get(subnet.zone) ?? 0) + 1);
  return counts;
}

/** The fullest zone, where it has two more than the leanest: AZRebalance then acts. */
export function unbalancedZone(group: Group): string | undefined {
  const counts = [...zoneCounts(group)].sort(([, a], [, b]) => b - a);
  const [fullest] = counts;
  const leanest = counts.at(-1);
  return fullest && leanest && fullest[1] - leanest[1] >= 2 ? fullest[0] : undefined;
}

/**
 * Which instance a scale-in ends: of those that are not protected, in the zone that has most, of the oldest launch
 * template, the oldest. The default termination policy's last step, the next billing hour, is none since billing is by
 * the second. undefined: all are protected.
 */
export function victimOf(group: Group, zone?: string): Member | undefined {
  const counts = zoneCounts(group);
  const weight = ({ subnet }: Member): number => counts.get(subnet.zone) ?? 0;
  return countedMembers(group)
    .filter((member) => !member.isProtected && (zone === undefined || member.subnet.zone === zone))
    .sort(
      (a, b) =>
        weight(b) - weight(a) ||
        Number(a.template.version) - Number(b.template.version) ||
        a.launchedAt - b.launchedAt,
    )[0];
}

/** Whether the next instance shall be Spot, and of what type; the types take turns where it is. */
export function purchaseOfNext(group: Group): { isSpot: boolean; instanceType: string | undefined } {
  const { mix } = group;
  if (mix === undefined) return { isSpot: group.isSpotTemplate, instanceType: undefined };
  const all = [...countedMembers(group), ...countedOrders(group)];
  const above = Math.max(group.desired - mix.onDemandBase, 0);
  const onDemand = mix.onDemandBase + Math.ceil((above * mix.onDemandPercentAbove) / 100);
  const isSpot = all.filter((one) => !one.isSpot).length >= onDemand;
  const turn = isSpot ? all.length % Math.max(mix.instanceTypes.length, 1) : 0;
  return { isSpot, instanceType: mix.instanceTypes[turn] };
}
