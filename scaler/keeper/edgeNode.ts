import {
  command,
  corrections,
  cutOldSessions,
  knowsLeaving,
  leavingLines,
  look,
  NoProcessError,
  reloadsOf,
  replaceMap,
  type Look,
} from "./haproxy";
import { Leave } from "./leaving";
import { SHARES_MAP, TENANTS_MAP } from "./wanted";
import { emptiedBetween, noHold, type Hold, type Topology } from "./topology";

/** Where this node's HAProxy is commanded. */
export interface EdgeNodeAt {
  readonly socket: string;
  readonly master: string;
}

/** Corrections bring forth others: a server that leaves maintenance is up, whatever it was before. */
const ROUNDS = 4;

/**
 * The HAProxy of this node, kept as it ought to be: whatever process is there, it has the topology and the hold that
 * were last asked for. A fresh one answers for no room until it has both.
 */
export class EdgeNode {
  topology: Topology | undefined;
  hold: Hold = noHold;
  /** What was last seen; undefined while there is no process. */
  seen: Look | undefined;
  /** Why it could not be commanded when last tried. */
  fault: string | undefined;
  private mapsIn = "";
  private turn: Promise<unknown> = Promise.resolve();
  private readonly leaving: Leave;

  constructor(private readonly at: EdgeNodeAt) {
    this.leaving = new Leave(() => reloadsOf(at.master));
  }

  /** Looks at the process and corrects what is not as asked for. Where there is no process there is nothing to do. */
  refresh(): Promise<void> {
    return this.inTurn(() => this.correct());
  }

  /** Closes and opens gates. Resolves once they are. */
  setHold(hold: Hold): Promise<void> {
    return this.inTurn(async () => {
      this.hold = hold;
      await this.correct();
    });
  }

  /** Puts a topology in force. Resolves once it is, and who had to leave a shard has left it. */
  commit(topology: Topology): Promise<void> {
    return this.inTurn(async () => {
      const emptied = this.topology ? emptiedBetween(this.topology, topology) : [];
      this.topology = topology;
      await this.correct();
      if (emptied.length > 0 && this.seen) await cutOldSessions(this.at.master, emptied);
    });
  }

  /** Has HAProxy say that it leaves. Resolves once it does. Throws where there is none, or it does not obey. */
  leave(): Promise<void> {
    return this.inTurn(async () => {
      const seen = await look(this.at.socket);
      if (!knowsLeaving(seen)) throw new Error("HAProxy's configuration is of before a node could leave");
      this.leaving.begin(seen);
      await this.correct();
    });
  }

  private async correct(): Promise<void> {
    try {
      await this.correctProcess();
      this.fault = undefined;
    } catch (error) {
      if (error instanceof NoProcessError) {
        this.seen = undefined;
        return;
      }
      this.fault = error instanceof Error ? error.message : String(error);
      throw error;
    }
  }

  private async correctProcess(): Promise<void> {
    const { socket } = this.at;
    for (let round = 0; ; round += 1) {
      const seen = await look(socket);
      this.seen = seen;
      const isLeaving = await this.leaving.isSaidBy(seen);
      for (const line of leavingLines(seen, isLeaving)) await command(socket, line);
      const { hold, topology } = this;
      if (!topology) return;
      const mapsNow = `${seen.pid} ${JSON.stringify([topology.tenants, topology.shares])}`;
      if (mapsNow !== this.mapsIn) {
        await replaceMap(socket, TENANTS_MAP, topology.tenants);
        await replaceMap(socket, SHARES_MAP, topology.shares);
        this.mapsIn = mapsNow;
        continue;
      }
      const lines = corrections(seen, topology, hold);
      if (lines.length === 0) return;
      if (round === ROUNDS) throw new Error(`HAProxy does not obey: ${lines.join("; ")}`);
      for (const line of lines) await command(socket, line);
    }
  }

  private inTurn<Result>(work: () => Promise<Result>): Promise<Result> {
    const done = this.turn.then(work, work);
    this.turn = done.catch(() => undefined);
    return done;
  }
}
