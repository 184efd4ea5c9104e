import type { ScalerConfiguration } from "../configuration";
import type { Action, Fleet } from "../core/fleet";
import type { FleetPolicy } from "../core/policy";
import type { HostState } from "../hostApi";

export type LaunchAction = Extract<Action, { readonly kind: "launch" }>;
export type InstanceAction = Exclude<Action, LaunchAction>;

/** What an agent said, or why it said nothing. */
export type Report = Pick<HostState, "pools" | "spool"> | { readonly error: string };

/** A launch, or several at once. */
export interface LaunchStep {
  readonly action: LaunchAction;
  /** What comes of it, in a word: the new instance's name where it is known before. */
  readonly instance: string;
  /** False: the place is another than it was when this was decided, and the rest waits for the next look. */
  readonly run: () => Promise<boolean>;
}

/** What can be done in a place, as it was seen. */
export interface Hands {
  /** Throws where it was not done. */
  readonly act: (action: InstanceAction) => Promise<void>;
  /** The launches in steps, to be taken one after another as far as each succeeds. */
  readonly steps: (launches: readonly LaunchAction[]) => readonly LaunchStep[];
}

/** What a place itself asks for, besides what is decided: it is tried again at each look as long as it is told. */
export interface Errand {
  readonly action: {
    readonly kind: "drain" | "evacuate" | "retire" | "fence" | "heartbeat" | "complete" | "remove" | "limit";
    readonly pool: string;
    readonly host: string;
    readonly instance: string;
    readonly reason: string;
  };
  /** Throws where it was not done. */
  readonly run: () => Promise<void>;
}

/** A look at all places. */
export interface FleetLook {
  readonly fleet: Fleet;
  /** What each agent said, by the name of its host or machine. */
  readonly reports: Readonly<Record<string, Report>>;
  /** By place; none where nothing can be done now. */
  readonly hands: ReadonlyMap<string, Hands>;
  /** By pool: how many its place has at the least. */
  readonly least: Readonly<Record<string, number>>;
  readonly errands: readonly Errand[];
}

/** Where instances come from. A place is a Docker host or a group of machines, and to who decides they are alike. */
export interface FleetPort {
  /** Whether this scaler is the one that acts: of several beside each other one does. */
  readonly leads: boolean;
  look(policy: FleetPolicy): Promise<FleetLook>;
  /** Takes what is configured now, from the next look on. False: that takes a new start. */
  configure(fleet: ScalerConfiguration["fleet"]): boolean;
  /** Ends what it has under way. */
  close(): Promise<void>;
}
