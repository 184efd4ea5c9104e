import { createHash } from "node:crypto";

/** Within what queues, groups and roles may be called, whatever is appended. */
const LONGEST_STACK = 32;

/** A stack's name as AWS takes it everywhere: letters, digits and -, short. Two stacks never share one. */
function plainStack(stack: string): string {
  const plain = stack.replaceAll(/[^A-Za-z0-9-]/g, "-");
  if (plain === stack && plain.length <= LONGEST_STACK) return plain;
  const hash = createHash("sha256").update(stack).digest("hex").slice(0, 6);
  return `${plain.slice(0, LONGEST_STACK - hash.length - 1)}-${hash}`;
}

/** Names of what others must know before it is there, or that a person looks for. */
export const awsName = (stack: string, ...parts: readonly string[]): string =>
  ["jitsi", plainStack(stack), ...parts].join("-");

/** Namespace of the scaler's metrics. */
export const metricNamespace = (stack: string): string => `JitsiFleet/${stack}`;
/** 1 for each minute in which a scaler decided. */
export const ALIVE_METRIC = "ScalerAlive";
/** Instances that are kept although they were to end: they bill, and a person must look. */
export const RETAINED_METRIC = "Retained";
/** Of a pool: machines that run and do not say how they are. */
export const SILENT_METRIC = "Silent";

/** By which a stack's things are told from all others. */
export const ownTags = (stack: string) => ({ Project: "jitsi-fleet", Stack: stack }) as const;
