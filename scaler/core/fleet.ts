/** The fleet as the core sees it: what was observed, and how good the evidence is. No clock, no network. */

/** What is known of a value: fresh, old, or nothing. Never 0 for want of an answer. */
export type Evidence<Value> =
  { readonly kind: "fresh"; readonly value: Value } | { readonly kind: "unknown"; readonly why: string };

/** Whether an instance runs, by its host's account. `unreachable`: the host does not answer. */
export type Life = "launching" | "running" | "stopping" | "exited" | "failed" | "unreachable";

interface InstanceFacts {
  readonly name: string;
  readonly pool: string;
  /** The place: a Docker host, or a group of machines. */
  readonly host: string;
  /** What it runs on: what runs on the same shares its processors. */
  readonly machine: string;
  /** Whether it is made as its pool is to be today. */
  readonly current: boolean;
  readonly launchedAtSeconds: number;
  readonly life: Life;
  readonly detail?: string;
  /** Why it cannot be used, or is not to be, in its own words where it has any. Short. */
  readonly trouble?: string;
}

/** What a bridge told in its statistics. */
export interface BridgeLoad {
  /** People whose media it carries: without those it knows through relays. */
  readonly participants: number;
  readonly conferences: number;
  /** The host's processors ÷ 0.9, whoever uses them; above 1 is possible. */
  readonly stress: number;
  /** Healthy, and in its shard's brewery. */
  readonly ready: boolean;
  readonly draining: boolean;
  /** It takes no new conference any more. */
  readonly retiring: boolean;
}

/** Whether anybody would be cut if it ended. */
export const isCarrying = ({ conferences, participants }: BridgeLoad): boolean =>
  participants > 0 || conferences > 0;

export interface Bridge extends InstanceFacts {
  readonly load: Evidence<BridgeLoad>;
  /** Its own health check fails, or its container's: the conference focus does not use it. */
  readonly sick: boolean;
}

export type JibriStatus = "idle" | "busy" | "expired";

export interface Jibri extends InstanceFacts {
  readonly status: Evidence<{ readonly busy: JibriStatus; readonly healthy: boolean }>;
  /** Recordings of its that are not safe in the store yet. */
  readonly unsaved: Evidence<number>;
  /** Whether its host's volume has no room for another recording, beside those under way there. */
  readonly cramped: boolean;
  /** Idle for long beside a recording that it did not hand over: it is brought once the Jibri has ended. */
  readonly kept: boolean;
  readonly fenced: boolean;
}

/** The conference focus of a shard (Jicofo). */
export interface Focus {
  readonly shard: string;
  /** Names of the Jibris that it can give its next recording to. */
  readonly jibris: Evidence<readonly string[]>;
}

/** A node of the edge, and in which state it has each shard. */
export interface EdgeSight {
  readonly edge: string;
  readonly states: Evidence<Readonly<Record<string, string>>>;
}

/** A place that holds instances. */
export interface Host {
  readonly name: string;
  /** The only pool that it can hold; none: any. */
  readonly only?: string;
  readonly drained: boolean;
  readonly reachable: boolean;
  /** Whether it has ever told what runs there, and how, since this scaler started. */
  readonly told: boolean;
  /** Room for more instances, by pool. */
  readonly room: Readonly<Record<string, number>>;
  /** Why it takes no further Jibri though it has a slot. */
  readonly cramped?: string;
}

export interface Instances {
  readonly bridges: readonly Bridge[];
  readonly jibris: readonly Jibri[];
}

export interface Fleet extends Instances {
  readonly hosts: readonly Host[];
  readonly focuses: readonly Focus[];
  /** None: nobody asks the edge. */
  readonly edges: readonly EdgeSight[];
}

/** What is to be done, and why, in words for the operator. */
export type Action = { readonly pool: string; readonly host: string; readonly reason: string } & (
  | { readonly kind: "launch" }
  | {
      readonly kind: "drain" | "undrain" | "retire" | "fence" | "remove";
      readonly instance: string;
    }
);

/** A pool as it was decided on: for the operator's page, the metrics and the log. */
export interface PoolOutlook {
  readonly pool: string;
  readonly role: "bridge" | "jibri";
  /** Instances that ought to serve; undefined where there is no evidence to say. */
  readonly desired: number | undefined;
  readonly serving: number;
  readonly pending: number;
  /** All of the pool's instances, by what they are good for. */
  readonly states: Readonly<Record<string, number>>;
  /** Jibris: how many are free for each shard; null where its conference focus does not say. */
  readonly freeFor?: Readonly<Record<string, number | null>>;
  /** Why, with all troubles. */
  readonly reason: string;
  /** What keeps instances from serving. */
  readonly troubles: readonly string[];
}
