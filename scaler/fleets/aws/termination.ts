import type { Bridge, Jibri } from "../../core/fleet";
import { isBridge, isDoomed, isProvenEmpty, type Member } from "./groupState";

/** What is done to an instance that goes by another's will. */
export interface Step {
  readonly kind: "drain" | "evacuate" | "retire" | "fence" | "heartbeat" | "complete" | "remove";
  readonly reason: string;
}

/** Moving everybody takes seconds; what ends before that by itself need not be moved. */
const EVACUATION_SECONDS = 60;

/** How a group's hook holds instances, and when it was last told to go on. */
export interface Hold {
  readonly timeoutSeconds: number;
  /** Since the scaler first saw the instance wait, where it was told nothing yet. */
  readonly toldAtSeconds: number;
}

const why = ({ notice, phase }: Member): string => {
  if (phase === "waits") return "its group ends it";
  if (phase === "retained") return "its group was to end it, and the drain took longer than the hook waits";
  return notice?.kind === "interruption"
    ? "AWS takes its machine away"
    : "AWS may soon take its machine away";
};

/**
 * What to do now with an instance that goes by another's will; nothing for all others. From what is seen, not from
 * what was said: a message that is lost, late or doubled changes nothing. What is not known to be empty is not let go.
 */
export function stepsFor(member: Member, hold: Hold | undefined, nowSeconds: number): Step[] {
  if (!isDoomed(member)) return [];
  const { gone, phase, told } = member;
  const reason = why(member);
  // A machine that ended while its group still counts on it is its group's to see.
  if (gone)
    return phase === "waits" ? [{ kind: "complete", reason: `${reason}, and the machine has ended` }] : [];
  if (isProvenEmpty(told))
    return [{ kind: phase === "waits" ? "complete" : "remove", reason: `${reason}, and nothing is on it` }];
  const onward = told && told.life === "running" ? wayOut(member, told, nowSeconds) : undefined;
  const steps: Step[] = onward === undefined ? [] : [{ kind: onward, reason }];
  // One that never said a word is left to the hook's own time: nobody knows of a call on it.
  const isDue = hold !== undefined && nowSeconds - hold.toldAtSeconds >= hold.timeoutSeconds / 3;
  if (phase === "waits" && told && isDue)
    steps.push({ kind: "heartbeat", reason: `${reason}, and it is not known to be empty` });
  return steps;
}

function wayOut({ notice }: Member, told: Bridge | Jibri, nowSeconds: number): Step["kind"] | undefined {
  if (!isBridge(told)) return told.fenced ? undefined : "fence";
  const isUrgent = notice?.kind === "interruption" && notice.endsAtSeconds - nowSeconds < EVACUATION_SECONDS;
  if (told.load.kind === "unknown") return isUrgent ? "evacuate" : undefined;
  const { conferences, draining, participants, retiring } = told.load.value;
  if (retiring) return undefined;
  if (participants === 0 && conferences === 0) return "retire";
  if (isUrgent) return "evacuate";
  return draining ? undefined : "drain";
}
