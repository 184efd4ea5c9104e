import type { Parameters } from "../parameters";
import type { Structure } from "../query";
import { globalTimeoutSeconds, LAUNCHING, PROCESSES, TERMINATING, type Group, type Hook } from "./model";
import { invalid, type Handler, type World } from "./world";

/** Limits of the API reference: HeartbeatTimeout. */
const HEARTBEAT_SECONDS = { from: 30, to: 7200, default: 3600 };

export function hookActions(world: World): Record<string, Handler> {
  const { engine, notifier } = world;
  return {
    PutLifecycleHook: async (given) => {
      const group = world.group(given);
      const hook = hookOf(given, group.hooks.get(given.required("LifecycleHookName")));
      await testTarget(world, group, hook);
      group.hooks.set(hook.name, hook);
      return {};
    },
    DeleteLifecycleHook: (given) => {
      const group = world.group(given);
      const name = given.required("LifecycleHookName");
      const hook = group.hooks.get(name);
      if (!hook) throw invalid(`No Lifecycle Hook found with name ${name}`);
      group.hooks.delete(name);
      // "Outstanding lifecycle actions are completed first (ABANDON for launching instances, CONTINUE for others)."
      for (const member of [...group.members.values()]) {
        const action = member.actions.get(name);
        if (action)
          engine.complete(group, member, action, hook.transition === LAUNCHING ? "ABANDON" : "CONTINUE");
      }
      return {};
    },
    DescribeLifecycleHooks: (given) => {
      const group = world.group(given);
      const names = given.texts("LifecycleHookNames");
      const hooks = [...group.hooks.values()].filter(
        ({ name }) => names.length === 0 || names.includes(name),
      );
      return { LifecycleHooks: hooks.map((hook) => describeHook(group, hook)) };
    },
    CompleteLifecycleAction: (given) => {
      const { group, member, action } = world.action(given);
      const result = given.choice("LifecycleActionResult", ["CONTINUE", "ABANDON"]);
      if (result === undefined) given.required("LifecycleActionResult");
      else engine.complete(group, member, action, result);
      return {};
    },
    RecordLifecycleActionHeartbeat: (given) => {
      const { group, member, action } = world.action(given);
      engine.extend(group, member, action);
      return {};
    },
    DescribeNotificationConfigurations: () => ({ NotificationConfigurations: [] }),
    // The emulator sends no notices but those of hooks.
    DescribeLifecycleHookTypes: () => ({ LifecycleHookTypes: [LAUNCHING, TERMINATING] }),
    DescribeScalingProcessTypes: () => ({
      Processes: PROCESSES.map((ProcessName) => ({ ProcessName })),
    }),
    DescribeInstanceRefreshes: () => ({ InstanceRefreshes: [] }),
    DescribeTrafficSources: (given) => ({ TrafficSources: world.group(given).kept["TrafficSources"] ?? [] }),
    DescribeLoadBalancerTargetGroups: () => ({ LoadBalancerTargetGroups: [] }),
    DescribeLoadBalancers: () => ({ LoadBalancers: [] }),
    PutNotificationConfiguration: async (given) => {
      const group = world.group(given);
      await notifier.test(group.name, group.arn, given.required("TopicARN"));
      return {};
    },
  };
}

export async function testTarget(world: World, group: Group, hook: Hook): Promise<void> {
  if (hook.target === undefined) return;
  try {
    await world.notifier.test(group.name, group.arn, hook.target);
  } catch {
    throw invalid(
      `Unable to publish test message to notification target ${hook.target} using IAM role ${hook.role ?? ""}. Please check your target and role configuration and try to put lifecycle hook again.`,
    );
  }
}

/** A hook as it is given, over what it was. */
export function hookOf(given: Parameters, old: Hook | undefined): Hook {
  const transition = given.choice("LifecycleTransition", [LAUNCHING, TERMINATING]) ?? old?.transition;
  if (transition === undefined) throw invalid("LifecycleTransition is required for a new lifecycle hook.");
  const heartbeatSeconds =
    given.integer("HeartbeatTimeout") ?? old?.heartbeatSeconds ?? HEARTBEAT_SECONDS.default;
  if (heartbeatSeconds < HEARTBEAT_SECONDS.from || heartbeatSeconds > HEARTBEAT_SECONDS.to)
    throw invalid(
      `HeartbeatTimeout must be from ${HEARTBEAT_SECONDS.from} to ${HEARTBEAT_SECONDS.to} seconds, not ${heartbeatSeconds}.`,
    );
  // "If you specify an empty string, this overrides the current ARN."
  const target = (given.text("NotificationTargetARN") ?? old?.target) || undefined;
  const role = (given.text("RoleARN") ?? old?.role) || undefined;
  if (target !== undefined && role === undefined)
    throw invalid("RoleARN is required where a hook has a notification target.");
  return {
    name: given.required("LifecycleHookName"),
    transition,
    target,
    role,
    metadata: given.text("NotificationMetadata") ?? old?.metadata,
    heartbeatSeconds,
    defaultResult: given.choice("DefaultResult", ["CONTINUE", "ABANDON"]) ?? old?.defaultResult ?? "ABANDON",
  };
}

const describeHook = (group: Group, hook: Hook): Structure => ({
  LifecycleHookName: hook.name,
  AutoScalingGroupName: group.name,
  LifecycleTransition: hook.transition,
  NotificationTargetARN: hook.target,
  RoleARN: hook.role,
  NotificationMetadata: hook.metadata,
  HeartbeatTimeout: hook.heartbeatSeconds,
  GlobalTimeout: globalTimeoutSeconds(hook),
  DefaultResult: hook.defaultResult,
});
