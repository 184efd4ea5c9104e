import { setTimeout as sleep } from "node:timers/promises";
import { z } from "zod";
import type { EdgeNode } from "./edgeNode";
import { arrangementOf } from "./haproxy";
import {
  arrangementSchema,
  decideArrangement,
  holdBetween,
  holdSchema,
  isHeld,
  noHold,
  reaches,
  sameArrangement,
  takesNewRooms,
  topologySchema,
  type Arrangement,
  type Hold,
  type Reach,
  type Topology,
  type Voter,
  type Wanted,
} from "./topology";

export const viewSchema = z.strictObject({
  node: z.string(),
  /** Whom it follows. */
  leader: z.string(),
  /** Number of its last instruction: what is older is out of date. */
  step: z.int(),
  topology: topologySchema.optional(),
  hold: holdSchema,
  /** Shards that its HAProxy knows; undefined while there is none. */
  shards: z.array(z.string()).optional(),
  reach: z.record(z.string(), z.enum(reaches)),
  /** Leader: whether what is wanted is in force. */
  isSettled: z.boolean(),
});
export type View = z.output<typeof viewSchema>;

export const instructionSchema = z.discriminatedUnion("kind", [
  z.strictObject({ kind: z.literal("hold"), leader: z.string(), step: z.int(), hold: holdSchema }),
  z.strictObject({
    kind: z.literal("commit"),
    leader: z.string(),
    step: z.int(),
    topology: arrangementSchema.extend({ epoch: z.int() }),
  }),
]);
export type Instruction = z.output<typeof instructionSchema>;

/** Another node's keeper. Every call ends in time, and throws where it was not obeyed. */
export interface OtherKeeper {
  readonly node: string;
  view(asker: string): Promise<View>;
  instruct(instruction: Instruction): Promise<void>;
}

export interface KeeperTimes {
  /** From one look at the others, and at HAProxy, to the next. */
  readonly tickSeconds: number;
  /** What was under way when the gates closed is answered, and told to the others, by then. */
  readonly settleSeconds: number;
  /** A node that has not heard of its leader for so long places no new room. Below `lostSeconds`. */
  readonly leaseSeconds: number;
  /** A node that was silent for so long is gone: the others go on without it. */
  readonly lostSeconds: number;
}

export interface KeeperArgs {
  readonly node: string;
  /** All nodes of the edge, this one among them, in their order: the first that lives leads. */
  readonly order: readonly string[];
  readonly others: readonly OtherKeeper[];
  readonly edge: EdgeNode;
  readonly reach: { readonly all: Readonly<Record<string, Reach>> };
  /** What the operator wants now. */
  readonly wanted: () => Wanted;
  readonly times: KeeperTimes;
  /** Tells what happened, for the log. */
  readonly tell: (what: string, more?: object) => void;
}

/**
 * Agrees with the other nodes' keepers on which shards take rooms, so that no two nodes ever decide differently.
 *
 * The first node that lives leads. A change goes in three steps, each on all nodes before the next: gates close for
 * the rooms that it concerns, it is put in force, gates open. A node that cannot be told keeps a change waiting until it
 * is lost; it has stopped placing rooms by then (a lease). What stays: two parts of an edge that cannot reach one
 * another for longer than `lostSeconds`, while users reach both, go by what each of them sees.
 */
export class Keeper {
  /** When each other node was last heard, and what it said. */
  private readonly heard = new Map<string, { at: number; view: View }>();
  /** When the leader was last known to count on this node. */
  private leaderAt = performance.now();
  private readonly startedAt = performance.now();
  private step = 0;
  private following: string;
  private isChanging = false;
  /** Whether the nodes must be brought together, since this one has only just taken the lead. */
  private mustRally = true;
  private changes = 0;

  constructor(private readonly args: KeeperArgs) {
    this.following = args.node;
  }

  get view(): View {
    const { edge, node, reach } = this.args;
    return {
      node,
      leader: this.following,
      step: this.step,
      ...(edge.topology ? { topology: edge.topology } : {}),
      hold: edge.hold,
      ...(edge.seen ? { shards: Object.keys(edge.seen.shards) } : {}),
      reach: reach.all,
      isSettled: this.following === node && this.disagreement === undefined,
    };
  }

  /** Nodes that are there, this one among them. */
  get present(): string[] {
    return this.args.order.filter(
      (node) => node === this.args.node || this.age(node) < this.args.times.lostSeconds,
    );
  }

  /** Nodes that ought to be there. */
  get nodes(): number {
    return this.args.order.length;
  }

  /** Whether this node's HAProxy is there and does what it is told. */
  get obeys(): boolean {
    const { edge } = this.args;
    return edge.seen !== undefined && edge.fault === undefined;
  }

  get leads(): boolean {
    return this.following === this.args.node && this.knowsWhoIsThere();
  }

  get changesMade(): number {
    return this.changes;
  }

  /** Why what is wanted is not in force on this node; undefined if it is. */
  get unsettled(): string | undefined {
    const { seen } = this.args.edge;
    if (!seen) return "HAProxy does not answer here";
    // Until then it holds requests back, and the others have what it is to learn: none of them may go.
    return seen.hasLearned
      ? this.disagreement
      : "HAProxy here has not learned the rooms of the other nodes yet";
  }

  /** The same, whether or not there is a HAProxy: what is agreed on does not wait for one. */
  private get disagreement(): string | undefined {
    const { edge, node } = this.args;
    const { topology } = edge;
    if (edge.fault !== undefined) return edge.fault;
    if (!topology) return "no topology is in force yet";
    if (isHeld(edge.hold)) return "a change is under way";
    const unknown = Object.entries(topology.shards).find(
      ([name, shard]) => takesNewRooms(shard) && edge.seen !== undefined && !(name in edge.seen.shards),
    );
    if (unknown) return `this node does not know shard ${unknown[0]} yet`;
    if (this.following === node) return this.isDue(topology);
    const { view } = this.heard.get(this.following) ?? {};
    if (view?.topology?.epoch !== topology.epoch || isHeld(view.hold)) return `${this.following} is ahead`;
    return view.isSettled ? undefined : `${this.following} has a change to make`;
  }

  private isDue(topology: Arrangement): string | undefined {
    try {
      return sameArrangement(topology, this.decided(topology)) ? undefined : "a change is due";
    } catch (error) {
      return `what is wanted cannot be read: ${String(error)}`;
    }
  }

  private decided(before: Arrangement | undefined): Arrangement {
    return decideArrangement(this.args.wanted(), this.voters(this.members()), before);
  }

  /** Another keeper asked for the view. */
  heardOf(asker: string): void {
    if (asker === this.following) this.leaderAt = performance.now();
  }

  /** Does as the leader says. Throws where it is not the leader, or what it says is out of date. */
  async obey(instruction: Instruction): Promise<void> {
    const { edge, node, order } = this.args;
    const { leader, step } = instruction;
    if (order.indexOf(leader) > order.indexOf(node) || !order.includes(leader))
      throw new Error(`${leader} does not lead ${node}`);
    if (step < this.step) throw new Error(`step ${step} is out of date`);
    this.step = step;
    this.follow(leader);
    this.leaderAt = performance.now();
    if (instruction.kind === "hold") await edge.setHold(instruction.hold);
    else await edge.commit(instruction.topology);
  }

  async run(signal: AbortSignal): Promise<void> {
    const { others, times } = this.args;
    await Promise.all([
      ...others.map((other) => this.listen(other, signal)),
      repeat(times.tickSeconds, signal, () => this.tick()),
    ]);
  }

  private async listen(other: OtherKeeper, signal: AbortSignal): Promise<void> {
    const { node, tell, times } = this.args;
    let isThere: boolean | undefined;
    const noted = (now: boolean, why?: string): void => {
      if (isThere !== now) tell(now ? `${other.node} is there` : `${other.node} does not answer`, { why });
      isThere = now;
    };
    await repeat(times.tickSeconds, signal, async () => {
      const at = performance.now();
      try {
        const view = await other.view(node);
        this.heard.set(other.node, { at, view });
        noted(true);
      } catch (error) {
        noted(false, error instanceof Error ? error.message : String(error));
      }
    });
  }

  private async tick(): Promise<void> {
    const { edge, node, tell } = this.args;
    await edge
      .refresh()
      .catch((error: unknown) => tell("HAProxy is not as it should be", { error: String(error) }));
    if (!this.knowsWhoIsThere()) return;
    const [leader = node] = this.present;
    this.follow(leader);
    if (leader !== node) return this.followView(leader);
    try {
      this.lead();
    } catch (error) {
      tell("what is wanted cannot be read", { error: String(error) });
    }
  }

  /** At its start a keeper waits for the others' first words: it may have been away while they went on. */
  private knowsWhoIsThere(): boolean {
    const { others, times } = this.args;
    const waited = (performance.now() - this.startedAt) / 1000;
    return others.every(({ node }) => this.heard.has(node)) || waited > times.lostSeconds;
  }

  private follow(leader: string): void {
    if (this.following === leader) return;
    this.args.tell(leader === this.args.node ? "leads now" : `follows ${leader}`);
    this.following = leader;
    this.leaderAt = performance.now();
    this.mustRally = leader === this.args.node;
  }

  private age(node: string): number {
    const heard = this.heard.get(node);
    return heard ? (performance.now() - heard.at) / 1000 : Infinity;
  }

  private async followView(leader: string): Promise<void> {
    const { edge, tell, times } = this.args;
    const { view } = this.heard.get(leader) ?? {};
    // That the leader hears this node, not that this node hears the leader: else it may be lost to it all the same.
    const silence = (performance.now() - this.leaderAt) / 1000;
    try {
      if (silence > times.leaseSeconds) {
        if (!edge.hold.placing) await edge.setHold({ ...edge.hold, placing: true });
        return;
      }
      // While the leader holds, it says itself what comes next.
      if (!view?.topology || view.leader !== leader || isHeld(view.hold) || view.step < this.step) return;
      if (view.topology.epoch !== edge.topology?.epoch) {
        await edge.setHold({ ...edge.hold, placing: true });
        await edge.commit(view.topology);
      }
      if (isHeld(edge.hold) && view.step >= this.step) await edge.setHold(noHold);
    } catch (error) {
      tell("could not follow", { leader, error: String(error) });
    }
  }

  private lead(): void {
    if (this.isChanging) return;
    const { edge, times } = this.args;
    const members = this.members();
    // Who is silent but not lost yet may still be placing rooms: nothing changes behind its back.
    if (members.some(({ node }) => this.age(node) > times.leaseSeconds / 2)) return;
    const newest = this.newest();
    const before = newest ?? (edge.seen && !edge.seen.isFresh ? arrangementOf(edge.seen) : undefined);
    const after = this.decided(before);
    const { topology } = edge;
    if (
      topology &&
      topology.epoch === newest?.epoch &&
      !this.mustRally &&
      !isHeld(edge.hold) &&
      sameArrangement(topology, after)
    )
      return;
    this.isChanging = true;
    void this.change(before, after, members).finally(() => {
      this.isChanging = false;
    });
  }

  /** Puts an arrangement in force on all nodes at once, as far as rooms can tell. */
  private async change(
    before: Arrangement | undefined,
    after: Arrangement,
    members: readonly OtherKeeper[],
  ): Promise<void> {
    const { edge, node, tell, times } = this.args;
    const between = before ? holdBetween(before, after) : noHold;
    // Who takes the lead over does not know how far its predecessor came.
    const hold = { ...between, placing: between.placing || this.mustRally };
    const toAll = async (give: (step: number) => Instruction): Promise<void> => {
      const instruction = give(this.nextStep());
      const obeyed = await Promise.allSettled(members.map((member) => member.instruct(instruction)));
      const refusal = obeyed.find((result) => result.status === "rejected");
      if (refusal) throw new Error(String(refusal.reason));
    };
    const holding = (asked: Hold) => (step: number) =>
      ({ kind: "hold", leader: node, step, hold: asked }) as const;
    try {
      await edge.setHold(hold);
      await toAll(holding(hold));
      if (isHeld(hold)) await sleep(times.settleSeconds * 1000);
      if (this.following !== node) return;
      const topology = { ...after, epoch: Math.max((this.newest()?.epoch ?? 0) + 1, Date.now()) };
      // From here on there is no way back: who cannot be told stays closed until it has asked for what is in force, and
      // gates of a HAProxy that does not obey, this one's too, open only once it does.
      await edge
        .commit(topology)
        .catch((error: unknown) => tell("HAProxy is not as it should be", { error: String(error) }));
      const commit = (step: number) => ({ kind: "commit", leader: node, step, topology }) as const;
      await toAll(commit).catch((error: unknown) =>
        tell("a node could not be told", { error: String(error) }),
      );
      this.mustRally = false;
      this.changes += 1;
      tell("in force", {
        shards: after.shards,
        epoch: topology.epoch,
        held: isHeld(hold) ? hold : undefined,
      });
    } catch (error) {
      tell("nothing was changed", { error: String(error) });
    }
    if (this.following !== node) return;
    await edge.setHold(noHold).catch(() => undefined);
    await toAll(holding(noHold)).catch(() => undefined);
  }

  private members(): OtherKeeper[] {
    const present = new Set(this.present);
    return this.args.others.filter(({ node }) => present.has(node));
  }

  private voters(members: readonly OtherKeeper[]): Voter[] {
    const { edge, reach } = this.args;
    const own = { reach: reach.all, ...(edge.seen ? { shards: Object.keys(edge.seen.shards) } : {}) };
    const views = [own, ...members.flatMap(({ node }) => this.heard.get(node)?.view ?? [])];
    return views.flatMap((view) => (view.shards ? [{ shards: view.shards, reach: view.reach }] : []));
  }

  /** The latest topology that any node here has. */
  private newest(): Topology | undefined {
    const known = [
      this.args.edge.topology,
      ...this.members().map(({ node }) => this.heard.get(node)?.view.topology),
    ];
    return known
      .filter((topology) => topology !== undefined)
      .reduce<Topology | undefined>(
        (best, next) => (best && best.epoch >= next.epoch ? best : next),
        undefined,
      );
  }

  private nextStep(): number {
    const known = [...this.heard.values()].map(({ view }) => view.step);
    this.step = Math.max(this.step + 1, ...known.map((step) => step + 1), Date.now());
    return this.step;
  }
}

/** Does something over and over, a pause between. */
async function repeat(seconds: number, signal: AbortSignal, work: () => Promise<void>): Promise<void> {
  while (!signal.aborted) {
    await work();
    await sleep(seconds * 1000, undefined, { signal }).catch(() => undefined);
  }
}
