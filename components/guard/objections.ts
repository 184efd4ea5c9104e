import type { ShardState } from "@jitsi-fleet/scaler";
import type { Objection } from "./refusals";
import type { Measurable } from "./stopRules";

/** Something whose stop might cut a call: a shard, or what the scaler started in a place, by that one's name. */
export interface Subject {
  readonly role: Measurable;
  readonly name: string;
}

/** Why something cannot be measured. It is taken for in use. */
export interface Unknown {
  readonly unknown: string;
  /** Its host does not answer, so that nothing can be done to it either. */
  readonly isOutOfReach?: boolean;
}

export const aboutOf = ({ name, role }: Subject): string => `${role} ${name}`;

/** How a platform measures what is in use, by what the state says is there. */
export interface Measure {
  /** What the edge does with a shard's rooms; `none`: it sends nobody there. */
  inForce(shard: string): Promise<ShardState | "none" | Unknown>;
  /** What is held, in words; undefined: nothing. */
  holds(subject: Subject): Promise<string | undefined | Unknown>;
}

/** A shard as it stands: where, and of what each of its parts is made that a change would interrupt. */
export interface Standing {
  readonly place: string;
  /** By part: changes with what interrupts it. */
  readonly revisions: Readonly<Record<string, string>>;
  /** It is there, and the state does not know it: that is older than the fleet. */
  readonly isStray?: boolean;
}

/** What may carry calls, as the state has it, and what was found beside it. */
export interface Before {
  readonly shards: ReadonlyMap<string, Standing>;
  /** Where the scaler starts instances: hosts, or groups. */
  readonly instances: readonly string[];
}

/** The same as the settings will have it. */
export interface After {
  readonly shards: ReadonlyMap<string, Standing & { readonly state: ShardState }>;
  readonly instances: readonly string[];
}

/** How the words for what is started in a place are. */
export interface Words {
  /** `host a`, or a pool's name. */
  readonly called: (subject: Subject) => string;
  /** `Taking out host a`. */
  readonly takingOut: (instances: string) => string;
  /** What to do to be let through. */
  readonly remedy: (subject: Subject) => string;
}

/** Something that the update does to a subject. */
interface Touch {
  readonly subject: Subject;
  readonly what: string;
  /** `change`: it stays where it is. `maint`: the edge sends nobody there any more. `stray`: the state does not know it. */
  readonly how: "change" | "leave" | "maint" | "stray";
}

/** `states`: the update brings shards' states alone, as that of `npm run shard` does. */
export type Scope = "all" | "states";

/** What the update from one to the other does to what may carry calls. */
export function touches(
  before: Before,
  after: After,
  { takingOut }: Pick<Words, "takingOut">,
  scope: Scope,
): Touch[] {
  const shards = [...before.shards].flatMap(([name, standing]): Touch[] => {
    const subject = { role: "shard", name } as const;
    const wanted = after.shards.get(name);
    // Edges would be told to forget it, or what is its would be made once more.
    if (standing.isStray === true)
      return [{ subject, how: "stray", what: `This update, whose state does not know shard ${name},` }];
    if (!wanted) return [{ subject, how: "leave", what: `Removing shard ${name}` }];
    if (wanted.place !== standing.place) return [{ subject, how: "leave", what: `Moving shard ${name}` }];
    const isOther = Object.entries(standing.revisions).some(([part, is]) => wanted.revisions[part] !== is);
    if (isOther && scope === "all") return [{ subject, how: "change", what: `Changing ${name}` }];
    return wanted.state === "maint"
      ? [{ subject, how: "maint", what: `Setting shard ${name} to maint` }]
      : [];
  });
  const gone = before.instances.filter((name) => !after.instances.includes(name));
  const instances = gone.map((name): Touch => ({
    subject: { role: "instances", name },
    how: "leave",
    what: takingOut(name),
  }));
  const all = [...shards, ...instances];
  return scope === "all" ? all : all.filter(({ how }) => how === "maint" || how === "stray");
}

const OLD_STATE = "Is the state an old one? docs/recovery.md#the-state-is-a-day-old";

/**
 * Those of the shards that are there which the state does not know. What sets states alone makes none of the settings' a
 * second time, and can drain it.
 */
export function straysIn(
  there: readonly string[],
  settings: { readonly shards: readonly { readonly name: string }[] },
  before: Before,
  scope: Scope,
): string[] {
  const isSpared = (shard: string): boolean =>
    scope === "states" && settings.shards.some(({ name }) => name === shard);
  return there.filter((shard) => !before.shards.has(shard) && !isSpared(shard));
}

/** What was found beside what the state has, as it stands. */
export function withStrays<Of extends Before>(before: Of, strays: ReadonlyMap<string, string>): Of {
  const found = [...strays].map(([name, place]): [string, Standing] => [
    name,
    { place, revisions: {}, isStray: true },
  ]);
  return { ...before, shards: new Map([...found, ...before.shards]) };
}

/** All that speaks against an update, measured now. A shard is touched only where it takes no new room, and is empty. */
export async function objectionsTo(
  before: Before,
  after: After,
  measure: Measure,
  words: Words,
  scope: Scope,
): Promise<Objection[]> {
  const found = await Promise.all(
    touches(before, after, words, scope).map(async (touch): Promise<Objection[]> => {
      const { how, subject, what } = touch;
      const against = await whatSpeaksAgainst(touch, after, measure, words);
      if (against === undefined) return [];
      const remedy = words.remedy(subject) + (how === "stray" ? `. ${OLD_STATE}` : "");
      const told = { about: aboutOf(subject), remedy };
      if (typeof against === "string") return [{ ...told, reason: `${what} would cut calls: ${against}` }];
      const unmeasured = `${words.called(subject)} cannot be measured: ${against.unknown}`;
      // Its containers can't be touched either: who leaves them out of this update may go on with the rest.
      return how === "change" && against.isOutOfReach === true
        ? [
            {
              ...told,
              reason: `${subject.name} stays as it is: ${unmeasured}`,
              remedy: "Leave its host out of this update, or it stops there",
              weight: "left",
            },
          ]
        : [{ ...told, reason: `${what} would cut calls: ${unmeasured}` }];
    }),
  );
  return found.flat();
}

/** Why it must not be done; undefined: it may be. */
async function whatSpeaksAgainst(
  { how, subject }: Touch,
  after: After,
  measure: Measure,
  words: Words,
): Promise<string | undefined | Unknown> {
  const isReady = `shard ${subject.name} is in state ready`;
  const isShard = subject.role === "shard";
  if (isShard && after.shards.get(subject.name)?.state === "ready") return isReady;
  const [state, held] = await Promise.all([
    isShard ? measure.inForce(subject.name) : ("none" as const),
    measure.holds(subject),
  ]);
  if (state === "ready") return isReady;
  if (how === "maint" && state === "maint") return undefined;
  if (typeof held === "object" && held.isOutOfReach === true) return held;
  if (typeof state === "object") return state;
  return typeof held === "string" ? `${words.called(subject)} holds ${held}` : held;
}

/** What it holds, in words, or why nobody knows; undefined: nothing. */
async function holding(subject: Subject, measure: Measure, words: Words): Promise<string | undefined> {
  const held = await measure.holds(subject);
  if (held === undefined) return undefined;
  const called = words.called(subject);
  return typeof held === "string"
    ? `${called} holds ${held}`
    : `${called} cannot be measured: ${held.unknown}`;
}

/** What speaks against ending it, measured now. `what`: what is to be done, such as `Stopping s1`. */
export async function objectionToStop(
  subject: Subject,
  what: string,
  measure: Measure,
  words: Words,
): Promise<Objection | undefined> {
  const why = await holding(subject, measure, words);
  if (why === undefined) return undefined;
  return {
    about: aboutOf(subject),
    reason: `${what} would cut calls: ${why}`,
    remedy: words.remedy(subject),
  };
}

/** The state of a shard by what each node of the edge says: one that sends it new rooms is enough. */
export function stateInForce(
  said: readonly (ShardState | "none" | Unknown)[],
): ShardState | "none" | Unknown {
  const states = said.filter((answer) => typeof answer === "string");
  if (states.includes("ready")) return "ready";
  if (states.length > 0) return states.find((state) => state !== "none") ?? "none";
  const why = said.flatMap((answer) => (typeof answer === "object" ? [answer.unknown] : [])).join("; ");
  return { unknown: `the edge does not say that it takes no new room (${why || "nobody asks it"})` };
}

/**
 * What runs has the stack's name in its own: under another one nothing of it would be found, or ended. `where` as in
 * `What runs on AWS`; `former`: its name in the state, undefined where it has none.
 */
export const renamed = (stack: string, former: string | undefined, where: string): Objection[] =>
  former === undefined || former === stack
    ? []
    : [
        {
          about: "stack",
          weight: "never",
          reason: `What runs on ${where} is called ${former}, and the stack is now ${stack}`,
          remedy: `Call it ${former} again: pulumi stack rename ${former}. A fleet of another name is another stack`,
        },
      ];

/** All that speaks against taking everything down, measured now. */
export async function objectionToEnd(
  stack: string,
  before: Before,
  measure: Measure,
  words: Words,
): Promise<Objection | undefined> {
  const subjects: Subject[] = [
    ...[...before.shards.keys()].map((name) => ({ role: "shard", name }) as const),
    ...before.instances.map((name) => ({ role: "instances", name }) as const),
  ];
  const found = await Promise.all(subjects.map((subject) => holding(subject, measure, words)));
  const all = [...new Set(found.flatMap((why) => why ?? []))];
  if (all.length === 0) return undefined;
  return {
    about: stack,
    reason: `Destroying ${stack} would cut calls: ${all.join("; ")}`,
    remedy: "Wait until its conferences and recordings are over",
  };
}
