import { QueryError } from "../query";
import { describeActivity } from "./describe";
import { isWarm, type Group, type Member } from "./model";
import { invalid, textOf, type Handler, type World } from "./world";

/** A limit of the API reference: InstanceIds of SetInstanceProtection. */
const INSTANCES_A_CALL = 50;

export function instanceActions(world: World): Record<string, Handler> {
  const { engine } = world;
  return {
    DescribeAutoScalingInstances: (given) => {
      const ids = given.texts("InstanceIds");
      const all = world
        .views()
        .members.filter(({ InstanceId }) => ids.length === 0 || ids.includes(textOf(InstanceId)));
      return world.pages.page("AutoScalingInstances", all, given, { usual: 50, most: 50 });
    },
    TerminateInstanceInAutoScalingGroup: (given) => {
      const many = given.texts("InstanceIds");
      const ids = many.length > 0 ? many : [given.required("InstanceId")];
      if (many.length > 0) given.required("AutoScalingGroupName");
      const isDecremented = given.required("ShouldDecrementDesiredCapacity") === "true";
      const found = ids.map((id) => world.member(id, given.text("AutoScalingGroupName")));
      refuseTerminate(found, isDecremented);
      const activities = found.map(({ group, member }) => {
        if (isDecremented) group.desired--;
        const cause = `At ${new Date().toISOString().slice(0, 19)}Z instance ${member.id} was taken out of service in response to a user request${isDecremented ? ", shrinking the capacity." : "."}`;
        return describeActivity(engine.end(group, member, cause));
      });
      for (const { group } of found) engine.reconcile(group);
      return many.length > 0 ? { Activities: activities } : { Activity: activities[0] };
    },
    SetInstanceProtection: (given) => {
      const group = world.group(given);
      const isProtected = given.required("ProtectedFromScaleIn") === "true";
      const ids = given.texts("InstanceIds");
      if (ids.length > INSTANCES_A_CALL)
        throw new QueryError("LimitExceeded", `The limit is ${INSTANCES_A_CALL} instance ids a call.`);
      const members = ids.map((id) => world.member(id, group.name).member);
      for (const { id, state } of members)
        if (state !== "InService")
          throw invalid(`The instance ${id} is not in InService or EnteringStandby or Standby.`);
      for (const member of members) member.isProtected = isProtected;
      engine.reconcile(group);
      return {};
    },
    SetInstanceHealth: (given) => {
      const { group, member } = world.member(given.required("InstanceId"));
      if (given.choice("HealthStatus", ["Healthy", "Unhealthy"]) === "Healthy") member.isHealthy = true;
      else engine.unhealthy(group, member, "a user health-check.");
      return {};
    },
    DetachInstances: (given) => {
      const group = world.group(given);
      const members = given.texts("InstanceIds").map((id) => world.member(id, group.name).member);
      const isDecremented = given.required("ShouldDecrementDesiredCapacity") === "true";
      if (isDecremented && group.desired - members.length < group.minSize)
        throw invalid(
          `AutoScalingGroup ${group.name} has min-size=${group.minSize}, max-size=${group.maxSize}, and desired-size=${group.desired}. To detach ${members.length} instance, please update the AutoScalingGroup sizes appropriately.`,
        );
      if (isDecremented) group.desired -= members.length;
      const activities = members.map((member) => describeActivity(engine.detach(group, member)));
      engine.reconcile(group);
      return { Activities: activities };
    },
    DescribeScalingActivities: (given) => {
      const name = given.text("AutoScalingGroupName");
      const ids = given.texts("ActivityIds");
      const groups = name === undefined ? [...engine.groups.values()] : [world.named(name)];
      const all = groups
        .flatMap(({ activities }) => activities)
        .filter(({ id }) => ids.length === 0 || ids.includes(id))
        .map(describeActivity);
      return world.pages.page("Activities", all, given, { usual: 100, most: 100 });
    },
  };
}

function refuseTerminate(found: readonly { group: Group; member: Member }[], isDecremented: boolean): void {
  for (const { group, member } of found) {
    if (isWarm(member)) throw invalid(`The instance ${member.id} is in a warm pool.`);
    if (member.state.includes("Terminating") && member.state !== "Terminating:Retained")
      throw new QueryError(
        "ScalingActivityInProgress",
        `The instance ${member.id} is being terminated already.`,
      );
    // A report on hashicorp/nomad-autoscaler (pull request 1290) has that AWS refuses then; the text is the emulator's.
    if (group.suspended.has("Terminate"))
      throw invalid(`The Terminate process of ${group.name} is suspended.`);
    if (isDecremented && group.desired - found.length < group.minSize)
      throw invalid(
        `Currently, desiredSize equals minSize (${group.minSize}). Terminating instance without replacement will violate group's min size constraint. Either set shouldDecrementDesiredCapacity flag to false or lower group's min size.`,
      );
  }
}
