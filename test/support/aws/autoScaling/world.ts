import type { Clock } from "../clock";
import type { Machines } from "../machines";
import type { Parameters } from "../parameters";
import { QueryError, type Structure, type Value } from "../query";
import { describeGroup, describeMember, describeMemberOfGroup } from "./describe";
import type { Engine } from "./engine";
import { isWarm, type Action, type Group, type Member } from "./model";
import type { Notifier } from "./notifier";
import { Pages } from "./pages";

/** An action: what the call gives → what it is answered. */
export type Handler = (given: Parameters) => Promise<Structure> | Structure;

interface Parts {
  readonly account: string;
  readonly region: string;
  readonly clock: Clock;
  readonly engine: Engine;
  readonly machines: Machines;
  readonly notifier: Notifier;
  /** How old a description may be, in emulated seconds. */
  readonly staleSeconds: () => number;
}

interface View {
  readonly at: number;
  readonly groups: readonly Structure[];
  readonly members: readonly Structure[];
  readonly warm: ReadonlyMap<string, readonly Structure[]>;
}

/** What actions find things in, and refuse where they do not. */
export class World {
  readonly pages = new Pages();
  readonly account: string;
  readonly region: string;
  readonly clock: Clock;
  readonly engine: Engine;
  readonly machines: Machines;
  readonly notifier: Notifier;
  private readonly staleSeconds: () => number;
  /** What descriptions say while they are stale. */
  private view: View | undefined;

  constructor(parts: Parts) {
    this.account = parts.account;
    this.region = parts.region;
    this.clock = parts.clock;
    this.engine = parts.engine;
    this.machines = parts.machines;
    this.notifier = parts.notifier;
    this.staleSeconds = parts.staleSeconds;
  }

  group(given: Parameters): Group {
    return this.named(given.required("AutoScalingGroupName"));
  }

  named(name: string): Group {
    const group = this.engine.groups.get(name);
    if (!group) throw invalid(`AutoScalingGroup name not found - AutoScalingGroup ${name} not found`);
    return group;
  }

  member(id: string, groupName?: string): { group: Group; member: Member } {
    for (const group of this.engine.groups.values()) {
      const member = group.members.get(id);
      if (member && (groupName === undefined || groupName === group.name)) return { group, member };
    }
    throw invalid(`Instance Id not found - No managed instance found for instance ID: ${id}`);
  }

  action(given: Parameters): { group: Group; member: Member; action: Action } {
    const group = this.group(given);
    const hook = given.required("LifecycleHookName");
    const token = given.text("LifecycleActionToken");
    const id = given.text("InstanceId");
    for (const member of group.members.values()) {
      const action = member.actions.get(hook);
      if (action && (token === undefined ? member.id === id : action.token === token))
        return { group, member, action };
    }
    throw invalid(
      token === undefined
        ? `No active Lifecycle Action found with instance ID ${id ?? "null"}`
        : `No active Lifecycle Action found with token ${token}`,
    );
  }

  /** What descriptions say: as it is, or as it was up to so many seconds ago. */
  views(): View {
    const at = this.clock.now();
    const staleSeconds = this.staleSeconds();
    if (this.view && at - this.view.at < staleSeconds) return this.view;
    const groups = [...this.engine.groups.values()];
    const view = {
      at,
      groups: groups.map(describeGroup),
      members: groups.flatMap((group) =>
        [...group.members.values()].map((member) => describeMemberOfGroup(group, member)),
      ),
      warm: new Map(
        groups.map((group) => [group.name, [...group.members.values()].filter(isWarm).map(describeMember)]),
      ),
    };
    this.view = staleSeconds > 0 ? view : undefined;
    return view;
  }
}

export const invalid = (message: string): QueryError => new QueryError("ValidationError", message);

/** The text of a value that is one; of a number or a boolean as the protocol writes it. */
export const textOf = (value: Value): string =>
  typeof value === "object" || value === undefined ? "" : String(value);
