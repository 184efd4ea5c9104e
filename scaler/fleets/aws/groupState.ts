import { isCarrying, type Bridge, type Host, type Instances, type Jibri, type Life } from "../../core/fleet";

/** An Auto Scaling group, as it was described. */
export interface Group {
  readonly name: string;
  readonly desired: number;
  readonly min: number;
  readonly max: number;
  /** What new instances are made of, `<launch template>:<version>`; none where the version is a moving one. */
  readonly template: string | undefined;
  /** What its tag says of them; none where it has none. */
  readonly revision: string | undefined;
  readonly instances: readonly {
    readonly id: string;
    /** AWS's word: InService, Terminating:Wait … */
    readonly lifecycle: string;
    readonly template: string | undefined;
  }[];
}

/** A machine, as EC2 describes it. */
export interface Machine {
  readonly address: string | undefined;
  /** AWS's word: pending, running, shutting-down, terminated, stopping, stopped. */
  readonly state: string;
  readonly launchedAtSeconds: number;
  /** Of what it was made, by its tag; none where it has none. */
  readonly revision: string | undefined;
}

/** What AWS announced of a machine. */
export type Notice =
  /** It is taken away then. */
  | { readonly kind: "interruption"; readonly endsAtSeconds: number }
  /** It is more likely than others to be taken away. */
  | { readonly kind: "rebalance" };

/**
 * Where an instance is on its way, by its group's account. `waits`: it is to end, and the group's hook holds it.
 * `retained`: it was to end, and was kept because the hook ran out. `aside`: somebody put it on standby or detaches it.
 */
export type Phase = "coming" | "serving" | "waits" | "retained" | "going" | "aside";

const phases: Readonly<Record<string, Phase>> = {
  Pending: "coming",
  "Pending:Wait": "coming",
  "Pending:Proceed": "coming",
  InService: "serving",
  Terminating: "going",
  "Terminating:Wait": "waits",
  "Terminating:Proceed": "going",
  "Terminating:Retained": "retained",
  Terminated: "going",
};

/** Words that are not known are nothing that is touched. */
export const phaseOf = (lifecycle: string): Phase => phases[lifecycle] ?? "aside";

/** A pool and the group that has its machines. */
export interface PoolGroup {
  readonly pool: string;
  readonly role: "bridge" | "jibri";
  readonly group: string;
}

/** An instance of a group, and all that is known of it. */
export interface Member {
  readonly id: string;
  readonly name: string;
  readonly phase: Phase;
  /** Whether it is made of what its group makes instances of today. */
  readonly current: boolean;
  readonly launchedAtSeconds: number;
  /** EC2 says that its machine has ended, or is about to without more ado. */
  readonly gone: boolean;
  readonly notice: Notice | undefined;
  /** As its agent says or last said (then its life is `unreachable`); none before the agent's first word. */
  readonly told: Bridge | Jibri | undefined;
}

/** The name of a machine's agent, as its host. */
export const hostName = (id: string): string => id.replace(/^i-/, "");

/** An instance's name: the agent of the machine gives it the same. */
export const instanceName = (pool: string, id: string): string => `${pool}-${hostName(id)}`;

/** By what both say of themselves, else by the launch template. What is not known is none. */
function isOutdated(group: Group, template: string | undefined, machine: Machine | undefined): boolean {
  if (group.revision !== undefined) {
    if (machine === undefined) return false;
    if (machine.revision !== undefined) return machine.revision !== group.revision;
  }
  return group.template !== undefined && template !== undefined && template !== group.template;
}

const endings = new Set(["shutting-down", "terminated", "stopping", "stopped"]);

/** All instances of a group with what AWS and the agents say of each. `told`: the machines as hosts, by their ids. */
export function membersOf(
  { pool }: PoolGroup,
  group: Group,
  machines: ReadonlyMap<string, Machine>,
  notices: ReadonlyMap<string, Notice>,
  told: Instances,
  nowSeconds: number,
): Member[] {
  // Those of a warm pool are stopped, and nobody's yet.
  const instances = group.instances.filter(({ lifecycle }) => !lifecycle.startsWith("Warmed:"));
  return instances.map(({ id, lifecycle, template }) => {
    const name = instanceName(pool, id);
    const machine = machines.get(id);
    return {
      id,
      name,
      phase: phaseOf(lifecycle),
      current: !isOutdated(group, template, machine),
      launchedAtSeconds: machine?.launchedAtSeconds ?? nowSeconds,
      gone: machine !== undefined && endings.has(machine.state),
      notice: notices.get(id),
      told: [...told.bridges, ...told.jibris].find((one) => one.machine === id && one.name === name),
    };
  });
}

export const isBridge = (one: Bridge | Jibri): one is Bridge => "load" in one;

/** By another's will: it goes whatever the pool needs, and is counted on no more. */
export const isDoomed = ({ notice, phase }: Member): boolean =>
  phase === "waits" || phase === "retained" || (phase === "serving" && notice !== undefined);

/** Instances that were there before this scaler get so long to say how they are before it decides without them. */
const TOLD_GRACE_SECONDS = 60;

/** Whether all that serve have said how they are since this scaler first saw the group, or had time enough to. */
export const haveTold = (members: readonly Member[], sinceSeconds: number, nowSeconds: number): boolean =>
  nowSeconds - sinceSeconds >= TOLD_GRACE_SECONDS ||
  members.every(({ phase, told }) => phase !== "serving" || told !== undefined);

/** A group as a place, for who decides. */
export interface GroupPlace {
  readonly host: Host;
  readonly bridges: readonly Bridge[];
  readonly jibris: readonly Jibri[];
}

/**
 * A group as a place. Instances that are to come count as launching, with or without a machine. One whose agent does
 * not answer runs and says nothing, however long: that it is gone is AWS's to say. One that goes by another's will is
 * told as long as people are on it, as draining and outdated, so that others are launched ahead of its end; then
 * there is nothing to decide about it any more.
 */
export function placeOf(
  { group: name, pool, role }: PoolGroup,
  members: readonly Member[],
  {
    desired,
    fresh,
    most,
    told,
  }: {
    /** The group's desired capacity, as far as it is known better than described. */
    readonly desired: number;
    /** Whether the group was described just now. */
    readonly fresh: boolean;
    /** The most instances that the pool may have. */
    readonly most: number;
    readonly told: boolean;
  },
  nowSeconds: number,
): GroupPlace {
  const counted = members.filter(({ phase }) => phase === "coming" || phase === "serving").length;
  const seen = members.map((member) => seenAs(member, { group: name, pool, role }, nowSeconds));
  const toCome = Array.from({ length: Math.max(0, desired - counted) }, (_, index) =>
    untold(role, {
      name: `${pool}-to-come-${index + 1}`,
      pool,
      host: name,
      machine: `${pool}-to-come-${index + 1}`,
      current: true,
      launchedAtSeconds: nowSeconds,
      life: "launching",
    }),
  );
  const all = [...seen, ...toCome];
  const room = Math.max(0, most - Math.max(desired, counted));
  return {
    host: { name, only: pool, drained: false, reachable: fresh, told, room: { [pool]: room } },
    bridges: all.filter(isBridge),
    jibris: all.filter((one): one is Jibri => !isBridge(one)),
  };
}

/** From its launch to its agent's first word a machine may take so long: it installs, and pulls images. */
const BOOT_LIMIT_SECONDS = 1200;

type Facts = Omit<Bridge, "load" | "sick">;

/** What nobody has told anything of. */
function untold(role: PoolGroup["role"], facts: Facts): Bridge | Jibri {
  const unknown = { kind: "unknown", why: "its agent has not said anything yet" } as const;
  return role === "bridge"
    ? { ...facts, load: unknown, sick: false }
    : { ...facts, status: unknown, unsaved: unknown, cramped: false, kept: false, fenced: false };
}

function seenAs(member: Member, { group, pool, role }: PoolGroup, nowSeconds: number): Bridge | Jibri {
  const { current, id, launchedAtSeconds, name, told } = member;
  const life = lifeOf(member, nowSeconds);
  if (!told) return untold(role, { name, pool, host: group, machine: id, current, launchedAtSeconds, life });
  const placed = { host: group, current: told.current && current && !isDoomed(member), life };
  if (!isBridge(told)) return { ...told, ...placed, fenced: told.fenced || isDoomed(member) };
  return isDoomed(member) && told.load.kind === "fresh"
    ? {
        ...told,
        ...placed,
        load: { kind: "fresh", value: { ...told.load.value, draining: true, retiring: false } },
      }
    : { ...told, ...placed };
}

function lifeOf(member: Member, nowSeconds: number): Life {
  const { launchedAtSeconds, phase, told } = member;
  if (phase === "coming") return "launching";
  if (phase === "going" || phase === "aside" || member.gone) return "stopping";
  if (isDoomed(member)) return isInUse(told) ? "running" : "stopping";
  if (!told) return nowSeconds - launchedAtSeconds < BOOT_LIMIT_SECONDS ? "launching" : "running";
  if (told.life === "unreachable") return "running";
  // Its recordings go with the machine: until they are in the store it is neither there nor over.
  const isOver = told.life === "exited" || told.life === "failed";
  return isOver && !isSaved(told) ? "stopping" : told.life;
}

/** Whether it says that somebody is on it, or said so last. */
function isInUse(told: Member["told"]): boolean {
  if (!told || (told.life !== "running" && told.life !== "unreachable")) return false;
  return isBridge(told)
    ? told.load.kind === "fresh" && isCarrying(told.load.value)
    : told.status.kind === "unknown" || told.status.value.busy === "busy";
}

/** Whether nothing that it recorded is missing in the store. */
const isSaved = (told: Bridge | Jibri): boolean =>
  isBridge(told) || (told.unsaved.kind === "fresh" && told.unsaved.value === 0);

/**
 * Whether its own word of just now says that nothing would be lost with the machine: a bridge that takes nothing new
 * and is empty, or ended; a Jibri that ended and whose recordings are in the store.
 */
export function isProvenEmpty(told: Member["told"]): boolean {
  if (!told) return false;
  if (told.life === "exited" || told.life === "failed") return isSaved(told);
  return (
    isBridge(told) &&
    told.life === "running" &&
    told.load.kind === "fresh" &&
    told.load.value.retiring &&
    !isCarrying(told.load.value)
  );
}

/** What was last made of a group's desired capacity. */
export interface Command {
  readonly desired: number;
  readonly atSeconds: number;
  /** What it was before: a description that says so may be an old one. */
  readonly past: readonly number[];
}

/** For so long a description may lag behind. */
const LAG_SECONDS = 20;

const isRecent = (command: Command | undefined, nowSeconds: number): command is Command =>
  command !== undefined && nowSeconds - command.atSeconds < LAG_SECONDS;

/** A group's desired capacity as it is by now. What is described and never was, others have made of it. */
export const desiredNow = (described: number, command: Command | undefined, nowSeconds: number): number =>
  isRecent(command, nowSeconds) && command.past.includes(described) ? command.desired : described;

/** What is to be remembered of a change that was just made. */
export function commanded(
  before: Command | undefined,
  described: number,
  desired: number,
  nowSeconds: number,
): Command {
  const earlier = isRecent(before, nowSeconds) ? [...before.past, before.desired] : [];
  const past = [...new Set([described, ...earlier])].filter((one) => one !== desired);
  return { desired, atSeconds: nowSeconds, past };
}

/**
 * To what the desired capacity is raised for `count` more than `expected`; undefined where it is raised already, or the
 * group is another than it was decided on. Never below what is there: to lower it lets AWS choose who goes.
 */
export function raised(
  { desired, min }: Group,
  expected: number,
  count: number,
  most: number,
): number | undefined {
  const target = Math.min(most, Math.max(expected, min) + count);
  return desired > expected || target <= desired || target <= expected ? undefined : target;
}

/** What the group's maximum is to be; undefined where it is right, or lowering it would let AWS choose who goes. */
export function maximumFor(
  { desired, instances, max }: Group,
  target: number,
  most: number,
): number | undefined {
  if (max < target) return Math.max(target, most);
  const isWithin = Math.max(desired, target, instances.length) <= most;
  return max > most && isWithin ? most : undefined;
}
