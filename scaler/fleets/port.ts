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

/** A look at all places. */
export interface FleetLook {
  readonly fleet: Fleet;
  /** What each agent said, by the name of its host or machine. */
  readonly reports: Readonly<Record<string, Report>>;
  /** By place; none where nothing can be done now. */
  readonly hands: ReadonlyMap<string, Hands>;
}

/** Where instances come from. A place is a Docker host or a group of machines, and to who decides they are alike. */
export interface FleetPort {
  /** Whether this scaler is the one that acts: of several beside each other one does. */
  readonly leads: boolean;
  look(policy: FleetPolicy): Promise<FleetLook>;
  /** Ends what it has under way. */
  close(): Promise<void>;
}
