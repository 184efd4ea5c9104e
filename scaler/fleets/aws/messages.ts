import { z } from "zod";

/** What the queue brings, as far as it matters. */
export type Message =
  /** A group is about to end an instance. Which, is also seen by looking; but not those that wait in a warm pool. */
  | {
      readonly kind: "terminating";
      readonly group: string;
      readonly instance: string;
      readonly hook: string;
      readonly fromWarmPool: boolean;
    }
  | { readonly kind: "interruption"; readonly instance: string; readonly atMilliseconds: number }
  | { readonly kind: "rebalance"; readonly instance: string }
  /** Nothing that anybody would do anything about: a group's test, a message that is none. */
  | { readonly kind: "other"; readonly what: string };

const envelope = z.object({ Type: z.literal("Notification"), Message: z.string() });
const hook = z.object({
  LifecycleTransition: z.literal("autoscaling:EC2_INSTANCE_TERMINATING"),
  AutoScalingGroupName: z.string(),
  EC2InstanceId: z.string(),
  LifecycleHookName: z.string(),
  Origin: z.string().optional(),
});
const event = z.object({
  "detail-type": z.enum(["EC2 Spot Instance Interruption Warning", "EC2 Instance Rebalance Recommendation"]),
  time: z.iso.datetime({ offset: true }),
  detail: z.object({ "instance-id": z.string() }),
});
const named = z.object({ Event: z.string().optional(), "detail-type": z.string().optional() });

/** Reads a message's body, in SNS's envelope or without. Never throws. */
export function readMessage(body: string): Message {
  const json = jsonOf(body);
  const enveloped = envelope.safeParse(json);
  const content = enveloped.success ? jsonOf(enveloped.data.Message) : json;
  const hooked = hook.safeParse(content);
  if (hooked.success) {
    const { AutoScalingGroupName, EC2InstanceId, LifecycleHookName, Origin } = hooked.data;
    return {
      kind: "terminating",
      group: AutoScalingGroupName,
      instance: EC2InstanceId,
      hook: LifecycleHookName,
      fromWarmPool: Origin === "WarmPool",
    };
  }
  const announced = event.safeParse(content);
  if (announced.success) {
    const instance = announced.data.detail["instance-id"];
    return announced.data["detail-type"] === "EC2 Instance Rebalance Recommendation"
      ? { kind: "rebalance", instance }
      : { kind: "interruption", instance, atMilliseconds: Date.parse(announced.data.time) };
  }
  const { data } = named.safeParse(content);
  return { kind: "other", what: data?.Event ?? data?.["detail-type"] ?? "no message of AWS's" };
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
